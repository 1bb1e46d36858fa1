"""Headers as names that the language takes: a letter or underscore, then letters, digits and underscores."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

RESERVED = frozenset(
    "and or not in if then else true false null matches none is for self loop examples avoid rows row".split()
)  # words of expressions and templates, and names that they give a meaning of their own
LONGEST = 60
_LETTERS = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "þ": "th", "Þ": "Th", "ð": "d", "ı": "i"}
)  # letters that are no other letter with a mark


def in_a_sentence(names: Sequence[str]) -> str:
    """One name or more, as a sentence lists them.

    >>> in_a_sentence(["a"]), in_a_sentence(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


class HeaderNames:
    """Gives each header a name of its own."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, header: str) -> str:
        """A name that was not given before.

        >>> names = HeaderNames()
        >>> names.give("Petal length (cm)"), names.give("petal_length_cm"), names.give("2020"), names.give("if")
        ('petal_length_cm', 'petal_length_cm_2', 'column_2020', 'if_')
        >>> names.give("Größe")
        'grosse'
        """
        name = _plain(header)
        chosen, count = name, 1
        while chosen.casefold() in self._given:
            count += 1
            chosen = f"{name}_{count}"
        self._given.add(chosen.casefold())
        return chosen


def _plain(header: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", header) and len(header) <= LONGEST:
        name = header
    else:
        ascii_only = unicodedata.normalize("NFKD", header.translate(_LETTERS)).encode("ascii", "ignore").decode()
        name = re.sub(r"[^A-Za-z0-9]+", "_", ascii_only).strip("_").lower()[:LONGEST].rstrip("_")
        name = f"column_{name}" if not name or name[0].isdigit() else name
        name = name.rstrip("_") or "column"
    return f"{name}_" if name.casefold() in RESERVED else name


def is_plain(name: str) -> bool:
    """Whether an expression reads a name as it stands."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None and name.casefold() not in RESERVED
