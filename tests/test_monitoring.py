"""`build --events --metrics --summary`: one definition a figure, formats that a strict reader takes, no harm to a build."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import threading
import time
import typing
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from depth import quarter
from fake_backend import FakeBackend, use
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_text import read
from test_latency import random_spec, reply

from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.generation.build import Build
from synthspec.generation.monitoring.event_lines import EVENTS, MARK, EventLines
from synthspec.generation.monitoring.exposition import ExposedMetric, Histogram, exposition
from synthspec.generation.monitoring.line_file import MOST_WAITING, LineFile, LineFileFault
from synthspec.generation.monitoring.metrics_outlets import MetricsFault, MetricsFile, open_outlet
from synthspec.inference.events import Event
from synthspec.spec.messages import Request

SECRET = "The quick brown fox"
SPEC = """\
synthspec: 1
name: notes
rows: 12
parameters: {topic: [bill, meter, move]}
prompts: {note: {user: "about {{ topic }}", writes: [note]}}
fields:
  topic: {value: topic}
  note: {type: string, words: {min: 3}}
checks: ["not contains(note, 'never')"]
backend: openai:gpt-5-mini
limits: {budget: 1.0}
"""
UNPRICED = SPEC.replace(
    "backend: openai:gpt-5-mini\nlimits: {budget: 1.0}",
    "backend: {provider: openai, model: m, base_url: 'http://127.0.0.1:1/v1'}",
)


def said(request: Request) -> str:
    """Too short at first for one in three rows."""
    if request.attempt == 1 and request.combination % 3 == 0:
        return "no"
    return f"{SECRET} number {request.combination}."


def spec_at(folder: Path, text: str = SPEC) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def build(*arguments: object) -> Result:
    result = CliRunner().invoke(cli, ["build", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def lines_of(path: Path) -> list[dict[str, Any]]:
    text = path.read_bytes()
    assert text.isascii() and text.endswith(b"\n")
    return [json.loads(line) for line in text.splitlines()]


def check_lines(lines: list[dict[str, Any]], *, rows: bool = False) -> None:
    """Every line is as documented, and they are numbered from 0 in each run."""
    extra = {"values", "reasons", "reason", "text"} if rows else set()
    expected = 0
    for line in lines:
        expected = 0 if line["event"] == "started" else expected
        assert (line["v"], line["n"]) == (1, expected)
        always = {"v", "n", "t", "event", *EVENTS[line["event"]]}
        assert always == set(line) - (extra - always), line
        expected += 1


def test_the_three_tell_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBackend(said, 1)
    use(monkeypatch, fake)
    out, told = tmp_path / "out", tmp_path / "told"
    result = build(
        spec_at(tmp_path),
        "--out",
        out,
        "--events",
        told / "e.jsonl",
        "--metrics",
        told / "m.prom",
        "--summary",
        told / "s.json",
    )
    assert result.exit_code == 0, result.output
    summary, lines, figures = (
        json.loads((told / "s.json").read_text()),
        lines_of(told / "e.jsonl"),
        read((told / "m.prom").read_text()),
    )
    manifest = json.loads((out / "manifest.json").read_text())
    check_lines(lines)
    kinds = Counter(line["event"] for line in lines)
    made = [line for line in lines if line["event"] == "call_done"]
    assert lines[-1]["event"] == "ended" and lines[-1]["summary"] == summary
    assert summary["status"] == 0 and summary["outcome"] == "complete" and summary["error"] is None
    assert (
        summary["rows"]["kept"]
        == 12
        == kinds["row_kept"]
        == figures["synthspec_rows_kept_total"].total()
        == manifest["funnel"]["kept"]
    )
    assert (
        summary["calls"]["made"]
        == 16
        == fake.total
        == len(made)
        == figures["synthspec_calls_total"].total(outcome="completed")
    )
    assert summary["rejections"] == {"words(note)": 4} == manifest["rejections"]
    assert figures["synthspec_rejections_total"].value(rule="words(note)") == 4
    assert (
        summary["tokens"]["prompt"] == manifest["usage"]["prompt_tokens"] == sum(line["prompt_tokens"] for line in made)
    )
    assert (
        figures["synthspec_tokens_total"].value(kind="completion", backend="openai:gpt-5-mini", prompt="note")
        == summary["tokens"]["completion"]
    )
    assert summary["cost"]["run"] == manifest["run"]["cost"] > 0 and summary["seconds"] == manifest["run"]["seconds"]
    assert figures["synthspec_spend_dollars_total"].total() == pytest.approx(summary["cost"]["run"])
    assert figures["synthspec_folder_spend_dollars"].total() == pytest.approx(summary["cost"]["run"])
    assert figures["synthspec_budget_dollars"].total() == 1.0
    assert figures["synthspec_calls_in_flight"].total() == 0 == figures["synthspec_build_running"].total()
    assert figures["synthspec_build_exit_status"].total() == 0
    assert sorted(summary["files"]) == sorted(str(out / f["path"]) for f in manifest["files"])
    said_last = f"{summary['rows']['kept']} of {summary['rows']['planned']} rows, in"
    assert said_last in result.stderr and "16 made, 0 cached" in result.stderr


def test_a_dataset_does_not_hang_on_being_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeBackend(said, 1))
    path = spec_at(tmp_path)
    build(path, "--out", tmp_path / "a")
    build(
        path,
        "--out",
        tmp_path / "b",
        "--events",
        tmp_path / "e",
        "--events-rows",
        "--metrics",
        tmp_path / "m",
        "--summary",
        "-",
    )
    for name in ("notes.csv", "quarantine.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    "number",
    [3, 11, pytest.param(5, marks=pytest.mark.slow), *[pytest.param(n, marks=pytest.mark.slow) for n in range(20, 50)]],
)
def test_random_specs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a spec does, its events come to the figures of its manifest; cut off and resumed, the file goes on."""
    use(monkeypatch, FakeBackend(reply, number, faults=0.1))
    path, events, metrics = random_spec(number, tmp_path), tmp_path / "e.jsonl", tmp_path / "m.prom"
    rows = random.Random(number).random() < 0.5
    some = ["--events-rows"] if rows else []
    first = build(path, "--out", tmp_path / "out", "--rows", 9, "--events", events, *some)
    before = events.read_bytes()
    second = build(
        path, "--out", tmp_path / "out", "--events", events, "--metrics", metrics, "--summary", tmp_path / "s", *some
    )
    assert events.read_bytes().startswith(before), "offsets in the file stay good"
    assert {first.exit_code, second.exit_code} <= {0, 3}
    lines = lines_of(events)
    check_lines(lines, rows=rows)
    starts = [n for n, line in enumerate(lines) if line["event"] == "started"]
    assert len(starts) == 2
    run = lines[starts[1] :]
    kinds, figures = Counter(line["event"] for line in run), read(metrics.read_text())
    summary = json.loads((tmp_path / "s").read_text())
    funnel = json.loads((tmp_path / "out/manifest.json").read_text())["funnel"] if (second.exit_code == 0) else None
    assert kinds["row_kept"] == summary["rows"]["kept"] == figures["synthspec_rows_kept_total"].total()
    assert kinds["row_missing"] == summary["rows"]["missing"]
    assert funnel is None or funnel["kept"] == summary["rows"]["kept"]
    made = [line for line in run if line["event"] == "call_done" and not line["cached"]]
    assert len(made) == summary["calls"]["made"]
    assert kinds["call_begun"] == len(made) + kinds["call_failed"] + kinds["call_unsent"]
    rejections = figures.get("synthspec_rejections_total")
    assert (rejections.total() if rejections else 0) == sum(summary["rejections"].values())
    assert "synthspec_spend_dollars_total" not in figures, "the model has no price"
    assert summary["cost"]["dataset"] is None


