"""Builds over the batches of three providers, which lose, repeat, expire and forget: the same dataset as `local`, nothing
paid for twice, every reservation settled."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batch_server import MODELS, PROVIDERS, BatchServer, said_of, worded
from depth import rest_slow

from synthspec.cli.shared.live import _standing
from synthspec.compiler import compile_spec
from synthspec.generation.build import Build, BuildFault
from synthspec.inference.accounting.budget import Budget
from synthspec.inference.batches import engine as batch_engine
from synthspec.inference.batches.giving_up import cancel_batches, forget_batch, standing_batches
from synthspec.inference.batches.pace import Pace
from synthspec.inference.events import BatchMoved, Event, Stop
from synthspec.inference.store import Store

QUICK = Pace(0.002, 0.004, 0.01, 0.002, 0.01, 0.01)
KEYS = {"openai": "OPENAI", "anthropic": "ANTHROPIC", "google": "GEMINI"}
BASES = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL", "google": "GOOGLE_GEMINI_BASE_URL"}
SPEC = """
synthspec: 1
name: notes
rows: {rows}
seed: 3
parameters:
  topic: [rivers, engines, gardens]
  number: round(uniform(1, 100000))
backend: {{provider: {provider}, model: {model}, temperature: 1.0, max_tokens: 300{more}}}
prompts:
  first: {{user: "Write about {{{{ topic }}}}, number {{{{ number }}}}.", writes: [text], format: text}}
  second: {{user: "Go on: {{{{ text }}}}", writes: [more], format: text}}
fields:
  text: {{type: string, words: {{min: 3}}}}
  more: {{type: string, rejects: [{rejects}]}}
limits: {{engine: {engine}{limits}}}
output: {{formats: [jsonl]}}
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in KEYS.values():
        monkeypatch.setenv(f"{name}_API_KEY", "key-of-the-tests")
    monkeypatch.setattr(batch_engine, "Pace", lambda: QUICK)
    yield


def write(folder: Path, server: BatchServer, provider: str = "openai", **given: Any) -> Path:
    """A spec of two prompts at a provider of the server's."""
    parts = {"rows": 12, "engine": "batch", "limits": "", "rejects": "", "model": MODELS[provider]} | given
    parts.setdefault("more", f", base_url: '{server.url_of(provider)}'")
    path = folder / "notes.yaml"
    path.write_text(SPEC.format(provider=provider, **parts), encoding="utf-8")
    return path


def build(path: Path, folder: Path, *, events: list[Event] | None = None, stop_at: Any = None, **how: Any) -> Build:
    """A build to its end; `stop_at` tells of an event whether the build is to be interrupted there."""
    compiled = compile_spec(path, {})
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    made = Build(compiled.spec, compiled.tables, folder, **how)

    async def work() -> None:
        async for event in made.events():
            if events is not None:
                events.append(event)
            if stop_at is not None and not made.interrupted and stop_at(event):
                made.interrupt()

    asyncio.run(asyncio.wait_for(work(), 600))
    return made


def data(folder: Path) -> bytes:
    return (folder / "notes.jsonl").read_bytes()


def local_data(tmp_path: Path, server: BatchServer, provider: str = "openai", **given: Any) -> bytes:
    path = write(tmp_path, server, provider, engine="local", **given)
    build(path, tmp_path / "local")
    return data(tmp_path / "local")


def states(folder: Path) -> dict[str, int]:
    """How many sends of a folder are in each state."""
    with sqlite3.connect(folder / "run.sqlite") as database:
        names = ("reserved", "settled", "released", "lost", "duplicate")
        return {names[s]: n for s, n in database.execute("SELECT state, count(*) FROM sends GROUP BY state")}


def pending(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "run.sqlite") as database:
        query = "SELECT state FROM batches WHERE state NOT IN ('committed', 'absent') ORDER BY created"
        return [state for (state,) in database.execute(query)]


CRUEL: list[dict[str, Any]] = [
    {},
    {"twice": 1, "strange": 1},
    {"expire": 0.4, "errors": 0.3},
    {"drop": "submit"},
    {"drop": "submit", "lag": 1},
    {"drop": "upload"},
    {"drop": "poll", "polls": 3},
    {"drop": "fetch", "lost": 2},
    {"full": 2},
    {"fail": 2},
]
SAID = ["kind", "strange", "expiry", "orphan", "listed-late", "upload", "poll", "fetch", "full", "turned-down"]


