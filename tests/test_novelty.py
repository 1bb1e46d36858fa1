"""Rules between rows: what counts as new, exactly, in plan order and in every process alike."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy
import pytest
from depth import quarter, rest_slow
from hypothesis import given, settings
from hypothesis import strategies as some

from synthspec.compiler import compile_spec
from synthspec.dataset.similarity.held_sets import HeldSets
from synthspec.dataset.similarity.index import NearIndex
from synthspec.dataset.similarity.pairs import near_pairs
from synthspec.dataset.similarity.shingles import MOST, _any_word, normal_form, shingle_set, shingle_sets, words_of
from synthspec.dataset.similarity.spilled import SpilledNumbers
from synthspec.generation.validation.novelty import NoveltyIndex, open_novelty
from synthspec.sources import MemoryTable, TableFault
from synthspec.spec import Decontaminate, NearDuplicates, NoCopies, Novelty
from synthspec.spec.rows import Rejection, Stage


def kept(index: NoveltyIndex, rows: list[dict[str, Any]]) -> list[int]:
    """The indices of rows that are new, each judged beside those kept before it."""
    slots = []
    for i, row in enumerate(rows):
        if index.check(row) is None:
            index.keep(i, row)
            slots.append(i)
    return slots


def alike(left: str, right: str) -> float:
    one, other = set(shingle_set([left]).tolist()), set(shingle_set([right]).tolist())
    return len(one & other) / len(one | other)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("texts", [["one"], ["", "two"], ["a b", "c", "d e f"], ["x", "long text of words " * 9000]])
def test_a_set_is_made_without_a_warning(texts: list[str]) -> None:
    assert shingle_set(texts).tolist() == shingle_sets([texts])[0].tolist()


def texts_with_repeats(count: int, seed: int = 5) -> list[str]:
    """Texts of 0 to 30 words of a small vocabulary, many of them another one with a few words changed."""
    rng = random.Random(seed)
    words = [f"w{i}" for i in range(400)]
    texts: list[str] = []
    for _ in range(count):
        if texts and rng.random() < 0.4:
            text = rng.choice(texts).split()
            for _ in range(rng.randrange(4)):
                if text:
                    text[rng.randrange(len(text))] = rng.choice(words)
        else:
            text = rng.choices(words, k=rng.randrange(30))
        texts.append(" ".join(text))
    return texts


# --- unique


def test_unique_folds_case_punctuation_spaces_and_width() -> None:
    index = open_novelty(Novelty(unique=("a", "b")), {})
    rows = [
        {"a": "Hello, world!", "b": "x"},
        {"a": "  hello   WORLD", "b": "X."},
        {"a": "ｈｅｌｌｏ world", "b": "x"},
        {"a": "hello world", "b": "y"},
    ]
    assert kept(index, rows) == [0, 3]
    assert index.check(rows[1]) == Rejection(
        Stage.NOVEL,
        "unique(a, b)",
        "the same a and b as in a row written before; write something clearly different",
    )


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (5, -5, False),
        (3.5, 35, False),
        (1, True, False),
        (None, "", False),
        ("+5", "5", False),
        ("C++", "C", False),
        ("?", "!", False),
        ("😀", "😡", False),
        ("don't", "don’t", True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
    ],
)
def test_unique_tells_values_apart(left: Any, right: Any, same: bool) -> None:
    index = open_novelty(Novelty(unique=("v", "w")), {})
    index.keep(0, {"v": left, "w": 1})
    assert (index.check({"v": right, "w": 1}) is not None) is same


def test_unique_does_not_look_at_rows_without_the_fields() -> None:
    index = open_novelty(Novelty(unique=("v",)), {})
    assert kept(index, [{"v": None}, {"v": None}, {}]) == [0, 1, 2]


# --- words and shingles


@settings(deadline=None)
@given(some.text(max_size=40))
def test_both_patterns_see_the_same_words(text: str) -> None:
    import unicodedata

    normal = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    assert words_of(text) == _any_word().findall(normal)
    assert normal_form(normal_form(text)) == normal_form(text)


def test_every_plain_character_is_read_alike() -> None:
    for code in [*range(0x2100), *range(0x3000, 0x3100)]:
        test_both_patterns_see_the_same_words.hypothesis.inner_test(f"a{chr(code)}b")


def test_scripts_without_spaces_are_cut_into_letters() -> None:
    assert words_of("医者は言った。OK") == ["医", "者", "は", "言", "っ", "た", "ok"]
    assert 0.5 < alike("今日は天気がとても良いです", "今日は天気がすごく良いです") < 1


@settings(deadline=None)
@given(some.lists(some.lists(some.text(max_size=20), min_size=2, max_size=2), max_size=6))
def test_sets_one_by_one_and_together_are_the_same(rows: list[list[str]]) -> None:
    together = shingle_sets(rows)
    assert len(together) == len(rows)
    for i, row in enumerate(rows):
        assert together[i].tolist() == shingle_set(row).tolist()


def test_long_texts_are_sampled_evenly() -> None:
    rng = random.Random(1)
    words = [f"w{rng.randrange(10**9)}" for _ in range(3000)]
    changed = [w if rng.random() < 0.95 else w + "x" for w in words]
    sets = shingle_sets([[" ".join(words)], [" ".join(changed)]])
    assert len(sets[0]) == len(sets[1]) == MOST
    assert shingle_set([" ".join(words)]).tolist() == sets[0].tolist()
    both = [set(), set()]
    for found, text in zip(both, (words, changed), strict=True):
        found.update(text, itertools.pairwise(text))
    truth = len(both[0] & both[1]) / len(both[0] | both[1])
    assert abs(alike(" ".join(words), " ".join(changed)) - truth) < 0.06


@pytest.mark.parametrize("words", [200, 400, 800, 1_900])
def test_texts_of_different_length_are_compared_exactly(words: int) -> None:
    """A text and the same with more at its end: as alike as they are, however long, up to some 2,000 words."""
    rng = random.Random(words)
    for share in (0.75, 0.79, 0.82, 0.9):
        whole = [f"w{rng.randrange(10**9)}" for _ in range(words)]
        part = whole[: round(words * share)]
        sets = [{*text, *itertools.pairwise(text)} for text in (whole, part)]
        truth = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        assert alike(" ".join(whole), " ".join(part)) == pytest.approx(truth, abs=1e-6)
        assert len(near_pairs([" ".join(whole), " ".join(part)], 0.8)) == (truth >= 0.8)
        index = NearIndex(0.8)
        index.add(shingle_set([" ".join(part)]))
        assert index.has_near(shingle_set([" ".join(whole)])) == (truth >= 0.8)


# --- near duplicates


@pytest.mark.parametrize("similarity", rest_slow([0.3, 0.5, 0.8, 1.0], (2,)))
def test_every_near_pair_is_found_and_no_other(similarity: float) -> None:
    texts = texts_with_repeats(700)
    sets = [frozenset(shingle_set([t]).tolist()) for t in texts]
    near = {
        (i, j)
        for j in range(len(texts))
        for i in range(j)
        if sets[i] and len(sets[i] & sets[j]) >= similarity * len(sets[i] | sets[j]) - 1e-9
    }
    first = {s: i for i, s in reversed(list(enumerate(sets)))}
    expected = {(i, j) for i, j in near if first[sets[i]] == i and (first[sets[j]] == j or sets[i] == sets[j])}
    assert {tuple(p) for p in near_pairs(texts, similarity).tolist()} == expected

    index = NearIndex(similarity)
    for j, text in enumerate(texts):
        assert index.has_near(shingle_set([text])) == any((i, j) in near for i in range(j)), j
        index.add(shingle_set([text]))


def test_index_at_once_or_one_by_one_answers_the_same() -> None:
    texts = texts_with_repeats(3_000)
    sets = shingle_sets([[t] for t in texts])
    slow, fast = NearIndex(0.7), NearIndex(0.7)
    for i in range(2_000):
        slow.add(sets[i])
    fast.extend(shingle_sets([[t] for t in texts[:1_500]]))
    fast.extend(shingle_sets([[t] for t in texts[1_500:2_000]]))
    assert len(slow) == len(fast) == 2_000
    for i in range(2_000, 3_000):
        assert slow.has_near(sets[i]) == fast.has_near(sets[i])


def test_copies_make_as_many_pairs_as_copies() -> None:
    pairs = near_pairs(["the very same text"] * 5_000 + ["", "", "?!"], 0.8)
    assert pairs.shape == (4_999, 2) and (pairs[:, 0] == 0).all()
    assert near_pairs([], 0.8).shape == near_pairs(["a"], 0.8).shape == (0, 2)


def test_near_duplicates_rule() -> None:
    rule = NearDuplicates(("call",), 0.8)
    index = open_novelty(Novelty(near_duplicates=rule), {})
    words = [f"word{i}" for i in range(40)]
    rows = [{"call": " ".join(w)} for w in (words, [*words[:-1], "other"], words[:20], words[::-1])]
    assert kept(index, [*rows, {"call": ""}, {"call": ""}]) == [0, 2, 3, 4, 5]
    rejection = index.check(rows[1])
    assert rejection == index.check(rows[0])  # says nothing of which row was met
    assert rejection is not None and rejection.rule == "near_duplicates(call)"
    assert "write something clearly different" in rejection.reason


def test_pairs_do_not_cross_fields() -> None:
    assert shingle_set(["a b", "c"]).tolist() != shingle_set(["a", "b c"]).tolist()


def test_judging_changes_nothing() -> None:
    index = open_novelty(Novelty(unique=("a",), near_duplicates=NearDuplicates(("a",), 0.5)), {})
    row = {"a": "one two three"}
    assert index.check(row) is None and index.check(row) is None and len(index) == 0
    index.keep(0, row)
    assert index.check(row) is not None and len(index) == 1


def test_keeping_many_is_keeping_each() -> None:
    rows = [{"a": t} for t in texts_with_repeats(800)]
    novelty = Novelty(unique=("a",), near_duplicates=NearDuplicates(("a",), 0.6))
    one, many = open_novelty(novelty, {}), open_novelty(novelty, {})
    for i, row in enumerate(rows[:500]):
        one.keep(i, row)
    many.keep_all(rows[:500])
    assert [one.check(r) for r in rows] == [many.check(r) for r in rows]


def test_verdicts_are_the_same_in_every_process(tmp_path: Path) -> None:
    script = (
        "from synthspec.dataset.similarity.shingles import shingle_sets\n"
        "from synthspec.dataset.similarity.pairs import near_pairs\n"
        "texts = ['the quick brown fox'] * 3 + ['der schnelle braune Fuchs', 'the quick brown dog']\n"
        "print(shingle_sets([[t] for t in texts]).flat.tolist(), near_pairs(texts, 0.4).tolist())\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1 and "[0, 4]" in answers.pop()


# --- copies and contamination


def test_no_copies_of_the_source() -> None:
    table = MemoryTable({"call": ["Agent: good morning, how may I help you today?", None], "n": [1, 2]})
    index = open_novelty(Novelty(no_copies=NoCopies("sample", ("call",), 0.7)), {"sample": table})
    copy = {"call": "agent: Good morning - how may I help you today"}
    rejection = index.check(copy)
    assert rejection is not None and rejection.rule == "no_copies(call)" and "not a copy" in rejection.reason
    fresh = {"call": "Agent: good evening, what can we do for you?"}
    assert index.check(fresh) is None and index.check({"call": ""}) is None
    index.keep(0, fresh)
    assert index.check(fresh) is None  # rows kept are no examples
    with pytest.raises(LookupError):
        open_novelty(Novelty(no_copies=NoCopies("sample", ("cal",), 0.7)), {"sample": table})


ENTRY = "which of these four gases makes up the largest part of the air that we breathe"


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json", "txt", "parquet"])
def test_decontaminate_reads_every_kind_of_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"eval.{suffix}"
    other = "one two three four five six seven eight nine ten eleven twelve"
    if suffix == "parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.table({"q": [ENTRY, other], "a": [["B"], ["C"]]}), path)
    else:
        path.write_text(
            {
                "csv": f'id,q\n1,"{ENTRY}"\n2,{other}\n',
                "jsonl": f'{{"m": [{{"q": "{ENTRY}"}}]}}\n{{"m": ["{other}"]}}\n',
                "json": f'[{{"q": "{ENTRY}"}}, {{"q": "{other}"}}]',
                "txt": f"{ENTRY}\n{other}\n",
            }[suffix]
        )
    index = open_novelty(Novelty(decontaminate=Decontaminate(path, ("a", "b"))), {})
    words = ENTRY.split()
    run = " ".join(words[1:14])
    rejection = index.check({"a": "x", "b": f"Well: {run.upper()}!"})
    assert rejection is not None and rejection.rule == "decontaminate(a, b)" and "13 words" in rejection.reason
    assert index.check({"a": " ".join(words[1:13])}) is None  # twelve words are no run of thirteen
    assert index.check({"a": " ".join(words[:7]), "b": " ".join(words[7:])}) is None
    assert index.check({"a": f"so {other}?"}) is not None  # a whole short entry
    assert index.check({"a": None}) is None and index.check({"a": 4}) is None


def test_an_evaluation_set_may_be_a_source(tmp_path: Path) -> None:
    """Such as one that is read in another way than by its suffix alone, or no file at all."""
    (tmp_path / "eval.csv").write_text(f"{ENTRY};2\n", encoding="utf-8")
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "synthspec: 1\nrows: 3\nsources:\n  exam: {file: eval.csv, delimiter: ';', header: [question, answer]}\n"
        "  poems: {rows: [{text: The owl looks at the pond and then the pond looks at the owl all night}]}\n"
        "parameters: {n: [1, 2]}\nprompts: {line: {user: 'Write {{ n }}.'}}\n"
        "fields: {text: {type: string, words: {max: 40}}}\nnovelty: {decontaminate: {against: exam, ngram: 8}}\n",
        encoding="utf-8",
    )
    compiled = compile_spec(spec)
    assert compiled.spec is not None and not compiled.diagnostics
    index = open_novelty(compiled.spec.novelty, compiled.tables)
    assert index.check({"text": f"So, {ENTRY}?"}) is not None
    assert index.check({"text": "The owl looks at the pond and then the pond looks at the owl all night"}) is None
    spec.write_text(spec.read_text(encoding="utf-8").replace("against: exam", "against: poems"), encoding="utf-8")
    again = compile_spec(spec)
    assert again.spec is not None
    assert open_novelty(again.spec.novelty, again.tables).check({"text": f"So, {ENTRY}?"}) is None


def test_decontaminate_faults(tmp_path: Path) -> None:
    for name, data in (("a.csv", b"a,b\n1\n"), ("b.txt", b"\xff\xfe\xff"), ("c.xlsx", b"")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(TableFault):
            open_novelty(Novelty(decontaminate=Decontaminate(tmp_path / name, ("a",))), {})
    with pytest.raises(TableFault):
        open_novelty(Novelty(decontaminate=Decontaminate(tmp_path / "none.txt", ("a",))), {})


@settings(max_examples=quarter(30), deadline=None)
@given(some.lists(some.text("ab c", max_size=12), max_size=40), some.floats(0.1, 1.0))
def test_kept_rows_are_never_near(texts: list[str], similarity: float) -> None:
    index = open_novelty(Novelty(near_duplicates=NearDuplicates(("t",), similarity)), {})
    slots = kept(index, [{"t": t} for t in texts])
    pairs = near_pairs([texts[s] for s in slots], similarity)
    assert isinstance(pairs, numpy.ndarray) and not len(pairs)


@pytest.mark.parametrize("seed", rest_slow(range(6), (5,)))
def test_any_mixture_of_adding_and_asking_answers_as_a_plain_comparison(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("_RECENT", 40), ("_BULK", 90), ("_RECENT_PART", 1000), ("_BULK_PART", 1000)):
        monkeypatch.setattr(f"synthspec.dataset.similarity.postings.{name}", value)
    for module in ("shingles", "held_sets"):
        monkeypatch.setattr(f"synthspec.dataset.similarity.{module}.CHUNK_SHINGLES", 300)
    monkeypatch.setattr(
        "synthspec.dataset.similarity.spilled.ROOM", (1 << 18, 100, 7)[seed % 3]
    )  # so that files are made
    for name, value in (("_COMPARED", 1_000), ("_MANY", (2_000, 10, 200)[seed % 3])):
        monkeypatch.setattr(f"synthspec.dataset.similarity.held_sets.{name}", value)
    dice = random.Random(seed)
    words = [f"w{i}" for i in range(40)]
    index, kept = NearIndex(0.6), list[set[int]]()
    for _ in range(60):
        texts = [[" ".join(dice.choices(words, k=dice.randrange(0, 25)))] for _ in range(dice.choice([1, 1, 1, 4, 70]))]
        if dice.random() < 0.5:
            index.extend(shingle_sets(texts))
        else:
            for text in texts:
                index.add(shingle_set(text))
        kept += [set(shingle_set(text).tolist()) for text in texts]
        assert len(index) == len(kept)
        for asked in [texts[0], [" ".join(dice.choices(words, k=12))], dice.choice(texts)]:
            own = set(shingle_set(asked).tolist())
            alike = [len(own & other) / len(own | other) if own else 0.0 for other in kept]
            best = max(alike)
            assert index.has_near(shingle_set(asked)) == (best >= 0.6 - 1e-9)
            found = index.nearest(shingle_set(asked))
            assert found == ((alike.index(best), best) if best >= 0.6 - 1e-9 else None)


@pytest.mark.parametrize("seed", range(3))
def test_numbers_in_a_file_are_read_as_they_were_given(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthspec.dataset.similarity.spilled.ROOM", 50)
    dice, held = numpy.random.default_rng(seed), numpy.empty(0, numpy.uint32)
    numbers = SpilledNumbers(tmp_path)
    for _ in range(60):
        more = dice.integers(0, 1 << 32, dice.choice([0, 1, 7, 49, 50, 51, 300]), dtype=numpy.uint32)
        numbers.append(more)
        held = numpy.concatenate([held, more])
        assert len(numbers) == len(held)
        places = numpy.sort(dice.integers(0, len(held) + 1, (4, 2)), axis=1)
        wanted = numpy.concatenate([held[a:b] for a, b in places])
        assert numbers.gathered(places[:, 0], places[:, 1]).tolist() == wanted.tolist()
        assert numbers.between(int(places[0, 0]), len(held)).tolist() == held[places[0, 0] :].tolist()
    assert not list(tmp_path.iterdir())  # the file has no name


@pytest.mark.parametrize("many", [0, 1 << 30])
def test_shingles_whose_lower_halves_are_the_same_are_told_apart(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.dataset.similarity.held_sets._MANY", many)
    dice = random.Random(1)
    held, sets = HeldSets(), []
    for _ in range(40):
        sets.append(sorted({dice.randrange(6) << 16 | dice.choice([0, 1, 7, 65_535]) for _ in range(12)}))
        held.append(numpy.array(sets[-1], numpy.uint32), len(sets[-1]))
    for asked in sets:
        shared, sizes = held.shared(numpy.array(asked, numpy.uint32), numpy.arange(40))
        assert shared.tolist() == [len({*asked} & {*other}) for other in sets]
        assert sizes.tolist() == [len(other) for other in sets]


def test_texts_that_find_no_room_on_disk_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.dataset.similarity.spilled.ROOM", 50)
    rule = Novelty(near_duplicates=NearDuplicates(("t",), 0.8))
    index = open_novelty(rule, {}, tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        kept(index, [{"t": f"word{n} and {n} more of them"} for n in range(30)])


@pytest.mark.slow
def test_what_is_remembered_of_a_row_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.dataset.similarity.postings._RECENT", 512)  # a table that does not grow with rows
    # room that is there from the first
    monkeypatch.setattr("synthspec.dataset.similarity.postings.UNTOUCHED", 4096)
    monkeypatch.setattr("synthspec.dataset.similarity.spilled.ROOM", 4096)
    dice = random.Random(1)
    sets = [shingle_set([" ".join(f"w{dice.randrange(4000)}" for _ in range(30))]) for _ in range(3_600)]
    assert 58 < sum(map(len, sets)) / len(sets) < 60
    tracemalloc.start()
    try:
        index, held = NearIndex(0.8), []
        for number, shingles in enumerate(sets):
            if number == 1_100:  # between two of the times at which the order of shingles is learnt
                held.append(tracemalloc.get_traced_memory()[0])
            index.add(shingles)
        held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert (held[1] - held[0]) / 2_500 < 150
