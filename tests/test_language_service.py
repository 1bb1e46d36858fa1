"""What an editor asks of a spec that is being typed: it need not be saved, whole, or YAML at the cursor's line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from depth import rest_slow

from synthspec.compiler import compile_spec
from synthspec.document.reader import read_document
from synthspec.document.source import buffer_source
from synthspec.language_service import Position, actions, analyse, applied, complete, definition, hover, references
from synthspec.language_service.cursor import place_at
from synthspec.language_service.mentions import mentions, names_of_document, words_at
from synthspec.language_service.readable import closing, readable
from synthspec.language_service.sites import sites
from synthspec.languages.expressions import names_of, parse_expression

SPECS = sorted((Path(__file__).parent.parent / "specs").glob("*.yaml"))
FEW = [at for at, path in enumerate(SPECS) if path.stem in ("first", "mediresponse", "support_dialogue")]
HERE = Path("specs/typed.yaml")
HEAD = """\
synthspec: 1
sources:
  calls: {rows: [{reason: late, minutes: 3}, {reason: early, minutes: 9}]}
parameters:
  tone: [kind, harsh]
  age: {value: 'normal(40, 9)', description: How old the writer is.}
  reason: {from: calls, column: reason}
"""
TAIL = "fields:\n  note: {type: string, words: {min: 3}}\n  length: {value: words(note)}\n"


def split(text: str) -> tuple[str, Position]:
    """A text and the place of the mark in it."""
    before, _, after = text.partition("¦")
    return before + after, Position(before.count("\n") + 1, len(before) - before.rfind("\n"))


def offered(text: str, path: Path = HERE) -> list[str]:
    plain, position = split(text)
    return [item.label for item in complete(analyse(path, plain), position)]


@pytest.mark.parametrize(
    ("text", "path", "part"),
    [
        ("¦", (), "key"),
        ("a:\n  ¦", ("a",), "either"),
        ("a:\n  b: c\n  ¦", ("a",), "key"),
        ("a:\n  b: c\n¦", (), "key"),
        ("a:\n  - x: 1\n    y: ¦", ("a", 0, "y"), "value"),
        ("a:\n- b\n- ¦", ("a", 1), "either"),
        ("a: {b: {c: d}, e¦", ("a",), "key"),
        ("a: {b: 1,\n  c: [x,\n ¦", ("a", "c", 1), "either"),
        ('"a b": {"c d": ¦', ("a b", "c d"), "value"),
        ("a: x # ¦", ("a",), "comment"),
        ("a:\n  b: |\n    hello\n    {{ x¦", ("a", "b"), "value"),
        ("a: 'it''s {{ ¦", ("a",), "value"),
        ("a:\n  b:\n    c: 1\n  d:\n    ¦", ("a", "d"), "either"),
        ("a: text\n  # note\n  ¦", ("a",), "comment"),
    ],
)
def test_the_place_of_a_cursor_is_known_from_the_text_before_it(text: str, path: tuple[str, ...], part: str) -> None:
    plain, position = split(text)
    found = place_at(plain, position)
    assert (found.path, found.part) == (path, part)


@pytest.mark.parametrize(
    ("text", "there", "absent"),
    [
        ("¦", ["synthspec", "rows", "fields"], ["user"]),
        ("synthspec: 1\nro¦", ["rows"], ["prompts"]),
        (f"{HEAD}prompts:\n  note:\n    user: x\n    ¦\n{TAIL}", ["system", "writes", "format"], ["user", "rejects"]),
        (f"{HEAD}prompts:\n  note:\n    user: 'Hi {{{{ t¦\n{TAIL}", ["tone"], ["age", "upper"]),
        (f"{HEAD}prompts:\n  note:\n    user: 'Hi {{{{ tone | up¦ }}}}'\n{TAIL}", ["upper"], ["tone"]),
        (f"{HEAD}prompts:\n  note:\n    user: |\n      Hi\n      {{{{ ¦\n{TAIL}", ["tone", "age", "reason"], ["note"]),
        (f"{HEAD}prompts:\n  note:\n    user: |\n      Hi {{{{ tone }}}} ¦\n{TAIL}", [], ["tone"]),
        (f"{HEAD}prompts:\n  note:\n    examples: {{from: calls}}\n    user: |\n      {{% for e in examples %}}{{{{ e.¦\n"
         f"{TAIL}", ["reason", "minutes"], ["tone"]),
        (f"{HEAD}plan: {{strategy: ¦}}\n", ["balanced", "pairwise"], ["tone"]),
        (f"{HEAD}plan:\n  exclude:\n    - tone == ¦\n", ["'kind'", "'harsh'"], []),
        (f"{HEAD}  who: {{given: ¦\n", ["tone", "age"], ["who", "note"]),
        (f"{HEAD}  who:\n    given: tone\n    cases:\n      ¦", ["kind", "harsh"], ["tone"]),
        (f"{HEAD}  who: nor¦", ["normal"], ["words"]),
        (f"{HEAD}  who: {{from: ¦", ["calls"], ["tone"]),
        (f"{HEAD}  who: {{from: calls, column: ¦", ["reason", "minutes"], ["calls"]),
        (f"{HEAD}  who: {{from: calls, where: row.¦", ["reason", "minutes"], ["calls"]),
        (f"{HEAD}{TAIL}checks:\n  - {{that: words(note) > 3, severity: ¦", ["error", "warn", "drop"], ["note"]),
        (f"{HEAD}{TAIL}checks:\n  - wo¦", ["words"], ["normal"]),
        (f"{HEAD}{TAIL}novelty: {{near_duplicates: {{fields: [¦]}}}}\n", ["note"], ["tone"]),
        (f"{HEAD}{TAIL}gates: [acc¦", ["acceptance"], ["tone"]),
        (f"{HEAD}{TAIL}output: {{formats: [c¦", ["csv"], ["json"]),
        (f"{HEAD}{TAIL}backend: openai:gpt-5-m¦", ["openai:gpt-5-mini"], []),
        (f"{HEAD}fields: {{note: {{type: s¦", ["string"], ["integer"]),
        ("extends: to¦", ["tones"], []),
        (f"{HEAD}prompts: {{note: {{user: hi, tools: [¦]}}}}\ntools: {{find: {{description: x, answer: {{value: tone}}}}}}\n",
         ["find"], ["tone"]),
    ],
)  # fmt: skip
def test_what_may_stand_at_the_cursor_is_offered(text: str, there: list[str], absent: list[str]) -> None:
    found = offered(text)
    assert set(there) <= set(found), found
    assert not set(absent) & set(found), found


def test_an_offer_takes_the_place_of_what_is_begun() -> None:
    text, position = split(f"{HEAD}prompts:\n  note:\n    user: 'Hi {{{{ to¦ }}}}'\n{TAIL}")
    found = next(i for i in complete(analyse(HERE, text), position) if i.label == "tone")
    assert "'Hi {{ tone }}'" in applied(text, [found.edit])
    text, position = split(f"{HEAD}{TAIL}checks: [\"tone == 'k¦'\"]\n")
    found = next(i for i in complete(analyse(HERE, text), position) if i.label == "kind")
    assert "\"tone == 'kind'\"" in applied(text, [found.edit])


def test_parameters_are_offered_with_what_is_above_them_alone() -> None:
    assert "reason" not in offered(HEAD.replace("normal(40, 9)", "re¦"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prompts:\n  note:\n    us¦er: Hi\n", "Jinja2 template"),
        ("prompts:\n  note:\n    user: Hi {{ to¦ne }}\n", "`kind` 50 %"),
        ("prompts:\n  note:\n    user: Hi {{ ag¦e }}\n", "How old the writer is."),
        ("limits: {concur¦rency: 3}\n", "default 32"),
        (f"{TAIL}checks:\n  - wor¦ds(note) > 3\n", "words(text"),
        (f"{TAIL}checks:\n  - words(no¦te) > 3\n", "words 3…"),
        (f"{TAIL}checks:\n  - words(no¦tte) > 3\n", "**E301**"),
        (f"{TAIL}gates: [accep¦tance > 0.5]\n", "share of the rows"),
        ("output: {formats: [pa¦rquet]}\n", "Apache Parquet"),
    ],
)
def test_what_stands_at_a_place_is_said(text: str, said: str) -> None:
    plain, position = split(HEAD + text)
    found = hover(analyse(HERE, plain), position)
    assert found is not None
    assert said in found.markdown, found.markdown
    json.dumps(found.as_dict())


def test_a_name_leads_to_where_it_is_declared_and_meant() -> None:
    text, position = split(f"{HEAD}prompts:\n  note:\n    user: Hi {{{{ to¦ne }}}}\n{TAIL}checks: [tone != note]\n")
    analysis = analyse(HERE, text)
    (place,) = definition(analysis, position)
    assert (place.span.line, place.span.column, place.path) == (5, 3, str(HERE.resolve()))
    assert [p.span.line for p in references(analysis, position)] == [5, 10, 14]
    assert [p.span.line for p in references(analysis, position, declaration=False)] == [10, 14]


def test_a_name_of_an_extended_file_leads_there(tmp_path: Path) -> None:
    base = tmp_path / "base.yaml"
    base.write_text("synthspec: 1\nparameters: {mood: [glad, sad]}\n", encoding="utf-8")
    text, position = split("synthspec: 1\nextends: base.yaml\nfields: {a: {value: mo¦od}}\n")
    analysis = analyse(tmp_path / "spec.yaml", text)
    (place,) = definition(analysis, position)
    assert (place.path, place.span.line) == (str(base.resolve()), 2)
    unsaved = {base.resolve(): "synthspec: 1\n\n\nparameters: {mood: [glad, sad]}\n"}
    (place,) = definition(analyse(tmp_path / "spec.yaml", text, texts=unsaved), position)
    assert place.span.line == 4
    (place,) = definition(analysis, Position(2, 12))
    assert (place.path, place.span.line) == (str(base.resolve()), 1)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("checks: [words(notte) > 3]\n", "words(note)"),
        ("plan: {strategi: balanced}\n", "strategy: balanced"),
        ("output: {formats: [parket]}\n", "[parquet]"),
        ('rows: "40"\n', "rows: 40\n"),
        ("backend: gpt-5-mini\n", "backend: openai:gpt-5-mini"),
        ("checks: ['note = tone']\n", "note == tone"),
    ],
)
def test_a_certain_remedy_is_an_edit(wrong: str, right: str) -> None:
    text = f"{HEAD}prompts: {{note: {{user: 'Hi {{{{ tone }}}} {{{{ age }}}} {{{{ reason }}}}', writes: note}}}}\n{TAIL}{wrong}"
    analysis = analyse(HERE, text)
    (diagnostic,) = analysis.diagnostics
    first, *_ = actions(analysis, Position(diagnostic.span.line, diagnostic.span.column))
    assert first.certain
    assert right in applied(text, first.edits)
    assert analyse(HERE, applied(text, first.edits)).diagnostics == ()


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_every_name_of_an_expression_is_found_where_it_stands(path: Path) -> None:
    source, _ = buffer_source(path, path.read_text(encoding="utf-8"))
    assert source is not None
    document, _ = read_document(source)
    for site in sites(document):
        words = words_at(site)
        assert all(site.node.text[w.start : w.end] == w.text for w in words)
        parsed = parse_expression(site.node.text)[0] if site.text == "expression" and words else None
        if parsed is not None:
            assert {w.text for w in words if w.kind == "name"} == names_of(parsed), site
    for mention in mentions(document, names_of_document(document)):
        span = mention.span
        assert source.lines[span.line - 1][span.column - 1 :].lstrip("'\"").startswith(mention.name)


@pytest.mark.parametrize("path", rest_slow(SPECS, FEW), ids=lambda p: p.stem)
def test_every_expression_and_template_that_is_read_is_one_to_the_schema(path: Path) -> None:
    """What the compiler reads as an expression or a template is marked so in the schema, which editors ask."""
    analysis = analyse(path, path.read_text(encoding="utf-8"))
    marked = {site.node.span for site in analysis.sites if site.text in ("expression", "template", "item")}
    assert {reading.node.span for reading in analysis.readings} <= marked
    assert analysis.diagnostics == compile_spec(path).diagnostics


@pytest.mark.parametrize("path", SPECS[:4], ids=lambda p: p.stem)
def test_a_text_cut_anywhere_is_made_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for end in range(1, len(text), 211):
        source, _ = buffer_source(path, text[:end])
        assert source is not None
        document, _ = read_document(readable(source))
        assert document is not None


def test_open_brackets_are_closed() -> None:
    assert closing("a: [b, {c: \"d 'e") == '"}]'
    assert closing("a: it's") == ""


def test_nothing_is_wrong_of_a_text_that_is_none() -> None:
    for text in (
        "",
        "\n\n",
        "- a\n- b",
        "just words",
        "\t",
        ":",
        "{",
        "a: &x *x",
        "---\n---\n",
        "\ufeffa: b",
        "a: 'b\n  c: d",
    ):
        analysis = analyse(HERE, text)
        assert analysis.diagnostics
        assert complete(analysis, Position(1, 1)) is not None
        assert hover(analysis, Position(99, 99)) is None
