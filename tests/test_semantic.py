"""Novelty by meaning, with a stand-in for the model: a vector counts the words of a text, some of which are one."""

from __future__ import annotations

import re
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from click.testing import CliRunner
from loopback import Loopback, digest
from test_build import spec_file

import synthspec
from synthspec.api import SpecError
from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.dataset.similarity import semantic
from synthspec.diagnostics.catalogue import explanation
from synthspec.extras import install_command
from synthspec.generation.validation.novelty import NoveltyIndex, open_novelty
from synthspec.spec import Novelty, Semantic
from synthspec.spec.rows import Rejection, Stage

DIMENSIONS = 64
MEANT = {"big": "large", "huge": "large", "automobile": "car", "purchased": "bought"}


class StandIn:
    """What is used of a SentenceTransformer."""

    encoded: list[str] = []  # noqa: RUF012

    def __init__(self, name: str, device: str) -> None:
        if name == "nobody/nothing":
            raise OSError("nobody/nothing is not a model\nmore of the same")
        assert device == "cpu"

    def encode(self, texts: list[str], **options: Any) -> Any:
        assert options["normalize_embeddings"] and options["batch_size"] == 1 and len(texts) == 1
        self.encoded.extend(texts)
        counts = np.zeros((1, DIMENSIONS), np.float32)
        for word in texts[0].lower().split():
            counts[0, crc32(MEANT.get(word, word).encode()) % DIMENSIONS] += 1
        return counts / np.linalg.norm(counts)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were embedded, with the stand-in in the package's place."""
    module = ModuleType("sentence_transformers")
    module.__spec__ = ModuleSpec("sentence_transformers", None)
    module.SentenceTransformer = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    monkeypatch.setattr(StandIn, "encoded", [])
    return StandIn.encoded


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)


def index_of(similarity: float = 0.92, *fields: str) -> NoveltyIndex:
    return open_novelty(Novelty(semantic=Semantic(fields or ("text",), similarity, "any/model")), {})


def kept(index: NoveltyIndex, rows: list[dict[str, Any]]) -> list[int]:
    slots = []
    for i, row in enumerate(rows):
        if index.check(row) is None:
            index.keep(i, row)
            slots.append(i)
    return slots


def random_texts(count: int, words: int, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [{"text": " ".join(f"w{n}" for n in rng.integers(0, words, 6))} for _ in range(count)]


def test_paraphrases_are_rejected(encoded: list[str]) -> None:
    index = index_of()
    rows = [
        {"text": "she bought a large red car"},
        {"text": "she purchased a huge red automobile"},
        {"text": "he sold the old boat last week"},
        {"text": "a big red car she bought"},
        {"text": "nobody came to the concert"},
    ]
    assert kept(index, rows) == [0, 2, 4]
    said = "text means nearly the same as in a row written before; write something clearly different"
    assert index.check(rows[1]) == index.check(rows[3]) == Rejection(Stage.NOVEL, "semantic(text)", said)


def test_several_fields_are_one_text(encoded: list[str]) -> None:
    index = index_of(0.99, "a", "b")
    index.keep(0, {"a": "one two", "b": "three"})
    assert index.check({"a": "one two", "b": "four"}) is None
    found = index.check({"a": "one two", "b": "three"})
    assert found is not None and found.rule == "semantic(a, b)" and found.reason.startswith("a and b means")


def test_rows_without_text_are_not_looked_at(encoded: list[str]) -> None:
    assert kept(index_of(), [{"text": None}, {"text": "  "}, {}]) == [0, 1, 2]
    assert encoded == []


def test_the_very_same_text_is_rejected_at_one(encoded: list[str]) -> None:
    rows = random_texts(200, 10**6, 1)
    index = index_of(1.0)
    index.keep_all(rows)
    assert all(index.check(r) is not None for r in rows)


def test_the_limit_is_exact(encoded: list[str]) -> None:
    """Three words of four alike are a cosine of 0.75: at the limit, and not above it."""
    row, other = {"text": "one two three four"}, {"text": "one two three five"}
    for similarity, rejected in ((0.7499, True), (0.75, True), (0.75001, False), (0.7502, False)):
        index = index_of(similarity)
        index.keep(0, row)
        assert (index.check(other) is not None) is rejected


def test_as_by_hand_and_over_chunks(encoded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = random_texts(400, 25, 2)
    vectors = [StandIn("m", "cpu").encode([r["text"]], normalize_embeddings=True, batch_size=1)[0] for r in rows]
    truth: list[int] = []
    for i, vector in enumerate(vectors):
        if all(float(np.dot(vectors[j].astype(float), vector)) < 0.8 - 1e-6 for j in truth):
            truth.append(i)
    assert 20 < len(truth) < 380
    for chunk, remembered in ((4096, 8192), (7, 8192), (16, 3)):
        monkeypatch.setattr(semantic, "CHUNK", chunk)
        monkeypatch.setattr(semantic, "REMEMBERED", remembered)
        assert kept(index_of(0.8), rows) == truth


def test_judged_early_and_again_is_the_same(encoded: list[str]) -> None:
    """Rows that wait are judged again whenever one before them is kept; each is embedded once."""
    rows = random_texts(120, 25, 3)
    index, slots = index_of(0.8), []
    for i, row in enumerate(rows):
        for waiting in rows[i:]:
            index.check(waiting)
        if index.check(row) is None:
            index.keep(i, row)
            slots.append(i)
    assert len(encoded) == len({r["text"] for r in rows})
    assert slots == kept(index_of(0.8), rows)


def test_kept_at_once_is_kept_one_by_one(encoded: list[str]) -> None:
    rows, others = random_texts(100, 40, 4), random_texts(100, 40, 5)
    together, single = index_of(0.8), index_of(0.8)
    together.keep_all(rows)
    for i, row in enumerate(rows):
        single.keep(i, row)
    assert [together.check(r) for r in others] == [single.check(r) for r in others]


# --- in a spec

SPEC = """
    synthspec: 1
    name: calls
    rows: 24
    parameters: {{topic: [bill, meter, move]}}
    prompts:
      call: {{user: "Write a call about {{{{ topic }}}}.", writes: [call]}}
    fields: {{topic: {{value: topic}}, call: {{type: string}}}}
    novelty: {{semantic: {{fields: [call], similarity: 0.9}}}}
    backend: {{provider: openai, model: loop, base_url: {url}}}
    limits: {{concurrency: {concurrency}, attempts: 12}}
"""


def paraphrase(body: dict[str, Any], nth: int) -> str:
    """One of a few things to say, in one of several ways."""
    number = digest(body["messages"]) + nth
    size, verb = ("big", "large", "huge")[number % 3], ("bought", "purchased")[number % 2]
    return f"she {verb} a {size} thing number{number % 97} and then item{number % 89} and also part{number % 83}"


def test_a_build_does_not_depend_on_concurrency(encoded: list[str], tmp_path: Path) -> None:
    results = []
    for concurrency, latency in ((1, 0.0), (16, 0.005)):
        with Loopback(reply=paraphrase, latency=latency) as server:
            path = spec_file(tmp_path, SPEC.format(url=server.url, concurrency=concurrency))
            dataset = synthspec.build(path, out=tmp_path / f"out{concurrency}")
        results.append((tmp_path / f"out{concurrency}" / "calls.csv").read_bytes())
        index = index_of(0.9, "call")
        rows = [{"call": c} for c in dataset.frame["call"]]
        assert kept(index, rows) == list(range(len(rows))) and len(rows) > 5
    assert results[0] == results[1]


EMBEDDED = """
    synthspec: 1
    name: notes
    rows: 30
    sources:
      sample: {rows: [
        {text: she bought a large red car in the spring}, {text: he sold the old boat at the lake last week},
        {text: nobody came to the concert in the park}, {text: the big automobile was red and old},
        {text: a huge boat lay in the spring at the park}, {text: the concert last week was sold out}]}
    prompts:
      note: {user: "Write a note.{% for e in examples %} {{ e.text }}{% endfor %}", examples: {from: sample, rows: 2}, writes: [text]}
    fields: {text: {type: string, words: {min: 4}}}
    novelty: {semantic: {fields: [text], similarity: 0.8}}
"""


def test_a_build_with_the_embedded_backend(encoded: list[str], tmp_path: Path) -> None:
    path = spec_file(tmp_path, EMBEDDED)
    first = synthspec.build(path, out=tmp_path / "out")
    rejected = {k: v for k, v in first.manifest["rejections"].items() if "semantic(text)" in k}
    assert rejected, first.manifest
    rows = [{"text": t} for t in first.frame["text"]]
    assert rows and kept(index_of(0.8), rows) == list(range(len(rows)))
    again = synthspec.build(path, out=tmp_path / "again")
    assert list(again.frame["text"]) == [r["text"] for r in rows]


def test_a_model_that_cannot_be_loaded_is_one_clear_error(encoded: list[str], tmp_path: Path) -> None:
    path = spec_file(tmp_path, EMBEDDED.replace("similarity: 0.8", "model: nobody/nothing"))
    done = CliRunner().invoke(cli, ["build", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 3, done.output
    assert "novelty.semantic: the model 'nobody/nothing' cannot be loaded" in done.output
    assert "more of the same" not in done.output and "Traceback" not in done.output


def test_a_missing_package_is_a_fault_of_the_spec(absent: None, tmp_path: Path) -> None:
    path = spec_file(tmp_path, EMBEDDED)
    (fault,) = compile_spec(path).diagnostics
    assert fault.code == "E531" and fault.help == install_command("semantic")
    line = path.read_text().splitlines()[fault.span.line - 1]
    assert line[fault.span.column - 1 : fault.span.end_column - 1] == "semantic"
    with pytest.raises(SpecError):
        synthspec.build(path, out=tmp_path / "out")
    with pytest.raises(semantic.ModelFault, match=re.escape(install_command("semantic"))):
        semantic.load_model("any/model")


def test_a_folder_is_found_beside_the_spec(encoded: list[str], tmp_path: Path) -> None:
    (tmp_path / "minilm").mkdir()
    for given in ("minilm", "./minilm", str(tmp_path / "minilm")):
        program = compile_spec(spec_file(tmp_path, EMBEDDED.replace("similarity: 0.8", f"model: {given}")))
        assert program.spec is not None and not program.diagnostics
        assert program.spec.novelty.semantic == Semantic(("text",), 0.92, str((tmp_path / "minilm").resolve()))


def test_the_example_of_the_catalogue(encoded: list[str], tmp_path: Path) -> None:
    example, mended = (part.split("```")[0] for part in explanation("E531").split("```yaml\n")[1:])
    found = [[d.code for d in compile_spec(spec_file(tmp_path, t)).diagnostics] for t in (example, mended)]
    assert found == [["E531"], []]


def test_checking_a_spec_does_not_load_the_package(encoded: list[str], tmp_path: Path) -> None:
    del sys.modules["sentence_transformers"].SentenceTransformer  # type: ignore[attr-defined]
    assert not compile_spec(spec_file(tmp_path, EMBEDDED)).diagnostics


# --- the package itself


@pytest.mark.slow
def test_a_real_model_of_random_weights(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    make_model(tmp_path / "tiny")
    texts = ["the agent speaks of a bill", "the agent speaks of a bill", "client", "a bill the agent and client speak"]
    rule = Semantic(("text",), 0.9999, str(tmp_path / "tiny"))
    rows = [{"text": t} for t in texts]
    index = open_novelty(Novelty(semantic=rule), {})
    slots = kept(index, rows)
    assert slots[0] == 0 and 1 not in slots
    model = semantic.load_model(rule.model)
    one, other = (semantic._embed(model, texts[0]) for _ in range(2))
    assert not model.training
    assert one.dtype == np.float32 and (one == other).all() and abs(float(one @ one) - 1) < 1e-5
    path = spec_file(tmp_path, EMBEDDED.replace("similarity: 0.8", "similarity: 0.9999, model: ./tiny"))
    assert len(synthspec.build(path, out=tmp_path / "out").frame) > 1


def make_model(folder: Path) -> None:
    """Write a BERT of random weights with a tokenizer of its own; the mean of its vectors is a text's."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = "the agent and client speak speaks of a bill she he car boat concert".split()
    vocabulary = folder.parent / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]), encoding="utf-8")
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=5 + len(words), max_position_embeddings=64, **sizes)).save_pretrained(folder)
