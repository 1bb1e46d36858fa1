"""Figures are of the rows they describe: the same in gates and report, from every file, and unknown where unknown."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from depth import one_in, quarter, rest_slow
from hypothesis import given, settings
from hypothesis import strategies as some
from loopback import Loopback, digest

import synthspec
from synthspec.cli import cli
from synthspec.dataset.similarity.shingles import words_of
from synthspec.evaluation.corpus.corpus import corpus_of, read_corpus
from synthspec.evaluation.corpus.values import level_names
from synthspec.evaluation.gates import GATE_METRICS, TEXT_FIGURES, text_figures
from synthspec.evaluation.metrics import diversity
from synthspec.evaluation.metrics.language import is_english, reading_ease
from synthspec.evaluation.report.measure import measure
from synthspec.evaluation.report.samples import sample_rows
from synthspec.evaluation.report.text import report_text

ROOT = Path(__file__).parent.parent

SPEC = """
synthspec: 1
name: calls
rows: 60
parameters: {mood: [calm, cross, glad], town: [Lima, Oslo]}
prompts: {call: {user: "Write a call by a {{ mood }} client of {{ town }}.", writes: [title, call, date]}}
fields:
  mood: {value: mood}
  title: {type: string}
  call: {type: string}
  date: {type: string}
backend: {provider: openai, model: loop, base_url: URL}
limits: {attempts: 2}
GATES
"""
LAYOUTS = {
    "one csv": "output: {formats: [csv]}",
    "parquet": "output: {formats: [parquet, jsonl]}",
    "splits": "output: {formats: [jsonl], split: {train: 0.6, test: 0.4}}",
    "partitions": "output: {formats: [csv], partition_by: [mood]}",
    "fewer columns": "output: {formats: [json], columns: [mood, call]}",
}
WORDS = "meter bill move outage letter refund visit name street tariff date delay gas water".split()


def reply(body: dict[str, Any], nth: int) -> str:
    """Few words, so that they come again; every third text a copy of another."""
    number = digest(body["messages"], nth)
    chance = random.Random(number % 40)
    text = " ".join(chance.choice(WORDS) for _ in range(9))
    title = " ".join(chance.choice(WORDS) for _ in range(3))
    return json.dumps({"title": title, "call": text, "date": f"2026-01-{number % 28 + 1:02}"})


def write_spec(folder: Path, url: str, gates: str = "", **changes: str) -> Path:
    text = SPEC.replace("URL", url).replace("GATES", gates)
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("layout", one_in(2, LAYOUTS))
def test_gates_and_report_tell_the_same_figures(tmp_path: Path, layout: str) -> None:
    gates = "gates: [" + ", ".join(f"{name} >= 0" for name in sorted(TEXT_FIGURES)) + "]\n" + LAYOUTS[layout]
    with Loopback(reply) as server:
        dataset = synthspec.build(write_spec(tmp_path, server.url, gates), out=tmp_path / "out")
    report = measure(read_corpus(tmp_path / "out"))
    told = {name: report.value(name) for name in TEXT_FIGURES} | {"acceptance": report.as_dict()["build"]["acceptance"]}
    assert dataset.manifest["metrics"] == pytest.approx(told)
    assert "date" not in read_corpus(tmp_path / "out").texts  # texts by what they hold, not by their type alone
    assert 0 < told["duplicate_rate"] < 1 and 0 < told["distinct_1"] < 1  # type: ignore[operator]


@pytest.mark.parametrize("seed", rest_slow(range(8), (0,)))
def test_gates_and_report_agree_on_any_texts(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    words = [*WORDS[: dice.randrange(1, 12)], "été", "漢字かな", "😀", "3.5", "a" * 300, "\n\n", "—"]

    different = dice.choice([3, 20, 10**6])  # replies

    def said(body: dict[str, Any], nth: int) -> str:
        chance = random.Random(digest(body["messages"], nth) % different)
        texts = (
            " ".join(["gas", *(chance.choice(words) for _ in range(chance.choice([1, 4, 30, 200])))]) for _ in range(2)
        )
        return json.dumps(
            {**dict(zip(("title", "call"), texts, strict=True)), "date": chance.choice(["2026", "x y z"])}
        )

    layout = dice.choice(list(LAYOUTS.values()))
    gates = "gates: [" + ", ".join(f"{name} >= 0" for name in sorted(TEXT_FIGURES)) + "]\n" + layout
    with Loopback(said) as server:
        path = write_spec(tmp_path, server.url, gates, **{"rows: 60": f"rows: {dice.randrange(5, 90)}"})
        dataset = synthspec.build(path, out=tmp_path / "out")
    report = measure(read_corpus(tmp_path / "out"))
    shown = {name: value for name in TEXT_FIGURES if (value := report.value(name)) is not None}
    assert shown
    assert {name: dataset.manifest["metrics"][name] for name in shown} == pytest.approx(shown)
    assert dataset.manifest["metrics"]["acceptance"] == pytest.approx(report.as_dict()["build"]["acceptance"])


@settings(max_examples=quarter(40), deadline=None)
@given(some.lists(some.text("ab ", max_size=12), min_size=1, max_size=30), some.randoms(use_true_random=False))
def test_figures_of_texts_do_not_hang_on_the_order_of_rows(rows: list[str], chance: random.Random) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)
    assert text_figures([{"t": r} for r in rows]) == text_figures([{"t": r} for r in mixed])


def test_every_text_figure_is_a_metric_of_the_report() -> None:
    report = measure(corpus_of("a", [{"text": f"a text of {w} words {i}"} for i, w in enumerate(WORDS)]))
    assert {m.metric.name for m in report.measured} >= TEXT_FIGURES
    assert {m.name for m in GATE_METRICS} >= TEXT_FIGURES
    assert set(diversity.GATES) == TEXT_FIGURES, "one list says which of these metrics gates may name"
    assert {m.name for m in diversity.METRICS} >= TEXT_FIGURES


# --- the calls of a build are its own


def test_a_build_after_another_in_one_folder_tells_its_own_calls(tmp_path: Path) -> None:
    with Loopback(reply) as server:
        path = write_spec(tmp_path, server.url)
        synthspec.build(path, out=tmp_path / "out")
        path.write_text(path.read_text().replace("Write a call", "Write one call"))
        second = synthspec.build(path, out=tmp_path / "out", backend="openai:other", rows=20,
                                 set={"backend.base_url": server.url})  # fmt: skip
        assert server.total == 80
    report = measure(read_corpus(tmp_path / "out"))
    assert second.manifest["usage"]["calls"] == 20
    assert [c["calls"] for c in report.calls] == [20]
    assert report.calls[0]["prompt_tokens"] == second.manifest["usage"]["prompt_tokens"] == 20 * 50
    assert "20 calls, 3,000 tokens, cost unknown" in report_text(report)


def test_a_build_from_the_store_tells_the_same_but_for_the_run(tmp_path: Path) -> None:
    with Loopback(reply) as server:
        path = write_spec(tmp_path, server.url)
        first = synthspec.build(path, out=tmp_path / "out").manifest
        again = synthspec.build(path, out=tmp_path / "out").manifest
    assert first["prompts"] == again["prompts"] and first["prompts"][0]["calls"] == 60
    assert {*again["run"]["latency"]} == {"call"}


# --- what is not known


def test_an_unknown_price_is_said_to_be_unknown(tmp_path: Path) -> None:
    with Loopback(reply) as server:
        path = write_spec(tmp_path, server.url, "gates: [cost < 5, rows == 60]")
        dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.manifest["cost"] is None and dataset.manifest["run"]["cost"] is None
    assert [g.holds for g in dataset.gates] == [False, True] and dataset.status == 4
    assert "| cost | unknown |" in (tmp_path / "out/README.md").read_text()
    done = CliRunner().invoke(cli, ["report", str(tmp_path / "out")])
    assert "cost unknown" in done.stdout and "$0" not in done.stdout
    assert ">unknown<" in (tmp_path / "out/report.html").read_text()
    compared = CliRunner().invoke(cli, ["compare", str(tmp_path / "out"), str(tmp_path / "out")])
    assert "$0" not in compared.stdout and "unknown" in compared.stdout


def test_unknown_tokens_are_not_none_used(tmp_path: Path) -> None:
    with Loopback(reply, tokens=(0, 0)) as server:  # a server that says 0 of a text that is there
        path = write_spec(tmp_path, server.url, "gates: [tokens < 5]")
        dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.manifest["usage"]["calls_of_unknown_tokens"] == 60
    assert not dataset.gates[0].holds
    assert "those of 60 calls that are not known" in report_text(measure(read_corpus(tmp_path / "out")))


# --- values


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([True, False, None], ["true", "false", ""]),
        ([True, False], ["True", "False"]),
        ([5, 4], [5.0, 4.0]),
        ([5, 4], ["5.0", "4"]),
        ([0.25, 3.0], ["0.25", "3"]),
        ([1e3], ["1000"]),
        (["a", "B"], ["a", "B"]),
    ],
)
def test_a_value_has_one_name_in_every_file(one: list[Any], other: list[Any]) -> None:
    assert level_names(one) == level_names(other)


@pytest.mark.parametrize("values", [["1.1", "1.10"], ["True", "true", "maybe"], ["007", "7"], ["true", "True"]])
def test_values_that_differ_keep_their_names(values: list[str]) -> None:
    assert len({*level_names(values)}) == len(values)


@pytest.mark.parametrize("form", one_in(3, ["csv", "json", "jsonl", "parquet"]))
def test_labels_do_not_diverge_from_the_same_labels_in_another_file(tmp_path: Path, form: str) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("""
synthspec: 1
name: labels
rows: 60
parameters: {good: [true, false], stars: [1, 2.0, 3], part: [0.5, 1.0]}
fields: {good: {value: good}, stars: {value: stars}, part: {value: part}, text: {value: "'it is ' + text(stars)"}}
output: {formats: [csv, json, jsonl, parquet]}
""")
    synthspec.build(spec, out=tmp_path / "out")
    corpora = [read_corpus(tmp_path / f"out/labels.{f}") for f in (form, "csv")]
    assert {"good", "stars", "part"} <= {*corpora[0].labels}
    report = measure(corpora[0], corpora[1])
    assert report.value("label_js") == pytest.approx(0.0)
    for entry in report.balance:
        assert all(v["value"] == v["value"].lower() and not v["value"].endswith(".0") for v in entry["values"])


# --- language


def texts_of(name: str, column: str) -> list[str]:
    with (ROOT / "specs/data" / name).open(newline="", encoding="utf-8") as file:
        return [row[column] for row in csv.DictReader(file)]


SPANISH = [
    "El médico de la clínica me dijo que no había citas hasta el martes, y que llamara otra vez por la mañana.",
    "No funciona el contador desde que lo cambiaron; nos han cobrado el doble de lo que pagamos siempre.",
]
OTHERS = {
    "es": SPANISH,
    "fr": ["Le compteur ne marche plus depuis que le technicien est passé dans la cour, et je paie le double."],
    "de": ["Der Zähler geht nicht mehr, seit er ausgetauscht wurde, und ich zahle das Doppelte für den Strom."],
    "it": ["Il contatore non funziona più da quando lo hanno cambiato, e la bolletta è il doppio di prima."],
    "pt": ["O contador não funciona desde que o trocaram, e estou a pagar o dobro do que pagava antes."],
    "nl": ["De meter werkt niet meer sinds hij is vervangen, en ik betaal nu het dubbele van wat ik eerst betaalde."],
}


@pytest.mark.parametrize("language", OTHERS)
def test_reading_ease_is_for_english_alone(language: str) -> None:
    assert reading_ease(OTHERS[language]) is None
    assert not is_english(words_of(OTHERS[language][0]))


def test_the_samples_are_english() -> None:
    for path in sorted((ROOT / "specs/data").glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        column = max(rows[0], key=lambda c: sum(len(r[c] or "") for r in rows))
        if sum(len((r[column] or "").split()) for r in rows) < 8 * len(rows):
            continue  # names and labels are no prose
        english = reading_ease([r[column] for r in rows]) is not None
        assert english == ("es" not in path.stem.split("_")), path.name


# --- coverage counts combinations, not rows


def test_coverage_counts_combinations_with_a_row(tmp_path: Path) -> None:
    """Four combinations of three rows: one lost whole, one in part."""

    def some_rows(body: dict[str, Any], nth: int) -> str:
        said = body["messages"][-1]["content"]
        town = next(t for t in ("Lima", "Oslo", "Rome", "Bonn") if t in said)
        wanted = {"Lima": 0, "Oslo": 1, "Rome": 3, "Bonn": 3}[town]
        rows = [{"call": f"a call from {town} number {i}" if i < wanted else "no"} for i in range(3)]
        return json.dumps(rows)

    with Loopback(some_rows) as server:
        path = tmp_path / "spec.yaml"
        path.write_text(f"""
