"""Templates: what they make of nulls and members, that nothing in one can hang or fill the machine, and plans of them."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from depth import one_in
from hypothesis import example, given
from hypothesis import strategies as st

from synthspec import plugins
from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.diagnostics.render import render_text
from synthspec.languages.expressions.types import ANY, INTEGER, TEXT, Type
from synthspec.languages.templates import template
from synthspec.languages.templates.checker import check_template
from synthspec.languages.templates.environment import Anything
from synthspec.languages.templates.template import TemplateFault, UndefinedFault, render

TAIL = "fields: {text: {type: string, words: {max: 80}}}\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path


# --- nulls and members


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ a }}.", "."),
        ("{{ a | upper }}{{ a | trim }}{{ a | replace('x', 'y') }}{{ a | string }}", ""),
        ("{{ 'x' ~ a ~ 'y' }}", "xy"),
        ("{{ [a, 'x'] | join('-') }}", "-x"),
        ("{{ 'x' if a is none else 'y' }}", "x"),
        ("{{ a or 'nothing' }}", "nothing"),
        ("{{ a | default('nothing', true) }}", "nothing"),
        ("{% for x in [a, 1] %}{{ x }}{% endfor %}", "1"),
    ],
)
def test_a_null_is_no_text(text: str, shown: str) -> None:
    assert render(text, {"a": None}) == shown


@pytest.mark.parametrize("name", ["items", "keys", "values", "get", "copy", "pop", "update", "clear"])
def test_a_member_named_like_a_method_is_the_member(name: str) -> None:
    assert render(f"{{{{ m.{name} }}}}{{{{ m['{name}'] }}}}", {"m": {name: "x"}}) == "xx"
    with pytest.raises(UndefinedFault):
        render(f"{{{{ m.{name} }}}}", {"m": {}})
    with pytest.raises(UndefinedFault):
        render("{{ t.upper }}", {"t": "x"})


def test_a_conversation_is_shown_as_a_talk() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": {"order": "AB1"}}}
    talk = [
        {"role": "user", "content": "Where is it?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "sent", "tool_call_id": "call_1"},
        {"role": "assistant", "content": "On its way.", "tool_calls": []},
        {"role": "user", "name": "son", "content": "Thanks, {{ x }}"},
    ]
    assert render("{{ talk }}", {"talk": talk}).splitlines() == [
        "user: Where is it?",
        "assistant calls find({'order': 'AB1'})",
        "tool: sent",
        "assistant: On its way.",
        "son: Thanks, {{ x }}",
    ]
    assert render("{{ talk[0].content }} {{ talk | length }}", {"talk": talk}) == "Where is it? 5"
    for other in ([], [{"role": "user"}], [{"role": "a", "content": "b"}, 1]):
        assert "user:" not in render("{{ talk }}", {"talk": other})


# --- work


BOMBS = {
    "doubling": "{% set x = 'a' %}" + "{% set x = x ~ x %}" * 33 + "{{ x }}",
    "doubling by with": "{% set x = 'a' %}" + "{% with x = x ~ x %}" * 33 + "{{ x }}" + "{% endwith %}" * 33,
    "doubling in lists": "{% set x = ['a'] %}" + "{% set x = [x, x] %}" * 33 + "{{ x }}",
    "doubling by plus": "{% set x = 'a' %}" + "{% set x = x + x %}" * 33 + "{{ x }}",
    "two variables": "{% set x = 'a' %}{% set y = 'b' %}" + "{% set y = x ~ y %}{% set x = y ~ x %}" * 33 + "{{ x }}",
    "numbers": "{% set n = 9 %}" + "{% set n = n * n %}" * 40 + "{{ n }}",
    "powers": "{{ 9 ** 9 ** 9 ** 9 }}",
    "replace": "{% set x = '" + "a" * 900 + "' %}" + "{% set x = x | replace('a', 'aaaaaaaaa') %}" * 9 + "{{ x }}",
    "join": "{% set x = t | list | join(t) %}{{ x | list | join(x) }}",
    "loops": "{% for a in l %}{% for b in l %}{% for c in l %}{{ a }}{% endfor %}{% endfor %}{% endfor %}",
    "quiet loops": "{% for a in l %}{% for b in l %}{% for c in l %}{% set z = 1 %}{% endfor %}{% endfor %}{% endfor %}",
    "sorting in loops": "{% for a in l %}{% for b in l %}{{ l | sort | first }}{% endfor %}{% endfor %}",
    "round": "{{ 1.5 | round(999999999, 'ceil') }}",
    "indent": "{{ [1, [2]] | tojson(indent=999999999) }}",
    "tags": "{% set x = t | list | join('<!---->') %}{{ x | striptags }}",
    "map and list": "{% for a in l %}{{ (l | map('replace', '0', t) | list) | length }}{% endfor %}",
}


@pytest.mark.parametrize("name", one_in(2, [n for n in BOMBS if n != "loops"] + ["loops"]))
def test_no_template_hangs_or_fills_the_memory(name: str) -> None:
    """Checked and rendered within the limits on work, whatever it says."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scope = {"t": TEXT, "l": Type("list", item=INTEGER)}
    check_template(BOMBS[name], scope)
    with contextlib.suppress(TemplateFault):
        render(BOMBS[name], {"t": "ab" * 3000, "l": list(range(1000))})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 600_000  # KB