@pytest.mark.parametrize("provider", rest_slow(PROVIDERS, (0,)))
@pytest.mark.parametrize("cruel", rest_slow(CRUEL, (2, 4)), ids=SAID)
def test_the_same_bytes_as_local(provider: str, cruel: dict[str, Any], tmp_path: Path) -> None:
    if provider != "openai" and "fail" in cruel:
        pytest.skip("only OpenAI turns a batch down later")
    with BatchServer(**cruel) as server:
        path = write(tmp_path, server, provider)
        made = build(path, tmp_path / "batch")
        assert made.tally.kept == 12 and made.tally.calls == 24
        assert data(tmp_path / "batch") == local_data(tmp_path, server, provider)
    assert max(server.answered.values()) == 1 and len(server.answered) == 24, "paid for twice"
    assert states(tmp_path / "batch").get("reserved", 0) == 0 and pending(tmp_path / "batch") == []
    assert states(tmp_path / "batch")["settled"] == 24 and "lost" not in states(tmp_path / "batch")
    assert not (tmp_path / "batch" / "batches").exists()
    assert not server.files or "drop" in cruel, "a file of requests is left with the provider"


@pytest.mark.slow
def test_rounds_are_as_large_as_they_can_be(tmp_path: Path) -> None:
    """Replies, repairs and what expired go together: no round more than the depth of prompts and attempts ask for."""
    with BatchServer(expire=0.3, errors=0.2) as server:
        build(write(tmp_path, server, rows=60), tmp_path / "batch")
    assert len(server.batches) <= 4


@pytest.mark.slow
def test_limits_split_a_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthspec.inference.batches import BatchLimits
    from synthspec.inference.batches.openai import OpenAIBatches

    monkeypatch.setattr(OpenAIBatches, "limits", BatchLimits(5, 1_000_000))
    with BatchServer() as server:
        build(write(tmp_path, server), tmp_path / "count")
        assert max(len(b.requests) for b in server.batches.values()) == 5
    monkeypatch.setattr(OpenAIBatches, "limits", BatchLimits(50, 1_200))
    with BatchServer() as server:
        build(write(tmp_path, server), tmp_path / "size")
        assert len(server.batches) > 1
        assert all(len(content) <= 1_200 for _, content in server.files.values())
        assert data(tmp_path / "size") == data(tmp_path / "count")


@pytest.mark.slow
def test_half_prices_are_set_aside_and_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with BatchServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url_of("openai"))
        half = build(write(tmp_path, server, more="", limits=", budget: 5"), tmp_path / "half")
        named = build(write(tmp_path, server, limits=", budget: 5"), tmp_path / "named")
        whole = build(write(tmp_path, server, engine="local", more="", limits=", budget: 5"), tmp_path / "whole")
    each = (50 * 0.25 + 100 * 2.0) / 1e6
    assert whole.tally.cost_now == pytest.approx(24 * each)
    assert half.tally.cost_now == pytest.approx(12 * each)
    assert named.tally.cost_now == pytest.approx(24 * each), "what another server takes for a batch is not known"


