"""The Python API: what a spec may be given as, rows as a stream, reports, and how values show themselves."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from depth import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Loopback

import synthspec
from synthspec.cli import cli
from synthspec.document.reader import read_document, to_data
from synthspec.document.source import NO_FILE, text_source
from synthspec.document.writer import spec_text
from synthspec.inference.events import RowKept

ROOT = Path(__file__).parent.parent
TEXT = """\
synthspec: 1
name: notes
rows: 12
seed: 4
sources: {sample: {file: notes.csv}}
parameters:
  tone: {values: {kind: 2, harsh: 1}}
  level: [1, "1", 2.5]
prompts:
  note:
    examples: {from: sample, rows: 1}
    user: "A {{ tone }} note.\\nLike: {{ examples[0].note }}"
    writes: [note]
fields:
  tone: {value: tone}
  level: {value: text(level)}
  note: {type: string, words: {min: 1}}
backend: ngram
"""
EVIL = '<script>alert(1)</script><img src=x onerror=alert(2)> & "quoted" \x1b[2J'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    words = ["the lamp is very good", "a hose of good make", "the lamp broke on day two", "my pillow is too flat"]
    (tmp_path / "notes.csv").write_text("note\n" + "\n".join(words) + "\n", encoding="utf-8")
    (tmp_path / "notes.yaml").write_text(TEXT, encoding="utf-8")
    return tmp_path


def as_data(text: str) -> dict[str, Any]:
    source, _ = text_source(text)
    assert source is not None
    node, faults = read_document(source)
    assert node is not None and not faults
    found: dict[str, Any] = to_data(node)
    return found


def test_a_path_a_dict_and_a_text_are_one_spec(folder: Path) -> None:
    ways: list[Any] = ["notes.yaml", folder / "notes.yaml", TEXT, as_data(TEXT)]
    plans = [list(synthspec.plan(way)) for way in ways]
    assert all(plan == plans[0] for plan in plans) and len(plans[0]) == 12
    assert {type(c["level"]) for c in plans[0]} == {int, str, float}, "no value is taken for another kind"
    built = [synthspec.build(way, rows=5, out=folder / str(n)) for n, way in enumerate(ways)]
    assert all(b.rows == built[0].rows for b in built) and len(built[0].rows) == 5


@pytest.mark.parametrize("text", ["synthspec: 2", "  'rows': 3", "{rows: 1}", "rows:\n", "a\nb", "name:"])
def test_what_is_taken_for_text(text: str) -> None:
    assert {d.span.file for d in synthspec.check(text)} == {NO_FILE}


@pytest.mark.parametrize("path", ["specs/x.yaml", "C:\\specs\\x.yaml", "x", "a:b.yaml", "my spec.yaml"])
def test_what_is_taken_for_a_path(path: str) -> None:
    (found,) = synthspec.check(path)
    assert found.code == "E101" and found.span.file != NO_FILE


def test_errors_of_a_text_show_its_lines() -> None:
    with pytest.raises(synthspec.SpecError) as error:
        synthspec.plan({"synthspec": 1, "rowz": 3, "api_key": "sk-secret-secret-1"})
    assert "<spec>:2:1" in str(error.value) and "2 | rowz: 3" in str(error.value)
    assert "did you mean 'rows'" in repr(error.value.diagnostics)
    assert "secret-secret" not in str(error.value) + error.value.diagnostics._repr_html_()


def test_a_large_text_is_refused_like_a_large_file() -> None:
    assert [d.code for d in synthspec.check("synthspec: 1\n#" + "x" * 2_000_001)] == ["E102"]


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**18), 10**18), st.floats(allow_nan=False), st.dates(),
    st.text(), st.text("0o17xXabyesNOnul~.:-_e+#{}[]&*!|>'\"%@ \n\t\\", max_size=8),
)  # fmt: skip
KEYS = st.one_of(
    st.integers(), st.booleans(), st.none(), st.text(max_size=8), st.sampled_from(["on", "no", "12:30", "1e3", "<<"])
)


@examples(15, 200)
def test_a_dict_is_read_back_as_it_was(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(st.dictionaries(KEYS, st.recursive(SCALARS, lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)), max_leaves=12), max_size=5))  # fmt: skip
    def holds(data: dict[Any, Any]) -> None:
        if not data or not all_distinct(data):
            return
        try:
            spec_text(data).encode()
        except UnicodeEncodeError:
            return
        assert repr(as_data(spec_text(data))) == repr(data)

    holds()


def all_distinct(value: Any) -> bool:
    """Whether keys are distinct as text, as a spec wants them."""
    if isinstance(value, dict):
        written = [spec_text({k: 1}) for k in value]
        keys = {
            w.split(":")[0].strip('"') if not isinstance(k, str) else k for k, w in zip(value, written, strict=True)
        }
        return len(keys) == len(value) and "<<" not in keys | {None} and all(map(all_distinct, value.values()))
    return all(map(all_distinct, value)) if isinstance(value, list) else True


def test_values_of_numpy_and_paths_are_plain() -> None:
    data = {"synthspec": np.int64(1), "rows": np.int32(3), "name": Path("x"), "seed": (1,)}
    assert as_data(spec_text(data)) == {"synthspec": 1, "rows": 3, "name": "x", "seed": [1]}


@pytest.mark.parametrize("value", [{1, 2}, b"x", object(), lambda: 1])
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"at fields\.a"):
        synthspec.check({"synthspec": 1, "fields": {"a": value}})


def test_what_holds_itself_is_refused() -> None:
    data: dict[str, Any] = {"synthspec": 1}
    data["again"] = data
    with pytest.raises(ValueError, match="nested"):
        synthspec.check(data)


def test_options_are_typed() -> None:
    for name in ("check", "plan", "preview", "build", "rows"):
        parameters = inspect.signature(getattr(synthspec, name)).parameters
        assert {"rows", "seed", "backend", "budget", "concurrency", "set"} <= set(parameters)
        assert not any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    with pytest.raises(TypeError):
        synthspec.check("notes.yaml", row=3)  # type: ignore[call-arg]
    plan = synthspec.plan("notes.yaml", rows=3, seed=9, backend={"provider": "ngram"}, set={"limits.attempts": 2})
    assert len(plan) == 3 and plan.spec.seed == 9 and plan.spec.limits.attempts == 2


# --- rows as a stream


def calls_of(folder: Path) -> int:
    from synthspec.inference.store import Store

    store = Store.open_readonly(folder)
    try:
        return sum(1 for _ in store.iterate_calls(texts=False))
    finally:
        store.shut()


def chat(url: str) -> dict[str, Any]:
    data = as_data(TEXT)
    return {**data, "backend": {"provider": "openai", "model": "loop", "base_url": url, "prices": {"prompt": 1, "completion": 1}},
            "limits": {"concurrency": 2}}  # fmt: skip


def test_rows_are_those_of_a_build() -> None:
    stream = synthspec.rows("notes.yaml")
    rows = list(stream)
    assert rows == list(synthspec.build("notes.yaml").rows) and len(rows) == 12
    assert list(stream) == [] and stream.reason is None and not stream.missing


def test_a_loop_left_early_keeps_what_was_paid(folder: Path) -> None:
    left = threading.Event()

    def reply(body: dict[str, Any], nth: int) -> str:
        if server.total > 4:  # later rows are not answered before the loop is left
            left.wait(600)
        return f"note number {nth}"

    with Loopback(reply) as server:
        spec = chat(server.url)
        for number, row in enumerate(synthspec.rows(spec, out="kept")):
            assert row["note"].startswith("note number")
            if number == 2:
                left.set()
                break
        made = server.total
        assert 3 <= made <= 4 + 2, "no call is begun for rows that nobody takes"
        assert calls_of(folder / "kept") == made, "calls in flight are waited for and kept"
        dataset = synthspec.build(spec, out="kept")
        assert dataset.complete and server.total == 12 and dataset.manifest["run"]["reused"] == made


def test_a_stream_is_closed_by_its_block() -> None:
    with synthspec.rows("notes.yaml") as stream:
        next(stream)
    assert list(stream) == []
    assert len(list(synthspec.rows("notes.yaml"))) == 12, "the store is free again"


def test_inside_a_running_loop() -> None:
    async def cell() -> tuple[list[Any], Any]:
        return list(synthspec.rows("notes.yaml", rows=4)), synthspec.build("notes.yaml", rows=4)

    rows, dataset = asyncio.run(cell())
    assert rows == list(dataset.rows)


def test_missing_rows_are_told(folder: Path) -> None:
    with Loopback(reply=lambda body, nth: "good words" if nth % 2 else "") as server:
        spec = {**chat(server.url), "limits": {"concurrency": 1, "attempts": 1}}
        stream = synthspec.rows(spec)
        rows = list(stream)
    assert rows and len(rows) + len(stream.missing) == 12 and stream.missing[0].reasons


def test_a_spec_with_errors_fails_before_the_loop() -> None:
    with pytest.raises(synthspec.SpecError):
        synthspec.rows("synthspec: 1\nrows: none")


def test_a_stream_left_open_ends_with_the_program(folder: Path) -> None:
    script = "import synthspec\nstream = synthspec.rows('notes.yaml')\nprint(len(next(stream)))\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


def test_a_build_can_be_listened_to() -> None:
    heard: list[Any] = []
    dataset = synthspec.build("notes.yaml", rows=4, listen=heard.append)
    assert [e.row.values for e in heard if isinstance(e, RowKept)] == list(dataset.rows)


# --- reports, comparisons, differences


def test_reports_are_what_the_command_prints(folder: Path) -> None:
    dataset = synthspec.build("notes.yaml")
    for data in (dataset, dataset.folder, str(dataset.folder)):
        report = synthspec.report(data, against="notes.csv")
    told = CliRunner().invoke(cli, ["report", "build/notes", "--against", "notes.csv", "--format", "json"])
    assert json.loads(told.stdout) == json.loads(json.dumps(report.as_dict(), default=str))
    assert report.text() == repr(report) and report.html().startswith("<!doctype html>")


def test_comparisons_are_what_the_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.evaluation.comparison.PARTS", 6)
    one, other = synthspec.build("notes.yaml"), synthspec.build("notes.yaml", seed=5, out="other")
    found = synthspec.compare(one, "other")
    told = CliRunner().invoke(cli, ["compare", "build/notes", "other", "--format", "json"])
    assert json.loads(told.stdout) == json.loads(json.dumps(found.as_dict(), default=str))
    assert len(synthspec.compare(one, vary="tone").names) == 2
    assert other.name in found.text() and found.html().startswith("<!doctype html>")


def test_wrong_questions_are_refused() -> None:
    dataset = synthspec.build("notes.yaml")
    for ask in (
        lambda: synthspec.compare(dataset),
        lambda: synthspec.compare(dataset, vary="mood"),
        lambda: synthspec.report(dataset, judge="gpt-5"),
        lambda: synthspec.report(dataset, judge="openai"),
        lambda: synthspec.report(dataset, budget=1),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            ask()


def test_a_difference() -> None:
    found = synthspec.diff("notes.yaml", TEXT.replace("kind: 2", "kind: 1"))
    assert found.parameters == {"tone": "changed"}


# --- how values show themselves


class Reader(HTMLParser):
    """Tags, attributes and texts of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(value: Any) -> str:
    html: str = value._repr_html_()
    page = Reader(html)
    assert not page.open, "every tag is closed"
    assert page.tags <= {"div", "span", "strong", "table", "thead", "tbody", "tr", "th", "td", "pre"}, page.tags
    assert page.attributes <= {"style"}
    assert "color:" not in html.replace("color:inherit", ""), "the notebook's own colours, light or dark"
    assert len(html) < 40_000
    return page.text