@pytest.mark.parametrize(
    "name", ["doubling", "doubling by with", "doubling in lists", "doubling by plus", "two variables"]
)
def test_what_doubles_is_reported(name: str) -> None:
    _, faults = check_template(BOMBS[name], {"t": TEXT, "l": Type("list", item=INTEGER)})
    assert {f.code for f in faults} == {"E403"}


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "9" * 5000 + " }}",
        "{{ 'inf' | float | int }}",
        "{{ 'nan' | float | int }}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "-" * 5000 + "1 }}",
        "{{ 1 " + "+ 1 " * 5000 + "}}",
        "{{ t" + " | upper" * 3000 + " }}",
        "{% if t %}" * 300 + "x" + "{% endif %}" * 300,
        "{% if t == 'a' %}" + "{% elif t == 'b' %}" * 3000 + "{% endif %}",
        "{{ " + "[" * 500 + "]" * 500 + " }}",
        "{{ t." + "a." * 2000 + "b }}",
        "{{ 10 ** 60 ** 2 }}",
        "{{ 1 / 0 }}",
        "{{ 'x' * 3 }}",
        "{{ '%s' % t }}",
    ],
    ids=range(15),
)
def test_odd_templates_raise_nothing(text: str) -> None:
    template, faults = check_template(text, {"t": TEXT})
    assert template is not None or faults
    for fault in faults:
        assert 0 <= fault.start < fault.end <= len(text) + 1 and fault.message and fault.help


def test_loops_know_their_length() -> None:
    text = "{% for a in l %}{{ loop.index }}/{{ loop.length }}{{ ' ' if not loop.last }}{% endfor %}"
    assert render(text, {"l": [7, 8, 9]}) == "1/3 2/3 3/3"


# --- what the checks know


def faults_of(text: str, **scope: Type) -> list[tuple[str, str]]:
    _, faults = check_template(text, scope)
    return [(f.code, text[f.start : f.end]) for f in faults]


def test_members_of_members() -> None:
    product = Type("map", members=(("maker", Type("map", members=(("city", TEXT),))),))
    assert faults_of("{{ p.maker.city }}{{ p['maker'].city }}", p=product) == []
    assert faults_of("{{ p.maker.town }}", p=product) == [("E404", "town")]
    assert faults_of("{{ p.maker.town }}", p=Type("map", members=product.members, open=True)) == [("E404", "town")]
    assert faults_of("{{ p.town.x + 1 }}", p=Type("map", members=product.members, open=True)) == []
    assert faults_of("{{ l.count }}", l=Type("list", item=TEXT)) == [("E404", "count")]