def test_every_event_has_a_line() -> None:
    known = {"Started": "planned", "Stop": "stop"}
    for event in typing.get_args(Event):
        snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in event.__name__).strip("_")
        assert known.get(event.__name__, snake) in EVENTS, event


def test_texts_of_rows_are_told_where_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeBackend(said, 1))
    path = spec_at(tmp_path, SPEC.replace("min: 3", "min: 30"))
    build(path, "--out", tmp_path / "a", "--events", tmp_path / "without")
    build(path, "--out", tmp_path / "b", "--events", tmp_path / "with", "--events-rows")
    assert SECRET not in (tmp_path / "without").read_text() and "30 words" not in (tmp_path / "without").read_text()
    lost = [line for line in lines_of(tmp_path / "with") if line["event"] == "row_missing"]
    assert (
        len(lost) == 12 and "30" in str(lost[0]["reasons"]) and lost[0]["values"]["topic"] in ("bill", "meter", "move")
    )
    assert json.loads((tmp_path / "without").read_text().splitlines()[-1])["summary"]["outcome"] == "incomplete"


def test_what_is_not_known_is_no_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeBackend(said, 1))
    result = build(
        spec_at(tmp_path, UNPRICED),
        "--out",
        tmp_path / "o",
        "--summary",
        "-",
        "--metrics",
        tmp_path / "m",
        "--events",
        tmp_path / "e",
    )
    figures, summary = read((tmp_path / "m").read_text()), json.loads(result.stdout)
    assert summary["cost"] == {"run": None, "dataset": None, "lost_at_most": 0.0}
    assert "synthspec_spend_dollars_total" not in figures and "synthspec_folder_spend_dollars" not in figures
    assert figures["synthspec_calls_of_unknown_cost_total"].total() == 16
    lines = lines_of(tmp_path / "e")
    assert all(line["cost"] is None for line in lines if line["event"] in ("spend", "planned", "call_done"))


