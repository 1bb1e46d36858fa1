"""Metrics: against brute force, against published implementations where installed, and on text with known faults."""

from __future__ import annotations

import csv
import importlib
import itertools
import json
import math
import os
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from depth import quarter, rest_slow
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.evaluation.call_tally import rows_given
from synthspec.evaluation.corpus.corpus import column_kind, corpus_of, read_corpus
from synthspec.evaluation.corpus.vectors import gram_counts, similarities, vectors_of
from synthspec.evaluation.corpus.words import tokens_of
from synthspec.evaluation.metrics import FAMILIES, all_metrics
from synthspec.evaluation.metrics.balance import association, balance_of, evenness
from synthspec.evaluation.metrics.classifier import cross_scores, fold_of, placements
from synthspec.evaluation.metrics.curves import curves_of
from synthspec.evaluation.metrics.diversity import compression_ratio, distinct, repeated_openings, repeats, vendi
from synthspec.evaluation.metrics.drift import label_drift
from synthspec.evaluation.metrics.language import mattr, mtld, reading_ease
from synthspec.evaluation.metrics.metric import Context
from synthspec.evaluation.metrics.self_bleu import self_bleu_scores
from synthspec.evaluation.metrics.similarity import divergence
from synthspec.sources import TableFault

ROOT = Path(__file__).parent.parent
WORDS = "the a dog cat sat on mat ran far away and then slept under old tree".split()

texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), min_size=1, max_size=12)


def sample_texts() -> list[str]:
    with (ROOT / "specs/data/reviews.csv").open(newline="", encoding="utf-8") as file:
        return [r["text"] for r in csv.DictReader(file)]


def figures(rows: list[dict[str, object]], original: list[dict[str, object]] | None = None) -> dict[str, float]:
    against = None if original is None else corpus_of("original", original)
    context = Context(corpus_of("rows", rows), against)
    found = {m.name: m.compute(context) for m in all_metrics()}
    return {n: f.value for n, f in found.items() if f is not None}


def test_registry() -> None:
    names = [m.name for m in all_metrics()]
    assert len(set(names)) == len(names)
    for metric in all_metrics():
        assert metric.family in FAMILIES
        assert metric.meaning.endswith(".") and len(metric.meaning) > 20, metric.name


def test_the_docs_list_every_metric() -> None:
    path = ROOT / "docs/metrics.md"
    told = path.read_text(encoding="utf-8")
    lines = ["| metric | better | what it means | source |", "|---|---|---|---|"]
    lines += [f"| `{m.name}` | {m.better} | {m.meaning} | {m.source} |" for m in all_metrics()]
    before, rest = told.split("<!-- metrics -->\n")
    _, after = rest.split("<!-- end metrics -->")
    wanted = before + "<!-- metrics -->\n" + "\n".join(lines) + "\n<!-- end metrics -->" + after
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(wanted, encoding="utf-8")
    assert told == wanted or os.environ.get("UPDATE_GOLDEN")


# tokens and what is computed from them, against the plain way


@given(texts, st.integers(1, 4))
def test_grams_stay_within_a_text(rows: list[str], n: int) -> None:
    wanted = [tuple(w[i : i + n]) for w in (r.split() for r in rows) for i in range(len(w) - n + 1)]
    grams = tokens_of(rows).grams(n)
    assert len(grams) == len(wanted)
    assert len(np.unique(grams)) == len(set(wanted))
    assert distinct(tokens_of(rows), n) == (len(set(wanted)) / len(wanted) if wanted else 1.0)


@given(texts, st.integers(0, 40))
def test_parts_of_tokens(rows: list[str], words: int) -> None:
    tokens = tokens_of(rows)
    order = np.random.default_rng(0).permutation(len(rows))
    part = tokens.part(order)
    assert [part.lengths[i] for i in range(len(rows))] == [len(rows[j].split()) for j in order]
    first = tokens.first(words)
    assert len(first.flat) == min(words, len(tokens.flat)) == first.starts[-1]
    assert (first.flat == tokens.flat[: len(first.flat)]).all()
    assert (np.diff(first.starts) >= 0).all()


@given(st.lists(st.integers(0, 8), min_size=5, max_size=60), st.integers(2, 12))
def test_mattr_is_the_mean_over_windows(words: list[int], window: int) -> None:
    found = mattr(np.array(words), window)
    if len(words) < window:
        assert found is None
        return
    spans = [words[i : i + window] for i in range(len(words) - window + 1)]
    assert found == pytest.approx(sum(len(set(s)) / window for s in spans) / len(spans))