@pytest.mark.parametrize("calls", rest_slow([4, 6], (0,)))
def test_a_round_is_cut_by_the_budget_in_path_order(
    calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worst costs are set aside before anything leaves; what is too much waits for what comes back, or for more money."""
    with BatchServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url_of("openai"))
        worst = 0.5 * 300 * 2.0 / 1e6  # of the reply alone: the prompt's share is small
        made = build(write(tmp_path, server, more="", limits=f", budget: {calls * worst:.9f}"), tmp_path / "cut")
        first = next(iter(server.batches.values()))
        assert 0 < len(first.requests) <= min(12, calls)
        assert made.dataset is not None and "budget" in (made.dataset.reason or "")
        with Store.open_readonly(tmp_path / "cut") as store:
            assert store.spent().cost <= calls * worst
        again = build(write(tmp_path, server, more="", limits=", budget: 5"), tmp_path / "cut")
        assert again.tally.kept == 12 and max(server.answered.values()) == 1
        rows = [json.loads(line) for line in data(tmp_path / "cut").splitlines()]
        replies = [worded(said_of(body)) for _, body in first.requests]
        assert [row["text"] for row in rows[: len(replies)]] == replies, "not the first of the plan"


@pytest.mark.parametrize("provider", rest_slow(PROVIDERS, (0,)))
def test_left_and_taken_up_again(provider: str, tmp_path: Path) -> None:
    """Without waiting, a build hands in what is ready and leaves; the same command goes on, round by round."""
    with BatchServer(polls=2) as server:
        path = write(tmp_path, server, provider, limits=", budget: 5")
        left = []
        for _ in range(9):
            made = build(path, tmp_path / "batch", waits=False)
            left.append(made.left)
            if made.left is None:
                break
            assert made.dataset is None and not (tmp_path / "batch" / "manifest.json").exists()
            assert pending(tmp_path / "batch") and states(tmp_path / "batch")["reserved"] == 12
        assert 2 <= len(left) <= 4 and made.tally.kept == 12
        assert data(tmp_path / "batch") == local_data(tmp_path, server, provider)
    assert max(server.answered.values()) == 1


@pytest.mark.slow
def test_interrupted_and_taken_up_again(tmp_path: Path) -> None:
    with BatchServer(stuck=1) as server:
        path = write(tmp_path, server)
        seen: list[Event] = []
        made = build(
            path, tmp_path / "batch", events=seen, stop_at=lambda e: isinstance(e, BatchMoved) and e.state == "running"
        )
        assert made.interrupted and made.dataset is None
        assert [e.reason for e in seen if isinstance(e, Stop)] == ["interrupted"]
        assert pending(tmp_path / "batch") == ["running"]
        del server.cruel["stuck"]
        assert build(path, tmp_path / "batch").tally.kept == 12
    assert len(server.batches) == 2 and max(server.answered.values()) == 1


def test_a_limit_of_minutes_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with BatchServer(stuck=1) as server:
        monkeypatch.setattr(Budget, "seconds_left", lambda self: 0.0 if server.steps["poll"] else 3600.0)
        path = write(tmp_path, server, limits=", minutes: 60")
        made = build(path, tmp_path / "batch")
        assert made.left is not None and "minutes" in made.left
        assert pending(tmp_path / "batch") == ["running"]


def test_another_engine_does_not_pay_again(tmp_path: Path) -> None:
    with BatchServer(stuck=1) as server:
        build(write(tmp_path, server), tmp_path / "batch", waits=False)
        with pytest.raises(BuildFault, match=r"1 batch of .* with 12 requests are still under way"):
            build(write(tmp_path, server, engine="local"), tmp_path / "batch")
        assert not server.called


def test_cancelled_and_what_came_is_used(tmp_path: Path) -> None:
    with BatchServer(stuck=1) as server:
        path = write(tmp_path, server)
        build(path, tmp_path / "batch", waits=False)
        with Store.open(tmp_path / "batch") as store:
            (standing,) = standing_batches(store)
            assert (standing.open, standing.batch.count) == (12, 12)
            (ending,) = asyncio.run(cancel_batches(store, tmp_path / "batch", QUICK))
            assert ending.answers == 6 and not ending.why
            (standing,) = standing_batches(store)
            assert (standing.batch.state, standing.open) == ("fetched", 6)
        del server.cruel["stuck"]
        assert build(path, tmp_path / "batch").tally.kept == 12
        assert data(tmp_path / "batch") == local_data(tmp_path, server)
    assert max(server.answered.values()) == 1


def test_results_that_are_gone_are_asked_about(tmp_path: Path) -> None:
    """A lost output file is not paid for again unless a person says so; what was paid counts at its worst."""
    with BatchServer(lost=99) as server:
        path = write(tmp_path, server, limits=", budget: 5")
        made = build(path, tmp_path / "batch")
        assert made.left is not None and "--forget" in made.left
        assert pending(tmp_path / "batch") == ["ended"] and max(server.answered.values()) == 1
        before = states(tmp_path / "batch")
        assert build(path, tmp_path / "batch").left == made.left and states(tmp_path / "batch") == before
        with Store.open(tmp_path / "batch") as store:
            (standing,) = standing_batches(store)
            spent = store.spent().cost
            assert asyncio.run(forget_batch(store, tmp_path / "batch", standing.batch.intent)) == 12
            assert store.spent().cost == pytest.approx(spent)
        server.cruel["lost"] = 0
        assert build(path, tmp_path / "batch").tally.kept == 12
        assert states(tmp_path / "batch") == {"settled": 24, "lost": 12}


@pytest.mark.slow
def test_a_server_without_batches(tmp_path: Path) -> None:
    with BatchServer() as server:
        path = write(tmp_path, server, more=f", base_url: '{server.url}/nowhere'")
        made = build(path, tmp_path / "batch")
        assert made.dataset is not None and "has no batches" in (made.dataset.reason or "")
        assert pending(tmp_path / "batch") == [] and not server.answered


def test_a_server_that_cannot_be_reached_is_told_while_it_is_asked_again(tmp_path: Path) -> None:
    with BatchServer() as server:
        path = write(tmp_path, server, more=", base_url: 'http://127.0.0.1:9/v1'")
    events: list[Event] = []
    made = build(path, tmp_path / "batch", events=events)
    moved = [e for e in events if isinstance(e, BatchMoved)]
    assert any("127.0.0.1:9" in e.fault and e.state == "intent" for e in moved)
    assert moved[0].fault == ""  # before anything was asked
    assert "trying again: " in _standing([e for e in moved if e.fault][:1])
    assert made.dataset is not None and "127.0.0.1:9" in (made.dataset.reason or "")
    assert pending(tmp_path / "batch") == []


@pytest.mark.slow
def test_a_results_file_that_is_gone_is_fetched_again(tmp_path: Path) -> None:
    with BatchServer(stuck=1) as server:
        path = write(tmp_path, server)
        build(path, tmp_path / "batch", waits=False)
        with Store.open(tmp_path / "batch") as store:
            asyncio.run(cancel_batches(store, tmp_path / "batch", QUICK))
        for file in (tmp_path / "batch" / "batches").glob("*.results.jsonl"):
            file.unlink()
        del server.cruel["stuck"]
        assert build(path, tmp_path / "batch").tally.kept == 12
    assert max(server.answered.values()) == 1


@pytest.mark.slow
def test_an_edit_leaves_what_is_paid_for(tmp_path: Path) -> None:
    """Results that the spec no longer asks for stay in the folder, until it does again."""
    with BatchServer(polls=2) as server:
        path = write(tmp_path, server)
        build(path, tmp_path / "batch", waits=False)
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("Write about", "Tell of"), encoding="utf-8")
        assert build(path, tmp_path / "batch").tally.kept == 12
        assert len(pending(tmp_path / "batch")) == 1
        path.write_text(text, encoding="utf-8")
        assert build(path, tmp_path / "batch").tally.kept == 12
        assert pending(tmp_path / "batch") == []
    assert max(server.answered.values()) == 1


@pytest.mark.slow
def test_repairs_go_in_the_next_round(tmp_path: Path) -> None:
    """A rejected reply is asked for again with the reasons, and the dataset is that of `local`."""
    with BatchServer() as server:
        made = build(write(tmp_path, server, rejects="window, river"), tmp_path / "batch")
        assert made.tally.rejections and len(server.batches) > 2
        assert data(tmp_path / "batch") == local_data(tmp_path, server, rejects="window, river")
    assert max(server.answered.values()) == 1


@pytest.mark.slow
def test_no_secret_goes_out_beyond_the_backend_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the SDKs read of the environment is not sent; nothing is sent twice by them."""
    for name in ("OPENAI_ADMIN_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, "X-Mine: foreign-secret")
    monkeypatch.setenv("OPENAI_ORG_ID", "foreign-secret")
    with BatchServer() as server:
        for provider in PROVIDERS:
            build(write(tmp_path, server, provider, rows=1), tmp_path / provider)
    sent = {(name.lower(), value) for headers in server.headers for name, value in headers.items()}
    keys = {(n, v) for n, v in sent if "key-of-the-tests" in v}
    assert keys == {("authorization", "Bearer key-of-the-tests"), ("x-api-key", "key-of-the-tests"),
                    ("x-goog-api-key", "key-of-the-tests")}  # fmt: skip
    assert {n for n, v in sent if "foreign-secret" in v} <= {"x-mine"}, "only where this machine is trusted"


@pytest.mark.slow
def test_a_batch_that_is_another_s_is_not_taken(tmp_path: Path) -> None:
    """Anthropic's batches have no name of ours: one of as many requests is looked at, and left alone."""
    with BatchServer(polls=2) as server:
        path = write(tmp_path, server, "anthropic")
        build(path, tmp_path / "other", waits=False)
        compiled = compile_spec(path, {})
        assert compiled.spec is not None
        spec = replace(compiled.spec, seed=99)

        async def work() -> Build:
            made = Build(spec, compiled.tables, tmp_path / "mine")
            async for _ in made.events():
                pass
            return made

        server.cruel["drop"], server.cruel["lag"] = "submit", 1
        assert asyncio.run(asyncio.wait_for(work(), 600)).tally.kept == 12
        assert build(path, tmp_path / "other").tally.kept == 12
    assert max(server.answered.values()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("late", [1, 2])
@pytest.mark.parametrize("swapped", [False, True])
def test_two_orphans_of_one_size(late: int, swapped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may be taken for the other, until results tell; meanwhile neither is given up."""
    from synthspec.inference.batches import BatchLimits
    from synthspec.inference.batches.anthropic import AnthropicBatches

    monkeypatch.setattr(AnthropicBatches, "limits", BatchLimits(6, 1_000_000))
    find = AnthropicBatches.find
    monkeypatch.setattr(AnthropicBatches, "find", lambda *a: list(find(*a))[:: -1 if swapped else 1])
    with BatchServer(drop="submit", drops=1, late=late, lag=1) as server:
        path = write(tmp_path, server, "anthropic")
        assert build(path, tmp_path / "batch").tally.kept == 12
        assert data(tmp_path / "batch") == local_data(tmp_path, server, "anthropic")
    assert max(server.answered.values()) == 1 and pending(tmp_path / "batch") == []


def several(*addresses: str) -> str:
    return f", base_url: {list(addresses)}"


@pytest.mark.parametrize("cruel", rest_slow([{}, {"drop": "submit", "lag": 1}, {"drop": "upload"}, {"full": 2}], (1,)))
def test_the_batches_of_several_servers(cruel: dict[str, Any], tmp_path: Path) -> None:
    """Each has its share, and the dataset is that of one; that two servers call theirs by the same names is no matter."""
    with BatchServer(**cruel) as first, BatchServer(**cruel) as second:
        path = write(tmp_path, first, rows=20, more=several(first.url_of("openai"), second.url_of("openai")))
        made = build(path, tmp_path / "batch")
        assert made.tally.kept == 20 and made.tally.calls == 40
        assert data(tmp_path / "batch") == local_data(tmp_path, first, rows=20)
        answered = first.answered + second.answered
        assert max(answered.values()) == 1 and len(answered) == 40, "paid for twice"
        assert all(15 <= len(s.answered) <= 25 for s in (first, second)) or cruel, "not alike many"
        assert set(first.batches) & set(second.batches) or cruel, "the same names were to be tried"
    assert states(tmp_path / "batch")["settled"] == 40 and pending(tmp_path / "batch") == []


def test_a_server_that_takes_no_batches_is_left_out(tmp_path: Path) -> None:
    with BatchServer() as server:
        path = write(tmp_path, server, more=several(f"{server.url}/nowhere", server.url_of("openai")))
        made = build(path, tmp_path / "batch")
        assert made.tally.kept == 12 and len(server.answered) == 24
        assert data(tmp_path / "batch") == local_data(tmp_path, server)
    assert "lost" not in states(tmp_path / "batch") and pending(tmp_path / "batch") == []


@pytest.mark.slow
def test_where_no_server_takes_batches_it_is_said(tmp_path: Path) -> None:
    with BatchServer() as server:
        path = write(tmp_path, server, more=several(f"{server.url}/nowhere", f"{server.url}/neither"))
        made = build(path, tmp_path / "batch")
        assert made.dataset is not None and "has no batches" in (made.dataset.reason or "")
        assert pending(tmp_path / "batch") == [] and not server.answered


@pytest.mark.slow
@pytest.mark.parametrize("provider", PROVIDERS)
def test_several_servers_left_and_taken_up_again(provider: str, tmp_path: Path) -> None:
    with BatchServer(polls=3) as first, BatchServer(polls=5) as second:
        addresses = several(first.url_of(provider), second.url_of(provider))
        path = write(tmp_path, first, provider, rows=20, more=addresses)
        for _ in range(20):
            made = build(path, tmp_path / "batch", waits=False)
            if made.tally.kept == 20:
                break
        assert made.tally.kept == 20
        answered = first.answered + second.answered
        assert max(answered.values()) == 1 and len(answered) == 40 and first.answered and second.answered
        assert data(tmp_path / "batch") == local_data(tmp_path, first, provider, rows=20)
