"""`base_url: [a, b, c]`: calls spread over servers that die, crawl, refuse and throttle; the dataset is that of one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from depth import one_in
from loopback import Loopback

import synthspec
from synthspec.cli import cli
from synthspec.generation.build import BuildFault
from synthspec.inference.sending import choosing, governor
from synthspec.inference.store import Store

SPEC = """
synthspec: 1
name: calls
rows: {rows}
parameters:
  mood: [calm, cross, glad]
  number: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
plan: {{strategy: factorial}}
prompts:
  call: {{user: "Write call {{{{ number }}}}, {{{{ mood }}}}.", writes: [call]}}
fields:
  call: {{type: string, words: {{min: 1}}}}
backend: {{provider: openai, model: loop, base_url: {url}, prices: {{prompt: 1, completion: 2}}}}
limits: {{concurrency: {concurrency}, timeout: 5}}
output: {{formats: [csv]}}
"""
NOWHERE = "http://127.0.0.1:9/v1"  # the port of a service that machines do not run


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that were set aside are tried again soon, and requests that failed at each of them."""
    monkeypatch.setattr(governor, "_FIRST_DELAY", 0.01)
    monkeypatch.setattr(choosing, "FIRST_REST", 0.02)
    monkeypatch.setattr(choosing, "LONGEST_REST", 0.1)


def spec_of(folder: Path, *urls: str, rows: int = 60, concurrency: int = 4) -> Path:
    path = folder / "spec.yaml"
    url = json.dumps(list(urls) if len(urls) > 1 else urls[0])
    path.write_text(SPEC.format(rows=rows, url=url, concurrency=concurrency), encoding="utf-8")
    return path


@contextmanager
def servers(*options: dict[str, Any]) -> Iterator[list[Loopback]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Loopback(**o)) for o in options]


def data(folder: Path) -> bytes:
    return (folder / "calls.csv").read_bytes()