def test_mtld() -> None:
    # every third word begins a factor: 2 different of 3 is below 0.72
    assert mtld(np.array([1, 1] * 30)) == pytest.approx(2.0)
    assert mtld(np.arange(60)) == 60.0
    assert mtld(np.arange(10)) is None


def test_reading_ease() -> None:
    assert reading_ease(["The cat sat on the mat."]) == pytest.approx(206.835 - 1.015 * 6 - 84.6)  # one syllable each
    easy, hard = reading_ease(["We ran. It was fun."]), reading_ease(["Organizational considerations necessitate it."])
    assert easy is not None and hard is not None and easy > hard
    assert reading_ease(["…", ""]) is None
    assert reading_ease(["这是第一个句子。", "二"]) is None


@given(texts)
def test_repeats_and_openings(rows: list[str]) -> None:
    seen: set[str] = set()
    wanted = []
    for r in rows:
        wanted.append(r in seen and r != "")
        seen.add(r)
    assert repeats(tokens_of(rows)).tolist() == wanted
    begin = Counter(tuple(r.split()[:3]) for r in rows if len(r.split()) >= 3)
    assert repeated_openings(tokens_of(rows)).tolist() == [
        len(r.split()) >= 3 and begin[tuple(r.split()[:3])] > 1 for r in rows
    ]


def test_vendi_is_the_effective_number() -> None:
    assert vendi(np.ones((9, 9))) == pytest.approx(1)
    assert vendi(np.eye(9)) == pytest.approx(9)
    blocks = np.kron(np.eye(3), np.ones((4, 4)))
    assert vendi(blocks) == pytest.approx(3)
    # the authors' formula, written out: exp(-tr(K/n log K/n))
    linalg = pytest.importorskip("scipy.linalg")
    kernel = similarities(vectors_of(sample_texts()[:40]), vectors_of(sample_texts()[:40])).astype(float)
    np.fill_diagonal(kernel, 1)
    scaled = kernel / len(kernel)
    assert vendi(kernel) == pytest.approx(math.exp(-np.trace(scaled @ linalg.logm(scaled).real)), rel=1e-6)


def test_compression() -> None:
    prose = "\n".join(sample_texts())
    assert 1.8 < compression_ratio(prose) < 2.8
    assert compression_ratio("the same words " * 500) > 20
    assert compression_ratio("") == 1.0


# published implementations


def test_self_bleu_agrees_with_sacrebleu() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    from synthspec.dataset.similarity.shingles import words_of

    rows = [*sample_texts()[:25], "two words", "one", "Boils a litre in three minutes", ""]
    scores = self_bleu_scores(tokens_of(rows))
    plain = [" ".join(words_of(r)) for r in rows]
    for i, text in enumerate(plain):
        others = plain[:i] + plain[i + 1 :]
        wanted = sacrebleu.sentence_bleu(text, others, tokenize="none", use_effective_order=True).score / 100
        assert scores[i] == pytest.approx(wanted, abs=1e-9), text


def test_vectors_agree_with_scikit_learn() -> None:
    feature_extraction = pytest.importorskip("sklearn.feature_extraction.text")
    rows = [" ".join(tokens) for tokens in (t.lower().split() for t in sample_texts()[:60])]
    plain = ["".join(c if c.isalnum() else " " for c in r) for r in rows]
    theirs = feature_extraction.TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    wanted = (theirs.fit_transform(plain) @ theirs.transform(plain).T).toarray()
    found = similarities(vectors_of(plain), vectors_of(plain))
    assert np.abs(found - wanted).max() < 0.03  # a word shorter than a gram stands once in theirs, not at all in ours
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.999


def test_the_classifier_does_as_well_as_scikit_learn() -> None:
    svm = pytest.importorskip("sklearn.svm")
    metrics = pytest.importorskip("sklearn.metrics")
    selection = pytest.importorskip("sklearn.model_selection")
    rows, labels = [], []
    for label, name in enumerate(("mediresponse", "reviews", "support_calls")):
        with (ROOT / f"specs/data/{name}.csv").open(newline="", encoding="utf-8") as file:
            found = [" ".join(list(r.values())[1:3]) for r in csv.DictReader(file)][:70]
        rows += found
        labels += [label] * len(found)
    vectors, numbers = vectors_of(rows), np.array(labels)
    fold = fold_of(np.arange(len(rows)), numbers)
    scores = cross_scores(similarities(vectors, vectors).astype(float), numbers, 3, fold)
    ours = (scores.argmax(axis=1) == numbers).mean()
    splits = selection.PredefinedSplit(fold)
    model = svm.LinearSVC()
    theirs = (selection.cross_val_predict(model, vectors, numbers, cv=splits) == numbers).mean()
    assert ours >= theirs - 0.02
    positive = numbers == 1
    assert placements(scores[:, 1], positive).mean() == pytest.approx(metrics.roc_auc_score(positive, scores[:, 1]))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_divergence_agrees_with_scipy(left: list[int], right: list[int]) -> None:
    distance = importlib.import_module("scipy.spatial.distance")
    counts = [[side.count(v) for v in range(6)] for side in (left, right)]
    wanted = float(np.nan_to_num(distance.jensenshannon(*counts, base=2))) ** 2
    assert divergence(np.array(left), np.array(right)) == pytest.approx(wanted, abs=1e-9)


