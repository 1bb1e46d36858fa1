"""Codes to the regular expression that writes more of them.

A code is cut into runs of digits, small and capital letters, and marks. Codes of one sequence of runs give one shape:
what never changes stands as it is, what has few values is a choice, all else a class with a length. A shape has to
match every code, and to be narrow: a class of anything of any length says nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import log10

from synthspec.languages.patterns import PatternFault, parse_pattern
from synthspec.lazy_dataclass import dataclass

MOST_SHAPES = 4
LONGEST = 64
FEW = 8  # values of a part that are listed

_CLASSES = {"d": "[0-9]", "u": "[A-Z]", "l": "[a-z]", "h": "[0-9a-f]", "H": "[0-9A-F]", "a": "[A-Z0-9]",
            "b": "[a-z0-9]", "x": "[A-Za-z0-9]"}  # fmt: skip
_SIZES = {"d": 10, "u": 26, "l": 26, "h": 16, "H": 16, "a": 36, "b": 36, "x": 62}
UUID = re.compile(r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class CodePattern:
    """A regular expression that matches every code; `digits` is the decimal logarithm of how many texts it matches."""

    regex: str
    digits: float

    @property
    def many(self) -> str:
        """About how many texts it matches, for people."""
        return f"{round(10**self.digits):,}" if self.digits < 7 else f"10^{self.digits:.0f}"


def induce_pattern(codes: Sequence[str]) -> CodePattern | None:
    """The narrowest pattern found for some codes; None where they have no form in common."""
    if not codes or max(map(len, codes)) > LONGEST or any(not c.isprintable() or not c.isascii() for c in codes):
        return None
    for cut in (_fine, _coarse):
        shapes: dict[str, list[list[tuple[str, str]]]] = {}
        for code in codes:
            runs = cut(code)
            shapes.setdefault("".join(kind if kind in _CLASSES else text for kind, text in runs), []).append(runs)
            if len(shapes) > 200:
                break
        if len(shapes) > MOST_SHAPES or min(map(len, shapes.values())) < min(3, len(codes) / 20):
            continue
        parts = [_shape(rows) for rows in sorted(shapes.values(), key=len, reverse=True)]
        regex = parts[0][0] if len(parts) == 1 else f"({'|'.join(p[0] for p in parts)})"
        size = log10(sum(10 ** p[1] for p in parts))
        if all(p[2] for p in parts) and _sound(regex, codes):
            return CodePattern(regex, size)
    return None


def counted(codes: Sequence[str]) -> tuple[str, int, str] | None:
    """What stands before and after the number of codes that differ in it alone, and the least number; None where they
    differ elsewhere, some begin with a zero, or numbers of several lengths lie far apart.

    >>> counted(["B-2040", "B-2007", "B-2999"]), counted(["Flat 9", "Flat 10", "Flat 11"])
    (('B-', 2007, ''), ('Flat ', 9, ''))
    """
    found = [re.fullmatch(r"(.*?)(?<![0-9])([1-9][0-9]{0,14})([^0-9]*)", c) for c in codes]
    parts = [m.groups() for m in found if m is not None]
    if len(parts) < len(codes) or len({(before, after) for before, _, after in parts}) > 1:
        return None
    before, _, after = parts[0]
    numbers = [int(n) for _, n, _ in parts]
    one_length = len({len(n) for _, n, _ in parts}) == 1
    return (before, min(numbers), after) if one_length or max(numbers) - min(numbers) < 2 * len(numbers) else None


def _sound(regex: str, codes: Sequence[str]) -> bool:
    try:
        parse_pattern(regex)
    except PatternFault:
        return False
    compiled = re.compile(regex)
    return all(compiled.fullmatch(c) for c in codes)


def _fine(code: str) -> list[tuple[str, str]]:
    """Runs of digits, capitals, small letters; every mark by itself."""
    return [
        ("d" if m[0].isdigit() else "u" if m[0].isupper() else "l" if m[0].islower() else "", m[0])
        for m in re.finditer(r"[0-9]+|[A-Z]+|[a-z]+|[^0-9A-Za-z]", code)
    ]


def _coarse(code: str) -> list[tuple[str, str]]:
    """Runs of letters and digits together; every mark by itself."""
    return [("x" if m[0][0].isalnum() else "", m[0]) for m in re.finditer(r"[0-9A-Za-z]+|[^0-9A-Za-z]", code)]


def _shape(rows: list[list[tuple[str, str]]]) -> tuple[str, float, bool]:
    """The pattern of codes of one sequence of runs, its size, and whether it is narrow."""
    regex, size, narrow = "", 0.0, True
    for place, (kind, _) in enumerate(rows[0]):
        texts = [runs[place][1] for runs in rows]
        distinct = Counter(texts)
        if len(distinct) == 1:
            regex += _literal(texts[0])
            continue
        lengths = {len(t) for t in distinct}
        low, high = min(lengths), max(lengths)
        if len(distinct) <= FEW and len(rows) >= 4 * len(distinct):
            regex += f"({'|'.join(_literal(t) for t in sorted(distinct))})"
            size += log10(len(distinct))
            continue
        kind = _narrowest(kind, distinct)
        times = f"{{{low}}}" if low == high > 1 else "" if high == 1 else f"{{{low},{high}}}"
        ranged = _year(distinct) or _first_digits(distinct) if kind == "d" and low == high else None
        of_class = _CLASSES[kind] + times, log10(sum(_SIZES[kind] ** length for length in range(low, high + 1)))
        text, digits = ranged or of_class
        regex += text
        size += digits
        narrow = narrow and high - low <= (3 if kind == "x" else 6) and (kind not in "xl" or high <= 40)
        narrow = narrow and not (kind in "lux" and low < high and high > 5)  # words, not codes
    return regex, size, narrow


def _narrowest(kind: str, texts: Counter[str]) -> str:
    if kind != "x":
        return kind
    letters = set("".join(texts))
    return next(k for k in ("d", "u", "l", "h", "H", "a", "b", "x") if all(re.match(_CLASSES[k], c) for c in letters))


def _year(texts: Counter[str]) -> tuple[str, float] | None:
    """Years of this and the last century, where all are: the pattern, and its size."""
    if not all(len(t) == 4 and t[:2] in ("19", "20") for t in texts):
        return None
    decades = sorted({t[:3] for t in texts})
    if len(decades) > 6:
        return "(19|20)[0-9]{2}", log10(200)
    return f"({'|'.join(decades)})[0-9]", log10(10 * len(decades))


def _first_digits(texts: Counter[str]) -> tuple[str, float] | None:
    """Digits of one length whose first is bounded: a number that grows has seen only some of them."""
    length = len(next(iter(texts)))
    firsts = sorted({t[0] for t in texts})
    if length < 3 or len(texts) < 20 or len(firsts) > 6:
        return None
    first = firsts[0] if len(firsts) == 1 else f"[{firsts[0]}-{firsts[-1]}]"
    return f"{first}[0-9]{{{length - 1}}}", length - 1 + log10(int(firsts[-1]) - int(firsts[0]) + 1)


def _literal(text: str) -> str:
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", text)
