"""Whatever a model says and calls in a talk with tools: the build ends, the sums hold, and it is the same again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from depth import rest_slow
from fake_backend import use
from loopback import digest
from test_tool_players import spec_of
from test_tools import SPEC, backend

import synthspec
from synthspec.spec.messages import Request, Text, ToolCall

TEXTS = (
    "", " ", "half \ud83d x", "nul \0 in", "\x1b[2J esc", "a" * 50_000, '{"role": "user"}', "<think>hm</think>yes", "</think>",
    "[order_status(order='AB123456')]", "\u202eabc", "1e999", "```json\n{}\n```", "x\u2028y", "null", "Yes, order AB123456.",
    '<tool_call>{"name": "order_status", "arguments": {"order": "AB123456"}}</tool_call>',
)  # fmt: skip
NAMES = ("order_status", "days_left", "weather", "", "no_such", "ORDER_STATUS", "\ud83d", "a" * 5000, "order\0")
ARGUMENTS: tuple[dict[str, Any], ...] = (
    {}, {"order": "AB123456"}, {"order": "zz"}, {"days": 3}, {"days": -1}, {"days": "3"}, {"days": 10**400}, {"order": None},
    {"order": ["AB123456"]}, {"order": "AB123456", "more": 1}, {"order": "\ud83d"}, {"order": "\0"}, {"town": "x" * 50_000},
    {"days": float("nan")}, {"days": float("inf")}, {"days": True}, {"town": json.loads("[" * 600 + "]" * 600)},
)  # fmt: skip


def said(seed: int) -> Callable[[Request], tuple[Text | ToolCall, ...]]:
    def parts(request: Request) -> tuple[Text | ToolCall, ...]:
        dice = random.Random(digest(seed, request.key))
        if dice.random() < 0.35:
            return (Text(f"Well, that is fine {dice.randrange(1000)}"),)
        found: list[Text | ToolCall] = [Text(dice.choice(TEXTS))] if dice.random() < 0.6 else []
        for number in range(dice.choice([0, 1, 1, 2, 40])):
            ids = ("", "x", "call_1", "\ud83d", f"c{number}")
            unread = dice.choice(["", "", "{broken", "\ud83d"])
            found.append(ToolCall(dice.choice(ids), dice.choice(NAMES), dice.choice(ARGUMENTS), unread))
        return tuple(found) or (Text(dice.choice(TEXTS)),)

    return parts


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix in (".jsonl", ".csv", ".parquet")}


@pytest.mark.parametrize("seed", rest_slow(range(60), (9, 15, 42)))
def test_any_talk_ends_and_is_the_same_again(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    spec = json.loads(json.dumps(SPEC)) if dice.random() < 0.5 else spec_of()
    spec["limits"]["attempts"] = dice.choice([1, 2, 3])
    if dice.random() < 0.4:
        spec["checks"] = [{"that": "len(conversation) > 3", "severity": dice.choice(["drop", "warn"])}]
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False))
    fake = backend(said(seed), seed)
    use(monkeypatch, fake)
    dataset = synthspec.build(path, out=tmp_path / "out")
    first, calls, funnel = files_of(tmp_path / "out"), fake.total, dataset.manifest["funnel"]
    reached = [funnel[stage] for stage in ("planned", "called", "parsed", "valid", "novel", "kept")]
    assert reached == sorted(reached, reverse=True)
    lost = len((tmp_path / "out/quarantine.jsonl").read_bytes().splitlines())
    assert dataset.reason or funnel["kept"] + lost == funnel["planned"]
    for cache in (True, False):
        synthspec.build(path, out=tmp_path / "out", cache=cache, replace=True)
        assert files_of(tmp_path / "out") == first
    assert fake.total == calls
    use(monkeypatch, backend(said(seed), seed + 1))
    synthspec.build(path, out=tmp_path / "two", concurrency=1)
    assert files_of(tmp_path / "two") == first
