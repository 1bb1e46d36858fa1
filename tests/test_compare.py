"""Comparisons: intervals that cover, verdicts that hold, and one dataset for each backend on the same combinations."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from synthspec.cli import cli
from synthspec.evaluation.comparison import FEWEST_ROWS, Comparison, Estimate, _best, _reach, compare_corpora, groups_of
from synthspec.evaluation.corpus.corpus import Corpus, corpus_of
from synthspec.evaluation.metrics import all_metrics
from synthspec.evaluation.report.side_by_side import comparison_page, comparison_text, wins

ROOT = Path(__file__).parent.parent


def sample_texts() -> list[str]:
    with (ROOT / "specs/data/reviews.csv").open(newline="", encoding="utf-8") as file:
        return [r["text"] for r in csv.DictReader(file)]


def corpus(name: str, texts: list[str]) -> Corpus:
    return corpus_of(name, [{"text": t} for t in texts])


def best_of(comparison: Comparison) -> dict[str, str]:
    return {ln.metric.name: comparison.names[ln.best] for ln in comparison.lines if ln.best is not None}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)])


@pytest.fixture
def few_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer parts than intervals rest on, where a test looks at something else: they take most of the time."""
    monkeypatch.setattr("synthspec.evaluation.comparison.PARTS", 6)


def test_the_same_data_is_no_better_than_itself() -> None:
    comparison = compare_corpora([corpus(name, sample_texts()[:60]) for name in "ab"], ["a", "b"])
    assert best_of(comparison) == {}
    assert "*" not in comparison_text(comparison).rsplit("\n", 3)[0]


def test_two_halves_of_the_same_data_hardly_differ() -> None:
    texts = sample_texts()
    comparison = compare_corpora([corpus("a", texts[::2]), corpus("b", texts[1::2])], ["a", "b"])
    assert len(best_of(comparison)) <= 2


@pytest.mark.usefixtures("few_parts")
def test_a_worse_dataset_is_found_worse() -> None:
    texts = sample_texts()
    worse = [texts[i % 60] for i in range(len(texts))]
    comparison = compare_corpora([corpus("good", texts), corpus("bad", worse)], ["good", "bad"])
    best = best_of(comparison)
    for name in (
        "distinct_2",
        "compression_ratio",
        "self_bleu",
        "vendi_score",
        "near_duplicate_rate",
        "duplicate_rate",
    ):
        assert best[name] == "good", name
    assert wins(comparison)[1] == ("bad", [])


@pytest.fixture(scope="module")
def against_real() -> Comparison:
    texts = sample_texts()
    return compare_corpora([corpus("a", texts[:40]), corpus("b", texts[30:70])], ["a", "b"], corpus("real", texts[:80]))


@pytest.mark.slow
def test_every_interval_holds_its_value(against_real: Comparison) -> None:
    for line in against_real.lines:
        for estimate in line.estimates:
            assert estimate is not None
            slack = 1e-9 + 1e-6 * abs(estimate.value)
            assert estimate.low - slack <= estimate.value <= estimate.high + slack, line.metric.name
            if line.metric.unit != "number":
                assert estimate.low >= -1 and estimate.high <= 1 + slack, line.metric.name


@pytest.mark.usefixtures("few_parts")
def test_datasets_are_cut_to_one_size() -> None:
    texts = sample_texts()
    comparison = compare_corpora([corpus("a", texts), corpus("b", texts[:50])], ["a", "b"])
    assert comparison.rows == 50
    for line in comparison.lines:
        first, second = line.estimates
        assert first is not None and second is not None and first.size == second.size, line.metric.name


@pytest.mark.slow
def test_intervals_cover() -> None:
    """Of intervals from samples of a large dataset, about 95 in a hundred hold the figure of another sample's mean."""
    chance = np.random.default_rng(0)
    words = [f"w{i}" for i in range(400)]
    shares = 1 / np.arange(1, 401)
    shares /= shares.sum()

    def draw() -> list[str]:
        return [" ".join(chance.choice(words, size=int(chance.integers(15, 40)), p=shares)) for _ in range(120)]

    runs = [compare_corpora([corpus("a", draw()), corpus("b", draw())], ["a", "b"]) for _ in range(25)]
    for name in ("words", "distinct_2", "vendi_score", "compression_ratio", "self_bleu"):
        estimates = [e for r in runs for ln in r.lines if ln.metric.name == name for e in ln.estimates if e is not None]
        truth = float(np.mean([e.value for e in estimates]))
        covered = np.mean([e.low <= truth <= e.high for e in estimates])
        assert covered >= 0.85, (name, covered)


