"""Builds over real Ray: bytes of `local`, workers killed, nodes removed, the driver killed. Slow, and only where Ray is.

One cluster of three nodes on this machine, begun once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback
from test_faults import environment

from synthspec.compiler import compile_spec
from synthspec.generation.build import Build, BuildFault, finish_build
from synthspec.inference.clusters.ray_cluster import RayCluster, RayHand
from synthspec.inference.events import CallDone, Event

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]
ray = pytest.importorskip("ray")
SPECS = Path(__file__).parent.parent / "specs"
NOTES = """\
synthspec: 1
name: notes
rows: 240
parameters: {{n: "uniform(0, 1)", topic: [bill, meter, move]}}
prompts: {{note: {{user: "about {{{{ topic }}}}, number {{{{ n }}}}", writes: [note]}}}}
fields: {{topic: {{value: topic}}, note: {{type: string, words: {{min: 3}}}}}}
novelty: {{unique: [note]}}
backend: {{provider: openai, model: m, base_url: '{url}'}}
limits: {{concurrency: 16}}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    made.nodes = [made.add_node(num_cpus=2), made.add_node(num_cpus=2)]
    ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.fixture
def hands(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> list[RayHand]:
    """Every worker that is begun."""
    found: list[RayHand] = []
    hire = RayCluster.hire

    def noted(self: RayCluster) -> RayHand:
        found.append(hire(self))
        return found[-1]

    monkeypatch.setattr(RayCluster, "hire", noted)
    return found


def built(path: Path, out: Path, engine: str, listen: Callable[[Event], None] | None = None, **given: str) -> Build:
    compiled = compile_spec(path, given)
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    spec = replace(compiled.spec, limits=replace(compiled.spec.limits, engine=engine))
    work = Build(spec, compiled.tables, out)
    asyncio.run(finish_build(work, listen))
    return work


def files_of(work: Build) -> dict[str, bytes]:
    assert work.dataset is not None
    return {p.name: p.read_bytes() for p in work.dataset.files}


@pytest.mark.parametrize("name", [p.stem for p in sorted(SPECS.glob("*.yaml")) if p.stem != "factory_agents"])
def test_shipped_specs_are_the_same(name: str, cluster: Any, tmp_path: Path) -> None:
    given = {"rows": "12", "backend": "ngram"}
    if name == "sql_questions":
        given = {"rows": "12"}
    here = built(SPECS / f"{name}.yaml", tmp_path / "local", "local", **given)
    there = built(SPECS / f"{name}.yaml", tmp_path / "ray", "ray", **given)
    assert files_of(here) == files_of(there) and there.tally.calls > 0


def test_killed_workers(cluster: Any, hands: list[RayHand], tmp_path: Path) -> None:
    """Some, as calls come back; and all there are."""
    with Loopback(latency=0.05) as server:
        path = tmp_path / "spec.yaml"
        path.write_text(NOTES.format(url=server.url))
        here = built(path, tmp_path / "local", "local")
        count = 0

        def kill(event: Event) -> None:
            nonlocal count
            count += isinstance(event, CallDone)
            if isinstance(event, CallDone) and count in (20, 60, 61, 150):
                for hand in hands[-1:] if count != 150 else hands:
                    ray.kill(hand._actor)

        there = built(path, tmp_path / "ray", "ray", kill)
    assert files_of(here) == files_of(there)
    assert len(hands) > 1 and there.tally.retries > 0 and there.tally.faults == {"unreachable": there.tally.retries}


def test_a_removed_node(cluster: Any, hands: list[RayHand], tmp_path: Path) -> None:
    with Loopback(latency=0.05) as server:
        path = tmp_path / "spec.yaml"
        path.write_text(NOTES.format(url=server.url).replace("concurrency: 16", "concurrency: 128"))
        here = built(path, tmp_path / "local", "local")
        count = 0

        def leave(event: Event) -> None:
            nonlocal count
            count += isinstance(event, CallDone)
            if isinstance(event, CallDone) and count == 40:
                about = ray._private.state.actors()[hands[0]._actor._actor_id.hex()]
                node = next(n for n in cluster.nodes if n.node_id == about["Address"]["NodeID"])
                cluster.nodes.remove(node)
                cluster.remove_node(node, allow_graceful=False)

        there = built(path, tmp_path / "ray", "ray", leave)
    cluster.nodes.append(cluster.add_node(num_cpus=2))
    assert files_of(here) == files_of(there) and there.tally.retries > 0


def test_signals_stay_the_builds(cluster: Any, tmp_path: Path) -> None:
    """Ray takes SIGTERM for itself; after it has begun, the handlers are those of before."""
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    built(SPECS / "first.yaml", tmp_path / "ray", "ray", rows="4", backend="ngram")
    assert {n: signal.getsignal(n) for n in before} == before


CHILD = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from synthspec.compiler import compile_spec
from synthspec.generation.build import Build
from synthspec.cli.shared.run_build import run_with_signals
from synthspec.inference.events import CallDone

compiled = compile_spec(Path(sys.argv[1]), {})
spec = replace(compiled.spec, limits=replace(compiled.spec.limits, engine="ray"))
work = Build(spec, compiled.tables, Path(sys.argv[2]))
asyncio.run(run_with_signals(work, lambda e: isinstance(e, CallDone) and print("done", flush=True)))
sys.exit(130 if work.interrupted else 0)
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_driver_is_gone_on_with(sent: int, tmp_path: Path) -> None:
    """In a cluster of its own, which ends with it; `local` goes on where it stopped."""
    with Loopback(latency=0.05) as server:
        path = tmp_path / "spec.yaml"
        path.write_text(NOTES.format(url=server.url))
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path), str(tmp_path / "out")],
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        for _ in range(30):
            assert child.stdout.readline() == "done\n"
        child.send_signal(sent)
        child.communicate(timeout=600)
        assert child.returncode == (-9 if sent == signal.SIGKILL else 130)
        work = built(path, tmp_path / "out", "local")
        assert work.tally.kept == 240 and work.tally.reused >= 30
        lost = 16 if sent == signal.SIGKILL else 0  # that were in flight
        assert work.tally.calls <= 240 - 30 and server.total <= 240 + lost
        whole = built(path, tmp_path / "whole", "local")
        assert files_of(work) == files_of(whole)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "nohost.invalid:1", "nonsense"])
def test_a_cluster_that_is_away(address: str) -> None:
    child = f"""
from pathlib import Path
from synthspec.inference.clusters.ray_cluster import RayCluster
from synthspec.inference.clusters.opening import Needs
from synthspec.spec.messages import BackendFault
try:
    RayCluster({address!r}, Needs(b"", 1, models=False, in_process=False))
except BackendFault as e:
    print(e.message)
"""
    done = subprocess.run(
        [sys.executable, "-c", child],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert "cannot be joined" in done.stdout and address in done.stdout and "Traceback" not in done.stderr, (
        done.stdout,
        done.stderr[-2000:],
    )


def test_a_cluster_without_room(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.inference.clusters.ray_cluster.PATIENCE", 3.0)

    @ray.remote(num_cpus=1)
    class Taken:
        def here(self) -> bool:
            return True

    others = [Taken.remote() for _ in range(int(ray.cluster_resources()["CPU"]))]
    ray.get([o.here.remote() for o in others])
    try:
        with pytest.raises(BuildFault, match="no processor free"):
            built(SPECS / "first.yaml", tmp_path / "ray", "ray", rows="4", backend="ngram")
    finally:
        for other in others:
            ray.kill(other)
