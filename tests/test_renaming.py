"""Renaming in every text that means a name: the spec then says the same, and back again it is the same text."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from depth import rest_slow

from synthspec.language_service import (
    Analysis,
    Position,
    analyse,
    applied,
    complete,
    lasting_access,
    rename,
    symbols,
    tokens,
)
from synthspec.language_service.mentions import Mention

ROOT = Path(__file__).parent.parent
SPECS = sorted((ROOT / "specs").glob("[!f]*.yaml"))  # without the one that needs --trust, and takes long
FAULTS = sorted(p for p in (ROOT / "tests" / "faults").glob("*.yaml") if p.stem[:4] not in ("E114", "E823"))
ACCESS = lasting_access()


def declared(analysis: Analysis) -> list[Mention]:
    found = (m for m in analysis.mentions if m.declares and analysis.is_own(m.node))
    return list({(m.section, m.name): m for m in found}.values())


def position(mention: Mention) -> Position:
    return Position(mention.span.line, mention.span.column)


def meaning(analysis: Analysis, new: str, old: str) -> str:
    """What the compiler makes of a text, a name replaced, whatever hangs on addresses and order left out."""
    said = re.sub(r"digest='\w+'|<[^<>]*0x\w+>| at 0x\w+", "", repr(analysis.spec)).replace(new, old)
    return "".join(sorted(said))


@pytest.mark.parametrize("path", rest_slow(SPECS, (1, 10)), ids=lambda p: p.stem)
def test_a_renamed_spec_says_the_same_and_back_again_is_the_same_text(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    before = analyse(path, text, access=ACCESS)
    found = declared(before)
    done = 0
    for mention in random.Random(path.stem).sample(found, min(3, len(found))):
        new = f"zq{'w' * 70}"[: len(mention.name)]  # as long, so that every place stays where it is
        renamed = rename(before, position(mention), new)
        if renamed.refusal:
            continue
        after = analyse(path, applied(text, renamed.edits), access=ACCESS)
        assert meaning(after, new, mention.name) == meaning(before, new, mention.name), mention.name
        back = rename(after, position(mention), mention.name)
        assert back.refusal == "" or "shape" in back.refusal, back.refusal
        assert back.refusal or applied(after.text, back.edits) == text
        done += 1
    assert done


@pytest.mark.parametrize("path", rest_slow(FAULTS, tuple(range(0, len(FAULTS), 160))), ids=lambda p: p.stem)
def test_a_spec_with_an_error_is_renamed_or_refused(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    before = analyse(path, text, access=ACCESS)
    for mention in declared(before)[:3]:
        renamed = rename(before, position(mention), "zqwww")
        assert bool(renamed.edits) != bool(renamed.refusal)
        if renamed.edits:
            after = analyse(path, applied(text, renamed.edits), access=ACCESS)
            codes, were = (Counter(d.code for d in of.diagnostics) for of in (after, before))
            assert not codes - were
            assert (were - codes).keys() <= {"E432"}  # a name taken twice is taken once with another


BASE = """\
synthspec: 1
sources:
  docs: {rows: [{title: a, fact: x}, {title: b, fact: y}]}
parameters:
  tone: [kind, harsh]
  title: {from: docs, column: title}
prompts:
  note:
    examples: {from: docs, as: shots, rows: 1}
    user: "{{ tone }} {% for e in shots %}{{ e.fact }} {{ tone }}{% endfor %} {{ title }}"
    writes: [note]
    format: {regex: '(?P<note>.+)'}
fields:
  note: {type: string, words: {min: 1}}
  tone: {value: tone}
  kind: {value: "if tone == 'kind' then 1 else 0"}
