"""The header of a table: which line it is, and which field each of its columns holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from synthspec.formats.recovery.coercion import FieldReader

_INDEX = frozenset({"", "#", "no", "nr", "number", "index", "id", "row", "item"})
_NOTE = re.compile(r"\([^()]*\)\s*\Z")
_LONGEST = 60  # characters of a header cell


def fold(name: str) -> str:
    """A name without case, spaces, lines, markup and plural."""
    bare = _NOTE.sub("", name.strip().strip("*_`\"'“”[]<> \t"))
    return re.sub(r"[\s_\-.]+", "", bare).casefold().rstrip("s")


def header_columns(cells: Sequence[str], columns: Sequence[FieldReader]) -> list[FieldReader | None] | None:
    """The column of each header cell (None: one the fields do not know); None where this is no header."""
    if len(cells) < 1 or any(len(c) > _LONGEST for c in cells):
        return None
    by_name = {fold(c.field.name): c for c in columns}
    found = [by_name.get(fold(c)) for c in cells]
    named = [c for c in found if c is not None]
    enough = len(columns) if len(columns) < 3 else max(2, (len(columns) + 1) // 2)
    if len({id(c) for c in named}) != len(named):
        return None
    if len(named) < enough and not (len(named) == 1 and len(columns) == 2 == len(cells)):
        return None
    return _renamed(cells, found, columns)


def _renamed(
    cells: Sequence[str], found: list[FieldReader | None], columns: Sequence[FieldReader]
) -> list[FieldReader | None]:
    """The one unknown cell is the one field left, where all others stand in the fields' order around it."""
    left = [i for i, c in enumerate(columns) if c not in found]
    unknown = [i for i, c in enumerate(found) if c is None]
    if len(cells) != len(columns) or left != unknown or len(left) != 1:
        return found
    index = left[0]
    in_order = all(c is None or c is columns[i] for i, c in enumerate(found))
    given = fold(cells[index])
    close = SequenceMatcher(None, given, fold(columns[index].field.name)).ratio() >= 0.6
    if in_order and given not in _INDEX and (close or columns[index].constrained or len(cells) > 1):
        return [columns[index] if c is None else c for c in found]
    return found


def looks_like_names(cells: Sequence[str]) -> bool:
    """Whether every cell is a bare word or two, as the names of columns are."""
    return all(re.fullmatch(r"[A-Za-z][A-Za-z_]*(?: [A-Za-z_]+)?(?:[ _]?\d{1,2})?", c.strip()) for c in cells)


_SAME = (
    frozenset("question prompt instruction input query q ask user human source".split()),
    frozenset("answer reply response output completion a target assistant".split()),
    frozenset("title headline heading subject".split()),
    frozenset("text body content review description".split()),
    frozenset("rating star score stars point points".split()),
    frozenset("label category class sentiment tag".split()),
    frozenset("name who person".split()),
)


def _turned(cells: Sequence[str]) -> bool:
    """Whether a name for an answer stands before one for a question."""
    sides = [next((i for i in (0, 1) if fold(c) in _SAME[i]), -1) for c in cells]
    return 0 in sides and 1 in sides and sides.index(1) < sides.index(0)


def is_known(name: str) -> bool:
    """Whether columns are often named so."""
    return any(fold(name) in group for group in _SAME)


def renamed_columns(
    cells: Sequence[str], columns: Sequence[FieldReader], in_place: bool
) -> list[FieldReader | None] | None:
    """The columns of a header in other words, where those say for certain which is which; None else.

    `in_place`: the rows' values stand where the fields' kinds want them, so that the columns have their order; unless
    the header puts an answer before its question.
    """
    if len(cells) != len(columns):
        return None
    found: list[FieldReader | None] = []
    for cell in cells:
        group: frozenset[str] = next((g for g in _SAME if fold(cell) in g), frozenset())
        meant = [c for c in columns if fold(c.field.name) == fold(cell)] or [
            c for c in columns if fold(c.field.name) in group
        ]
        found.append(meant[0] if len(meant) == 1 else None)
    named = [c for c in found if c is not None]
    if len(set(map(id, named))) != len(named):
        return None
    left = [c for c in columns if c not in named]
    unknown = [i for i, c in enumerate(found) if c is None]
    if not left:
        return found
    free = [c for c in left if not c.constrained]
    if [columns.index(c) for c in left] != unknown or any(fold(cells[i]) in _INDEX for i in unknown):
        return None
    if len(free) > 1 and not (in_place and not _turned([cells[i] for i in unknown])):
        return None
    return [columns[i] if c is None else c for i, c in enumerate(found)]