# --- files that cannot be written


def test_a_full_disk_is_told_of_once_and_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    use(monkeypatch, FakeBackend(said, 1))
    result = build(spec_at(tmp_path), "--out", tmp_path / "o", "--events", "/dev/full")
    assert result.exit_code == 0 and result.stderr.count("warning:") == 1
    assert "no space left" in result.stderr and "the build continues" in result.stderr


def test_a_disk_that_has_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines wait, are never torn, and where too many waited whole ones are left out."""
    warned: list[str] = []
    file = LineFile(tmp_path / "e", MARK, warned.append)
    room, write = [0], os.write

    def limited(handle: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        count = write(handle, data[: room[0]])
        room[0] -= count
        return count

    monkeypatch.setattr(os, "write", limited)
    lines = [b'{"v":1,"n":%d,"x":"%s"}\n' % (n, b"x" * 1000) for n in range(1500)]
    luck = random.Random(4)
    for line in lines:
        room[0] += luck.choice([0, 0, 0, 700, 1500])
        file.put(line)
    part = (tmp_path / "e").read_bytes()
    assert part[: part.rfind(b"\n") + 1] == b"".join(lines)[: part.rfind(b"\n") + 1]
    room[0] = 10 * MOST_WAITING
    file.put(b'{"v":1,"n":1500}\n')
    file.close()
    there = (tmp_path / "e").read_bytes().splitlines(keepends=True)
    assert set(there) <= {*lines, b'{"v":1,"n":1500}\n'} and there == sorted(
        there, key=lambda line: json.loads(line)["n"]
    )
    assert len(warned) == 1 and "no space" in warned[0]


def test_a_line_cut_off_is_removed_and_offsets_stay(tmp_path: Path) -> None:
    path = tmp_path / "e"
    for end in (b"", b'{"v":1,"n', b'{"v":1,' + b"x" * 200_000):
        path.write_bytes(b'{"v":1,"n":0}\n' + end)
        file = LineFile(path, MARK, print)
        file.put(b'{"v":1,"n":1}\n')
        file.close()
        assert path.read_bytes() == b'{"v":1,"n":0}\n{"v":1,"n":1}\n'
    path.write_bytes(b'{"v":1,"no line has ended')
    LineFile(path, MARK, print).close()
    assert path.read_bytes() == b""


def test_a_pipe_that_nobody_empties_or_reads_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeBackend(said, 1))
    pipe, path = tmp_path / "pipe", spec_at(tmp_path, SPEC.replace("rows: 12", "rows: 120"))
    os.mkfifo(pipe)
    result = build(path, "--out", tmp_path / "o", "--events", pipe)
    assert result.exit_code == 3 and "nobody reads this pipe" in result.stderr and not (tmp_path / "o").exists()
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    result = build(path, "--out", tmp_path / "o", "--events", pipe, "--events-rows")
    assert result.exit_code == 0, result.output
    held = os.read(reader, 1 << 20)
    assert held.startswith(b'{"v":1,"n":0')
    os.close(reader)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    fake = FakeBackend(lambda request: (os.close(readers.pop()) if readers else None) or said(request), 1)
    readers = [reader]
    use(monkeypatch, fake)
    result = build(path, "--out", tmp_path / "p", "--events", pipe)
    assert result.exit_code == 0 and result.stderr.count("warning:") == 1 and "broken pipe" in result.stderr


def test_a_metrics_file_that_goes_away(tmp_path: Path) -> None:
    warned: list[str] = []
    folder = tmp_path / "there"
    texts = iter(range(1000))
    file = MetricsFile(folder / "m.prom", lambda: f"# HELP synthspec_x {next(texts)}\n", warned.append, every=3600)
    assert (folder / "m.prom").read_text() == "# HELP synthspec_x 0\n"
    folder.rename(tmp_path / "away")
    file._write()
    file.close()
    assert len(warned) == 1 and "the build continues" in warned[0]
    assert [p.name for p in (tmp_path / "away").iterdir()] == ["m.prom"], "nothing half written is left"


# --- bad input: before anything is spent


def wrong(tmp_path: Path) -> dict[str, tuple[list[str], int, str]]:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").write_text("")
    return {
        "events: a folder": (["--events", "{}"], 2, "a folder"),
        "events: below a file": (["--events", "{}/file/e"], 3, "name another file"),
        "events: somebody's file": (["--events", "{}/file"], 2, "not an event file"),
        "metrics: a folder": (["--metrics", "{}"], 2, "a folder"),
        "metrics: somebody's file": (["--metrics", "{}/file"], 2, "is not a metrics file"),
        "metrics: below a file": (["--metrics", "{}/file/m"], 3, "name another file"),
        "metrics: a table": (["--metrics", "m.csv"], 2, "no value"),
        "metrics: for whom?": (["--metrics", ":9464"], 2, "this machine alone"),
        "metrics: no such port": (["--metrics", "70000"], 2, "no port 70000"),
        "summary: a folder": (["--summary", "{}"], 2, "a folder"),
        "summary: somebody's file": (["--summary", "{}/file"], 2, "not a build summary"),
        "summary: below a file": (["--summary", "{}/file/s"], 3, "name another file"),
        "two in one": (["--summary", "{}/x", "--events", "{}/x"], 2, "one file"),
        "rows without events": (["--events-rows"], 2, "--events"),
        "two on standard output": (["--summary", "-", "--format", "json"], 2, "both print JSON"),
    }  # fmt: skip


def test_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBackend(said)
    use(monkeypatch, fake)
    path = spec_at(tmp_path)
    for case, (options, status, words) in wrong(tmp_path).items():
        result = build(path, "--out", tmp_path / "o", *(o.replace("{}", str(tmp_path)) for o in options))
        assert result.exit_code == status and words in result.stderr, (case, result.output)
        assert "Traceback" not in result.stderr and not (tmp_path / "o").exists(), case
    assert not fake.total and (tmp_path / "file").read_text() == "mine" and path.read_text() == SPEC


def test_a_port_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeBackend(said))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = build(spec_at(tmp_path), "--out", tmp_path / "o", "--metrics", port, "--summary", tmp_path / "s")
    assert result.exit_code == 3 and "it is in use" in result.stderr and not (tmp_path / "o").exists()
    summary = json.loads((tmp_path / "s").read_text())
    assert summary["status"] == 3 and summary["outcome"] == "error" and "in use" in summary["error"]["message"]


def test_a_file_that_another_build_writes(tmp_path: Path) -> None:
    child = os.fork()  # locks are a process's
    if child == 0:
        LineFile(tmp_path / "e", MARK, print)
        (tmp_path / "locked").touch()
        signal.pause()
    try:
        while not (tmp_path / "locked").exists():
            time.sleep(0.01)
        with pytest.raises(LineFileFault, match="another build"):
            LineFile(tmp_path / "e", MARK, print)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    LineFile(tmp_path / "e", MARK, print).close()


def test_a_summary_is_written_however_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeBackend(said))
    summary = tmp_path / "s"
    summary.write_text('{"schema": 1, "status": 0, "outcome": "complete"}')
    result = build(spec_at(tmp_path, SPEC.replace("rows: 12", "rows: many")), "--summary", summary)
    assert result.exit_code == 1 and json.loads(summary.read_text())["status"] == 1, (
        "an earlier one says nothing of this"
    )
    two = tmp_path / "two.yaml"
    two.write_text(SPEC.replace("notes", "others"))
    monkeypatch.chdir(tmp_path)
    assert build(spec_at(tmp_path), two, "--summary", summary, "--metrics", "m").exit_code == 0
    assert [s["dataset"] for s in json.loads(summary.read_text())] == ["notes", "others"]
    assert read(Path("m").read_text())["synthspec_rows_kept_total"].value(dataset="others") == 12


@pytest.mark.skipif(os.name != "posix", reason="needs SIGTERM")
def test_sigterm_leaves_what_can_be_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    def term(request: Request) -> str:
        if request.combination == 4 and not ended:
            ended.append(os.kill(os.getpid(), signal.SIGTERM))
        return said(request)

    path, options = (
        spec_at(tmp_path),
        ["--concurrency", 2, "--events", tmp_path / "e", "--metrics", tmp_path / "m", "--summary", tmp_path / "s"],
    )
    fake = FakeBackend(term, 1)
    use(monkeypatch, fake)
    result = build(path, "--out", tmp_path / "o", *options)
    summary = json.loads((tmp_path / "s").read_text())
    assert result.exit_code == 130 == summary["status"] and "run it again to resume" in result.stderr
    assert summary["outcome"] == "interrupted" and summary["files"] == [] and summary["error"] is None
    assert summary["rows"]["kept"] < 12 and 0 < summary["calls"]["made"] < 16
    assert lines_of(tmp_path / "e")[-1]["status"] == 130
    assert read((tmp_path / "m").read_text())["synthspec_build_exit_status"].total() == 130
    assert build(path, "--out", tmp_path / "o", *options).exit_code == 0
    assert fake.total == 16, "nothing is asked twice"
    again = json.loads((tmp_path / "s").read_text())
    assert again["calls"]["cached"] == summary["calls"]["made"] and again["rows"]["kept"] == 12
    assert build(path, "--out", tmp_path / "whole").exit_code == 0
    assert (tmp_path / "o/notes.csv").read_bytes() == (tmp_path / "whole/notes.csv").read_bytes()


# --- Prometheus


def test_asked_while_it_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a port that only this machine reaches; closed with the build."""
    seen: list[Any] = []
    urls: list[str] = []

    def asked(request: Request) -> str:
        if request.combination == 9 and urls and not seen:
            with urllib.request.urlopen(urls[0], timeout=300) as answer:
                seen.append((answer.headers["Content-Type"], answer.read().decode()))
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(urls[0] + "x", timeout=300)
        return said(request)

    opened: Callable[..., Any] = open_outlet

    def opening(*arguments: Any) -> Any:
        outlet = opened(*arguments)
        urls.append(outlet.url)
        return outlet

    monkeypatch.setattr("synthspec.generation.monitoring.metrics_outlets.open_outlet", opening)
    use(monkeypatch, FakeBackend(asked, 2))
    result = build(spec_at(tmp_path), "--out", tmp_path / "o", "--metrics", "0", "--concurrency", 2)
    assert result.exit_code == 0, result.output
    assert urls[0] in result.stderr and urls[0].startswith("http://127.0.0.1:")
    ((form, text),) = seen
    figures = read(text)
    assert form == "text/plain; version=0.0.4; charset=utf-8"
    assert figures["synthspec_build_running"].total() == 1 and figures["synthspec_calls_in_flight"].total() >= 1
    assert "synthspec_build_exit_status" not in figures and figures["synthspec_rows_planned"].total() == 12
    with pytest.raises(OSError):
        urllib.request.urlopen(urls[0], timeout=300)


