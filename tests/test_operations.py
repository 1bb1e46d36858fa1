"""docs/operations.md and examples/: what they say is what there is, and the scripts run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from test_build import calls_spec
from test_faults import environment

from synthspec.cli import cli
from synthspec.compiler import compile_text
from synthspec.generation.build import Build
from synthspec.generation.monitoring.build_summary import summarise, summary_json
from synthspec.generation.monitoring.event_lines import EVENTS
from synthspec.generation.monitoring.prometheus import PrometheusMetrics

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/operations.md").read_text()
TEXT = "synthspec: 1\nname: a\nrows: 2\nparameters: {n: [1, 2]}\nfields: {n: {value: n}}\n"


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the tables of a section."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
    return [r for r in rows if not set("".join(r)) <= set("-")][1:]


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def build() -> Build:
    compiled = compile_text(TEXT, {})
    assert compiled.spec is not None
    return Build(compiled.spec, compiled.tables, Path("o"))


def test_every_event_is_on_the_page() -> None:
    assert {names(e)[0]: tuple(names(keys)) for e, keys, _ in rows_of("Events")} == EVENTS


def test_every_metric_is_on_the_page() -> None:
    figures = PrometheusMetrics(build())
    told = {
        name: (kind, set(names(labels))) for metrics, kind, labels, _ in rows_of("Metrics") for name in names(metrics)
    }
    assert {f.name: f.kind for f in figures.families()} == {n: kind for n, (kind, _) in told.items()}
    for family in figures.families():
        for labels, _ in family.samples:
            assert set(labels) == {"dataset", *told[family.name][1]}, family.name


def test_every_key_of_the_summary_is_on_the_page() -> None:
    told: dict[str, Any] = summary_json(summarise(build(), 0, 1.0))
    rows = rows_of("Summary")
    assert [n for keys, _ in rows for n in names(keys)] == list(told)
    for keys, holds in rows:
        value = told[names(keys)[0]]
        if isinstance(value, dict) and value:
            assert set(value) <= set(names(holds)), keys


def job() -> dict[str, Any]:
    found: dict[str, Any] = next(
        d for d in yaml.safe_load_all((ROOT / "examples/kubernetes.yaml").read_text()) if d["kind"] == "Job"
    )
    return found


def test_the_job_is_asked_as_the_command_takes_it() -> None:
    spec = job()["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    arguments = container["command"]
    known = CliRunner().invoke(cli, ["build", "--help"]).output
    assert all(option in known for option in arguments if option.startswith("--"))
    host, port = arguments[arguments.index("--metrics") + 1].split(":")
    annotations = job()["spec"]["template"]["metadata"]["annotations"]
    assert host == "0.0.0.0" and annotations["prometheus.io/port"] == port == str(
        container["ports"][0]["containerPort"]
    )
    compiled = compile_text(TEXT, {})
    assert compiled.spec is not None and spec["terminationGracePeriodSeconds"] > compiled.spec.limits.timeout
    volumes, mounts = (
        {v["name"] for v in spec["volumes"]},
        {m["name"]: m["mountPath"] for m in container["volumeMounts"]},
    )
    assert volumes == set(mounts)
    for option in ("--out", "--events", "--summary"):
        assert arguments[arguments.index(option) + 1].startswith(mounts["data"])
    assert arguments[arguments.index("--summary") + 1] in container["lifecycle"]["preStop"]["exec"]["command"][-1]
    statuses = {int(s) for s, *_ in rows_of("Exit statuses")}
    given_up = next(r for r in job()["spec"]["podFailurePolicy"]["rules"] if "onExitCodes" in r)["onExitCodes"][
        "values"
    ]
    assert set(given_up) < statuses and not set(given_up) & {3, 130}


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_script_of_slurm_is_one() -> None:
    subprocess.run(["bash", "-n", str(ROOT / "examples/slurm.sbatch")], check=True)
    text = (ROOT / "examples/slurm.sbatch").read_text()
    known = CliRunner().invoke(cli, ["build", "--help"]).output
    assert all(option in known for option in re.findall(r"(?<= )--\w+(?= \"\$)", text))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_the_script_of_slurm_goes_on_after_the_time_limit(tmp_path: Path) -> None:
    """A stand-in for Slurm: it sends SIGTERM, and runs the job again when asked to."""
    bin = tmp_path / "bin"
    bin.mkdir()
    for name, text in (
        ("synthspec", f'exec {sys.executable} -m synthspec "$@"'),
        ("scontrol", f'echo "$@" >> {tmp_path}/requeued'),
    ):
        (bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (bin / name).chmod(0o755)
    env = {**environment(), "PATH": f"{bin}:{os.environ['PATH']}", "OUT": str(tmp_path / "out"), "SLURM_JOB_ID": "77"}
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/loopback.py"), "--latency", "0.2"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    try:
        assert server.stdout is not None
        path = calls_spec(tmp_path, server.stdout.readline().strip(), rows=60, concurrency=4)
        command = ["bash", str(ROOT / "examples/slurm.sbatch"), str(path)]
        job = subprocess.Popen(command, env=env, cwd=tmp_path)
        events = tmp_path / "out/events.jsonl"
        while not (events.exists() and b'"call_done"' in events.read_bytes()):
            assert job.poll() is None
            time.sleep(0.02)
        job.send_signal(signal.SIGTERM)
        assert job.wait() == 130
        assert (tmp_path / "requeued").read_text() == "requeue 77\n"
        assert not (tmp_path / "out/manifest.json").exists()
        assert subprocess.run(command, env=env, cwd=tmp_path).returncode == 0
    finally:
        server.communicate("")
    summary = yaml.safe_load((tmp_path / "out/summary.json").read_text())
    assert summary["rows"]["kept"] == 60 and summary["calls"]["cached"] > 0
    assert (tmp_path / "out/metrics.prom").read_text().startswith("# HELP synthspec_build_info")
    assert (tmp_path / "requeued").read_text() == "requeue 77\n"