checks: [words(note) > 0 and tone != note]
output: {columns: [note, tone], formats: [csv]}
"""


def at(word: str, text: str = BASE, nth: int = 0) -> Position:
    place = [m.start() for m in re.finditer(rf"\b{word}\b", text)][nth]
    before = text[:place]
    return Position(before.count("\n") + 1, len(before) - before.rfind("\n"))


def renamed(word: str, new: str, nth: int = 0, path: Path = Path("specs/typed.yaml")) -> tuple[str, str]:
    found = rename(analyse(path, BASE), at(word, nth=nth), new)
    return applied(BASE, found.edits), found.refusal


def test_a_parameter_and_a_field_of_one_name_are_told_apart() -> None:
    text, refusal = renamed("tone", "mood")
    assert not refusal
    assert "mood: [kind, harsh]" in text
    assert '"{{ mood }} {%' in text
    assert "  tone: {value: mood}" in text
    assert "\"if mood == 'kind'" in text
    assert "tone != note" in text  # a check reads the field
    assert "columns: [note, tone]" in text
    text, refusal = renamed("tone", "mood", nth=3)
    assert not refusal
    assert "  mood: {value: tone}" in text
    assert "mood != note" in text
    assert "columns: [note, mood]" in text


def test_groups_of_a_pattern_are_fields() -> None:
    text, refusal = renamed("note", "letter", nth=2)
    assert not refusal
    assert "(?P<letter>.+)" in text
    assert "writes: [letter]" in text
    assert "  note:\n    examples" in text  # the prompt keeps its name


@pytest.mark.parametrize(
    ("word", "new", "nth", "why"),
    [
        ("tone", "title", 0, "already"),
        ("tone", "no-name", 0, "a name is a letter"),
        ("tone", "null", 0, "word of the language"),
        ("tone", "for", 0, "word of the language"),
        ("tone", "e", 0, "meaning of its own"),
        ("tone", "shots", 0, "examples need a name"),
        ("fact", "idea", 0, "no name of this spec"),
        ("rows", "many", 0, "no name of this spec"),
    ],
)
def test_what_cannot_be_renamed_is_refused_with_the_reason(word: str, new: str, nth: int, why: str) -> None:
    text, refusal = renamed(word, new, nth)
    assert why in refusal
    assert text == BASE


@pytest.mark.slow  # DuckDB is loaded
def test_what_a_query_reads_is_refused() -> None:
    text = BASE.replace("parameters:", '  some: {query: "select * from docs"}\nparameters:')
    assert "a query may read" in rename(analyse(Path("specs/typed.yaml"), text), at("docs", text), "pages").refusal


def test_what_another_file_declares_or_uses_is_refused(tmp_path: Path) -> None:
    base, spec = tmp_path / "base.yaml", tmp_path / "spec.yaml"
    base.write_text("synthspec: 1\nparameters:\n  mood: [glad, sad]\n  left: [a, b]\n", encoding="utf-8")
    spec.write_text("synthspec: 1\nextends: base.yaml\nfields: {a: {value: mood}}\n", encoding="utf-8")
    inner = analyse(spec, spec.read_text(encoding="utf-8"))
    assert "base.yaml" in rename(inner, Position(3, 22), "tone").refusal
    outer = analyse(base, base.read_text(encoding="utf-8"))
    assert "extends this file" in rename(outer, Position(3, 4), "tone").refusal
    assert rename(outer, Position(4, 4), "side").edits
    own = analyse(
        spec, "synthspec: 1\nextends: base.yaml\nparameters: {mood: [new, old]}\nfields: {a: {value: mood}}\n"
    )
    assert "takes the place" in rename(own, Position(3, 15), "tone").refusal


@pytest.mark.parametrize("path", rest_slow(SPECS, (7,)), ids=lambda p: p.stem)
def test_whatever_is_offered_names_nothing_that_is_not_there(path: Path) -> None:
    """At random places of a spec, what stands there is taken out; nothing that is offered for it is unknown."""
    unknown = {
        "E301",
        "E304",
        "E402",
        "E404",
        "E405",
        "E309",
        "E411",
        "E417",
        "E418",
        "E489",
        "E520",
        "E521",
        "E605",
        "E606",
    }
    text = path.read_text(encoding="utf-8")
    whole = analyse(path, text, access=ACCESS)
    rng = random.Random(path.stem)
    sites = [m for m in whole.mentions if not m.declares and whole.is_own(m.node)]
    seen = 0
    for mention in rng.sample(sites, min(6, len(sites))):
        span = mention.span
        line = whole.lines[span.line - 1]
        cut = [*whole.lines]
        cut[span.line - 1] = line[: span.column - 1] + line[span.end_column - 1 :]
        before = analyse(path, "\n".join(cut), access=ACCESS)
        items = [i for i in complete(before, Position(span.line, span.column)) if i.kind not in ("keyword", "function")]
        assert mention.name in [i.label for i in items], (mention.name, line)
        for item in rng.sample(items, min(4, len(items))):
            after = analyse(path, applied(before.text, [item.edit]), access=ACCESS)
            news = [d for d in after.diagnostics if d.code in unknown and f"'{item.label}'" in d.message]
            news = [d for d in news if re.search("unknown|there is no|not known", d.message)]
            assert not news, (item.label, line, news)
            seen += 1
    assert seen


@pytest.mark.parametrize("path", rest_slow(SPECS, (8,)), ids=lambda p: p.stem)
def test_tokens_and_symbols_stand_where_their_names_do(path: Path) -> None:
    analysis = analyse(path, path.read_text(encoding="utf-8"), access=ACCESS)
    last = (0, 0)
    for token in tokens(analysis):
        assert (token.span.line, token.span.column) >= last  # none within another
        last = (token.span.line, token.span.end_column)
    told = [(s, c) for s in symbols(analysis) for c in s.children]
    for symbol, child in told:
        assert symbol.span.line <= child.span.line <= child.span.end_line <= symbol.span.end_line
        written = analysis.lines[child.name_span.line - 1][child.name_span.column - 1 : child.name_span.end_column - 1]
        assert written.strip("'\"") == child.name
    own = {m.name for m in declared(analysis) if m.section == "parameters"}
    assert own == {c.name for s, c in told if s.name == "parameters"}
