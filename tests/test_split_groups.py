"""Near duplicates share a split: what is compared, who follows whom, and that no row moves as a dataset grows."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from depth import examples, one_in, rest_slow
from hypothesis import given, settings
from hypothesis import strategies as some
from loopback import WORDS, Loopback, digest

import synthspec
from synthspec.compiler import compile_spec
from synthspec.dataset.similarity.index import NearIndex
from synthspec.dataset.similarity.pairs import near_pairs
from synthspec.dataset.similarity.shingles import shingle_set
from synthspec.dataset.splits.groups import ALIKE, SplitGroups, open_split_groups
from synthspec.dataset.splits.quotas import Splitter

SHARES = {"train": 0.8, "test": 0.2}


def families(count: int, many: int, words: int = 40, changes: int = 3, seed: int = 1) -> list[str]:
    """Texts that are each one of so many, with a few words changed."""
    rng = random.Random(seed)
    known = [f"w{i}" for i in range(2_000)]
    originals = [rng.choices(known, k=words) for _ in range(many)]
    texts = []
    for _ in range(count):
        text = list(rng.choice(originals))
        for _ in range(rng.randint(0, changes)):
            text[rng.randrange(words)] = rng.choice(known)
        texts.append(" ".join(text))
    return texts


def groups_of(texts: Sequence[str], at_once: int = 7, most: int = 10_000) -> list[int | None]:
    groups = SplitGroups(("text",), most)
    rows = [{"text": t} for t in texts]
    return [g for at in range(0, len(rows), at_once) for g in groups.of(rows[at : at + at_once])]


def splits_of(texts: Sequence[str], seed: int = 0, strata: Sequence[str] | None = None) -> list[str]:
    splitter = Splitter(SHARES, seed)
    groups = groups_of(texts)
    return [splitter.assign(strata[i] if strata else None, group) for i, group in enumerate(groups)]


def parted(texts: Sequence[str], splits: Sequence[str]) -> list[tuple[int, int]]:
    return [(a, b) for a, b in near_pairs(texts, ALIKE).tolist() if splits[a] != splits[b]]


@pytest.mark.parametrize(
    ("many", "words", "changes"), one_in(2, [(100, 40, 3), (100, 40, 6), (12, 40, 3), (60, 80, 8)])
)
def test_no_pair_is_parted_and_shares_hold(many: int, words: int, changes: int) -> None:
    texts = families(600, many, words, changes)
    assert len(near_pairs(texts, ALIKE)) > 50
    splits = splits_of(texts)
    assert not parted(texts, splits)
    largest = Counter(groups_of(texts)).most_common(1)[0][1]
    assert abs(splits.count("test") - 120) <= 2 * largest


def test_strata_are_parted_neither() -> None:
    texts = families(600, 80)
    strata = ["abc"[digest(i) % 3] for i in range(600)]
    splits = splits_of(texts, strata=strata)
    assert not parted(texts, splits)
    held = Counter(zip(strata, splits, strict=True))
    assert all(abs(held[s, "test"] - strata.count(s) / 5) <= 12 for s in "abc")


@examples(2, 20)
def test_no_row_moves_as_rows_are_added(examples: int) -> None:
    @settings(deadline=None, max_examples=examples)
    @given(seed=some.integers(0, 999), cut=some.integers(1, 199), at_once=some.integers(1, 60))
    def check(seed: int, cut: int, at_once: int) -> None:
        texts = families(200, 30, seed=seed)
        assert groups_of(texts, at_once)[:cut] == groups_of(texts[:cut]) == groups_of(texts)[:cut]
        assert splits_of(texts)[:cut] == splits_of(texts[:cut])

    check()


def test_a_row_joins_the_one_most_like_it() -> None:
    words = [f"w{i}" for i in range(40)]
    other = [*words[:32], *(f"x{i}" for i in range(8))]
    nearer = [*words[:34], *(f"x{i}" for i in range(2, 8))]
    assert groups_of([" ".join(t) for t in (words, ["y"] * 9, other, nearer)])[-1] in (0, 2)
    index = NearIndex(0.5)
    for text in (words, other):
        index.add(shingle_set([" ".join(text)]))
    found = index.nearest(shingle_set([" ".join(nearer)]))
    assert found is not None and found[0] == 1 and 0.7 < found[1] < 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", rest_slow(range(4), (0,)))
def test_nearest_is_exact(seed: int) -> None:
    index, sets = NearIndex(0.6), []
    for text in families(300, 12, 25, 6, seed):
        mine = shingle_set([text])
        alike = [len(set(mine) & set(s)) / len(set(mine) | set(s)) for s in map(list, sets)]
        best = max(alike, default=0.0)
        found = index.nearest(mine)
        if best < 0.6:
            assert found is None
        else:
            assert found == (alike.index(best), pytest.approx(best))
        index.add(mine)
        sets.append(mine)


def test_labels_are_not_compared() -> None:
    assert groups_of(["yes", "no", "", "yes", "quite so indeed yes"] * 2) == [None] * 10


def test_beyond_the_bound_rows_are_compared_with_what_is_held() -> None:
    groups = SplitGroups(("text",), 2)
    texts = [*(f"{' '.join(f'{c}{i}' for i in range(9))}" for c in "abc"), " ".join(f"a{i}" for i in range(9))]
    texts.append(texts[2])
    assert groups.of([{"text": t} for t in texts]) == [0, 1, None, 0, None]
    assert groups.facts == {"compared": 2, "followed": 1}


SPEC = """
synthspec: 1
name: calls
rows: {rows}
parameters: {{mood: [calm, cross, glad]}}
prompts:
  call: {{user: "Write a call, {{{{ mood }}}}.", writes: [call], format: text}}