def test_the_table_of_calls_is_still_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeBackend(said))
    path = spec_at(tmp_path)
    for number, arguments in enumerate((["--metrics", path], [path, "--metrics"], ["--metrics", "--quiet", path])):
        out = tmp_path / f"o{number}"
        assert build(*arguments, "--out", out).exit_code == 0
        assert (out / "metrics.csv").read_text().startswith("prompt,combination")


def test_hosts_and_ports(tmp_path: Path) -> None:
    for place, host in (("0", "127.0.0.1"), ("127.0.0.1:0", "127.0.0.1"), ("localhost:0", "localhost")):
        outlet: Any = open_outlet(place, lambda: "", print)
        assert outlet.url.startswith(f"http://{host}:")
        outlet.close()
    with pytest.raises(MetricsFault):
        open_outlet("nowhere.invalid:0", lambda: "", print)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8) | st.sampled_from(
    ['a"b', "a\\", "a\nb", "}", "a,b=", ""]
)


@settings(max_examples=quarter(40))
@given(st.dictionaries(TEXTS, st.floats(allow_nan=False), min_size=1), TEXTS)
def test_any_label_and_number_can_be_read_back(samples: dict[str, float], help: str) -> None:
    text = exposition(
        [ExposedMetric("x", "gauge", help or "h", [({"of": k, "a": "1"}, v) for k, v in samples.items()])]
    )
    assert {dict(of)["of"]: v for (_, of), v in read(text)["x"].samples.items()} == samples