def test_of_many_figures_none_is_called_better_by_chance() -> None:
    """Two datasets of one source, 40 figures: in 95 of 100 comparisons not one is called better at anything."""
    chance = np.random.default_rng(3)
    metrics = [m for m in all_metrics() if m.better in ("higher", "lower") and m.interval]
    figures = [metrics[i % len(metrics)] for i in range(40)]

    def estimate() -> Estimate:
        value, error = float(chance.normal()), float(np.sqrt(chance.chisquare(19) / 19))  # an error that is estimated
        return Estimate(value, value - 2.093 * error, value + 2.093 * error, "")

    def crowned(reach: float) -> bool:
        return any(_best(m, (estimate(), estimate()), reach) is not None for m in figures)

    together = sum(crowned(_reach(40, 2)) for _ in range(400)) / 400
    one_by_one = sum(crowned(1.0) for _ in range(400)) / 400
    assert together <= 0.08 < one_by_one
    apart = Estimate(0.0, -0.1, 0.1, ""), Estimate(1.0, 0.9, 1.1, "")
    lower = next(m for m in metrics if m.better == "lower")
    assert _best(lower, apart, _reach(40, 2)) == 0  # what is plainly better still is


@pytest.mark.slow
@pytest.mark.usefixtures("few_parts")
def test_a_dataset_that_shreds_its_source_is_best_at_nothing() -> None:
    texts = sample_texts()
    real, other = texts[:45], texts[90:]
    chance = np.random.default_rng(0)

    def shred() -> str:
        parts = [real[int(i)].split() for i in chance.integers(0, len(real), 3)]
        return " ".join(
            " ".join(p[at : at + 12]) for p in parts for at in [int(chance.integers(0, max(1, len(p) - 12)))]
        )

    shredded = corpus("shredded", [shred() for _ in range(40)])
    copied = corpus("copied", [real[i % 40] if i % 9 == 0 else shred() for i in range(40)])
    poor = corpus("poor", [other[i % 12] for i in range(40)])
    for bad in (shredded, copied):
        comparison = compare_corpora([bad, poor], [bad.name, "poor"], corpus("real", real))
        assert comparison.unranked[0] and not comparison.unranked[1]
        assert wins(comparison)[0] == (bad.name, [])
        assert f"{bad.name} is called best at nothing: " in comparison_text(comparison)
        assert "is called best at nothing" in comparison_page(comparison)
        assert comparison.as_dict()["datasets"][0]["unranked"] == comparison.unranked[0]


def test_a_figure_without_an_interval_has_none(against_real: Comparison) -> None:
    comparison = against_real
    without = {ln.metric.name for ln in comparison.lines if not all(e is None or e.known for e in ln.estimates)}
    assert comparison.rows < FEWEST_ROWS, "so figures of repeats have none either"
    unsure = {m.name for m in all_metrics() if not m.interval or m.part > 0.5}
    assert without == unsure & {ln.metric.name for ln in comparison.lines} >= {"two_sample_auc", "distinct_3"}
    line = next(ln for ln in comparison.lines if ln.metric.name == "two_sample_auc")
    assert line.best is None and line.as_dict(comparison.names)["values"]["a"]["low"] is None
    told = next(row for row in comparison_text(comparison).splitlines() if row.startswith(f"  {line.metric.title}"))
    assert "(" not in told.replace(line.metric.title, "")


