"""Every remedy that names a word is applied where it points, and the spec checked again: the fault is gone.

`EDITS` says for other remedies what a person who follows them writes: the fault spec, what stands there, what is put.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from synthspec.compiler import compile_spec
from synthspec.diagnostics import Diagnostic
from synthspec.diagnostics.render import render_text

FOLDER = Path(__file__).parent / "faults"
SPECS = sorted(FOLDER.glob("*.yaml"))
EDITS = {
    "E423-sum-of-a-skipped-field": ("{{ score + 1 }}", "{% if score %}{{ score + 1 }}{% endif %}"),
    "E423-member-of-an-optional-field": ("{{ maker.city }}", "{% if maker %}{{ maker.city }}{% endif %}"),
    "E423-first-of-the-texts-to-avoid": ("{{ avoid[0] }}", "{% if avoid %}{{ avoid[0] }}{% endif %}"),
    "E424-number-as-a-text": ("['3']", "[3]"),
    "E551-column-of-the-same-row": ("row.reason == reason", "row.reason == row.reason"),
    "E551-declared-between-two-draws": (
        "  line: {from: calls, column: line}\n  wanted: [late, broken]\n",
        "  wanted: [late, broken]\n  line: {from: calls, column: line}\n",
    ),
    "W705-number-sign-in-a-prompt": (
        "Write a title for issue #3 of the magazine.",
        '"Write a title for issue #3 of the magazine."',
    ),
    "W706-examples-not-shown": (
        "user: Write a title.",
        "user: 'Write a title.{% for e in examples %}{{ e.line }}{% endfor %}'",
    ),
    "E112-template-without-quotes-as-a-value": ("{{ opening }}", "'{{ opening }}'"),
    "E204-rows-in-quotes": ('"40"', "40"),
    "E204-source-as-a-text": ("data/calls.csv", "{file: data/calls.csv}"),
    "E204-weights-without-values": ("{Madrid: 2, Paris: 1}", "{values: {Madrid: 2, Paris: 1}}"),
    "E302-assignment": (" = ", " == "),
    "E302-python-conditional": ("9000 if high else 4000", "if high then 9000 else 4000"),
    "E406-text-and-number-added": (" + ", " ~ "),
    "E402-avoid-without-a-rule": ("fields:", "novelty: {avoid: {last: 20}}\nfields:"),
    "E305-misspelt-argument": ("std=", "sd="),
    "E120-no-such-file": ("data/comon.yaml", "data/common.yaml"),
}  # fmt: skip


def applied(text: str, found: Diagnostic, word: str) -> str:
    """The text with a word in the place a diagnostic points at."""
    lines = text.split("\n")
    span = found.span
    line = lines[span.line - 1]
    assert span.line == span.end_line
    lines[span.line - 1] = line[: span.column - 1] + word + line[span.end_column - 1 :]
    return "\n".join(lines)


def copied(path: Path, text: str, folder: Path) -> Path:
    """The spec beside what it reads."""
    for name in ("data", "library"):
        if (FOLDER / name).exists() and not (folder / name).exists():
            shutil.copytree(FOLDER / name, folder / name)
    for other in FOLDER.glob("*.yaml"):
        if f"{other.name}" in text:
            (folder / other.name).write_text(other.read_text(encoding="utf-8"), encoding="utf-8")
    here = folder / path.name
    here.write_text(text, encoding="utf-8")
    return here


NAMED = [p for p in SPECS if p.stem != "E305-misspelt-argument" and re.fullmatch(r"did you mean '[^']+'\?", (compile_spec(p).diagnostics or [None])[0].help)]


def test_there_are_enough() -> None:
    assert len(NAMED) >= 60 and len(EDITS) >= 15


@pytest.mark.parametrize("path", NAMED, ids=lambda p: p.stem)
def test_the_name_that_is_meant_is_right(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    (found,) = compile_spec(path).diagnostics
    word = re.fullmatch(r"did you mean '([^']+)'\?", found.help)
    assert word is not None
    again = compile_spec(copied(path, applied(text, found, word[1]), tmp_path)).diagnostics
    assert (found.code, found.span.line) not in {(d.code, d.span.line) for d in again}, render_text(again)


@pytest.mark.parametrize("stem", EDITS)
def test_what_the_remedy_says_is_right(stem: str, tmp_path: Path) -> None:
    path = FOLDER / f"{stem}.yaml"
    text = path.read_text(encoding="utf-8")
    old, new = EDITS[stem]
    assert old in text, text
    again = compile_spec(copied(path, text.replace(old, new, 1), tmp_path)).diagnostics
    assert again == (), render_text(again)