@settings(max_examples=quarter(20))
@given(st.lists(st.floats(0, 1000)))
def test_a_histogram_counts_each_once(values: list[float]) -> None:
    histogram = Histogram((0.1, 1.0, 10.0))
    for value in values:
        histogram.observe(value)
    family = read(exposition([ExposedMetric("x", "histogram", "h", [({}, histogram)])]))["x"]
    for bound in ("0.1", "1", "10", "+Inf"):
        assert family.value(le=bound) == sum(v <= float(bound) for v in values)


def test_figures_are_read_while_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread reads all the while; whatever it sees is whole."""
    from synthspec.generation.monitoring.prometheus import PrometheusMetrics

    use(monkeypatch, FakeBackend(said, 1))
    compiled = compile_spec(spec_at(tmp_path, SPEC.replace("rows: 12", "rows: 60")), {})
    assert compiled.spec is not None
    work = Build(compiled.spec, compiled.tables, tmp_path / "o")
    figures, done, faults = PrometheusMetrics(work), threading.Event(), list[BaseException]()

    def reading() -> None:
        while not done.is_set():
            try:
                read(exposition(figures.families()))
            except BaseException as e:
                faults.append(e)
                return

    from synthspec.generation.build import finish_build
    from synthspec.generation.row_stream import run_async

    thread = threading.Thread(target=reading)
    thread.start()
    run_async(finish_build(work, figures.take), work.interrupt)
    done.set()
    thread.join()
    assert not faults, faults


def test_lines_name_the_backend_of_every_endpoint(tmp_path: Path) -> None:
    compiled = compile_spec(spec_at(tmp_path), {})
    assert compiled.spec is not None
    file = LineFile(tmp_path / "e", MARK, print)
    EventLines(file, Build(compiled.spec, compiled.tables, tmp_path / "o"), rows=False, clock=lambda: 1.5)
    file.close()
    assert lines_of(tmp_path / "e")[0] | {"pid": 0, "version": ""} == {
        "v": 1, "n": 0, "t": 1.5, "event": "started", "dataset": "notes", "folder": str(tmp_path / "o"), "rows": 12, "version": "", "pid": 0,
    }  # fmt: skip


def test_a_preview_tells_events_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the values of rows, and the texts of completions: it is looked at, not logged."""
    use(monkeypatch, FakeBackend(said, 1))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["preview", str(spec_at(tmp_path)), "-n", "2", "--events", "told/e.jsonl"])
    assert result.exit_code == 0, result.output
    lines = lines_of(tmp_path / "told" / "e.jsonl")
    check_lines(lines, rows=True)
    kept = [line for line in lines if line["event"] == "row_kept"]
    ready = [line for line in lines if line["event"] == "row_ready"]
    assert [line["values"] for line in kept] == [line["values"] for line in sorted(ready, key=lambda x: int(x["path"]))]
    assert len(kept) == 2 and SECRET in lines[-1]["summary"]["dataset"] + json.dumps(kept)
    assert any(line["text"] == "no" for line in lines if line["event"] == "call_done")
    assert lines[-1]["event"] == "ended" and lines[-1]["status"] == 0
