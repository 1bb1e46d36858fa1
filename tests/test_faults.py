"""A build through every fault: killed, throttled, hung, cut, out of money, out of disk. Nothing paid for is lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest
from forked_commands import run_forked
from loopback import Loopback
from test_build import calls_spec, output

import synthspec

HERE = Path(__file__).parent


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "synthspec", *map(str, arguments)]


def environment() -> dict[str, str]:
    root = str(HERE.parent)
    keep = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI")}
    return {**keep, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / "here"
        here.mkdir()
        return run_forked(here, *map(str, arguments), environment=environment(), root=HERE.parent)


@pytest.mark.parametrize("kills, rows", [(1, 60), pytest.param(50, 500, marks=pytest.mark.slow)])
def test_kill_9_at_any_moment(tmp_path: Path, kills: int, rows: int) -> None:
    """Killed at random moments and resumed: the same bytes, and only calls in flight are made again."""
    concurrency = 16
    server = subprocess.Popen(
        [sys.executable, str(HERE / "loopback.py"), "--latency", "0.02"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        path = calls_spec(tmp_path, url, rows=rows, concurrency=concurrency)
        path.write_text(path.read_text().replace("about {{ topic }}.", "about {{ topic }}, number {{ n }}.").replace(
            "parameters:", "parameters:\n  n: uniform(0, 1)"))  # fmt: skip
        chance = random.Random(kills)
        for _ in range(kills):
            build = subprocess.Popen(command("build", path, "--out", tmp_path / "out", "-q"), env=environment(),
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
            began = time.monotonic()
            while not (tmp_path / "out/run.sqlite").exists() and time.monotonic() - began < 20:
                time.sleep(0.02)
            time.sleep(chance.uniform(0, 0.5))
            build.send_signal(signal.SIGKILL)
            build.wait()
        done = run("build", path, "--out", tmp_path / "out", "--format", "json")
        assert done.returncode == 0, done.stderr
        with urllib.request.urlopen(url.replace("/v1", "/stats")) as reply:
            stats = json.load(reply)
        whole = run("build", path, "--out", tmp_path / "whole")
        assert whole.returncode == 0, whole.stderr
    finally:
        server.communicate("")
    assert output(tmp_path / "out") == output(tmp_path / "whole")
    asked_again = sum(stats["calls"].values()) - rows
    assert asked_again <= kills * concurrency
    assert json.loads(done.stdout)["funnel"]["kept"] == rows


STORM = {"429": 0.02, "500": 0.02, "hang": 0.01, "drop": 0.01, "cut": 0.02, "garble": 0.02}


@pytest.mark.parametrize("rows", [150, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_row_through_a_storm(tmp_path: Path, rows: int) -> None:
    with Loopback(faults=STORM, hang=30, seed=5) as server:
        path = calls_spec(tmp_path, server.url, rows=rows, concurrency=32)
        path.write_text(path.read_text().replace("words: {min: 3}", "words: {min: 3}, pattern: '^[a-z]'"))
        dataset = synthspec.build(path, out=tmp_path / "out", set={"limits.timeout": 5, "limits.attempts": 6})
    with Loopback() as calm:
        path.write_text(path.read_text().replace(server.url, calm.url))
        quiet = synthspec.build(path, out=tmp_path / "quiet")
    assert dataset.complete and dataset.manifest["funnel"]["kept"] == rows
    assert len(quiet.frame) == rows
    assert server.total > rows


def test_spend_never_passes_the_budget_over_resumes(tmp_path: Path) -> None:
    """A budget at 60% of the full cost: the server's own count of what it sold stays below it."""
    rows, price = 60, (50 * 1 + 100 * 2) / 1e6
    budget = 0.6 * rows * price
    with Loopback(latency=0.002) as server:
        path = calls_spec(tmp_path, server.url, rows=rows, concurrency=16)
        path.write_text(path.read_text().replace("model: loop,", "model: loop, max_tokens: 100,"))
        kept = []
        for _ in range(5):
            dataset = synthspec.build(path, out=tmp_path / "out", budget=budget)
            kept.append(dataset.manifest["funnel"]["kept"])
            assert not dataset.complete and dataset.status == 3
            assert "budget" in (dataset.reason or "")
            assert server.total * price <= budget
        assert kept[0] > 0.4 * rows and kept == [kept[0]] * 5
        assert synthspec.build(path, out=tmp_path / "out", budget=10).complete
        assert server.total == rows


def test_a_quota_error_stops_at_once(tmp_path: Path) -> None:
    with Loopback(faults={"quota": 1.0}) as server:
        done = run("build", calls_spec(tmp_path, server.url), "--out", tmp_path / "out")
        assert server.total <= 8
    assert done.returncode == 3
    assert "stopped: openai" in done.stderr and "Traceback" not in done.stderr


def test_a_server_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    done = run("build", calls_spec(tmp_path, "http://127.0.0.1:9/v1"), "--out", tmp_path / "out")
    assert done.returncode == 3
    assert "127.0.0.1:9" in done.stderr and "Traceback" not in done.stderr