def test_a_plan_shows_what_is_asked_and_reached() -> None:
    plan = synthspec.plan("notes.yaml")
    text = shown(plan)
    assert "12 combinations" in text and "66.7%" in text and "harsh" in text
    assert repr(plan) == "<Plan notes: 12 combinations, balanced: tone, level>"


def test_a_dataset_shows_rows_funnel_and_cost() -> None:
    dataset = synthspec.build("notes.yaml")
    text = shown(dataset)
    assert "12 planned → 12 called" in text and "nothing to pay" in text and dataset.rows[0]["note"] in text
    assert repr(dataset) == f"<Dataset notes: 12 of 12 rows in {Path('build/notes')}>"


def test_a_cost_that_is_not_known_is_said_to_be() -> None:
    with Loopback(reply=lambda body, nth: f"note {nth}") as server:
        spec = chat(server.url)
        del spec["backend"]["prices"]
        dataset = synthspec.build(spec)
    assert "unknown in this run" in shown(dataset) and "$0" not in shown(dataset)


def test_diagnostics_are_a_tuple_that_reads_well() -> None:
    found = synthspec.check("synthspec: 1\nrowz: 3\n")
    assert isinstance(found, tuple) and len(found) == 1 and not found.ok
    assert "2 | rowz: 3" in repr(found) and repr(found).endswith("1 error")
    assert "rowz: 3" in shown(found)
    assert repr(synthspec.check("notes.yaml")) == "no errors" and not synthspec.check("notes.yaml")


