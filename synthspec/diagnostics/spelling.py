"""Whether one name may have been written for another: letters slipped, it was cut short, or it has parts too many."""

from __future__ import annotations

import re

LONGEST = 60  # letters of names that are compared one by one


def is_near(written: str, known: str) -> bool:
    """Whether a name is so like a known one that it was surely meant; two short words of their own are not.

    >>> is_near("lenght", "length"), is_near("len", "length"), is_near("float64", "float"), is_near("pprint", "int")
    (True, True, True, False)
    """
    written, known = _folded(written), _folded(known)
    longest = max(len(written), len(known))
    if longest > LONGEST or written == known:
        return True
    if min(len(written), len(known)) < 2:
        return False
    wrong = slips(written, known)
    if longest <= 3:
        return wrong == 1 and (written[0] == known[0] or sorted(written) == sorted(known))
    return wrong <= max(1, longest // 3) or _is_cut(written, known) or _has_parts(written, known)


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_")


def _is_cut(written: str, known: str) -> bool:
    """Whether one begins as the other does and ends otherwise, or the written one leaves out letters of the known."""
    common = next((n for n, (a, b) in enumerate(zip(written, known, strict=False)) if a != b), -1)
    shorter = min(len(written), len(known))
    common = shorter if common < 0 else common
    if common >= (3 if len(written) < len(known) else 4) and 4 * common >= 3 * shorter:
        return True
    letters = iter(known[1:])
    return written[0] == known[0] and len(written) < len(known) and all(letter in letters for letter in written[1:])


def _has_parts(written: str, known: str) -> bool:
    """Whether all words of one are among those of the other: `user_prompt` for `prompt`."""
    one, other = (set(re.split(r"[_\W]+", name)) - {""} for name in (written, known))
    return bool(one and other) and (one <= other or other <= one)


def slips(one: str, other: str) -> int:
    """How many letters have to be put, taken away, replaced or swapped with the next."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, theirs in enumerate(other, start=1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != theirs))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == theirs:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