def keys(folder: Path) -> set[str]:
    with Store.open_readonly(folder) as store:
        return {call.key for call in store.iterate_calls()}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a build by one server."""
    folder = tmp_path_factory.mktemp("alone")
    with Loopback() as server:
        synthspec.build(spec_of(folder, server.url), out=folder / "out")
    return folder / "out"


def test_the_dataset_is_that_of_one_server(tmp_path: Path, alone: Path) -> None:
    with servers({}, {}, {}) as found:
        dataset = synthspec.build(spec_of(tmp_path, *(s.url for s in found)), out=tmp_path / "out")
        assert data(tmp_path / "out") == data(alone) and keys(tmp_path / "out") == keys(alone)
        assert sum(s.total for s in found) == 60 and all(s.total for s in found)
        told = dataset.manifest["run"]["servers"]
        assert [t["answered"] for t in told] == [s.total for s in found]
        assert not any(s.url.rpartition("/")[0] in (tmp_path / "out" / "manifest.json").read_text() for s in found)


def test_each_server_is_asked_for_as_much_as_the_limit_says(tmp_path: Path) -> None:
    with servers({"latency": 0.01}, {"latency": 0.01}) as found:
        synthspec.build(spec_of(tmp_path, *(s.url for s in found), concurrency=3), out=tmp_path / "out")
        assert [s.most_in_flight for s in found] == [3, 3]


TROUBLES: dict[str, dict[str, Any]] = {
    "slow": {"latency": 0.1},
    "errors": {"faults": {"500": 1.0}},
    "throttled": {"faults": {"429": 1.0}},
    "wrong model": {"faults": {"404": 1.0}},
    "no key": {"faults": {"401": 1.0}},
    "flaky": {"faults": {"500": 0.2, "drop": 0.2, "cut": 0.2, "429": 0.2}},
}


@pytest.mark.parametrize("trouble", one_in(2, TROUBLES))
def test_one_server_in_trouble_costs_no_row(trouble: str, tmp_path: Path, alone: Path) -> None:
    with servers({"latency": 0.01}, TROUBLES[trouble], {"latency": 0.01}) as found:
        dataset = synthspec.build(spec_of(tmp_path, *(s.url for s in found)), out=tmp_path / "out")
        assert dataset.complete and data(tmp_path / "out") == data(alone)
        fine = found[0].total + found[2].total
        answered = [t["answered"] for t in dataset.manifest["run"]["servers"]]
        assert sum(answered) == 60
        if trouble == "slow":
            assert answered[1] < min(answered[0], answered[2])
        elif trouble != "flaky":
            assert (answered[1], fine) == (0, 60)
            assert found[1].total < 60


def test_all_troubles_at_once(tmp_path: Path, alone: Path) -> None:
    with servers({"latency": 0.01}, *TROUBLES.values()) as found:
        urls = [NOWHERE, *(s.url for s in found)]
        dataset = synthspec.build(spec_of(tmp_path, *urls), out=tmp_path / "out")
        assert dataset.complete and data(tmp_path / "out") == data(alone)
        told = dataset.manifest["run"]["servers"]
        assert told[0]["answered"] == 0 < told[0]["failed"]


class Mortal(Loopback):
    """Is away in turns: it answers so many calls, drops the next ones, and so on."""

    def __init__(self, up: int, down: int, **options: Any) -> None:
        super().__init__(latency=0.002, **options)
        self.up, self.down, self.asked = up, down, -1

    def _fault(self, mark: str, nth: int) -> str | None:
        self.asked += 1
        return "drop" if self.asked % (self.up + self.down) >= self.up else None


def test_servers_that_die_and_come_back(tmp_path: Path, alone: Path) -> None:
    with ExitStack() as stack:
        found = [stack.enter_context(Mortal(up, down)) for up, down in ((7, 3), (5, 4), (11, 6))]
        dataset = synthspec.build(spec_of(tmp_path, *(s.url for s in found)), out=tmp_path / "out")
        assert dataset.complete and data(tmp_path / "out") == data(alone)
        assert sum(s.answered.total() for s in found) == 60, "nothing is paid for twice"
        told = dataset.manifest["run"]["servers"]
        assert all(t["failed"] for t in told)


def test_when_every_server_is_dead_the_build_says_so_and_keeps_what_is_paid_for(tmp_path: Path, alone: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(Mortal(20, 10**6))
        wrong = stack.enter_context(Loopback(faults={"404": 1.0}))
        path = spec_of(tmp_path, first.url, wrong.url, NOWHERE)
        patient, choosing.PATIENCE = choosing.PATIENCE, 0.0
        stack.callback(setattr, choosing, "PATIENCE", patient)
        dataset = synthspec.build(path, out=tmp_path / "out")
        assert not dataset.complete
        assert dataset.reason is not None and dataset.reason.count("\n") == 0
        for url, said in ((first.url, "was lost"), (wrong.url, "404"), (NOWHERE, "no server answers at")):
            assert f"{url}: " in dataset.reason and said in dataset.reason
        assert first.answered.total() == 20 == len(keys(tmp_path / "out"))
        choosing.PATIENCE = patient
        other = stack.enter_context(Loopback())
        spec_of(tmp_path, other.url, wrong.url)
        assert synthspec.build(path, out=tmp_path / "out").complete
        assert other.answered.total() == 40, "what was paid for is used"
        assert data(tmp_path / "out") == data(alone)


def test_a_request_that_no_server_takes_ends_the_build_after_one_call_to_each(tmp_path: Path) -> None:
    with servers({"faults": {"400": 1.0}}, {"faults": {"400": 1.0}}) as found:
        dataset = synthspec.build(spec_of(tmp_path, *(s.url for s in found), concurrency=1), out=tmp_path / "out")
        assert [s.total for s in found] == [1, 1]
        assert dataset.reason is not None and "none of the 2 servers can be used" in dataset.reason


def test_a_key_goes_to_no_host_of_the_list_that_only_the_spec_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with Loopback() as server:
        path = spec_of(tmp_path, server.url, "https://elsewhere.example/v1")
        with pytest.raises(BuildFault, match=r"is not sent to elsewhere\.example, which only the spec names"):
            synthspec.build(path, out=tmp_path / "out")
        assert server.total == 0


def test_a_list_of_one_is_one_server(tmp_path: Path, alone: Path) -> None:
    with Loopback() as server:
        spec_of(tmp_path, "X", "Y")
        path = tmp_path / "spec.yaml"
        path.write_text(path.read_text().replace('["X", "Y"]', f'["{server.url}"]'), encoding="utf-8")
        dataset = synthspec.build(path, out=tmp_path / "out")
        assert data(tmp_path / "out") == data(alone)
        assert "servers" not in dataset.manifest["run"]


def test_set_and_what_a_prompt_inherits(tmp_path: Path, alone: Path) -> None:
    """Prompts at another temperature ask the same servers, in one queue."""
    text = SPEC.replace("writes: [call]", "writes: [call], backend: {{temperature: 0.5}}")
    path = tmp_path / "spec.yaml"
    path.write_text(text.format(rows=20, url="http://127.0.0.1:9/v1", concurrency=2), encoding="utf-8")
    with servers({"latency": 0.01}, {"latency": 0.01}) as found:
        listed = f"[{found[0].url}, {found[1].url}]"
        result = CliRunner().invoke(
            cli, ["build", str(path), "--out", str(tmp_path / "out"), "--set", f"backend.base_url={listed}"]
        )
        assert result.exit_code == 0, result.output
        assert [s.most_in_flight for s in found] == [2, 2]
        assert all(b["temperature"] == 0.5 for s in found for b in s.bodies)
        line = next(line for line in result.output.splitlines() if line.strip().startswith("servers:"))
        for server in found:
            assert f"{server.url.split('/')[2]} {server.total}" in line


def test_the_report_tells_what_each_server_did(tmp_path: Path) -> None:
    with servers({}, {"faults": {"404": 1.0}}) as found:
        synthspec.build(spec_of(tmp_path, *(s.url for s in found)), out=tmp_path / "out")
    result = CliRunner().invoke(cli, ["report", str(tmp_path / "out")])
    assert "calls that each server answered and failed in the last run: 1: 60 and 0; 2: 0 and" in result.output


def test_a_build_left_in_the_middle_is_taken_up_by_other_servers(tmp_path: Path, alone: Path) -> None:
    with servers({}, {}) as found:
        synthspec.build(spec_of(tmp_path, *(s.url for s in found)), out=tmp_path / "out", rows=17)
        made = sum(s.total for s in found)
    with servers({}, {}, {}) as others:
        synthspec.build(spec_of(tmp_path, *(s.url for s in others)), out=tmp_path / "out")
        assert made + sum(s.total for s in others) == 60
    assert data(tmp_path / "out") == data(alone)


def test_the_plan_tells_how_many_servers_there_are(tmp_path: Path) -> None:
    path = spec_of(tmp_path, "http://gpu-1/v1", "http://gpu-2/v1")
    result = CliRunner().invoke(cli, ["plan", str(path), "--format", "json"])
    assert json.loads(result.output)["prompts"][0]["backend"] == "openai:loop (2 servers)"