@pytest.mark.parametrize("what", ["plan", "dataset", "diagnostics", "report", "comparison"])
def test_nothing_of_others_reaches_the_page(what: str) -> None:
    with Loopback(reply=lambda body, nth: f"{EVIL} note {nth}") as server:
        spec = {**chat(server.url), "description": EVIL}
        spec["parameters"] = {"tone": [EVIL, "calm"], "level": [1, 2]}
        if what == "diagnostics":
            text = shown(synthspec.check({**spec, EVIL: EVIL}))
        elif what == "plan":
            text = shown(synthspec.plan(spec))
        else:
            dataset = synthspec.build(spec)
            value: Any = dataset
            if what == "report":
                value = synthspec.report(dataset)
            elif what == "comparison":
                value = synthspec.compare(dataset, vary="tone")
            text = shown(value)
    assert "\x1b" not in text
    assert "<script>" in text or what == "report", "shown as text"


# --- what a first user reads


@pytest.mark.parametrize(("words", "begun", "found"), [
    ("synthspec build x.yaml --backend", "op", "openai"),
    ("synthspec explain", "e10", "E101"),
    ("synthspec library", "peo", "people"),
])  # fmt: skip
def test_the_shell_completes_names(words: str, begun: str, found: str) -> None:
    environment = {
        "_SYNTHSPEC_COMPLETE": "bash_complete",
        "COMP_WORDS": f"{words} {begun}",
        "COMP_CWORD": str(len(words.split())),
    }
    done = CliRunner().invoke(cli, [], env=environment, prog_name="synthspec", complete_var="_SYNTHSPEC_COMPLETE")
    assert f"plain,{found}" in done.output.splitlines()


def test_a_preview_ends_with_what_to_do_next() -> None:
    told = CliRunner().invoke(cli, ["preview", "notes.yaml", "-n", "2"])
    assert told.stderr.endswith("2 rows kept; 2 calls made, 0 cached\nnext: synthspec build notes.yaml\n")


def test_a_spec_in_the_folder_of_specs_is_meant(folder: Path) -> None:
    (folder / "specs").mkdir()
    (folder / "notes.yaml").rename(folder / "specs" / "mine.yaml")
    (found,) = synthspec.check("mine.yaml")
    assert found.help == f"did you mean '{Path('specs/mine.yaml')}'?"


def test_a_small_budget_is_not_shown_as_none() -> None:
    with Loopback(reply=lambda body, nth: "a note") as server:
        spec = {**chat(server.url), "limits": {"budget": 0.0004}}
        dataset = synthspec.build(spec)
    assert dataset.reason is not None and dataset.reason.startswith("the budget of $0.0004 is reached: $0.00")