def test_ctrl_c_keeps_what_is_paid_for(tmp_path: Path) -> None:
    with Loopback(latency=0.15) as server:
        path = calls_spec(tmp_path, server.url, rows=4000, concurrency=8)
        build = subprocess.Popen(command("build", path, "--out", tmp_path / "out"), env=environment(),
                                 stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
        while server.total < 20 and build.poll() is None:
            time.sleep(0.05)
        build.send_signal(signal.SIGINT)
        _, said = build.communicate(timeout=300)
        assert build.returncode == 130, said
        assert "run it again to resume" in said and "Traceback" not in said
        answered = sum(server.answered.values())
        dataset = synthspec.build(path, out=tmp_path / "out", rows=40)
        assert dataset.manifest["run"]["reused"] == min(answered, 40)
    assert not (tmp_path / "out/.next").exists()


def test_two_builds_of_one_folder_cannot_both_run(tmp_path: Path) -> None:
    with Loopback(latency=600) as server:
        path = calls_spec(tmp_path, server.url, rows=100, concurrency=4)
        first = subprocess.Popen(command("build", path, "--out", tmp_path / "out", "-q"), env=environment())
        while server.total < 4 and first.poll() is None:
            time.sleep(0.05)
        second = run("build", path, "--out", tmp_path / "out")
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert second.returncode == 3
    assert "another build" in second.stderr and str(first.pid) in second.stderr


@pytest.mark.slow
def test_a_damaged_store_is_said_and_kept(tmp_path: Path) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url)
        synthspec.build(path, out=tmp_path / "out")
        store = tmp_path / "out/run.sqlite"
        size = store.stat().st_size
        with store.open("r+b") as file:
            file.seek(100)
            file.write(b"\xff" * (size * 9 // 10))
        done = run("build", path, "--out", tmp_path / "out")
        assert done.returncode == 3 and "Traceback" not in done.stderr
        assert "run.sqlite" in done.stderr and "help" in done.stderr and "--accept-loss" in done.stderr
        assert store.stat().st_size == size
        assert server.total == 30
        done = run("build", path, "--out", tmp_path / "out", "--accept-loss")
        assert done.returncode == 0, done.stderr
        assert "was damaged" in done.stderr
        assert 30 < server.total < 60


def test_a_store_whose_completions_are_whole_is_repaired_at_once(tmp_path: Path) -> None:
    """Nothing is paid for again though all else is gone: sums, indexes, and the pages that lead to the completions."""
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url)
        synthspec.build(path, out=tmp_path / "out")
        before = output(tmp_path / "out")
        store = tmp_path / "out/run.sqlite"
        with store.open("r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 8000)
        done = run("build", path, "--out", tmp_path / "out", "--accept-loss")
        assert done.returncode == 0, done.stderr
        assert "30 completions were rescued" in done.stderr
        assert server.total == 30
    assert output(tmp_path / "out") == before


@pytest.mark.slow
def test_output_folder_removed_in_the_middle(tmp_path: Path) -> None:
    with Loopback(latency=0.1) as server:
        path = calls_spec(tmp_path, server.url, rows=3000, concurrency=4)
        build = subprocess.Popen(command("build", path, "--out", tmp_path / "out"), env=environment(),
                                 stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
        while server.total < 10 and build.poll() is None:
            time.sleep(0.05)
        shutil.rmtree(tmp_path / "out")
        _, said = build.communicate(timeout=300)
    assert build.returncode == 3, said
    assert "Traceback" not in said and "error:" in said


def test_a_full_disk_for_the_output_is_said(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk; the store of completions is smaller."""
    spec = tmp_path / "spec.yaml"
    spec.write_text("synthspec: 1\nname: big\nrows: 3000\nparameters: {n: [1, 2]}\n"
                    "fields: {n: {value: n}, long: {value: \"'" + "x" * 500 + "'\"}}\n")  # fmt: skip
    call = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); " \
           "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); " \
           "from synthspec.cli import main; sys.argv[0] = 'synthspec'; main()"  # fmt: skip
    no_modules = {"PYTHONDONTWRITEBYTECODE": "1"}  # Python cuts off those that are larger, for all commands to load
    done = subprocess.run([sys.executable, "-c", call, "build", str(spec), "--out", str(tmp_path / "out")],
                          env=environment() | no_modules, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "too large" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out/manifest.json").exists()


def test_a_resumed_build_says_what_it_will_ask(tmp_path: Path) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url, rows=20)
        assert "used again" not in run("build", path, "--out", tmp_path / "out").stderr.split("20 of 20")[0]
        said = run("build", path, "--out", tmp_path / "out", "--rows", "26", "--metrics").stderr
        assert "20 cached calls of an earlier build, at least 6 to make" in said
    lines = (tmp_path / "out/metrics.csv").read_text().splitlines()
    assert len(lines) == 27 and lines[0].startswith("prompt,combination,attempt,model")


WRONG_PLACES = {
    "a path that is too long": ("x" * 200 + "/") * 25,
    "a name that is too long": "x" * 300,
    "a file": "file",
    "inside a file": "file/out",
}


@pytest.mark.parametrize("place", WRONG_PLACES)
def test_a_place_that_cannot_be_written_is_said_as_what_it_is(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    spec = tmp_path / "spec.yaml"
    spec.write_text("synthspec: 1\nname: a\nrows: 3\nparameters: {n: [1, 2]}\nfields: {n: {value: n}}\n")
    done = run("build", spec, "--out", f"{tmp_path}/{WRONG_PLACES[place]}")
    assert done.returncode in (2, 3) and "Traceback" not in done.stderr and len(done.stderr) < 1_000
    assert ("longer than this system allows" in done.stderr) == ("too long" in place), done.stderr
    assert "run.sqlite" not in done.stderr
    if "file" in place:
        assert "file" in done.stderr and "help" in done.stderr.lower()
