"""Which level each dimension may take at each row of a superblock, for many superblocks at once.

A superblock is `step` consecutive rows; its state at both ends is known (`pfair.Counts`, or empty), so
superblocks are filled side by side, row r of all of them in one operation. A sequence says what may be taken
next without making a later row impossible; `joint` chooses among that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synthspec.lazy_dataclass import dataclass
from synthspec.planning.balancing.pfair import Counts
from synthspec.planning.design import Levels

Mask = NDArray[np.bool_]
Small = NDArray[np.int16]


class LevelSequence(Protocol):
    """A dimension's rows in a batch of superblocks, in the making."""

    def allowed(self, row: int) -> Mask:
        """Shape (superblocks, levels): which may come at `row` of each. At least one always may."""
        ...

    def take(self, row: int, level: Levels) -> None:
        """Record the level, shape (superblocks,), that came at `row` of each."""
        ...


@dataclass(frozen=True, slots=True)
class Windows:
    """The occurrences of each level in superblocks: row windows [release, deadline).

    Both have shape (superblocks, levels, most + 1), and places without an occurrence are never released.
    `slack`, shape (superblocks, step), is how many of the first d + 1 rows no occurrence due within them
    speaks for.
    """

    release: Small
    deadline: Small
    slack: Small


def find_windows(counts: Counts, blocks: Sequence[tuple[int, tuple[int, ...], tuple[int, ...]]]) -> Windows:
    """Windows of superblocks, each given by its number, which levels are ahead at its start and which at its
    end.

    Exact: in int64 where that holds the products, else in Python's integers.
    """
    step, total = counts.step, counts.total
    last = max(number for number, _, _ in blocks) * step
    whole: type = np.int64 if (last + step) * max(counts.parts) < 2**62 else object
    parts: NDArray[Any] = np.array(counts.parts, dtype=whole)
    rows: NDArray[Any] = np.array([number * step for number, _, _ in blocks], dtype=whole)[:, None]
    base, rest = rows * parts // total, rows * parts % total
    ahead = np.array([start for _, start, _ in blocks], dtype=np.int64)
    behind = np.array([end for _, _, end in blocks], dtype=np.int64)
    inside = (((rows + step) * parts // total - base).astype(np.int64) + behind) - ahead
    most = int(inside.max())
    nth = ahead[:, :, None] + np.arange(most + 1)
    exact: type = np.int64 if total * (step + 3) < 2**62 else object
    work = nth.astype(exact) * total - rest.astype(exact)[:, :, None]
    share: NDArray[Any] = parts.astype(exact)[None, :, None]
    release = np.maximum((work // share).astype(np.int64), 0)
    deadline = np.minimum((-(-(work + total) // share)).astype(np.int64), step)
    unused = np.arange(most + 1) >= inside[:, :, None]
    release[unused] = deadline[unused] = step + 1
    due = np.zeros((len(blocks), step + 2), dtype=np.int64)
    np.add.at(due, (np.arange(len(blocks))[:, None, None], deadline), 1)
    slack = np.arange(1, step + 1) - np.cumsum(due[:, 1 : step + 1], axis=1)
    return Windows(release.astype(np.int16), deadline.astype(np.int16), slack.astype(np.int16))


class PfairSequence:
    """A discrete dimension, each level in its Pfair windows.

    Hall's condition says exactly what is safe. Rows before d that no occurrence due by d needs are slack; the
    first d without slack must be fed, so a released level whose deadline does not lie beyond it is safe, and
    no other.
    """

    def __init__(self, windows: Windows, which: Levels, draws: NDArray[np.float64]) -> None:
        """`which` of `windows` each superblock has; `draws`, shape (superblocks, levels, most + 1 or more),
        in [0, 1) put the moment of each occurrence into its window.
        """
        self._release, self._deadline = windows.release.ravel(), windows.deadline.ravel()
        _, levels, width = windows.release.shape
        self._at = ((which[:, None] * levels + np.arange(levels)) * width).ravel()
        self._row = np.arange(len(which)) * levels
        self._place = np.arange(len(self._at)) * draws.shape[2]
        release, deadline = windows.release[which], windows.deadline[which]
        room = (deadline - release).astype(np.float32)
        moments = np.zeros(draws.shape, np.float32)
        moments[:, :, :width] = release + draws[:, :, :width].astype(np.float32) * room
        self._moments = moments.ravel()
        self._moment = moments[:, :, 0].copy()
        self._released, self._due = release[:, :, 0].copy(), deadline[:, :, 0].copy()
        step = windows.slack.shape[1]
        self._slack = np.ascontiguousarray(windows.slack[which].T.astype(np.int8 if step < 120 else np.int16))
        self._days = np.arange(1, step + 1, dtype=self._slack.dtype)[:, None]
        used = windows.deadline <= step
        self._reach = int((windows.deadline - windows.release)[used].max())  # no released occurrence is due later

    def waiting(self, row: int) -> NDArray[np.float32]:
        """Shape (superblocks, levels): rows from `row` to the moment of the next occurrence, negative once
        past.
        """
        return self._moment - np.float32(row)

    def allowed(self, row: int) -> Mask:
        without = self._slack[row : row + self._reach] == 0
        without[-1] = True
        tight = without.argmax(axis=0) + (row + 1)
        mask: Mask = self._released <= row
        mask &= self._due <= tight.astype(np.int16)[:, None]
        return mask

    def take(self, row: int, level: Levels) -> None:
        cell = self._row + level
        due = self._due.ravel()[cell].astype(self._slack.dtype)
        ahead = self._slack[row : row + self._reach]
        np.subtract(ahead, self._days[row : row + self._reach] < due, out=ahead)
        at = self._at[cell] + 1
        self._at[cell] = at
        self._released.reshape(-1)[cell] = self._release[at]
        self._due.reshape(-1)[cell] = self._deadline[at]
        place = self._place[cell] + 1
        self._place[cell] = place
        self._moment.reshape(-1)[cell] = self._moments[place]


class Blocks:
    """A discrete dimension of equally likely levels: a permutation of them every `levels` rows.

    `ranks`, shape (superblocks + 1, levels), orders the levels at each boundary: of the block that the
    boundary cuts, those of the lowest ranks come before it. At most one boundary may cut a block: levels <=
    step.
    """

    def __init__(self, numbers: Levels, step: int, ranks: Levels) -> None:
        levels = ranks.shape[1]
        into = numbers * step % levels
        self._levels, self._step = levels, step
        self._end = (-into % levels).astype(np.int16)
        self._last = ((numbers + 1) * step // levels * levels - numbers * step).astype(np.int16)
        late = ranks[1:] >= ((numbers + 1) * step % levels)[:, None]
        until = np.where(ranks[:-1] < into[:, None], self._end[:, None], np.int16(0))
        until[late & (until >= self._last[:, None])] = step
        self._until, self._late = until.reshape(-1), late.reshape(-1)
        self._row = np.arange(len(numbers)) * levels

    def allowed(self, row: int) -> Mask:
        mask: Mask = (self._until <= row).reshape(-1, self._levels)
        return mask

    def take(self, row: int, level: Levels) -> None:
        np.add(self._end, self._levels, out=self._end, where=self._end <= row)
        cell = self._row + level
        until = self._end.copy()
        until[self._late[cell] & (until == self._last)] = self._step
        self._until[cell] = until


class Nested:
    """A continuous dimension cut into `strata` (a power of two) equal parts.

    Any aligned 2**j rows hold one number of each part of width 2**-j, as in a van der Corput sequence
    scrambled after Owen, "Randomly permuted (t,m,s)-nets and (t,s)-sequences" (1995).
    """

    def __init__(self, superblocks: int, strata: int) -> None:
        self._strata = strata
        self._until = np.zeros((superblocks, strata), dtype=np.int16)
        one, other = np.arange(strata)[:, None], np.arange(strata)
        apart = np.frompyfunc(int.bit_length, 1, 1)(one ^ other).astype(np.int64)
        width = strata >> apart
        row = np.arange(strata)[:, None, None]
        self._ends = ((row // width + 1) * width).astype(np.int16)

    def allowed(self, row: int) -> Mask:
        mask: Mask = self._until <= row
        return mask

    def take(self, row: int, level: Levels) -> None:
        within = row % self._strata
        ends = self._ends[within][level]
        ends += np.int16(row - within)
        np.maximum(self._until, ends, out=self._until)
