"""The reorder buffer: rows come in any order and are checked, counted and handed on in path order.

Rules between rows see only rows before, so what is rejected does not depend on which call was faster. A rejection that
is sure to stand, with the same reason, at the row's turn is told at once; all others wait. Repeats are counted in path
order too: where the model only repeats itself, the stop names a row, and no row after it is kept, finished or not.

Where a prompt makes several rows of one, the rules between rows may be about rows above the last fan-out: these have an
order of their own, and are checked in it before the rows that come of them are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from synthspec.generation.scheduling.variety import Watch
from synthspec.inference.outcomes import Id
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.rows import Missing, Rejection, Row, RowPath

LOOKED_AT = 256  # rows ahead that are looked at for the one that a dataset has no room for
SWEEP = 8  # rows that wait are looked at again once an eighth as many were kept: when changes no verdict


class CrossRowRules(Protocol):
    """Rules between rows."""

    def check(self, row: Mapping[str, Any]) -> Rejection | None: ...

    def check_early(self, row: Mapping[str, Any]) -> Rejection | None: ...

    def keep(self, slot: int, row: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A row that its spec drops, with all that would come of it."""

    path: RowPath
    combination: int
    rule: str
    reason: str
    values: Mapping[str, Any]


@dataclass(slots=True)
class _Offered:
    id: Id
    path: RowPath
    values: Mapping[str, Any]
    mark: str  # of its combination's listed values
    row: Row | None  # None of one that still makes the rows of the next level


BufferedRow = Row | Missing | Unwanted