fields:
  mood: {{value: mood}}
  call: {{type: string}}
{novelty}
output: {{split: {{train: 0.75, test: 0.25}}, stratify: mood}}
backend: {{provider: openai, model: loop, base_url: {url}}}
"""


def call(body: dict[str, Any], nth: int) -> str:
    """One of eight texts, with a word changed."""
    number = digest(body["messages"], body.get("seed"), nth)
    text = [WORDS[(number % 8 * 5 + i * 7) % len(WORDS)] + str(number % 8) for i in range(30)]
    text[number // 8 % 30] = f"z{number // 240 % 50}"
    return " ".join(text)


def rows_in(folder: Path) -> dict[str, list[str]]:
    found = {}
    for split in ("train", "test"):
        with (folder / f"calls-{split}.csv").open(newline="", encoding="utf-8") as file:
            found[split] = [r["call"] for r in csv.DictReader(file)]
    return found


def test_a_build_parts_no_pair_and_grows_without_a_move(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    with Loopback(reply=call) as server:
        path.write_text(SPEC.format(rows=60, url=server.url, novelty=""), encoding="utf-8")
        dataset = synthspec.build(path, out=tmp_path / "out")
        small = rows_in(tmp_path / "out")
        synthspec.build(path, rows=90, out=tmp_path / "out")
        large = rows_in(tmp_path / "out")
    texts = [t for s in large for t in large[s]]
    splits = [s for s in large for _ in large[s]]
    assert len(near_pairs(texts, ALIKE)) > 100 and not parted(texts, splits)
    assert all(large[s][: len(small[s])] == small[s] for s in small)
    assert dataset.manifest["splits"]["compared"] == 60 and dataset.manifest["splits"]["followed"] > 40


@pytest.mark.parametrize(
    ("novelty", "compared"),
    [
        ("", True),
        ("novelty: {unique: call}", True),
        ("novelty: {near_duplicates: {fields: [call], similarity: 0.9}}", True),
        ("novelty: {near_duplicates: {fields: [call], similarity: 0.8}}", False),
    ],
)
def test_compared_only_where_novelty_lets_pairs_through(tmp_path: Path, novelty: str, compared: bool) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(rows=5, url="http://127.0.0.1:9", novelty=novelty), encoding="utf-8")
    spec = compile_spec(path).spec
    assert spec is not None and (open_split_groups(spec) is not None) is compared


CHUNKS = """\
synthspec: 1
name: chunks
rows: 60
seed: SEED
sources: {docs: {rows: DOCS}}
parameters:
  doc: {from: docs}
  tone: [plain, brief, formal]
prompts:
  ask: {user: "A {{ tone }} question about {{ doc.text }}", writes: [question]}
fields:
  path: {value: doc.path}
  question: {type: string, words: {min: 2, max: 40}}
output: {formats: jsonl, split: {train: 0.6, test: 0.4}GROUP}
backend: ngram
"""


@pytest.mark.parametrize(
    ("group", "seed"), one_in(4, [(g, n) for g in ("doc.path", "path", "doc.part > 1") for n in (1, 2, 3)])
)
def test_rows_of_one_group_share_a_split(tmp_path: Path, group: str, seed: int) -> None:
    docs = [
        {"path": f"d{n % 7}", "part": n // 7, "text": f"text number {n} of the shop and the sea"} for n in range(28)
    ]
    text = CHUNKS.replace("DOCS", json.dumps(docs)).replace("SEED", str(seed))
    spec = tmp_path / "spec.yaml"
    spec.write_text(text.replace("GROUP", f", group: {group}"), encoding="utf-8")
    out = tmp_path / "out"
    synthspec.build(spec, out=out, concurrency=8)
    rows = {
        s: [json.loads(line) for line in (out / f"chunks-{s}.jsonl").read_text().splitlines()]
        for s in ("train", "test")
    }
    assert sum(map(len, rows.values())) == 60
    if "path" in group:
        assert not {r["path"] for r in rows["train"]} & {r["path"] for r in rows["test"]}
        assert rows["test"], "seven groups fill both splits"
    before = {s: (out / f"chunks-{s}.jsonl").read_bytes() for s in rows}
    again = synthspec.build(spec, out=out, concurrency=1)
    assert again.manifest["run"]["calls"] == 0
    assert {s: (out / f"chunks-{s}.jsonl").read_bytes() for s in rows} == before
    plain = tmp_path / "plain.yaml"
    plain.write_text(text.replace("GROUP", ""), encoding="utf-8")
    other = synthspec.build(plain, out=out)
    assert other.manifest["run"]["calls"] == 0, "an edit to the output makes no call"


def test_more_rows_move_none_of_a_group(tmp_path: Path) -> None:
    docs = [{"path": f"d{n % 9}", "part": n, "text": f"text number {n} of the shop and the sea"} for n in range(40)]
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        CHUNKS.replace("DOCS", json.dumps(docs)).replace("SEED", "5").replace("GROUP", ", group: doc.path"),
        encoding="utf-8",
    )
    where: list[dict[str, str]] = []
    for rows in (20, 60):
        out = tmp_path / str(rows)
        synthspec.build(spec, out=out, rows=rows)
        found = {}
        for split in ("train", "test"):
            found |= {
                json.loads(line)["path"]: split for line in (out / f"chunks-{split}.jsonl").read_text().splitlines()
            }
        where.append(found)
    assert where[0].items() <= where[1].items()