synthspec: 1
name: calls
rows: 12
parameters: {{town: [Lima, Oslo, Rome, Bonn]}}
prompts: {{call: {{user: "Three calls from {{{{ town }}}}.", writes: [call], rows: 3, format: json}}}}
fields: {{town: {{value: town}}, call: {{type: string, words: {{min: 3}}}}}}
backend: {{provider: openai, model: loop, base_url: {server.url}}}
limits: {{attempts: 1}}
gates: [coverage == 0.75, rows == 7, completeness < 0.6]
""")
        dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.manifest["metrics"]["coverage"] == 0.75
    assert [g.holds for g in dataset.gates] == [True, True, True]


# --- the last lines of a build


def last_lines(spec: Path, out: Path, *options: str) -> list[str]:
    done = CliRunner().invoke(cli, ["build", str(spec), "--out", str(out), *options])
    assert done.exit_code in (0, 3, 4), done.output
    return done.stderr.splitlines()


def test_the_last_lines_tell_time_tokens_cost_and_what_next(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Loopback(reply) as server:
        path = write_spec(tmp_path, server.url)
        lines = last_lines(path, out)
        assert any(line.startswith("60 of 60 rows, in ") and line.endswith(" s") for line in lines)
        assert "  calls: 60 made, 0 cached; 9,000 tokens; cost unknown: set the backend's `prices`" in lines
        assert lines[-1] == f"next: synthspec report {out}"
        prices = "--set", "backend.prices.prompt=1", "--set", "backend.prices.completion=2"
        assert "  calls: 0 made, 60 cached; 9,000 tokens; nothing to pay" in last_lines(path, out)
        fresh = last_lines(path, tmp_path / "other", *prices)
        assert "  calls: 60 made, 0 cached; 9,000 tokens; $0.0150 spent" in fresh
        longer = last_lines(path, tmp_path / "other", *prices, "--rows", "80")
        assert "  calls: 20 made, 60 cached; 12,000 tokens; $0.0050 spent, $0.0200 with earlier builds" in longer
        later = last_lines(path, out, *prices, "--rows", "80")
        assert "  calls: 20 made, 60 cached; 12,000 tokens; $0.0050 spent, unknown what earlier builds spent" in later
        stopped = last_lines(path, out, "--rows", "90", "--set", "limits.requests=70")
        assert any("stopped: " in line for line in stopped)
        assert stopped[-1] == "next: build again to have every row, or with --replace to take these"
        server.reply = lambda body, nth: "no"
        failed = last_lines(write_spec(tmp_path, server.url + "/"), tmp_path / "third", "--set", "limits.attempts=1",
                            "--set", "seed=5")  # fmt: skip
        assert "preview" in failed[-1] or "quarantine" in failed[-1]


# --- the calls behind a row


@pytest.mark.parametrize("layout", ["one csv", "splits"])
def test_the_calls_shown_beside_a_row_are_those_it_was_made_of(tmp_path: Path, layout: str) -> None:
    """Two builds in one folder, on backends that write the same: each row stands beside its own completion."""
    with Loopback(reply) as server:
        path = write_spec(tmp_path, server.url, LAYOUTS[layout])
        synthspec.build(path, out=tmp_path / "out")
        path.write_text(path.read_text().replace("Write a call", "Write one call"))
        synthspec.build(path, out=tmp_path / "out", backend="openai:other", set={"backend.base_url": server.url})
    shown = sample_rows(read_corpus(tmp_path / "out"))
    assert len(shown) == 60 and sum(bool(row.calls) for row in shown) >= 55
    for row in shown:
        for call in row.calls:
            assert "Write one call" in call.messages[-1][1]
            assert row.values["call"] in call.text


def test_the_quarantine_is_json_whatever_was_lost(tmp_path: Path) -> None:
    from synthspec.generation.quarantine import Quarantine
    from synthspec.spec.rows import Missing, Rejection, Stage, Try

    quarantine = Quarantine(tmp_path / "quarantine.jsonl")
    values = {"a": float("nan"), "b": float("inf"), "c": "\ud800\u2028\x85", "d": {1: (2, {3})}}
    tries = (Try("p", 1, "\u2028", (Rejection(Stage.CALL, "r", "r"),)),)
    quarantine.write(Missing(0, 0, Stage.CALL, ("\ud800",), values, tries))
    quarantine.finish()
    (line,) = (tmp_path / "quarantine.jsonl").read_text(encoding="utf-8").splitlines()
    entry = json.loads(line, parse_constant=lambda name: pytest.fail(name))
    assert entry["values"]["a"] is None and entry["values"]["d"] == {"1": [2, [3]]}