def test_items_of_lists_by_their_number() -> None:
    rows = Type("list", item=Type("map", members=(("c", TEXT),)))
    assert faults_of("{{ plan[1] }}{{ plan[-1] }}{{ rows[1].c }}{{ rows[0]['c'] }}", plan=rows, rows=rows) == []
    assert faults_of("{{ rows[1].d }}", rows=rows) == [("E404", "d")]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{% if tone == 'drry' %}x{% endif %}", "drry"),
        ("{% if 'drry' != tone %}x{% endif %}", "drry"),
        ("{% if tone in ['dry', 'drry'] %}x{% endif %}", "drry"),
        ("{% if tone in ['dry', 'warm'] and tone != 'dry' %}x{% endif %}", None),
        ("{% if tone | upper == 'DRY' %}x{% endif %}", None),
        ("{% if 'd' in tone %}x{% endif %}", None),
        ("{% if tone == none %}x{% endif %}", None),
        ("{% if level == '1' %}x{% endif %}", "1"),
        ("{% if level == 1.0 %}x{% endif %}", None),
    ],
)
def test_comparisons_with_values_there_never_are(text: str, wrong: str | None) -> None:
    scope = {"tone": Type("text", values=("dry", "warm")), "level": Type("integer", values=(1, 2))}
    found = faults_of(text, **scope)
    assert found == ([] if wrong is None else [("E424", wrong)])


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("{{ n + 1 }}", ["E423"]),
        ("{% if n %}{{ n + 1 }}{% endif %}", []),
        ("{% if n is not none %}{{ n + 1 }}{% endif %}", []),
        ("{{ (n or 0) + 1 }}", []),
        ("{{ n | default(0, true) + 1 }}", []),
        ("{{ n }}{{ m.a }}", ["E423"]),
        ("{{ n | round(2) }}", ["E423"]),
        ("{% for x in m.l %}{% endfor %}", ["E423"]),
    ],
)
def test_what_may_be_empty_is_tried_so(text: str, codes: list[str]) -> None:
    scope = {"n": Type("number"), "m": Type("map", members=(("a", TEXT), ("l", Type("list", item=TEXT))))}
    _, faults = check_template(text, scope, empty=[frozenset({"n"}), frozenset({"m"})])
    assert [f.code for f in faults] == codes


# --- plans


@pytest.mark.parametrize(
    "text",
    [
        "prompts: {p: {user: Invent., writes: [product]}, q: {user: 'On {{ product.name }}, {{ product.of.city }}'}}\n"
        "fields: {product: {type: object, properties: {name: {type: string}, of: {type: object, properties: "
        "{city: {type: string}}}}}, text: {type: string, words: {max: 80}}}\n",
        "prompts: {p: {user: Invent., writes: [product]}, q: {user: '{{ product.name.x + 1 }}{{ product.l[3].a }}'}}\n"
        "fields: {product: {type: object}, text: {type: string, words: {max: 80}}}\n",
        "prompts: {p: {user: Invent., writes: [steps]}, q: {user: '{{ steps[0] }}{{ steps[9] }}'}}\n"
        "fields: {steps: {type: array, items: {type: string}, minItems: 10}, text: {type: string, words: {max: 80}}}\n",
        f"prompts: {{q: {{user: 'Not: {{% for a in avoid %}}{{{{ a }}}}{{% endfor %}} {{{{ avoid | join }}}}'}}}}\n{TAIL}"
        "novelty: {avoid: {last: 5}}\n",
        f"sources: {{s: {{rows: [{{c: x}}, {{c: y}}]}}}}\nparameters: {{plan: [[a, b], [c, d]]}}\n"
        f"prompts: {{q: {{user: '{{{{ plan[1] }}}}{{{{ examples[1].c }}}}', examples: {{from: s, rows: 2}}}}}}\n{TAIL}",
    ],
)
def test_a_plan_of_whatever_templates_read(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"synthspec: 1\nrows: 4\n{text}")
    compiled = compile_spec(path)
    assert compiled.diagnostics == (), render_text(compiled.diagnostics)
    for command in (["plan", str(path)], ["diff", str(path), str(path)]):
        result = CliRunner().invoke(cli, command, catch_exceptions=False)
        assert result.exit_code == 0, result.output


