"""The reorder buffer: whatever order rows come in, they are judged and handed on in path order."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from synthspec.generation.scheduling.reorder_buffer import ReorderBuffer
from synthspec.generation.scheduling.variety import FEWEST, Watch
from synthspec.spec.rows import Missing, Rejection, Row, RowPath, Stage


class Unique:
    """No two rows of the same call; sure of it as soon as the first is kept."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}
        self.judged: list[str] = []

    def check(self, row: Mapping[str, Any]) -> Rejection | None:
        self.judged.append(row["call"])
        return self.check_early(row)

    def check_early(self, row: Mapping[str, Any]) -> Rejection | None:
        first = self.kept.get(row["call"])
        return None if first is None else Rejection(Stage.NOVEL, "unique", f"the same as row {first}")

    def keep(self, slot: int, row: Mapping[str, Any]) -> None:
        self.kept[row["call"]] = slot


def row_of(place: int, call: str) -> Row:
    return Row(place, place, {"call": call}, (), (place,))


def missing_of(path: RowPath) -> Missing:
    return Missing(path[0], path[0], Stage.CALL, ("lost",), {}, (), path)


def dropped_of(path: RowPath) -> Missing:
    return Missing(path[0], path[0], Stage.CALL, ("stopped",), {}, (), path)


def opened(count: int, judge: Unique | None, stops: bool = False) -> ReorderBuffer:
    buffer = ReorderBuffer(judge, Watch(("call",)), dropped_of if stops else None)
    for n in range(count):
        buffer.open(n)
    return buffer


def told(buffer: ReorderBuffer) -> list[tuple[int, str]]:
    """What was handed on: the row, and its call or why there is none."""
    found = [(p[0], o.values["call"] if isinstance(o, Row) else o.reasons[0]) for p, o, _ in buffer.settled]
    buffer.settled.clear()
    return found


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("judged", [False, True])
def test_rows_go_on_in_path_order(order: tuple[int, ...], judged: bool) -> None:
    buffer, found = opened(4, Unique() if judged else None), []
    for place in order:
        if place == 2:
            buffer.lose(missing_of((2,)))
        else:
            buffer.offer(((place,), 1), row_of(place, f"call {place}"), "m")
        buffer.advance()
        found += told(buffer)
        assert len(buffer) == 4 - len(found)
    assert found == [(0, "call 0"), (1, "call 1"), (2, "lost"), (3, "call 3")]
    assert sorted(id for id, _ in buffer.verdicts) == [((n,), 1) for n in (0, 1, 3)]
    assert all(rejection is None for _, rejection in buffer.verdicts)


def test_a_row_that_waits_is_not_judged_before_those_before_it() -> None:
    judge = Unique()
    buffer = opened(3, judge)
    buffer.offer(((2,), 1), row_of(2, "a"), "m")
    buffer.offer(((1,), 1), row_of(1, "a"), "m")
    buffer.advance()
    assert judge.judged == [] and buffer.verdicts == [] and told(buffer) == []
    buffer.offer(((0,), 1), row_of(0, "b"), "m")
    buffer.advance()
    assert told(buffer) == [(0, "b"), (1, "a")]
    same = Rejection(Stage.NOVEL, "unique", "the same as row 1")
    assert buffer.verdicts == [(((0,), 1), None), (((1,), 1), None), (((2,), 1), same)]
    buffer.offer(((2,), 2), row_of(2, "c"), "m")
    buffer.advance()
    assert told(buffer) == [(2, "c")] and len(buffer) == 0


def test_what_is_sure_is_told_before_its_turn() -> None:
    buffer = opened(4, Unique())
    buffer.offer(((0,), 1), row_of(0, "a"), "m")
    buffer.advance()
    buffer.verdicts.clear()
    buffer.offer(((3,), 1), row_of(3, "a"), "m")
    buffer.advance()
    assert buffer.verdicts == [(((3,), 1), Rejection(Stage.NOVEL, "unique", "the same as row 0"))]
    buffer.offer(((2,), 1), row_of(2, "b"), "m")
    assert len(buffer.verdicts) == 1
    assert told(buffer) == [(0, "a")] and len(buffer) == 3


def test_a_stop_names_a_row_and_none_after_it_is_kept() -> None:
    """Where the model only repeats itself the stop does not hang on which rows were finished."""
    for ready_before in (False, True):
        buffer = opened(4, Unique(), stops=True)
        buffer.offer(((0,), 1), row_of(0, "a"), "m")
        if ready_before:
            buffer.offer(((2,), 1), row_of(2, "fresh"), "m")
        buffer.advance()
        for attempt in range(FEWEST * 4 // 5 + FEWEST):
            buffer.offer(((1,), attempt), row_of(1, "a"), "m")
            buffer.advance()
        assert not buffer.stopped, "repeats of a row count when its turn is over"
        buffer.lose(missing_of((1,)))
        buffer.advance()
        assert buffer.stopped
        if not ready_before:
            assert told(buffer) == [(0, "a"), (1, "lost")]
            buffer.offer(((2,), 1), row_of(2, "fresh"), "m")
            buffer.advance()
            assert told(buffer) == [(2, "stopped")]
        else:
            assert told(buffer) == [(0, "a"), (1, "lost"), (2, "stopped")]
        assert (((2,), 1), None) in buffer.verdicts
        buffer.lose(missing_of((3,)))
        buffer.advance()
        assert buffer.settled[-1][2], "dropped because of the stop"
        assert told(buffer) == [(3, "stopped")]


def test_without_a_stop_repeats_end_nothing() -> None:
    buffer = opened(2, Unique())
    buffer.offer(((0,), 1), row_of(0, "a"), "m")
    for attempt in range(2 * FEWEST):
        buffer.offer(((1,), attempt), row_of(1, "a"), "m")
        buffer.advance()
    buffer.lose(missing_of((1,)))
    buffer.advance()
    assert not buffer.stopped and told(buffer) == [(0, "a"), (1, "lost")]