class ReorderBuffer:
    """Rows between being made and being final.

    `drop` makes what a row after a saturation stop comes to; without it there is no such stop. `levels` are the rows of
    the dataset that a row of each level may come to; `ruled` is the level of rows that the rules between rows are
    about, the last where nothing is said. `verdicts` and `settled` are taken by the driver; a path without an outcome
    is of a row of which others come (or none), told when its turn has come.
    """

    def __init__(
        self,
        rules: CrossRowRules | None,
        watch: Watch,
        drop: Callable[[RowPath], Missing] | None,
        levels: Sequence[int] = (1,),
        ruled: int | None = None,
    ) -> None:
        self.stopped: RowPath | None = None  # the model only repeats itself: every row from here on is dropped
        self.verdicts: list[tuple[Id, Rejection | None]] = []
        self.settled: list[tuple[RowPath, BufferedRow | None, bool]] = []  # the last: dropped because of the stop
        self._rules = rules
        self._watch = watch
        self._drop = drop
        self._levels = tuple(levels)
        self._ruled = (len(levels) if ruled is None else ruled + 1) if rules is not None else 0  # length of a path
        self._next: RowPath | None = None  # the row whose turn it is
        self._turn: RowPath | None = None  # of rows above the last fan-out: the one to be checked next
        self._opened = 0  # combinations before this are begun
        self._expected = 0
        self._counts: dict[RowPath, int] = {}  # rows that come of a row
        self._ready: dict[RowPath, _Offered] = {}
        self._fresh: list[RowPath] = []  # of those, rows that no rule has looked at yet
        self._final: dict[RowPath, Missing | Unwanted] = {}
        self._repeats: dict[RowPath, list[str]] = {}
        self._new = 0  # rows kept since the last sweep

    def __len__(self) -> int:
        """Rows of the dataset that those that are begun may still come to."""
        return self._expected

    @property
    def combination(self) -> int:
        """All rows of the combinations before this one are final."""
        return self._next[0] if self._next is not None else 0

    @property
    def is_at_stop(self) -> bool:
        """Whether the model only repeats itself, and every row before that is final."""
        return self.stopped is not None and self._next is not None and self._next >= self.stopped

    def is_after_stop(self, path: RowPath) -> bool:
        """Whether a row comes at or after the one from which on none is kept, because the model only repeats itself."""
        return self.stopped is not None and path >= self.stopped

    def open(self, combination: int) -> None:
        """A combination is begun. Called in plan order."""
        if self._next is None:
            self._next = self._turn = (combination,)
        self._opened = combination + 1
        self._expected += self._levels[0]

    def fan(self, path: RowPath, count: int) -> None:
        """So many rows come of a row."""
        if self._is_passed(path):
            return
        self._counts[path] = count
        self._expected += count * self._levels[len(path)] - self._levels[len(path) - 1]

    def beyond(self, room: float, likely: float) -> RowPath | None:
        """The first row that a dataset with room for so many more has none for, where all before it come to what is
        expected of them, and a combination to so many as are `likely`; None where it has room for all that are begun.
        """
        path, each = self._next, max(likely, self._levels[0])
        if path is None or self._expected * each <= room * self._levels[0]:
            return None
        for _ in range(LOOKED_AT):
            if path[0] >= self._opened:
                break
            if len(path) == len(self._levels) > 1:
                left = self._counts[path[:-1]] - path[-1]
                if left > room:
                    return (*path[:-1], path[-1] + max(0, int(room)))
                room -= left
                path = self._after((*path[:-1], path[-1] + left - 1))
                continue
            if room <= 0:
                return path
            count = self._counts.get(path)
            if count:
                path = (*path, 0)
                continue
            if count is None:
                expected = each if len(path) == 1 else self._levels[len(path) - 1]
                room -= 1 if path in self._final else expected
            path = self._after(path)
        return None

    def offer(self, id: Id, row: Row, mark: str) -> None:
        """A sound row. Its verdict follows: at once where it is sure, else at its turn."""
        self._offered(_Offered(id, row.path, row.values, mark, row))

    def offer_above(self, id: Id, path: RowPath, values: Mapping[str, Any], mark: str) -> None:
        """The same for a row that still makes the rows of the next level."""
        self._offered(_Offered(id, path, values, mark, None))

    def _offered(self, offered: _Offered) -> None:
        path = offered.path
        if len(path) != self._ruled or self.is_after_stop(path):
            self.verdicts.append((offered.id, None))
            if offered.row is None or self._is_passed(path):
                return
        self._ready[path] = offered
        if len(path) == self._ruled:
            self._fresh.append(path)

    def lose(self, missing: Missing | Unwanted) -> None:
        """A row that will not come."""
        if self._is_passed(missing.path):
            return
        self._final[missing.path] = missing
        if len(missing.path) < len(self._levels):
            self._expected += 1 - self._levels[len(missing.path) - 1]

    def advance(self) -> None:
        """Check and hand on every row whose turn has come."""
        if 0 < self._ruled < len(self._levels):
            self._check_above()
        while self._next is not None and self._next[0] < self._opened and self._hand_on(self._next):
            pass
        if not self._ruled:
            return
        waiting, self._fresh = self._fresh, []
        if self._ready and self._new * SWEEP >= len(self._ready) and self.stopped is None:
            self._new = 0
            waiting = [p for p in self._ready if len(p) == self._ruled]
        for path in waiting:
            if path in self._ready and not self.is_after_stop(path):
                self._check_early(path)

    # --- the order of rows

    def _after(self, path: RowPath) -> RowPath:
        """The row after this one and all that come of it."""
        while len(path) > 1:
            if path[-1] + 1 < self._counts[path[:-1]]:
                return (*path[:-1], path[-1] + 1)
            path = path[:-1]
        return (path[0] + 1,)

    def _go_on(self, path: RowPath) -> None:
        """The turn goes on after a row, and what is known of those that it ends is forgotten."""
        after = self._after(path)
        for length in range(len(path) - 1, 0, -1):
            if after[:length] == path[:length]:
                break
            self._counts.pop(path[:length])
        self._next = after

    def _hand_on(self, path: RowPath) -> bool:
        """One step of the turn; False where the row whose turn it is must be waited for."""
        count = self._counts.get(path)
        if count is not None and self.is_after_stop(path):
            self._expected += 1 - self._forget(path)
            self._settle(path, None, "")
            return True
        if count is not None:
            self.settled.append((path, None, False))
            if count:
                self._next = (*path, 0)
            else:
                self._go_on(path)
                self._counts.pop(path)
            return True
        final = self._final.pop(path, None)
        if final is not None:
            self._settle(path, final, "")
            return True
        offered = self._ready.get(path)
        if offered is None or offered.row is None or not self._is_new(offered):
            return False
        del self._ready[path]
        self._settle(path, offered.row, offered.mark)
        return True

    def _forget(self, path: RowPath) -> int:
        """Of a row after the stop, what came of it is lost with it: how many rows these were expected to be."""
        count = self._counts.pop(path, None)
        lost = self._final.pop(path, None) is not None
        self._ready.pop(path, None)
        if count is None:
            return 1 if lost else self._levels[len(path) - 1]
        return sum(self._forget((*path, n)) for n in range(count))

    def _is_passed(self, path: RowPath) -> bool:
        """Whether its turn is over: it came of a row after the stop."""
        return self._next is not None and path < self._next

    def _settle(self, path: RowPath, outcome: BufferedRow | None, mark: str) -> None:
        """The row whose turn it is goes on, and what it says of the model is counted."""
        self._go_on(path)
        self._expected -= 1
        if self.is_after_stop(path):
            assert self._drop is not None
            self.settled.append((path, self._drop(path), True))
            return
        if self._ruled in (0, len(self._levels)):
            self._count(path, self._next or path, mark, outcome.values if isinstance(outcome, Row) else None)
        self.settled.append((path, outcome, False))

    def _count(self, path: RowPath, after: RowPath, mark: str, kept: Mapping[str, Any] | None) -> None:
        """What a row says of the model: how often it repeated itself, and what was kept. A stop begins `after` it."""
        for repeated in self._repeats.pop(path, ()):
            self._watch.repeated(repeated)
        if kept is not None:
            self._watch.kept(mark, kept)
        if self._drop is None or self.stopped is not None or not self._watch.saturated:
            return
        self.stopped = after
        for offered in [o for o in self._ready.values() if len(o.path) == self._ruled and o.path != path]:
            self.verdicts.append((offered.id, None))
            if offered.row is None:
                del self._ready[offered.path]

    # --- rules between rows

    def _check_above(self) -> None:
        """Check the rows of a level above the last, in their own order."""
        while self._turn is not None and self._turn[0] < self._opened and self._check_turn(self._turn):
            pass

    def _check_turn(self, path: RowPath) -> bool:
        count = self._counts.get(path)
        if len(path) < self._ruled and count:
            self._turn = (*path, 0)
            return True
        offered = self._ready.get(path)
        if offered is not None:
            if not self._is_new(offered):
                return False
            del self._ready[path]
            self._count(path, self._after(path), offered.mark, offered.values)
        elif count is None and path not in self._final:
            return False
        else:
            self._count(path, self._after(path), "", None)
        self._turn = self._after(path)
        return True

    def _is_new(self, offered: _Offered) -> bool:
        """Check the row whose turn it is."""
        if self._rules is None or len(offered.path) != self._ruled or self.is_after_stop(offered.path):
            return True
        rejection = self._rules.check(offered.values)
        if rejection is not None:
            self._reject(offered, rejection)
            return False
        self._rules.keep(offered.row.slot if offered.row is not None else 0, offered.values)
        self._new += 1
        self.verdicts.append((offered.id, None))
        return True

    def _check_early(self, path: RowPath) -> None:
        assert self._rules is not None
        offered = self._ready[path]
        rejection = self._rules.check_early(offered.values)
        if rejection is not None:
            self._reject(offered, rejection)

    def _reject(self, offered: _Offered, rejection: Rejection) -> None:
        self._repeats.setdefault(offered.path, []).append(offered.mark)
        del self._ready[offered.path]
        self.verdicts.append((offered.id, rejection))