def test_a_condition_that_rules_out_a_null(tmp_path: Path) -> None:
    spec = (
        "synthspec: 1\nparameters: {{rated: [true, false], loud: [true, false]}}\n"
        "prompts:\n  score: {{user: Score., when: rated, writes: [score]}}\n"
        "  text: {{user: 'Beat {{{{ score + 1 }}}} {{{{ loud }}}}.', when: {when}, writes: [text]}}\n"
        "fields: {{score: {{type: integer}}, text: {{type: string, words: {{max: 80}}}}}}\n"
    )
    for when, codes in [
        ("rated", []),
        ("rated and loud", []),
        ("loud", ["E423"]),
        ("rated and loud or loud", ["E423"]),
        ("not missing(score)", []),
    ]:
        found = compile_spec(write(tmp_path, spec.format(when=when))).diagnostics
        assert [d.code for d in found] == codes, render_text(found)


# --- plug-ins


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("formats", "prompts: {text: {user: Write., format: theirs}}\n"),
        ("backends", "prompts: {text: {user: Write.}}\nbackend: theirs:large\n"),
        ("backends", "prompts: {text: {user: Write., backend: {provider: theirs, model: x}}}\n"),
        ("writers", "prompts: {text: {user: Write.}}\noutput: {formats: [theirs]}\n"),
        ("strategies", "prompts: {text: {user: Write.}}\nplan: {strategy: theirs}\n"),
        ("sources", "sources: {s: {file: data.theirs}}\nprompts: {text: {user: Write.}}\n"),
        ("metrics", "prompts: {text: {user: Write.}}\ngates: [theirs > 0.5]\n"),
        ("distributions", "parameters: {x: 'theirs(1)'}\nprompts: {text: {user: 'Write {{ x }}.'}}\n"),
        ("functions", "parameters: {x: [1, 2], y: theirs(x)}\nprompts: {text: {user: 'Write {{ x }} {{ y }}.'}}\n"),
    ],
)
@pytest.mark.parametrize(
    "module",
    [
        "raise ImportError('no libfoo')\n",
        "raise SystemExit(3)\n",
        "import nothing_of_this_name\n",
        "def (:\n",
        "x = 1\n",
    ],
)
def test_a_plug_in_that_cannot_be_used(
    kind: str, part: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_module.py").write_text(module, encoding="utf-8")
    (tmp_path / "data.theirs").write_text("rows", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "their_module", raising=False)
    real: Any = plugins._installed
    monkeypatch.setattr(plugins, "_installed", lambda k: {"theirs": "their_module"} if k == kind else real(k))
    plugins.plugin_fault.cache_clear()
    try:
        found = compile_spec(write(tmp_path, f"synthspec: 1\n{part}{TAIL}")).diagnostics
        assert [d.code for d in found] == ["E608"], render_text(found)
        assert "'theirs'" in found[0].message and "their" in found[0].help
    finally:
        plugins.plugin_fault.cache_clear()


def test_any_is_any() -> None:
    assert faults_of("{{ x.a[3].b | round + 1 }}", x=ANY) == []


PIECES = ["a text ", "\n", "{{ a }}", "{{ b -}} ", "\n {{- c }}", "{{ self }}", "{{ missing }}", "{# no text #}", "{% raw %}{{ a }}{% endraw %}\n",
          "{{ a | upper }}", "{% if a %}yes{% endif %}", "{{ a ~ b }}", "{", "}}", "{{ loop }}", "{{ a.b }}", "<b>&amp;</b>"]  # fmt: skip
VALUES = ["", "text", "{{ a }}", "<é>", 0, -7, 10**17, 10**18, True, None, 1.5, ["x"], {"b": "member"}, Anything()]


@given(
    st.lists(st.sampled_from(PIECES), max_size=8), st.fixed_dictionaries(dict.fromkeys("abc", st.sampled_from(VALUES)))
)
@example(["a text ", "{{ a }}", "\n", "{{ b -}} ", "\n"], {"a": "x", "b": 3, "c": None})
def test_texts_and_names_are_filled_in_as_jinja_does(pieces: list[str], values: dict[str, Any]) -> None:
    text = "".join(pieces)
    try:
        expected: str | None = template._rendered(text, values)
    except TemplateFault:
        expected = None
    assert template._filled(text, values) in (None, expected)


def test_a_template_of_texts_and_names_needs_no_jinja() -> None:
    assert (
        template._filled("Write {{ n }} of {{ topic }}.\n", {"n": 3, "topic": "bills", "self": 1})
        == "Write 3 of bills."
    )
    assert template._filled("{{ self }}", {"self": "x"}) is None
