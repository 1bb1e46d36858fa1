"""Rows between two boundaries, the earliest deadline first, and then exchanged at random within the windows.

Occurrence j of a level, in whole numbers `parts` that add up to `total`, may take rows floor(j * total / part) up to
ceil((j + 1) * total / part). Windows of all levels are found at once; whole numbers beyond 64 bits by floats, and
exactly wherever a float is not certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush, heappushpop

import numpy as np
from numpy.typing import NDArray

from synthspec.lazy_dataclass import dataclass
from synthspec.planning.design import Levels

_EXACT = 2**62  # whole numbers below are reckoned with as they are
_BLOCK = 1 << 13
UNSURE = 1e-6  # how near a whole number a float may be either side of it: a row's is off by 1e-9 at most


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive rows in earliest-deadline-first order: the level of each, and the window [release,
    deadline) of that occurrence, as rows counted from the first. Three arrays of one length.
    """

    level: NDArray[np.int64]
    release: NDArray[np.int64]
    deadline: NDArray[np.int64]


def schedule(parts: Sequence[int], start: int, first: Sequence[int], stop: int, last: Sequence[int]) -> Stretch:
    """Rows start..stop-1 between boundaries `first` and `last`; less than a microsecond for a row.

    The distance must be at least the widest window, sum(parts) / min(parts) + 2 rows.
    """
    total, rows = sum(parts), stop - start
    ends = [stop * w // total + x for w, x in zip(parts, last, strict=True)]
    done = [start * w // total + x for w, x in zip(parts, first, strict=True)]
    many = np.array([end - begin for end, begin in zip(ends, done, strict=True)])
    since = [begin * total - start * w for begin, w in zip(done, parts, strict=True)]
    del ends, done
    level: Levels = np.repeat(np.arange(len(parts)), many)
    number = np.arange(len(level)) - np.repeat(np.cumsum(many) - many, many)
    release = np.maximum(_places(parts, total, since, level, number, 1), 0)
    deadline = np.minimum(-_places(parts, total, since, level, number + 1, -1), rows)
    order = np.lexsort((number, level, deadline))  # of equal deadlines, the level that stands first
    order = order[earliest_first(release[order], rows)]
    return Stretch(level[order], release[order], deadline[order])


def _places(parts: Sequence[int], total: int, since: Sequence[int], level: Levels, number: Levels, sign: int) -> Levels:
    """floor(sign * (since + number * total) / part) of each occurrence."""
    most = max(max(map(abs, since)), max(parts)) + total * (int(number.max()) + 1)
    if most < _EXACT:
        found: Levels = sign * (np.array(since)[level] + number * total) // np.array(parts)[level]
        return found
    begins = np.array([s / w for s, w in zip(since, parts, strict=True)])
    widths = np.array([total / w for w in parts])
    near = widths[level]
    near *= number
    near += begins[level]
    near *= sign
    places: Levels = np.floor(near).astype(np.int64)
    for at in np.flatnonzero(np.abs(near - np.rint(near)) < UNSURE).tolist():
        which = int(level[at])
        places[at] = sign * (since[which] + int(number[at]) * total) // parts[which]
    return places


def earliest_first(release: Levels, rows: int) -> Levels:
    """Which job each of `rows` rows takes: of those released by then, the first of the list that is left."""
    jobs = release.argsort(kind="stable")
    until = release[jobs].searchsorted(np.arange(rows), side="right")
    taken: Levels = np.empty(rows, dtype=np.int64)
    ready: list[int] = []
    at = 0
    for begin in range(0, rows, _BLOCK):  # Python's numbers take four times the memory
        ends = until[begin : begin + _BLOCK].tolist()
        coming = jobs[at : ends[-1]].tolist()
        taken[begin : begin + _BLOCK] = _block(coming, [end - at for end in ends], ready)
        at += len(coming)
    return taken


def _block(coming: list[int], until: list[int], ready: list[int]) -> list[int]:
    """The job of each row of a block; what is left stays in `ready`, a heap."""
    taken = []
    at = 0
    for end in until:
        if end == at + 1:
            taken.append(heappushpop(ready, coming[at]))
        else:
            for job in coming[at:end]:
                heappush(ready, job)
            taken.append(heappop(ready))
        at = end
    return taken


def shuffle(stretch: Stretch, draws: Iterable[NDArray[np.float64]]) -> Levels:
    """Levels of `stretch` after random exchanges of rows 1, 2, 4 … apart, where both stay in their windows.

    `draws` holds an array for each round, of a number in [0, 1) for each row.
    """
    level, release, deadline = stretch.level.copy(), stretch.release.copy(), stretch.deadline.copy()
    rows = np.arange(len(level))
    reach = max(int((deadline - release).max()).bit_length(), 1)
    for turn, draw in enumerate(draws):
        bit = turn % reach
        apart = 1 << bit
        left = rows[: max(len(rows) - apart, 0)]
        fits = (left + int(draw[0] * 2 * apart)) >> bit & 1 == 0
        fits &= (release[apart:] <= left) & (deadline[: len(left)] > left + apart) & (draw[: len(left)] < 0.5)
        here = np.flatnonzero(fits)
        for column in (level, release, deadline):
            column[here], column[here + apart] = column[here + apart], column[here]
    return level
