"""The characters that each class of a pattern writes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from synthspec.languages.patterns.tree import Chars, PatternFault, cases

PRINTABLE = "".join(map(chr, range(32, 127)))
CLASSES = {
    "d": "0123456789",
    "w": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_",
    "s": " ",
}
SURROGATES = (0xD800, 0xDFFF)
SMALL = 5_000  # alphabets up to this size are kept as text


class _Wide(Sequence[str]):
    """The characters of many ranges, without holding them."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        self.ranges = ranges
        self.starts = list(accumulate((high - low + 1 for low, high in ranges), initial=0))

    def __len__(self) -> int:
        return self.starts[-1]

    def __getitem__(self, place: int) -> str:  # type: ignore[override]
        at = bisect_right(self.starts, place) - 1
        return chr(self.ranges[at][0] + place - self.starts[at])


def alphabet(chars: Chars, text: str) -> Sequence[str]:
    """The characters that a set writes, each once, in the order of their code points."""
    if chars.negated:
        letters: Sequence[str] = "".join(char for char in PRINTABLE if chars.contains(char))
    else:
        ranges = _merge([part for item in chars.items for part in _ranges(item)])
        letters = _Wide(ranges)
        if len(letters) <= SMALL:
            forms = (form for char in letters for form in (cases(char) if chars.ignore_case else (char,)))
            letters = "".join(sorted({form for form in forms if chars.contains(form)}))
    if not letters:
        raise PatternFault(
            "a character class of the pattern has no character that can be written",
            max(text.find("["), 0),
            "negated classes and . write printable ASCII; list the characters instead",
        )
    return letters


def _ranges(item: tuple[int, int] | str) -> Iterator[tuple[int, int]]:
    if isinstance(item, tuple):
        low, high = item
        if low < SURROGATES[0]:
            yield low, min(high, SURROGATES[0] - 1)
        if high > SURROGATES[1]:
            yield max(low, SURROGATES[1] + 1), high
    else:
        listed = CLASSES[item.lower()]
        letters = listed if item.islower() else [c for c in PRINTABLE if c not in listed]
        yield from ((ord(char), ord(char)) for char in letters)


def _merge(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged
