"""`files`: documents as rows of a source: which are found, what is left out, and what an edit asks again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fake_backend import FakeBackend, use

import synthspec
from synthspec.compiler import compile_spec
from synthspec.inference.ngram.dice import Dice
from synthspec.inference.ngram.quotes import prose_of, quote_of
from synthspec.inference.ngram.text import TextRules
from synthspec.languages.expressions.functions.texts import quoted
from synthspec.sources.kinds import Opened, Place, SourceFault
from synthspec.sources.kinds.files import open_files
from synthspec.sources.matching import matching_files
from synthspec.spec.messages import Request

KETTLE = "# Kettle\n\n## Filling\n\nFill the kettle up to the mark. Close the lid well.\n\n## Care\n\nWipe it with vinegar once a month.\n"
LAMP = "# Lamp\n\nScrew the bulb in by hand. Use no more than nine watts.\n"
SPEC = """synthspec: 1
name: manuals
rows: {{each: docs}}
sources: {{docs: {{files: 'docs/**/*', chunk: {chunk}}}}}
parameters: {{doc: {{from: docs}}}}
prompts:
  ask: {{user: "{{{{ doc.title }}}}:\\n{{{{ doc.text }}}}", writes: [quote], format: text}}
fields:
  path: {{value: doc.path}}
  part: {{value: doc.part}}
  quote: {{type: string}}
checks:
  - quoted(quote, doc.text) == 1
output: {{split: {{train: 0.5, test: 0.5}}, group: doc.path}}
backend: {{provider: openai, model: m, base_url: "http://127.0.0.1:9/v1"}}
limits: {{attempts: 2}}
"""


def lay(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def opened(folder: Path, **options: Any) -> Opened:
    return open_files(options, Place(folder, folder))


class Quoting(FakeBackend):
    """Quotes the last sentence of what it is shown; of some, with one word changed at the first attempt."""

    def __init__(self, spoil: str = "\0") -> None:
        self.asked: list[str] = []
        self.spoil = spoil
        super().__init__(self._say)

    def _say(self, request: Request) -> str:
        text = request.messages[0].content.partition("\n\nReply with")[0]
        self.asked.append(text)
        quote = text.rstrip().rpartition("\n")[2]
        return f"Do {quote}" if self.spoil in text and len(request.messages) == 1 else quote


def build(
    monkeypatch: pytest.MonkeyPatch, folder: Path, chunk: str = "{words: 50}", spoil: str = "\0"
) -> tuple[list[dict[str, Any]], Quoting, synthspec.Dataset]:
    fake = Quoting(spoil)
    use(monkeypatch, fake)
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(chunk=chunk), encoding="utf-8")
    dataset = synthspec.build(path, out=folder / "out")
    return dataset.frame.to_dict("records"), fake, dataset


def test_from_documents_to_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each chunk, in the order of the paths; a quote that is not in the text is asked for again; the chunks
    of a document are in one split; what is left out is counted and named in the manifest."""
    lay(tmp_path, {"docs/b/kettle.md": KETTLE, "docs/a.txt": "Press the button twice. It starts.", "docs/lamp.md": LAMP,
                   "docs/torn.epub": b"no book", "docs/empty.md": "", "docs/photo.png": b"\x89PNG"})  # fmt: skip
    rows, fake, dataset = build(monkeypatch, tmp_path, spoil="Kettle > Care")
    assert [(r["path"], r["part"]) for r in rows] == [
        ("docs/a.txt", 1), ("docs/b/kettle.md", 1), ("docs/b/kettle.md", 2), ("docs/lamp.md", 1),
    ]  # fmt: skip
    assert len(fake.asked) == 5 and rows[2]["quote"] == "Wipe it with vinegar once a month."
    found = [d.code for d in compile_spec(tmp_path / "spec.yaml").diagnostics]
    assert found == ["W780", "W781"]
    said = dataset.manifest["sources"]["docs"]
    assert (said["kind"], said["documents"], said["left_out"]) == ("files", 3, 2)
    assert [d["path"] for d in said["documents_left_out"]] == ["docs/empty.md", "docs/torn.epub"]
    splits: dict[str, set[str]] = {}
    for file in dataset.files:
        for line in file.read_text(encoding="utf-8").splitlines() if file.suffix == ".jsonl" else ():
            splits.setdefault(json.loads(line)["path"], set()).add(file.name)
    assert all(len(names) == 1 for names in splits.values())


def test_only_new_chunks_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document more, a section corrected, another size: chunks that did not change make no call."""
    lay(tmp_path, {"docs/kettle.md": KETTLE, "docs/lamp.md": LAMP})
    assert len(build(monkeypatch, tmp_path)[1].asked) == 3
    assert not build(monkeypatch, tmp_path, "{words: 80, overlap: 10}")[1].asked
    lay(tmp_path, {"docs/a.md": "# Fan\n\nTurn the knob."})
    rows, fake, _ = build(monkeypatch, tmp_path)
    assert len(rows) == 4 and [t for t in fake.asked if "Fan" not in t] == []
    lay(tmp_path, {"docs/kettle.md": KETTLE.replace("vinegar", "lemon")})
    assert [("lemon" in t) for t in build(monkeypatch, tmp_path)[1].asked] == [True]
    assert len(build(monkeypatch, tmp_path, "{words: 6}")[1].asked) > 0


def test_files_are_found_by_pattern(tmp_path: Path) -> None:
    names = ["a.md", "b.MD", "sub/c.md", "sub/deep/d.md", "sub/e.txt", ".hidden/f.md", "sub/.g.md", "x[1].md"]
    lay(tmp_path, {f"docs/{n}": "Text." for n in names})
    place = Place(tmp_path, tmp_path)
    found = {
        "docs/*.md": ["docs/a.md", "docs/x[1].md"],
        "docs/**/*.md": ["docs/a.md", "docs/sub/c.md", "docs/sub/deep/d.md", "docs/x[1].md"],
        "**/d.md": ["docs/sub/deep/d.md"],
        "docs/*/?.md": ["docs/sub/c.md"],
        "docs/[ab].*": ["docs/a.md", "docs/b.MD"],
        "docs/[!a].*": ["docs/b.MD"],
        "docs/sub/**": ["docs/sub/c.md", "docs/sub/deep/d.md", "docs/sub/e.txt"],
        "docs/.hidden/*": ["docs/.hidden/f.md"],
        "./docs//a.md": ["docs/a.md"],
        "docs/**/**/deep/*": ["docs/sub/deep/d.md"],
        "nowhere/*.md": [],
        "docs/[": [],
    }
    assert {pattern: matching_files(pattern, place) for pattern in found} == found
    assert matching_files("*" * 60 + "b" + "*" * 60 + "c.md", place) == []


@pytest.mark.parametrize(
    "pattern", ["../*.md", "/tmp/**/*.md", "docs/../../*.md", "docs/link/*.md", "docs/*.txt", "docs/**/*"]
)
def test_nothing_outside_is_read(pattern: str, tmp_path: Path) -> None:
    lay(tmp_path, {"secret.md": "Secret.", "home/docs/a.md": "Text.", "out/b.md": "Secret."})
    (tmp_path / "home/docs/link").symlink_to(tmp_path / "out")
    (tmp_path / "home/docs/c.txt").symlink_to(tmp_path / "secret.md")
    with pytest.raises(SourceFault, match="outside") as found:
        matching_files(pattern, Place(tmp_path / "home", tmp_path / "home"))
    assert found.value.code == "E513" and found.value.help


def test_names_that_are_no_text(tmp_path: Path) -> None:
    lay(tmp_path, {"docs/a.md": "Text.", "docs/two\nlines.md": "Text."})
    (tmp_path / "docs" / b"n\xe9.md".decode("utf-8", "surrogateescape")).write_text("Text.")
    source = opened(tmp_path, files="docs/*.md")
    assert source.table.columns["path"] == ["docs/a.md"] and source.origin["left_out"] == 2
    assert "\n" not in source.notes[0].message and json.dumps(source.origin).encode("utf-8")


def test_a_dataset_is_no_document(tmp_path: Path) -> None:
    """What a build wrote below the spec is not read by the next one, unless it is named."""
    lay(tmp_path, {"a.md": "Text.", "build/manuals/README.md": "Card.", "build/manuals/run.sqlite": ""})
    assert matching_files("**/*.md", Place(tmp_path, tmp_path)) == ["a.md"]
    assert matching_files("build/manuals/README.md", Place(tmp_path, tmp_path)) == ["build/manuals/README.md"]


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    lay(tmp_path, {"docs/a.md": "Text."})
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SourceFault, match="cannot be read: permission denied"):
        matching_files("docs/*.md", Place(tmp_path, tmp_path))


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    lay(tmp_path, {"docs/a.md": "Text."})
    (tmp_path / "docs/loop").symlink_to(tmp_path / "docs")
    assert matching_files("docs/**/*.md", Place(tmp_path, tmp_path)) == ["docs/a.md"]


def test_one_broken_document_among_many(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"docs/{n:03}.md": f"# Part {n}\n\nText of {n}." for n in range(120)}
    lay(tmp_path, {**files, "docs/060.md": "Привет".encode("cp1251"), "docs/061.md": b"\xff\xfe\x00"})
    source = opened(tmp_path, files="docs/*.md", chunk={"words": 50})
    assert len(source.table) == 118 and source.origin["left_out"] == 2
    (note,) = source.notes
    assert note.code == "W780" and note.message.startswith("2 of 120 documents are left out: 'docs/060.md' (not UTF-8")
    assert len(note.message) < 200


def test_an_encoding_is_guessed_or_given(tmp_path: Path) -> None:
    lay(tmp_path, {"a.txt": "El señor Núñez llegó.".encode("cp1252"), "b.txt": "Привет, мир.".encode("cp1251")})
    (note,) = opened(tmp_path, files="a.txt").notes
    assert note.code == "W750" and "cp1252" in note.message
    assert opened(tmp_path, files="b.txt", encoding="cp1251").table.row(0)["text"] == "Привет, мир."


def test_a_document_needs_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PDF that cannot be read here is an error, not a loss: the dataset would hang on the machine."""
    monkeypatch.setattr("synthspec.sources.documents.reader.find_spec", lambda name: None)
    lay(tmp_path, {"docs/a.pdf": b"%PDF", "docs/b.md": LAMP})
    with pytest.raises(SourceFault, match=r"need the package pypdfium2") as found:
        opened(tmp_path, files="docs/*")
    assert found.value.code == "E350" and "pip install" in found.value.help


def test_documents_are_examples_too(tmp_path: Path) -> None:
    """Drawn by likeness, as any source."""
    lay(tmp_path, {"docs/kettle.md": KETTLE, "docs/lamp.md": LAMP})
    text = re.sub("rows: {each: docs}", "rows: 4", SPEC.format(chunk="{words: 50}"))
    text = text.replace(
        "parameters: {doc: {from: docs}}",
        "parameters: {wish: [a bulb of nine watts, vinegar], doc: {from: docs, nearest: wish}}",
    )
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    assert {row["wish"]: row["doc"]["title"] for row in synthspec.plan(path)} == {
        "a bulb of nine watts": "Lamp", "vinegar": "Kettle > Care",
    }  # fmt: skip


TEXT = "## Care\n\nWipe it. Dry it with a soft cloth.\n\n| a | b |\n| --- | --- |\n\n1. Oil the hinge.\n2. Close it."


def test_the_embedded_model_quotes() -> None:
    """A stretch of the text, within the field's rules, another one each time; none where none fits."""
    assert prose_of(TEXT) == ["Wipe it. Dry it with a soft cloth.", "Oil the hinge. Close it."]
    seen: set[str] = set()
    quotes = [quote_of(TEXT, TextRules(words=(2, 8)), Dice("q", n), set()) for n in range(40)]
    assert all(q is not None and quoted(q, TEXT) == 1 for q in quotes) and len(set(quotes)) >= 4
    assert quote_of(TEXT, TextRules(words=(30, None)), Dice("q"), seen) is None
    assert quote_of("", TextRules(), Dice("q"), seen) is None


def test_the_spec_of_the_page_is_sound(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs/documents.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"(?s)```yaml\n(.*?)```", page)
    lay(tmp_path, {"manuals/kettle.md": KETTLE, "spec.yaml": f"synthspec: 1\nname: page\n{block}"})
    compiled = compile_spec(tmp_path / "spec.yaml")
    assert compiled.ok and not compiled.diagnostics, compiled.diagnostics
