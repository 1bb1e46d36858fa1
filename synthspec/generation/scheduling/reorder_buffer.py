"""The reorder buffer: rows come in any order and are judged, counted and handed on in path order.

Rules between rows see only rows before, so what is rejected does not depend on which call was faster. A rejection that
is sure to stand, with the same reason, at the row's turn is told at once; all others wait. Repeats are counted in path
order too: where the model only repeats itself, the stop names a row, and no row after it is kept, finished or not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from synthspec.generation.scheduling.variety import Watch
from synthspec.inference.outcomes import Id
from synthspec.spec.messages import Missing, Path, Rejection, Row

SWEEP = 8  # rows that wait are looked at again once an eighth as many were kept: when changes no verdict


class CrossRowRules(Protocol):
    """Rules between rows."""

    def judge(self, row: Mapping[str, Any]) -> Rejection | None: ...

    def judge_early(self, row: Mapping[str, Any]) -> Rejection | None: ...

    def keep(self, slot: int, row: Mapping[str, Any]) -> None: ...


@dataclass(slots=True)
class _Offered:
    id: Id
    row: Row
    mark: str  # of its combination's listed values


class ReorderBuffer:
    """Rows between being made and being final.

    `drop` makes what a row after a saturation stop comes to; without it there is no such stop. `verdicts` and
    `settled` are taken by the driver.
    """

    def __init__(self, judge: CrossRowRules | None, watch: Watch, drop: Callable[[Path], Missing] | None) -> None:
        self.stopped = False  # the model only repeats itself: every row from here on is dropped
        self.verdicts: list[tuple[Id, Rejection | None]] = []
        self.settled: list[tuple[Path, Row | Missing, bool]] = []  # the last: dropped because of the stop
        self._judge = judge
        self._watch = watch
        self._drop = drop
        self._order: deque[Path] = deque()  # rows that are not final, in path order
        self._ready: dict[Path, _Offered] = {}
        self._lost: dict[Path, Missing] = {}
        self._repeats: dict[Path, list[str]] = {}
        self._new = 0  # rows kept since the last sweep

    def __len__(self) -> int:
        return len(self._order)

    def open(self, paths: Iterable[Path]) -> None:
        """Rows are begun. Called in path order."""
        self._order.extend(paths)

    def offer(self, id: Id, row: Row, mark: str) -> None:
        """A sound row. Its verdict follows: at once where it is sure, else at its turn."""
        self._ready[row.path] = _Offered(id, row, mark)
        if self._judge is None or self.stopped:
            self.verdicts.append((id, None))
        elif row.path != self._order[0]:
            self._judge_early(row.path)

    def lose(self, missing: Missing) -> None:
        """A row that will not come."""
        self._lost[missing.path] = missing

    def advance(self) -> None:
        """Judge and hand on every row whose turn has come."""
        while self._order:
            path = self._order[0]
            missing = self._lost.pop(path, None)
            if missing is not None:
                self._settle(path, missing, "")
                continue
            offered = self._ready.get(path)
            if offered is None or not self._is_new(offered):
                break
            del self._ready[path]
            self._settle(path, offered.row, offered.mark)
        if self._judge is not None and self._ready and self._new * SWEEP >= len(self._ready) and not self.stopped:
            self._new = 0
            for path in list(self._ready):
                self._judge_early(path)

    def _is_new(self, offered: _Offered) -> bool:
        """Judge the row whose turn it is."""
        if self._judge is None or self.stopped:
            return True
        rejection = self._judge.judge(offered.row.values)
        if rejection is not None:
            self._reject(offered, rejection)
            return False
        self._judge.keep(offered.row.slot, offered.row.values)
        self._new += 1
        self.verdicts.append((offered.id, None))
        return True

    def _judge_early(self, path: Path) -> None:
        assert self._judge is not None
        offered = self._ready[path]
        rejection = self._judge.judge_early(offered.row.values)
        if rejection is not None:
            self._reject(offered, rejection)

    def _reject(self, offered: _Offered, rejection: Rejection) -> None:
        path = offered.row.path
        self._repeats.setdefault(path, []).append(offered.mark)
        del self._ready[path]
        self.verdicts.append((offered.id, rejection))

    def _settle(self, path: Path, outcome: Row | Missing, mark: str) -> None:
        """The row whose turn it is goes on, and what it says of the model is counted."""
        self._order.popleft()
        repeats = self._repeats.pop(path, ())
        if self.stopped:
            assert self._drop is not None
            self.settled.append((path, self._drop(path), True))
            return
        for repeated in repeats:
            self._watch.repeated(repeated)
        if isinstance(outcome, Row):
            self._watch.kept(mark, outcome.values)
        self.settled.append((path, outcome, False))
        if self._drop is not None and self._watch.saturated:
            self.stopped = True
            self.verdicts.extend((o.id, None) for o in self._ready.values())
