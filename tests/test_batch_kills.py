"""The command killed at every step of a batch: run again, it ends with the same bytes, and nothing is paid for twice."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from batch_server import PROVIDERS, BatchServer
from test_batches import BASES, KEYS, data, local_data, pending, states, write

COMMAND = Path(__file__).with_name("batch_command.py")
STEPS = ("upload", "submit", "poll", "fetch", "delete")
NOTED = ("intent", "uploaded", "submitted", "running", "ended", "fetched", "committed")
FOUND = ("suspect",)  # noted only of a batch of which nobody knows whether it was handed in


class Runs:
    """The command over a folder, against a server that may kill it."""

    def __init__(self, tmp_path: Path, server: BatchServer, provider: str) -> None:
        self.tmp_path, self.server, self.provider = tmp_path, server, provider
        self.path = write(tmp_path, server, provider, rows=6, more="", limits=", budget: 5")
        self.folder = tmp_path / "batch"
        self.environment = {
            **os.environ, **{f"{name}_API_KEY": "key-of-the-tests" for name in KEYS.values()},
            BASES[provider]: server.url_of(provider),
        }  # fmt: skip
        self._process: subprocess.Popen[str] | None = None

    def run(self, kill: str = "-", *more: str, command: str = "build") -> tuple[int, str]:
        arguments = [str(self.path), "--out", str(self.folder)] if command == "build" else [str(self.folder)]
        self._process = subprocess.Popen(
            [sys.executable, str(COMMAND), kill, command, *arguments, *more],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.tmp_path,
        )  # fmt: skip
        said = self._process.communicate(timeout=600)[0]
        return self._process.returncode, said

    def kill(self, by: signal.Signals = signal.SIGKILL) -> None:
        assert self._process is not None
        self._process.send_signal(by)

    def check(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After a kill: the same command goes on to the dataset of `local`."""
        status, said = self.run()
        assert status == 0, said
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        assert data(self.folder) == local_data(self.tmp_path, self.server, self.provider, rows=6, more="")
        assert sorted(self.server.answered.values()) == [1] * 12, "a request was paid for twice"
        assert pending(self.folder) == [] and not (self.folder / "batches").exists()
        found = states(self.folder)
        assert found["settled"] == 12 and not found.keys() & {"reserved", "lost", "duplicate"}, found


def killing_server(at: tuple[str, str], runs: list[Runs], **cruel: Any) -> BatchServer:
    """A server that kills the command once, at a step."""
    left = [at]

    def reached(step: str, when: str) -> None:
        if left and left[0] == (step, when):
            left.clear()
            runs[0].kill()

    return BatchServer(at=reached, **cruel)


@pytest.mark.slow
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_while_the_provider_works(
    step: str, when: str, provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if provider == "anthropic" and step in ("upload", "delete"):
        pytest.skip("requests go with the submission")
    runs: list[Runs] = []
    with killing_server((step, when), runs) as server:
        runs.append(Runs(tmp_path, server, provider))
        status, said = runs[0].run()
        assert status == -signal.SIGKILL, said
        runs[0].check(monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2 * len(NOTED)))
def test_killed_between_the_notes(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, when, provider = NOTED[number // 2], ("before", "after")[number % 2], PROVIDERS[number % 3]
    with BatchServer(polls=2) as server:
        runs = Runs(tmp_path, server, provider)
        status, said = runs.run(f"{when}:{state}")
        assert status == -signal.SIGKILL, said
        runs.check(monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("provider", PROVIDERS)
def test_killed_again_and_again(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One kill at each state in a row, an orphan among them, listed late."""
    with BatchServer(polls=2, lag=1, drop="submit") as server:
        runs = Runs(tmp_path, server, provider)
        for state in (*NOTED, *FOUND):
            for when in ("before", "after"):
                status, said = runs.run(f"{when}:{state}")
                assert status in (0, -signal.SIGKILL), said
        runs.check(monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("provider", PROVIDERS)
def test_interrupted_by_hand(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[Runs] = []

    def reached(step: str, when: str) -> None:
        if (step, when) == ("poll", "after") and server.steps["poll"] == 3:
            runs[0].kill(signal.SIGINT)

    with BatchServer(at=reached, stuck=1) as server:
        runs.append(Runs(tmp_path, server, provider))
        status, said = runs[0].run()
        assert status == 130 and "exiting: submitted batches continue at the provider" in said, said
        assert "interrupted; every completion is kept" in said
        assert len(pending(runs[0].folder)) == 1 and states(runs[0].folder) == {"reserved": 6}
        server.cruel.clear()
        runs[0].check(monkeypatch)


@pytest.mark.slow
def test_status_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with BatchServer(stuck=1) as server:
        runs = Runs(tmp_path, server, "openai")
        status, said = runs.run("-", "--no-wait")
        assert status == 3 and "running at the provider" in said and "status" in said
        status, said = runs.run(command="status")
        assert status == 3 and "1 batch is under way" in said and "6 of 6 requests open" in said and "$0.00" in said
        intent = re.search(r"^  ([0-9a-f]{8})  openai:gpt-5-mini, running", said, re.M)
        assert intent is not None
        assert runs.run("-", "--forget", "ffffffff", command="status")[0] == 2
        status, said = runs.run("-", "--cancel", command="status")
        assert status == 3 and "3 answers are fetched" in said and "its results are in the folder" in said
        server.cruel.clear()
        runs.check(monkeypatch)
        assert runs.run(command="status") == (0, f"nothing is under way in {runs.folder}\n")
        with sqlite3.connect(runs.folder / "run.sqlite") as database:
            assert database.execute("SELECT count(*) FROM batches WHERE state = 'committed'").fetchone()[0] >= 2
    assert subprocess.run([sys.executable, "-m", "synthspec", "status", str(tmp_path)], check=False).returncode == 1
