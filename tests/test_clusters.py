"""The engine of a cluster over workers that reorder, repeat and are lost: the same bytes, each call booked as it was."""

from __future__ import annotations

import asyncio
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from built_alike import built
from depth import one_in, rest_slow
from fake_backend import FakeBackend, use
from fake_cluster import FakeCluster, cluster_engine, cluster_for
from test_engine_contract import call_of, endpoint_of, lengths
from test_latency import random_spec, reply

from synthspec.compiler import compile_spec, compile_text
from synthspec.generation.build import Build, BuildFault, finish_build
from synthspec.inference.clusters.crew import BLOCKS, LARGEST, MOST_LOST
from synthspec.inference.clusters.messages import Greeting, PortableFault, WorkerBackend, difference, greeting_of
from synthspec.inference.clusters.opening import Needs, open_over, workers_for
from synthspec.inference.engines import local, ray
from synthspec.inference.sending.governor import Governor
from synthspec.sources.kinds import Access
from synthspec.spec import Limits
from synthspec.spec.messages import BackendFault, FaultKind

SPECS = Path(__file__).parent.parent / "specs"


def over(made: list[FakeCluster], **how: Any) -> Any:
    """What opens the engine of a cluster in the place of another's."""

    def opened(needs: Needs) -> FakeCluster:
        made.append(cluster_for(needs, **how))
        return made[-1]

    return replace(ray.ENGINE, open=lambda context: open_over(context, opened))


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Governor, "delay_before", lambda *_: 0.0)
    monkeypatch.setattr(Governor, "dead", lambda self: None)
    monkeypatch.setenv("OPENAI_API_KEY", "none")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2, 30, 3))