@pytest.mark.usefixtures("few_parts")
def test_json_of_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.jsonl").write_text(
            "\n".join(json.dumps({"text": t, "n": i % 2}) for i, t in enumerate(sample_texts()[:50])), encoding="utf-8"
        )
    result = run(tmp_path / "one.jsonl", tmp_path / "two.jsonl", "--format", "json")
    found = json.loads(result.stdout)
    assert list(found) == ["compare", "names", "rows_measured", "against", "datasets", "metrics"]
    assert found["names"] == ["one", "two"] and found["rows_measured"] == 50
    metric = next(m for m in found["metrics"] if m["name"] == "distinct_2")
    assert set(metric["values"]) == {"one", "two"} and metric["best"] is None
    assert {"value", "low", "high", "computed_on"} == set(metric["values"]["one"])


@pytest.mark.usefixtures("few_parts")
def test_names_are_told_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.jsonl").write_text(
            "\n".join(json.dumps({"text": t}) for t in sample_texts()[:30]), encoding="utf-8"
        )
    found = json.loads(run(tmp_path / "a/same.jsonl", tmp_path / "b/same.jsonl", "--format", "json").stdout)
    assert len(set(found["names"])) == 2


@pytest.mark.usefixtures("few_parts")
def test_vary_groups_one_dataset() -> None:
    result = run(ROOT / "specs/data/mediresponse.csv", "--vary", "progression")
    assert result.exit_code == 0, result.output
    head = result.output.splitlines()[2]
    assert head.split() == ["D", "I", "N"]
    wrong = run(ROOT / "specs/data/mediresponse.csv", "--vary", "mood")
    assert wrong.exit_code == 1 and "no column 'mood'" in wrong.output
    many = run(ROOT / "specs/data/mediresponse.csv", "--vary", "doctor")
    assert many.exit_code == 1 and "values" in many.output


def test_groups_leave_their_column_out() -> None:
    rows = [{"kind": "ab"[i % 2], "other": "xy"[i % 4 // 2], "text": t} for i, t in enumerate(sample_texts())]
    groups = groups_of(corpus_of("x", rows), "kind")
    assert [(name, len(part), part.labels) for name, part in groups] == [("a", 87, ("other",)), ("b", 86, ("other",))]


@pytest.mark.parametrize(
    "arguments",
    [[ROOT / "specs/data/reviews.csv"], [ROOT / "specs/data/reviews.csv", "--rows", "5"],
     [ROOT / "specs/reviews.yaml", ROOT / "specs/first.yaml"], [ROOT / "specs/reviews.yaml", "--backend", "ngram"]],
)  # fmt: skip
def test_wrong_use(arguments: list[str | Path]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.usefixtures("few_parts")
def test_a_spec_on_two_backends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = ROOT / "specs/sentiment.yaml"
    page = tmp_path / "page.html"
    arguments = [spec, "--backend", "ngram", "--backend", "ngram:default", "--rows", "24", "-q"]
    result = run(*arguments, "--format", "html", "--out", page)
    assert result.exit_code == 0, result.output
    folders = sorted(p for p in (tmp_path / "build").glob("*/compare-*"))
    assert [f.name for f in folders] == ["compare-ngram", "compare-ngram-default"]
    assert not (folders[0].parent / "manifest.json").exists()  # the dataset of an ordinary build is left alone
    assert "ngram:default" in page.read_text(encoding="utf-8")
    again = run(*arguments, "--format", "json")
    assert again.exit_code == 0
    manifests = [json.loads((f / "manifest.json").read_text(encoding="utf-8")) for f in folders]
    assert all(m["run"]["calls"] == 0 and m["run"]["reused"] > 0 for m in manifests)
    built = [d["build"] for d in json.loads(again.stdout)["datasets"]]
    assert all(b["funnel"]["kept"] == 24 and b["calls"] > 0 for b in built)


def test_a_faulty_spec_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text("synthspec: 1\nname: x\nrows: many\n", encoding="utf-8")
    assert run("spec.yaml", "--backend", "ngram", "--backend", "ngram:b").exit_code == 1
    assert not (tmp_path / "build").exists()


@pytest.mark.usefixtures("few_parts")
def test_the_page_is_inert() -> None:
    from test_report import HOSTILE, assert_inert

    texts = [f"{HOSTILE[i % 8]} is row {i}" for i in range(60)]
    names = [HOSTILE[0], HOSTILE[1]]
    page = comparison_page(compare_corpora([corpus(n, texts) for n in names], names))
    assert_inert(page)
