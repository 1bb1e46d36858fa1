"""Units of the front end: YAML with positions, inheritance, the schema, templates, overrides, rendering."""

from __future__ import annotations

import datetime
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from depth import quarter
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.compiler import compile_spec
from synthspec.diagnostics import Diagnostic, Related, Span, did_you_mean, has_errors, in_order, nearest
from synthspec.diagnostics.render import coloured, render_github, render_json, render_sarif, render_text
from synthspec.document.inheritance import merge_maps
from synthspec.document.overrides import apply_overrides
from synthspec.document.reader import MAX_NODES, ListNode, MapNode, Node, ScalarNode, read_document, to_data
from synthspec.document.resources import language_schema
from synthspec.document.scalars import resolve_scalar
from synthspec.document.source import Source
from synthspec.generation.validation.rules import Validator
from synthspec.languages.expressions.parsing.parse_table import GRAMMAR, TABLE, _mark
from synthspec.languages.expressions.types import ANY, INTEGER, NUMBER, TEXT, Type, type_of_values
from synthspec.languages.templates.checker import check_template
from synthspec.languages.templates.template import TemplateFault, render

# --- YAML


def read(text: str) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    return read_document(Source(Path("spec.yaml"), "spec.yaml", text))


def node_of(text: str) -> Node:
    node, faults = read(text)
    assert node is not None and not faults, faults
    return node


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("NO", "NO"), ("on", "on"), ("y", "y"), ("12:30", "12:30"), ("1_000", "1_000"), ("0777", 777),
        ("true", True), ("False", False), ("TRUE", True), ("tRUE", "tRUE"), ("null", None), ("~", None), ("", None),
        ("12", 12), ("-3", -3), ("+4", 4), ("0o17", 15), ("0x1F", 31), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5),
        ("5.", 5.0), (".inf", float("inf")), ("-.INF", float("-inf")), ("1.2.3", "1.2.3"), ("0b1", "0b1"),
        ("2024-02-29", datetime.date(2024, 2, 29)), ("2024-02-30", "2024-02-30"), ("2024-1-1", "2024-1-1"),
        ("<<", "<<"), ("=", "="), ("12abc", "12abc"), ("--", "--"),
    ],
)  # fmt: skip
def test_scalars_of_yaml_1_2(text: str, value: Any) -> None:
    read_value = resolve_scalar(text)
    assert read_value == value and type(read_value) is type(value)


def test_not_a_number_is_read() -> None:
    value = resolve_scalar(".nan")
    assert value != value


def test_quotes_make_text() -> None:
    assert to_data(node_of("a: '12'\nb: \"true\"\nc: |\n  12\nd: !!str 12\n")) == {
        "a": "12", "b": "true", "c": "12\n", "d": "12",
    }  # fmt: skip


def test_keys_keep_their_text_and_their_value() -> None:
    node = node_of("1: a\ntrue: b\nnull: c\n")
    assert isinstance(node, MapNode)
    assert [e.key.text for e in node.entries] == ["1", "true", "null"]
    assert [e.key.value for e in node.entries] == [1, True, None]
    assert to_data(node, json=True) == {"1": "a", "true": "b", "null": "c"}


def test_anchors_and_merge_keys() -> None:
    text = "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none: {<<: *b, y: 9}\ntwo: {<<: [*b, *m]}\nthree: *m\n"
    data = to_data(node_of(text))
    assert data["one"] == {"x": 1, "y": 9}
    assert data["two"] == {"x": 1, "y": 2, "z": 4}, "the first of a list of merges wins"
    assert data["three"] == {"y": 3, "z": 4}


def test_a_merged_node_keeps_its_own_place() -> None:
    node = node_of("base: &b\n  x: 1\nuse:\n  <<: *b\n")
    assert isinstance(node, MapNode)
    use = node.get("use")
    assert isinstance(use, MapNode) and use.entries[0].value.span.line == 2