def test_a_build_over_cruel_workers_is_the_same(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, made = random_spec(number, tmp_path), list[FakeCluster]()
    fake = FakeBackend(reply, number)
    use(monkeypatch, fake)
    first = built(path, tmp_path / "local", fake, 8)
    at_once(monkeypatch)
    monkeypatch.setattr(local, "ENGINE", over(made, count=3, seed=number, deaths=4))
    assert built(path, tmp_path / "cluster", fake, 8) == first
    (cluster,) = made
    assert cluster.deaths < 4 and cluster.closed and len(cluster.hands) > 3


@pytest.mark.parametrize(
    "name", one_in(3, [p.stem for p in sorted(SPECS.glob("*.yaml")) if p.stem != "factory_agents"])
)
def test_every_shipped_spec_travels(name: str) -> None:
    """With its sources, as embedded models need them."""
    from synthspec.inference.clusters.messages import Setting
    from synthspec.inference.clusters.opening import _packed, _travelling

    compiled = compile_spec(SPECS / f"{name}.yaml", {}, access=Access(False, False))
    assert compiled.spec is not None
    there = pickle.loads(_packed(Setting({}, _travelling(compiled.spec), compiled.tables, 1.0)))
    assert there.spec.digest == compiled.spec.digest and there.spec.path.is_absolute()


@pytest.mark.parametrize(
    "name", rest_slow(["first", "reviews", "sentiment", "support_dialogue", "preferences", "sql_questions"], (0,))
)
def test_shipped_specs_over_a_cluster(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their models are embedded: workers learn them from the sources that travelled."""
    at_once(monkeypatch)
    made: list[FakeCluster] = []
    given = {"rows": "12", "backend": "ngram"}
    outs = {}
    for engine in ("local", "cluster"):
        compiled = compile_spec(SPECS / f"{name}.yaml", given)
        assert compiled.spec is not None and compiled.ok, compiled.diagnostics
        if engine == "cluster":
            monkeypatch.setattr(local, "ENGINE", over(made, count=2, seed=1, deaths=1))
        dataset = asyncio.run(finish_build(Build(compiled.spec, compiled.tables, tmp_path / engine)))
        outs[engine] = {p.name: p.read_bytes() for p in dataset.files}
    assert outs["local"] == outs["cluster"] and made[0].blocks


TEXT = """\
synthspec: 1
name: notes
rows: 30
parameters: {topic: [bill, meter, move]}
prompts: {note: {user: "about {{ topic }}", writes: [note]}}
fields: {topic: {value: topic}, note: {type: string, words: {min: 2}}}
backend: openai:gpt-5-mini
limits: {budget: 1.0, concurrency: 8}
"""


def run_over(
    tmp_path: Path, fake: FakeBackend, monkeypatch: pytest.MonkeyPatch, text: str = TEXT, **how: Any
) -> tuple[Build, FakeCluster]:
    at_once(monkeypatch)
    use(monkeypatch, fake)
    made: list[FakeCluster] = []
    monkeypatch.setattr(local, "ENGINE", over(made, **how))
    compiled = compile_text(text, {})
    assert compiled.spec is not None
    work = Build(compiled.spec, compiled.tables, tmp_path / "out")
    asyncio.run(finish_build(work))
    return work, made[0]


def test_what_a_lost_worker_had_is_booked_as_paid_and_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthspec.inference.store import Store

    fake = FakeBackend(lengths, 3)
    work, cluster = run_over(tmp_path, fake, monkeypatch, deaths=5, seed=2)
    tally = work.tally
    assert tally.kept == 30 == tally.calls and cluster.deaths < 5
    assert tally.faults == {"unreachable": tally.retries} and tally.retries > 0
    with Store.open_readonly(tmp_path / "out") as store:
        spent = store.spent()
    assert spent.at_worst == tally.retries, "each was set aside, and may have been paid for"
    assert spent.requests == tally.calls + tally.retries
    assert sum(fake.calls.values()) <= spent.requests, "no worker made a call twice"


def test_where_no_worker_is_left_the_build_stops_and_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, _ = run_over(tmp_path, FakeBackend(lengths, 3), monkeypatch, deaths=1000, hires=3, seed=2)
    assert work.dataset is not None and not work.dataset.complete
    assert "no worker is left" in str(work.dataset.reason) or "was lost" in str(work.dataset.reason)
    before = work.tally.calls
    again, _ = run_over(tmp_path, FakeBackend(lengths, 3), monkeypatch)
    assert again.tally.kept == 30 and again.tally.reused == before


def test_workers_that_are_always_lost_end_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, cluster = run_over(tmp_path, FakeBackend(lengths, 3), monkeypatch, deaths=10_000, death=1.0)
    assert work.dataset is not None and not work.dataset.complete and work.dataset.reason
    assert len(cluster.hands) <= 3 * MOST_LOST and work.tally.calls == 0


def test_blocks_and_what_a_worker_has_in_hand() -> None:
    """At most 64 calls a block and two blocks a worker; half a second of work, once that is known."""

    async def work(seconds: float) -> tuple[list[int], int]:
        backend = FakeBackend(lengths, turns=(1,))
        engine = cluster_engine({"call": endpoint_of(backend, Limits(concurrency=1000))}, 30.0, count=1, work=seconds)
        most = 0
        for start in range(0, 1000, 250):
            await engine.submit([call_of(n) for n in range(start, start + 250)])
            count = 0
            async for some in engine.results():
                count += len(some)
                most = max(most, max(len(m.open) for m in engine._crew._members))
                if count == 250:
                    break
        await engine.close("drain")
        await engine.settled()
        return engine.cluster.blocks, most  # type: ignore[attr-defined]

    blocks, most = asyncio.run(work(0.0001))
    assert max(blocks) == LARGEST and most <= BLOCKS * LARGEST
    blocks, _ = asyncio.run(work(0.1))
    assert set(blocks[-50:]) == {5}, "five calls of a tenth of a second"


def test_nothing_is_sent_to_a_worker_that_was_not_wanted_any_more() -> None:
    async def work() -> tuple[set[int], set[int]]:
        backend = FakeBackend(lengths, turns=(60,))
        engine = cluster_engine({"call": endpoint_of(backend, Limits(concurrency=500))}, 30.0, count=1)
        await engine.submit([call_of(n) for n in range(300)])
        for _ in range(12):
            await asyncio.sleep(0)
        await engine.close("drain")
        done = [d async for some in engine.results() for d in some]
        await engine.settled()
        return {d.send for d in done if d.result is None}, {int(key, 16) for key in backend.calls}

    unsent, sent = asyncio.run(work())
    assert not unsent & sent and unsent | sent == set(range(300)) and len(sent) <= BLOCKS * LARGEST


def test_a_worker_that_is_silent_is_given_up() -> None:
    async def work() -> Any:
        backend = FakeBackend(lengths)
        engine = cluster_engine({"call": endpoint_of(backend, Limits())}, 0.01, count=1, hires=1)
        engine._crew._overdue = 0.02
        (hand,) = engine.cluster.hands  # type: ignore[attr-defined]

        async def silent() -> Any:
            await asyncio.Event().wait()  # until it is cancelled

        hand.take = silent
        await engine.submit([call_of(0)])
        async for (done,) in engine.results():
            await engine.settled()
            return done
        return None

    done = asyncio.run(asyncio.wait_for(work(), 600))
    assert (
        isinstance(done.result, BackendFault)
        and done.result.sent == "maybe"
        and "did not answer" in done.result.message
    )


# --- the handshake


OPENED = WorkerBackend("openai x", False, "https://api.example/v1")
OURS = Greeting("here", {"synthspec": "1", "Python": "3.11.7", "Ray": "2.60"}, frozenset({"A_KEY"}), {"note": OPENED})
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "synthspec": ({"versions": {**OURS.versions, "synthspec": "2"}}, "has synthspec 2 and this machine synthspec 1"),
    "Python": ({"versions": {**OURS.versions, "Python": "3.12.1"}}, "has Python 3.12.1"),
    "Ray": ({"versions": {"synthspec": "1", "Python": "3.11.7"}}, "has Ray none"),
    "a key": ({"keys": frozenset()}, "has no A_KEY in its environment"),
    "a backend that cannot be used": ({"backends": {"note": "no package"}}, "cannot use the backend 'note': no package"),
    "another server": ({"backends": {"note": replace(OPENED, server="http://other")}}, "asks http://other there and https://api.example/v1 here"),
    "another model": ({"backends": {"note": replace(OPENED, fingerprint="openai y")}}, "is not the same as here"),
    "no backend": ({"backends": {}}, "it is not known there"),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
def test_what_must_not_differ(case: str) -> None:
    changes, words = ODD[case]
    assert difference(OURS, OURS) is None
    said = difference(OURS, replace(OURS, node="n7", **changes))
    assert said is not None and words in said and "n7" in said


def test_a_node_that_differs_ends_the_build_before_anything_is_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeBackend(lengths)
    at_once(monkeypatch)
    use(monkeypatch, fake)
    compiled = compile_text(TEXT, {})
    assert compiled.spec is not None
    made: list[FakeCluster] = []

    def opened(needs: Needs) -> FakeCluster:
        made.append(cluster_for(needs))
        made[-1].odd = {"versions": {"synthspec": "0"}}
        return made[-1]

    monkeypatch.setattr(local, "ENGINE", replace(ray.ENGINE, open=lambda context: open_over(context, opened)))
    with pytest.raises(BuildFault, match="has synthspec 0 and this machine"):
        asyncio.run(finish_build(Build(compiled.spec, compiled.tables, tmp_path / "out")))
    assert not fake.total and made[0].closed and made[0].hands[0].dead


def test_no_secret_travels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in what workers are begun with, not in orders, not in greetings."""
    packed: list[bytes] = []
    dumps = pickle.dumps
    monkeypatch.setattr("fake_cluster.pickle.dumps", lambda v: packed.append(dumps(v)) or packed[-1])
    monkeypatch.setattr(FakeBackend, "fingerprint", "openai")
    at_once(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    use(monkeypatch, FakeBackend(lengths))
    made: list[FakeCluster] = []
    monkeypatch.setattr(local, "ENGINE", over(made))
    compiled = compile_text(TEXT, {})
    assert compiled.spec is not None
    asyncio.run(finish_build(Build(compiled.spec, compiled.tables, tmp_path / "out")))
    assert len(packed) > 10 and any(b"OPENAI_API_KEY" in p for p in packed)
    assert not any(b"very-secret" in p for p in [*packed, made[0].setting])


def test_every_fault_travels() -> None:
    for kind in FaultKind:
        fault = BackendFault(kind, "said", 2.5, "yes")
        there = pickle.loads(pickle.dumps(PortableFault.of(fault))).raised()
        assert (there.kind, there.message, there.retry_after, there.sent) == (kind, "said", 2.5, "yes")


def test_a_greeting_names_keys_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "hidden")
    monkeypatch.setenv("EMPTY_KEY", " ")
    greeting = greeting_of(["A_KEY", "EMPTY_KEY", "NO_KEY"], {})
    assert greeting.keys == {"A_KEY"} and "hidden" not in repr(greeting)


def test_how_many_workers() -> None:
    asks = Needs(b"", 1000, models=False, in_process=False)
    assert (
        workers_for(asks, 4, 0) == 4
        and workers_for(asks, 64, 8) == 16
        and workers_for(replace(asks, concurrency=8), 64, 0) == 1
    )
    models = Needs(b"", 64, models=True, in_process=True)
    assert workers_for(models, 64, 8) == 8 and workers_for(models, 4, 0) == 4


def test_ray_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    compiled = compile_text(TEXT, {})
    assert compiled.spec is not None
    spec = replace(compiled.spec, limits=replace(compiled.spec.limits, engine="ray"))
    with pytest.raises(BuildFault, match=r"pip install .*ray"):
        asyncio.run(finish_build(Build(spec, compiled.tables, tmp_path / "out")))
