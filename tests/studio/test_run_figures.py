"""What a run's events come to on its page: counted right, whatever comes and wherever it is cut."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from synthspec.studio.runs.figures import RunFigures
from synthspec.studio.runs.following import AT_ONCE, EventFile
from synthspec.studio.runs.rows_seen import ATTEMPTS, LONGEST, SHOWN


def event(name: str, **facts: Any) -> dict[str, Any]:
    return {"v": 1, "n": 0, "t": facts.pop("t", 1.0), "event": name, **facts}


def call(
    path: str, attempt: int = 1, *, text: str = "words", cost: float | None = 0.5, cached: bool = False
) -> list[dict[str, Any]]:
    about = {"path": path, "prompt": "call", "attempt": attempt, "backend": "openai:x"}
    done = event(
        "call_done", **about, cached=cached, cost=cost, prompt_tokens=3, completion_tokens=4, text=text, finish="stop"
    )
    return [done] if cached else [event("call_begun", **about), done]


def rejected(path: str, reason: str, rule: str = "words") -> dict[str, Any]:
    return event(
        "row_rejected", path=path, rejections=[{"stage": "valid", "rule": rule, "field": "call", "reason": reason}]
    )


def folded(*events: Any) -> RunFigures:
    figures = RunFigures()
    for one in events:
        for each in one if isinstance(one, list) else [one]:
            figures.take(each)
    return figures


def test_a_row_tells_its_whole_way() -> None:
    figures = folded(
        event("started", rows=2), call("0", text="no"), rejected("0", "too short"), call("0", 2, text="well enough"),
        event("row_ready", path="0", values={"call": "well enough"}), event("row_kept", path="0", row=0, values={"call": "well enough"}),
    )  # fmt: skip
    [row] = figures.rows.since(0)
    assert row["state"] == "kept" and row["values"] == {"call": "well enough"}
    assert [(a["text"], [r["reason"] for r in a["rejections"]]) for a in row["attempts"]] == [
        ("no", ["too short"]),
        ("well enough", []),
    ]
    told = figures.as_json()
    assert (told["kept"], told["planned"], told["rejected"], told["in_flight"], told["run_cost"]) == (1, 2, 1, 0, 1.0)
    assert told["rules"] == [
        {"rule": "words", "count": 1, "field": "call", "reason": "too short", "text": "no", "path": "0"}
    ]
    assert told["prompts"][0] | {"retries": 1, "made": 2, "cost": 1.0, "tokens": 14} == told["prompts"][0]


def test_a_cost_that_is_not_known_is_never_a_number() -> None:
    told = folded(call("0"), call("1", cost=None), call("2")).as_json()
    assert told["run_cost"] is None and told["prompts"][0]["cost"] is None
    told = folded(call("0", cost=None, cached=True)).as_json()
    assert told["run_cost"] == 0.0, "a completion that was stored costs this run nothing"


def test_rows_of_a_fan_out_know_the_reply_they_came_of() -> None:
    figures = folded(call("3", text="a\nb"), event("row_ready", path="3.0", values={}), rejected("3.1", "twice"))
    rows = {row["path"]: row for row in figures.rows.since(0)}
    assert rows["3"]["state"] == "fanned"
    assert [a["text"] for a in rows["3.0"]["above"]] == ["a\nb"]
    assert figures.as_json()["rules"][0]["text"] == "a\nb"


def test_what_is_shown_has_bounds() -> None:
    figures = folded(
        *(call(str(i), text="x" * 10_000) for i in range(SHOWN + 50)), *(call("7", n) for n in range(2, 40))
    )
    rows = figures.rows.since(0)
    assert len(rows) == SHOWN and rows[-1]["path"] == "7"
    assert len(rows[-1]["attempts"]) == ATTEMPTS and rows[-1]["earlier"] == 38 - ATTEMPTS
    assert max(len(a["text"]) for row in rows for a in row["attempts"]) == LONGEST


def test_only_what_is_new_is_told_again() -> None:
    figures = folded(call("0"), call("1"))
    before = figures.rows.change
    assert figures.rows.since(before) == []
    figures.take(event("row_kept", path="0", row=0, values={}))
    assert [row["path"] for row in figures.rows.since(before)] == ["0"]


@pytest.mark.parametrize("seed", range(6))
def test_a_file_may_be_cut_anywhere(tmp_path: Path, seed: int) -> None:
    """However it grows and is read, what comes of it is the same; an offset is always the start of a line."""
    rng = random.Random(seed)
    events: list[dict[str, Any]] = [event("started", rows=9)]
    for i in range(40):
        events += call(str(i), text=rng.choice(["a", "é\n", "x" * rng.randrange(2000)]))
        events += [rng.choice([rejected(str(i), "why"), event("row_kept", path=str(i), row=i, values={"a": i})])]
    text = b"".join(json.dumps(e).encode() + b"\n" for e in events)
    path, at = tmp_path / "events.jsonl", 0
    file = EventFile(path)
    assert not file.read_on()
    while at < len(text):
        more = rng.choice([1, 7, 300, 5000])
        with path.open("ab") as out:
            out.write(text[at : at + more])
        at += more
        file.read_on()
        assert file.offset == 0 or text[file.offset - 1 : file.offset] == b"\n"
    file.read_all()
    assert file.offset == len(text)
    assert file.snapshot()[1:3] == (folded(*events).as_json(), folded(*events).rows.since(0))


def test_lines_that_are_none_of_ours_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(
        b"nonsense\n[1]\n{}\n"
        + json.dumps({"event": "_take_started"}).encode()
        + b"\n"
        + json.dumps(call("0")[1]).encode()
        + b"\n\xff\n"
    )
    file = EventFile(path)
    file.read_all()
    assert file.offset == path.stat().st_size and len(file.figures.rows.since(0)) == 1


def test_a_line_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(
        "".join(json.dumps(e) + "\n" for e in [*call("0", text="y" * (AT_ONCE + 50)), *call("1")]), encoding="utf-8"
    )
    file = EventFile(path)
    file.read_all()
    assert [row["path"] for row in file.figures.rows.since(0)] == ["0", "1"]


def test_a_row_that_is_asked_again_is_not_called_rejected() -> None:
    figures = folded(call("0"), rejected("0", "too short"))
    assert figures.rows.since(0)[0]["state"] == "rejected"
    figures.take(call("0", 2)[0])
    assert figures.rows.since(0)[0]["state"] == "asked"