def test_every_node_has_its_place() -> None:
    node = node_of("a:\n  - b: [x, 'y z']\n")
    assert isinstance(node, MapNode)
    a = node.get("a")
    assert isinstance(a, ListNode) and isinstance(a.items[0], MapNode)
    b = a.items[0].get("b")
    assert isinstance(b, ListNode)
    assert [(i.span.line, i.span.column, i.span.end_column) for i in b.items] == [(2, 9, 10), (2, 12, 17)]


@pytest.mark.parametrize("depth", [40, 41, 5_000])
def test_depth(depth: int) -> None:
    node, faults = read("[" * depth + "]" * depth)
    assert (node is not None) == (depth <= 40)
    assert [f.code for f in faults] == ([] if depth <= 40 else ["E115"])


@pytest.mark.parametrize("most", [2_000, pytest.param(MAX_NODES, marks=pytest.mark.slow)])
def test_size(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.document.reader.MAX_NODES", most)
    assert not read("- x\n" * (most // 2))[1]
    assert [f.code for f in read("- x\n" * (most + 1))[1]] == ["E114"]


def test_billion_laughs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    begun = time.process_time()
    _, faults = read("\n".join(lines))
    assert [f.code for f in faults] == ["E114"]
    assert time.process_time() - begun < 10


def test_separators_of_unicode_are_plain_characters() -> None:
    node, faults = read('a: "x\u2028y\x85z"\nb: p\u2029q\nc: 1\n')
    assert not faults and node is not None
    assert to_data(node) == {"a": "x\u2028y\x85z", "b": "p\u2029q", "c": 1}
    assert isinstance(node, MapNode) and node.entries[2].key.span.line == 3


# --- places

STYLES = [None, "'", '"', "|", ">"]
LETTERS = "ab :'\"\\\n\t{}#-,[]&*!|>%@`é漢🙂 ?"


@settings(max_examples=quarter(200), deadline=None)
@given(st.text(LETTERS, max_size=40), st.sampled_from(STYLES), st.integers(20, 80), st.booleans(), st.integers(0, 2))
def test_every_character_is_found_again(text: str, style: str | None, width: int, plain: bool, depth: int) -> None:
    data: Any = [text, "end"]
    for _ in range(depth):
        data = {"key": data}
    dumped = yaml.dump(data, default_style=style, width=width, allow_unicode=plain)
    node, faults = read(dumped)
    assert node is not None and not faults, dumped
    while isinstance(node, MapNode):
        node = node.entries[0].value
    assert isinstance(node, ListNode)
    scalar = node.items[0]
    assert isinstance(scalar, ScalarNode)
    if scalar.text != text:
        return  # a scalar that YAML 1.2 reads in another way than 1.1 wrote it
    lines = dumped.split("\n")
    before = (0, 0)
    for index, char in enumerate(text):
        span = scalar.place(index, index + 1)
        here = (span.line, span.column)
        assert here > before, "each character stands after the one before it"
        before = here
        written = lines[span.line - 1][span.column - 1 : span.column]
        assert written == char or char in " \n" or written == "\\", (char, written, dumped)


@pytest.mark.parametrize(
    ("text", "word", "place"),
    [
        ("k: a name here", "name", (1, 6)),
        ("k: 'it''s a name'", "name", (1, 13)),
        (r'k: "a \"b\" \u00e9 name"', "name", (1, 20)),
        ('k: "a \\\n  name"', "name", (2, 3)),
        ('k: "a\n\n\n  name"', "name", (4, 3)),
        ("k: a\n  b\n  name", "name", (3, 3)),
        ("k: |\n  a\n  b name", "name", (3, 5)),
        ("k: |\n\n  a\n\n    name", "name", (5, 5)),
        ("k: |2\n    name", "name", (2, 5)),
        ("k: >\n  a\n  b name", "name", (3, 5)),
        ("k: >\n  a\n\n  b\n    c\n  name", "name", (6, 3)),
        ("k: >-  # why\n  a name", "name", (2, 5)),
        ("k:\n  - |+\n    a\n\n    name\n\n", "name", (5, 5)),
        ("{k: [x, 'y name']}", "name", (1, 12)),
    ],
)
def test_places_through_every_style(text: str, word: str, place: tuple[int, int]) -> None:
    node = node_of(text)
    while not isinstance(node, ScalarNode):
        node = node.entries[0].value if isinstance(node, MapNode) else node.items[-1]
    start = node.text.index(word)
    span = node.place(start, start + len(word))
    assert (span.line, span.column) == place
    assert (span.end_line, span.end_column) == (place[0], place[1] + len(word))


# --- extends


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("synthspec: 1\n" + text, encoding="utf-8")
    return folder / "spec.yaml"


def merged(under: str, over: str) -> Any:
    left, right = node_of(under), node_of(over)
    assert isinstance(left, MapNode) and isinstance(right, MapNode)
    return to_data(merge_maps(left, right))


def test_maps_merge_by_key_and_everything_else_is_replaced() -> None:
    assert merged("a: {x: 1, y: 2}\nb: [1, 2]\nc: 3", "a: {y: 9, z: 4}\nb: [7]\nd: 5") == {
        "a": {"x": 1, "y": 9, "z": 4}, "b": [7], "c": 3, "d": 5,
    }  # fmt: skip
    assert merged("a: {x: 1}", "a: [1]") == {"a": [1]}


def test_null_removes() -> None:
    assert merged("a: {x: 1, y: 2}\nb: 3", "a: {x: null}\nb: ~") == {"a": {"y": 2}}
    assert merged("a: 1", "b: null") == {"a": 1}


def test_files_merge_from_left_to_right_under_this_one(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        one="rows: 1\nseed: 1\nname: one",
        two="rows: 2\nseed: 2",
        spec="extends: [one.yaml, two.yaml]\nrows: 3",
    )
    spec = compile_spec(path).spec
    assert spec is not None
    assert (spec.rows, spec.seed, spec.name) == (3, 2, "one")


def test_a_library_name_and_one_s_own_library(tmp_path: Path) -> None:
    path = write(tmp_path, library__ours="parameters: {tone: [ours]}", spec="extends: [people, ours]")
    spec = compile_spec(path).spec
    assert spec is not None
    names = [p.name for p in spec.parameters]
    assert "tone" in names and "occupation" in names


def test_a_circle_names_its_files(tmp_path: Path) -> None:
    path = write(tmp_path, spec="extends: parts/a.yaml", parts__a="extends: b.yaml", parts__b="extends: a.yaml")
    (fault,) = compile_spec(path).diagnostics
    assert fault.code == "E122" and "a.yaml → b.yaml → a.yaml" in fault.message
    assert fault.span.file.endswith("b.yaml")


def test_a_fault_in_an_inherited_file_is_reported_there(tmp_path: Path) -> None:
    path = write(tmp_path, spec="extends: base.yaml\nseed: 3", base="rows: many\nparameters:\n  age: nromal(3, 1)")
    found = compile_spec(path).diagnostics
    assert [(d.code, Path(d.span.file).name, d.span.line) for d in found] == [
        ("E204", "base.yaml", 2), ("E304", "base.yaml", 4),
    ]  # fmt: skip


def test_an_inherited_source_is_found_beside_its_own_file(tmp_path: Path) -> None:
    path = write(tmp_path, spec="extends: parts/base.yaml", parts__base="sources: {s: {file: s.csv}}")
    (tmp_path / "parts" / "s.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    compiled = compile_spec(path)
    assert compiled.ok and list(compiled.tables["s"].columns) == ["a", "b"]


# --- schema


def codes_of(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    path = write(tmp_path, spec=text)
    return [(d.code, d.message) for d in compile_spec(path).diagnostics]


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("parameters: {a: {values: [1], weight: [1]}}", "E202", "'weight'"),
        ("parameters: {a: {patern: x}}", "E202", "'patern'"),
        ("sources: {s: {rows: [{c: 1}]}}\nparameters: {a: {from: s, colum: c}}", "E202", "'colum'"),
        ("parameters: {b: [x], a: {given: b, cases: {x: {fakr: name}}}}", "E202", "'fakr'"),
        ("parameters: {a: {values: {x: -1}}}", "E206", "at least 0"),
        ("parameters: {a: }", "E204", "empty"),
        ("sources: {s: {row: [{c: 1}]}}", "E202", "'row'"),
        ("sources: {s: x.csv}", "E204", "a map is needed"),
        ("backend: {provider: ngram, temperature: [0.1, 9]}", "E206", "at most 2"),
        ("output: {shape: {kind: chat}}", "E205", "'chat'"),
        ("fields: {a: {clean: [stirp]}}", "E205", "'stirp'"),
        ("fields: {a: {words: {min: -1}}}", "E206", "at least 0"),
        ("fields: {a: {words: many}}", "E204", "`fields.a.words`"),
        ("parameters: {p: [1, 2]}\nchecks: [{that: p < 2, msg: x}]", "E202", "'msg'"),
        ("extends: [1]", "E204", "`extends`"),
        ("extends: {a: b}", "E204", "`extends`"),
        ("extends:", "E204", "`extends`"),
        ("output: {splt: {a: 1, b: 1}}", "E202", "'splt'"),
    ],
)
def test_one_useful_error(text: str, code: str, part: str, tmp_path: Path) -> None:
    found = codes_of(tmp_path, text)
    assert len(found) == 1, found
    assert found[0][0] == code and part in found[0][1], found


def test_the_schema_is_one_and_describes_every_key() -> None:
    import jsonschema

    schema = language_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    undescribed: list[str] = []

    def look(node: Any, place: str) -> None:
        for name, part in node.get("properties", {}).items():
            target = part
            while "$ref" in target and "description" not in target:
                target = schema["$defs"][target["$ref"].rsplit("/", 1)[1]]
            if "description" not in target:
                undescribed.append(f"{place}.{name}")
            look(part, f"{place}.{name}")
        for below in node.get("anyOf", ()):
            look(below, place)

    for name, part in {"": schema, **schema["$defs"]}.items():
        look(part, name)
    assert not undescribed


# --- templates


def faults_of(text: str, **scope: Type) -> list[tuple[str, str]]:
    return [(f.code, text[f.start : f.end]) for f in check_template(text, scope)[1]]


PERSON = Type("map", members=(("name", TEXT), ("age", INTEGER)))


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("{{ topic | upper }} {{ age + 1 }} {{ person.name }}", []),
        ("{% for t in topics %}{{ loop.index }} {{ t }}{% endfor %}", []),
        ("{% if topic == 'x' and age > 3 %}a{% elif not age %}b{% else %}c{% endif %}", []),
        ("{% set x = topic %}{{ x }}{% with y = age %}{{ y }}{% endwith %}", []),
        ("{{ '{{' }} {% raw %}{{ not_read }}{% endraw %} {# {{ nor_this }} #}", []),
        ("{{ tpoic }} {{ agee }}", [("E402", "tpoic"), ("E402", "agee")]),
        ("{{ name }} {{ person.nam }}", [("E402", "name"), ("E404", "nam")]),
        ("{{ person['nam'] }}", [("E404", "nam")]),
        ("{{ topic.upper() }}", [("E403", "upper")]),
        ("{{ topic.__class__ }}", [("E403", "__class__")]),
        ("{{ topic | uper }} {{ topic | lowr }}", [("E405", "uper"), ("E405", "lowr")]),
        ("{% if age is evn %}{% endif %}", [("E405", "evn")]),
        ("{% macro m() %}{% endmacro %}", [("E403", "macro")]),
        ("{% include 'x' %}", [("E403", "include")]),
        ("{% import 'x' as y %}", [("E403", "import")]),
        ("{% extends 'x' %}", [("E403", "extends")]),
        ("{% for a in topics %}{% endfo %}", [("E401", "endfo")]),
        ("{% endif %}", [("E401", "endif")]),
        ("{% if topic %}x", [("E401", "if")]),
        ("{{ topic", [("E401", "{{")]),
        ("{{ topic } and {{ age }}", [("E401", "{{")]),
        ("{{ topic + }}", [("E401", "{{ topic + }}")]),
        ("{{ topic $ }}", [("E401", "{{ topic $ }}")]),
        ("{# never ended", [("E401", "{#")]),
        ("{{ topic + age }}", [("E406", "{{ topic + age }}")]),
        ("{{ topic ~ age }}", []),
        ("{{ topic | round(1) }}", [("E406", "{{ topic | round(1) }}")]),
    ],
)
def test_templates(text: str, faults: list[tuple[str, str]]) -> None:
    scope = {"topic": TEXT, "age": INTEGER, "person": PERSON, "topics": Type("list", item=TEXT)}
    assert faults_of(text, **scope) == faults


def test_types_go_through_loops_and_sets() -> None:
    rows = Type("list", item=PERSON)
    assert faults_of("{% for p in rows %}{{ p.name }}{% endfor %}", rows=rows) == []
    assert faults_of("{% for p in rows %}{{ p.nam }}{% endfor %}", rows=rows) == [("E404", "nam")]
    assert faults_of("{% set p = rows[0] %}{{ p.nam }}", rows=rows) == [("E404", "nam")]


BOMBS = [
    "{{ 'x' * 1000000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ '%1000000000d' % 3 }}",
    "{{ range(1000000000) | list }}",
    "{{ topic | center(1000000000) }}",
    "{{ topic | indent(1000000000) }}",
    "{{ topic.format() }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ topic | attr('__class__') }}",
    "{% for a in topics recursive %}{{ loop(topics) }}{% endfor %}",
    "{% for a in topics %}{% for b in topics %}{% for c in topics %}{% for d in topics %}{% endfor %}{% endfor %}"
    "{% endfor %}{% endfor %}",
    "{% set a = topic ~ topic %}" + "{% set a = a ~ a %}" * 30 + "{{ a }}",
    "{% set a = [topic, topic] %}" + "{% set a = [a, a] %}" * 30 + "{{ a }}",
    "{{ (((((((((((" * 200 + "1" + ")))))))))))" * 200 + " }}",
]


@pytest.mark.parametrize("text", BOMBS, ids=range(len(BOMBS)))
def test_no_template_can_hang_or_fill_the_machine(text: str) -> None:
    begun = time.process_time()
    _, faults = check_template(text, {"topic": TEXT, "topics": Type("list", item=TEXT)})
    assert faults and time.process_time() - begun < 20


def test_what_only_values_show_is_stopped_when_rendering() -> None:
    with pytest.raises(TemplateFault):
        render("{{ a * b }}", {"a": "x" * 1000, "b": 10**9})
    with pytest.raises(TemplateFault):
        render("{{ a | replace('x', a) }}", {"a": "x" * 100_000})
    with pytest.raises(TemplateFault):
        render("{{ a.b }}", {"a": {}})


def test_a_template_knows_what_it_reads() -> None:
    template, _ = check_template("{{ a }}{% for a in b %}{{ a }}{{ c }}{% endfor %}", dict.fromkeys("abcd", ANY))
    assert template is not None and template.reads == {"a", "b", "c"}


# --- overrides


def with_set(tmp_path: Path, text: str, **settings_: str) -> tuple[Any, list[tuple[str, str]]]:
    path = write(tmp_path, spec=text)
    compiled = compile_spec(path, {k.replace("__", "."): v for k, v in settings_.items()})
    return compiled.spec, [(d.code, d.span.file) for d in compiled.diagnostics]


def test_set_reaches_any_key(tmp_path: Path) -> None:
    text = "rows: 5\nchecks: [a > 1]\nparameters: {a: [1, 2]}"
    spec, faults = with_set(
        tmp_path, text, rows="7", limits__attempts="2", parameters__a="[3]", output__formats="jsonl"
    )
    assert not faults
    assert (spec.rows, spec.limits.attempts, spec.output.formats) == (7, 2, ("jsonl",))
    assert spec.parameters[0].type.values == (3,)


def test_a_faulty_value_of_set_is_placed_in_the_option(tmp_path: Path) -> None:
    _, faults = with_set(tmp_path, "rows: 5", limits__attempts="none")
    assert faults == [("E204", "--set limits.attempts=none")]
    _, faults = with_set(tmp_path, "rows: 5", limts__attempts="3")
    assert faults == [("E202", "--set limts.attempts=3")]
    _, faults = with_set(tmp_path, "rows: 5", rows="[1")
    assert faults == [("E111", "--set rows=[1")]
    _, faults = with_set(tmp_path, "rows: 5", rows__more="1")
    assert faults == [("E202", "--set rows.more=1")]


def test_set_of_nothing_is_refused_and_null_removes(tmp_path: Path) -> None:
    _, faults = with_set(tmp_path, "rows: 5", rows="")
    assert faults == [("E204", "--set rows=")]
    spec, faults = with_set(tmp_path, "rows: 5", rows="null")
    assert not faults and spec.rows == 100


def test_set_one_item_of_a_list(tmp_path: Path) -> None:
    root = node_of("a: [x, y, {z: 1}]")
    assert isinstance(root, MapNode)
    changed, faults = apply_overrides(root, {"a.1": "Y", "a.2.z": "2"})
    assert not faults and to_data(changed) == {"a": ["x", "Y", {"z": 2}]}
    _, faults = apply_overrides(root, {"a.7": "Y"})
    assert [f.code for f in faults] == ["E202"]


# --- diagnostics and their forms


def test_nearest() -> None:
    assert nearest("atitude", ["attitude", "age"]) == "attitude"
    assert nearest("ATTITUDE", ["attitude"]) == "attitude"
    assert nearest("max-words", ["max_words"]) == "max_words"
    assert nearest("zebra", ["attitude", "age"]) is None
    assert did_you_mean("zebra", ["b", "a"]) == "known here: a, b"
    assert did_you_mean("zebra", []) == ""


def diagnostic(path: Path, line: int, column: int, end: int, text: str = "here", **more: Any) -> Diagnostic:
    return Diagnostic("E301", text, Span(str(path), line, column, line, end), **more)


def test_order_and_errors() -> None:
    a, b = diagnostic(Path("a"), 1, 1, 2), diagnostic(Path("a"), 2, 1, 2)
    assert in_order([b, a, b]) == (a, b)
    assert has_errors([a])
    assert not has_errors([Diagnostic("W701", "x", a.span)])


def test_text(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("one\n\tx: 漢字 word\nthree\n", encoding="utf-8")
    related = (Related(Span(str(path), 1, 1, 1, 4), "first"),)
    shown = render_text([diagnostic(path, 2, 8, 12, help="mend it", related=related)])
    assert shown.replace(str(path), "s.yaml") == (
        "error[E301]: here\n"
        " --> s.yaml:2:8\n"
        "  |\n"
        "2 |  x: 漢字 word\n"
        "  |          ^^^^\n"
        " ::: s.yaml:1:1\n"
        "  |\n"
        "1 | one\n"
        "  | --- first\n"
        "  = help: mend it\n"
    )


def test_wide_characters_are_underlined_over_their_width(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("a: 漢字\n", encoding="utf-8")
    assert "  |    ^^^^\n" in render_text([diagnostic(path, 1, 4, 6)])


def test_long_lines_are_cut_around_the_place(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("x" * 5000 + "BAD" + "y" * 5000, encoding="utf-8")
    shown = render_text([diagnostic(path, 1, 5001, 5004)])
    lines = shown.split("\n")
    assert max(map(len, lines[2:])) < 160
    start = lines[4].index("^")
    assert lines[3][start : start + 3] == "BAD"


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b'synthspec: 1\nname: "\\e]0;x\\a"\n\x1b[31mred: \x07\n')
    found = compile_spec(path).diagnostics
    assert found
    for paint_free in (render_text(found), render_github(found)):
        assert not [c for c in paint_free if (ord(c) < 32 and c != "\n") or c == "\x7f"]
    path.write_text('synthspec: 1\nname: "\\e]0;x\\a"\n"r\\u202eows": 3\n', encoding="utf-8")
    found = compile_spec(path).diagnostics
    shown = render_text(found) + render_github(found)
    assert "\x1b" not in shown and "\x07" not in shown and "\u202e" not in shown


def test_colour_is_in_the_paint_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("abc\n", encoding="utf-8")
    found = [diagnostic(path, 1, 1, 4, help="x")]
    painted = render_text(found, coloured)
    assert "\x1b[1;31m" in painted
    import re

    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == render_text(found)


def test_json() -> None:
    (entry,) = json.loads(render_json([diagnostic(Path("s.yaml"), 2, 8, 12, help="mend")]))
    assert entry == {
        "code": "E301", "severity": "error", "message": "here", "help": "mend", "file": "s.yaml",
        "line": 2, "column": 8, "end_line": 2, "end_column": 12,
    }  # fmt: skip


def test_sarif() -> None:
    found = [diagnostic(Path("s.yaml"), 2, 8, 12, help="mend"), Diagnostic("W701", "w", Span("s.yaml", 1, 1, 1, 1))]
    log = json.loads(render_sarif(found, {"E301": "unknown name"}, "1.0"))
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    assert run["tool"]["driver"]["name"] == "synthspec"
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note") and result["message"]["text"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert 1 <= region["startLine"] <= region["endLine"] and 1 <= region["startColumn"] <= region["endColumn"]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "s.yaml"


def test_github_escapes() -> None:
    span = Span("a,b:c.yaml", 2, 8, 2, 12)
    line = render_github([Diagnostic("E301", "100% sure", span, "a: b")])
    assert line == (
        "::error file=a%2Cb%3Ac.yaml,line=2,col=8,endLine=2,endColumn=12,title=E301::100%25 sure%0Ahelp: a: b"
    )


# --- expressions


def test_the_parse_table_is_of_this_grammar() -> None:
    saved = json.loads(TABLE.read_text(encoding="utf-8"))["made_from"]
    now = _mark(GRAMMAR.read_text(encoding="utf-8"))
    assert saved.split(", ")[1] == now.split(", ")[1], (
        "run: python -m synthspec.languages.expressions.parsing.parse_table"
    )


def test_another_grammar_is_built_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from synthspec.languages.expressions.parsing import parse_table
    from synthspec.languages.expressions.parsing.builder import Builder
    from synthspec.languages.expressions.parsing.parser import Words

    for table in (tmp_path / "none.json", tmp_path / "broken.json", tmp_path / "old.json"):
        (tmp_path / "broken.json").write_text("{", encoding="utf-8")
        (tmp_path / "old.json").write_text('{"made_from": "lark 0"}', encoding="utf-8")
        monkeypatch.setattr(parse_table, "TABLE", table)
        part: Any = parse_table.load_parser(Words(), Builder()).parse("1 + 2")
        assert part.node.operator == "+"


def test_types_of_many_values_take_no_time() -> None:
    begun = time.process_time()
    kind = type_of_values(tuple(f"value {i}" for i in range(20_000)))
    assert kind.kind == "text" and kind.values is not None and len(kind.values) == 20_000
    maps = tuple({"a": i, "b": f"x{i}"} for i in range(5_000))
    assert type_of_values(maps).member("a") is not None
    assert time.process_time() - begun < 20
    assert type_of_values((1, 1.0, True, 1)) == ANY
    assert type_of_values((1, 2.5, 1)) == Type(NUMBER.kind, values=(1, 2.5))


@pytest.mark.parametrize(
    ("listed", "single"),
    [
        ("prompts: {p: {user: x, writes: [t]}}", "prompts: {p: {user: x, writes: t}}"),
        ("checks: ['words(t) > 2']", "checks: words(t) > 2"),
        ("checks: [{that: words(t) > 2, severity: warn}]", "checks: {that: words(t) > 2, severity: warn}"),
        ("gates: [rows > 2]", "gates: rows > 2"),
        ("output: {columns: [t]}", "output: {columns: t}"),
        ("plan: {exclude: [a > 8]}", "plan: {exclude: a > 8}"),
        ("plan: {strategy: pairwise, over: [a]}", "plan: {strategy: pairwise, over: a}"),
        ("tags: [food]", "tags: food"),
        ("novelty: {unique: [t]}", "novelty: {unique: t}"),
    ],
)
def test_a_single_value_stands_for_a_list_of_one(listed: str, single: str, tmp_path: Path) -> None:
    found = []
    for number, part in enumerate((listed, single)):
        path = tmp_path / f"{number}.yaml"
        whole = "" if part.startswith("prompts") else "prompts: {p: {user: 'x {{ a }}'}}\nparameters: {a: [1, 2]}\n"
        clean = "[strip]" if part is listed else "strip"
        fields = f"fields: {{t: {{type: string, words: 5, clean: {clean}}}}}\n"
        path.write_text(f"synthspec: 1\nname: x\n{whole}{fields}{part}\n", encoding="utf-8")
        compiled = compile_spec(path)
        assert compiled.diagnostics == ()
        found.append(compiled.spec)
    assert [repr(s.prompts[0].writes) for s in found] == ["('t',)"] * 2
    parts = [(s.checks, s.gates, s.output, s.plan.over, s.tags, s.novelty, s.fields[0].clean) for s in found]
    assert _without_places(parts[0]) == _without_places(parts[1])


def _without_places(value: object) -> str:
    return re.sub(r"Span\([^)]*\)|(start|end)=\d+", "", repr(value))


@pytest.mark.parametrize(
    ("place", "key", "said"),
    [
        ("", "temperature: 0.7", "under `backend`"),
        ("", "model: gpt-5-mini", "`backend: PROVIDER:MODEL`"),
        ("", "n: 5", "`rows: …`"),
        ("", "num_rows: 5", "`rows: …`"),
        ("", "output_format: csv", "`output: {formats"),
        ("", "messages: []", "`system: …` and `user: …`"),
        ("", "columns: []", "`fields:"),
        ("prompt", "temperature: 0.7", "under `backend`"),
        ("prompt", "model: gpt-5-mini", "`backend: PROVIDER:MODEL`"),
        ("prompt", "conversation: []", "`dialogue: {"),
        ("prompt", "max_tokens: 5", "max_tokens: …"),
        ("prompt", "top_p: 1", "top_p: …"),
        ("prompt", "n: 2", "several rows from one call"),
    ],
)
def test_keys_of_other_tools_have_hints(place: str, key: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    inside, beside = (f", {key}", "") if place else ("", f"{key}\n")
    path.write_text(
        f"synthspec: 1\n{beside}prompts: {{p: {{user: x{inside}}}}}\nfields: {{t: {{type: string}}}}\n",
        encoding="utf-8",
    )
    (found,) = compile_spec(path).diagnostics
    assert found.code == "E202" and said in found.help, found.help


def test_the_message_of_a_check_sees_the_row(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    text = (
        "synthspec: 1\nparameters: {{least: [3, 4]}}\nprompts: {{p: {{user: 'x {{{{ least }}}}'}}}}\n"
        "fields: {{t: {{type: string}}}}\nchecks: [{{that: words(t) > 2, message: 'only {{{{ {name} }}}}: {{{{ t }}}}'}}]\n"
    )
    path.write_text(text.format(name="least"), encoding="utf-8")
    compiled = compile_spec(path)
    assert compiled.diagnostics == ()
    assert compiled.spec is not None
    rules = Validator(compiled.spec)
    ((_, rejection),) = rules.check_faults({"t": "one two"}, {"least": 3}, frozenset({"t"}))
    assert rejection.reason == "only 3: one two"
    path.write_text(text.format(name="leest"), encoding="utf-8")
    assert [d.code for d in compile_spec(path).diagnostics] == ["E402"]