def test_kappa_agrees_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rows = [{"kind": k, "text": t} for k, t in zip("ab" * 90, sample_texts(), strict=False)]
    (drift,) = label_drift(Context(corpus_of("x", rows)))
    pairs = [(i, j) for i, line in enumerate(drift.confusion) for j, n in enumerate(line) for _ in range(n)]
    assert drift.kappa == pytest.approx(metrics.cohen_kappa_score(*zip(*pairs, strict=True)))


# data


def test_every_format_reads_the_same(tmp_path: Path) -> None:
    pandas = importlib.import_module("pandas")
    rows = [{"label": "ab"[i % 2], "text": f"row number {i} says – “this”,\nand more"} for i in range(40)]
    frame = pandas.DataFrame(rows)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    for suffix in ("csv", "tsv", "parquet", "json", "jsonl"):
        corpus = read_corpus(tmp_path / f"a.{suffix}")
        assert corpus.rows == [r["text"] for r in rows], suffix
        assert corpus.labels == ("label",) and corpus.texts == ("text",)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", "{}\n[1]\n", "line 2 is not a JSON object"),
        ("a.json", "{}", "not a list of objects"),
        ("a.csv", "a,b\n", "has no rows"),
        ("a.parquet", "no", "not a readable Parquet file"),
        ("a.txt", "hello", "data is one of"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: str, told: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(TableFault, match=told):
        read_corpus(tmp_path / name)


def test_many_rows_are_sampled_evenly() -> None:
    corpus = corpus_of("many", ({"text": f"this is row {i}"} for i in range(10_000)), most=100)
    assert corpus.total == 10_000
    assert 50 <= len(corpus) <= 101
    assert set(np.diff(corpus.places).tolist()) <= set(range(90, 200))
    assert "1 in" in corpus.notes[0]


def test_conversations_become_columns() -> None:
    turns = [{"role": "user", "content": "how are you today"}, {"role": "assistant", "content": "very well, thank you"}]
    corpus = corpus_of(
        "chat", [{"messages": [dict(t, content=f"{t['content']} {i}") for t in turns]} for i in range(30)]
    )
    assert corpus.texts == ("messages.user", "messages.assistant")


def test_column_kinds() -> None:
    assert column_kind([1, 2, 3] * 20) == "label"
    assert column_kind(list(range(60))) == "number"
    assert column_kind([None, ""]) == "other"
    assert column_kind([f"2024-01-{i:02}" for i in range(1, 31)]) == "other"
    assert column_kind([f"これは{i}番目の長い文章ですが単語の間に空白はない" for i in range(30)]) == "text"


ODD: list[list[dict[str, object]]] = [
    [{"text": "one row only"}],
    [{"text": ""}, {"text": ""}],
    [{"a": 1.5}, {"a": 2.5}],
    [{"text": None, "label": None}] * 40,
    [{"text": "?!"}] * 40,
    [{"text": "same thing again", "label": "ab"[i % 2]} for i in range(60)],
    [{"text": f"lone \ud800 surrogate {i}", "n": {"deep": [1]}} for i in range(40)],
    [{"text": "word " * 9_000 + str(i)} for i in range(25)],
    [{"text": "这是第一个句子。" * (i % 5 + 1), "label": "甲乙"[i % 2]} for i in range(60)],
]


LONG = 7  # seconds of CPU


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", rest_slow(ODD, [n for n in range(0, len(ODD), 2) if n != LONG]), ids=range(len(ODD)))
def test_odd_data_is_measured(rows: list[dict[str, object]]) -> None:
    from synthspec.evaluation.report.measure import measure
    from synthspec.evaluation.report.page import report_page
    from synthspec.evaluation.report.text import report_text

    for against in (None, corpus_of("real", rows), corpus_of("other", [{"text": t} for t in sample_texts()])):
        report = measure(corpus_of("odd", rows), against)
        json.dumps(report.as_dict())
        assert report_text(report) and report_page(report)


# what they are for


def test_copies_are_counted() -> None:
    real = [{"text": t} for t in sample_texts()[:80]]
    mixed = [{"text": t} for t in [*sample_texts()[80:160], *sample_texts()[:8]]]
    found = figures(mixed, real)
    assert found["exact_copies"] == found["near_copies"] == pytest.approx(8 / 88)
    assert figures([{"text": t} for t in sample_texts()[80:]], real)["near_copies"] == 0
    reworded = [{"text": t["text"] + " indeed"} for t in real]
    assert figures(reworded, real)["exact_copies"] == 0
    assert figures(reworded, real)["near_copies"] > 0.9


def test_repetition_shows_in_the_curve() -> None:
    fresh = sample_texts()
    tired = [fresh[i] if i < 90 else fresh[i % 4] for i in range(170)]
    curves = {c.name: c.values for c in curves_of(corpus_of("tired", [{"text": t} for t in tired]))}
    assert max(curves["near_duplicate_rate"][:8]) == 0 and min(curves["near_duplicate_rate"][-6:]) == 1
    assert min(curves["vendi_score"][:8]) > 2 * max(curves["vendi_score"][-6:])
    assert min(curves["self_bleu"][-6:]) > max(curves["self_bleu"][:8])
    assert curves["new_pairs"][-1] == 0


def test_labels_that_show_and_labels_that_do_not() -> None:
    chance = random.Random(1)
    clear = [{"mood": m, "text": f"{'great lovely' if m == 'good' else 'awful dreadful'} {chance.choice(WORDS)} {i}"}
             for i, m in enumerate(["good", "bad"] * 40)]  # fmt: skip
    (drift,) = label_drift(Context(corpus_of("clear", clear)))
    assert drift.accuracy == 1 and drift.kappa == 1 and drift.chance == 0.5
    (learnt,) = label_drift(Context(corpus_of("clear", clear), corpus_of("real", clear)))
    assert learnt.trained_on == "real" and learnt.accuracy == 1
    apart = [dict(r, aside="this column is not in the dataset") for r in clear]
    assert label_drift(Context(corpus_of("clear", clear), corpus_of("real", apart)))[0].accuracy == 1
    blind = [dict(r, mood=chance.choice(["good", "bad"])) for r in clear]
    (drift,) = label_drift(Context(corpus_of("blind", blind)))
    assert abs(drift.kappa) < 0.35


def test_copies_of_a_row_stay_in_one_fold() -> None:
    groups = np.array([0, 1, 2, 0, 1, 5, 6, 7, 0, 9])
    fold = fold_of(groups, np.array([0, 1] * 5))
    for group in set(groups.tolist()):
        assert len(set(fold[groups == group].tolist())) == 1


def test_balance() -> None:
    assert evenness([5, 5, 5]) == pytest.approx(1)
    assert evenness([9, 0, 0]) == 0
    assert association(list("aabb" * 30), list("xxyy" * 30)) == pytest.approx(1, abs=0.02)
    assert association(list("aabb" * 30), list("xyxy" * 30)) == 0
    rows = [{"kind": "ab"[i % 4 == 0], "text": f"this is row {i}"} for i in range(40)]
    (found,) = balance_of(corpus_of("x", rows), [{"kind": "b"}, {"kind": "b"}, {}])
    assert found["values"] == [{"value": "a", "kept": 30, "lost": 0}, {"value": "b", "kept": 10, "lost": 2}]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n3,4\n", 2),
        ("```csv\na,b\n1,2\n```", 1),
        ('{"rows": [{"a": 1}, {"a": 2}, {"a": 3}]}', 3),
        ('{"a": 1}\n{"a": 2}', 2),
        ('{"a": 1}', 1),
        ("[q] one\n[a] two\n[q] three\n[a] four", 2),
        ("Q: one\nA: two\nQ2: three\nA: four", 2),
        ("just prose, with a comma", None),
        ("", None),
    ],
)
def test_rows_given(text: str, rows: int | None) -> None:
    assert rows_given(text) == rows


@settings(max_examples=quarter(40))
@given(st.text(max_size=300))
def test_rows_given_never_fails(text: str) -> None:
    assert (rows_given(text) or 0) >= 0


def test_hashed_grams_match_plain_counting() -> None:
    rows = ["banana bandana", "an ant"]
    plain = []
    for r in rows:
        grams: Counter[str] = Counter()
        for word, size in itertools.product(r.split(), (3, 4, 5)):
            padded = f" {word} "
            grams.update(padded[i : i + size] for i in range(len(padded) - size + 1))
        plain.append(grams)
    counts = gram_counts(rows)
    for i, grams in enumerate(plain):
        assert sorted(counts[[i], :].data.tolist()) == sorted(grams.values())


@pytest.mark.slow
def test_evidence_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of docs/metrics.md: each metric moves under the faults it is there to find, and only under those."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    assert importlib.import_module("metrics_evidence").table()
