"""Specs that nobody should write: pairs of faults, odd YAML, odd templates, big ones. No command may fall over one."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from depth import one_in

from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.diagnostics import has_errors

BASE = {
    "parameters": "parameters: {a: [1, 2], b: [x, y], c: 'normal(0, 1)'}",
    "prompts": "prompts: {p: {user: 'Write {{ a }} {{ b }} {{ c }}.', writes: [t]}, q: {user: 'On {{ t }}.'}}",
    "fields": "fields: {t: {type: string, words: {max: 40}}, n: {type: integer}}",
}
ODD: dict[str, list[str]] = {
    "parameters": [
        "parameters: {a: [1, 2], b: {given: a, cases: {1: [x], 2: {given: a, cases: {1: [y]}, else: [z]}}}, c: [0]}",
        "parameters: {a: [{x: 1}, {y: 2}], b: [[1], [2, 3]], c: [1]}",
        "parameters: {a: [1, '1', true, 1.0], b: [x], c: {values: {x: 0, y: 1}}}",
        "parameters: {a: {values: {}}, b: [x], c: [1]}",
        "parameters: {a: b + 1, b: a + 1, c: c}",
        "parameters: {a: [1, 2], b: {pattern: '[ab]{3}(?=c)'}, c: [1]}",
        "parameters: {a: [1], b: {from: nowhere, column: x}, c: [1]}",
        "parameters: {a: ['{{ b }}'], b: ['{% raw %}'], c: [1]}",
        "parameters: {a: [1e308, -1e308], b: [.5], c: 'lognormal(0, 300)'}",
        "parameters: []",
        "parameters: {a: [null], b: [~, x], c: [1]}",
        "parameters: {'a ': [1], b: [x], c: [1]}",
        "parameters: {a: 2026-01-31, b: [2026-01-31], c: date('2026-13-01')}",
    ],
    "prompts": [
        "prompts: {p: {user: '{{ n }}', writes: t}, q: {user: '{{ t }}', writes: n}}",
        "prompts: {p: {user: '{{ a.b.c }}', writes: t}, q: {user: '{{ b[0][0] }}'}}",
        "prompts: {p: {user: '{% for a in b %}{{ a }}{% endfor %}{{ a }}'}}",
        "prompts: {p: {user: '{% if a %}{% if b %}'}}",
        "prompts: {p: {user: '{{ a | nosuch }} {{ a is nosuch }} {{ nosuch }} {{ a() }}'}}",
        "prompts: {p: {user: '{# never', system: '{{'}}",
        "prompts: {p: {user: '{{ rows }}', rows: 3, writes: [t, n]}, q: {user: x, rows: 2}}",
        "prompts: {p: {user: x, when: 'a == 3', writes: t}, q: {user: '{{ t | length + 1 }}'}}",
        "prompts: {p: {user: x, examples: {from: s}, writes: t}, q: {user: '{{ examples }}'}}",
        "prompts: {p: {user: '{{ a ~ b ~ c }}', format: {regex: '(?P<t>a+)+$'}, writes: t}, q: {user: x}}",
        "prompts: {p: {user: x, writes: [t, t]}, q: {user: x, writes: [nosuch, n]}}",
        "prompts: {p: {user: x, backend: gpt-5-mini, temperature: 1, model: x, writes: t}, q: {user: y}}",
        "prompts: {p: {user: 'a #b', writes: t}, q: {user: {{ a }}, writes: n}}",
        "prompts: {user: x}",
        "prompts: x",
        "prompts: {p: {user: '{{ avoid }} {{ examples }} {{ loop }} {{ self }} {{ namespace }}'}}",
        "prompts: {p: {user: '" + "{% if a %}" * 60 + "x" + "{% endif %}" * 60 + "', writes: t}, q: {user: z}}",
        "prompts: {p: {user: '{{ " + "9" * 5000 + " }}', writes: t}, q: {user: z}}",
        "prompts: {p: {user: '{{ " + "a.b" * 900 + " }}', writes: t}, q: {user: z}}",
    ],
    "fields": [
        "fields: {t: {value: n}, n: {value: t}}",
        "fields: {t: {type: string, words: {min: 5, max: 2}, enum: [x]}, n: {type: integer, minimum: 5, maximum: 1}}",
        "fields: {t: {type: string, pattern: '(a+)+$'}, n: {type: integer, pattern: x}}",
        "fields: {t: {type: object, properties: {t: {type: object, properties: {}}}}, n: {type: array}}",
        "fields: {t: {type: string, optional: true}, n: {type: integer, optional: yes}}",
        "fields: {t: {enum: []}, n: {enum: [1, 1, '1', true]}}",
        "fields: {t: {const: x, enum: [y]}, n: {not: {type: integer}}}",
        "fields: {t: , n: }",
        "fields: {t: {type: string}, n: {type: integer, multipleOf: 0}}",
        "fields: {t: {type: string, clean: strip, rejects: '['}, n: {type: integer, words: 3}}",
        "fields: {t: {type: strin}, n: {tipe: integer}}",
    ],
    "more": [
        "checks: n > 3 and t != t",
        "checks: [n == 'x', {that: t, message: '{{ nosuch }}'}, {that: 'n > 1', message: '{{ n + 1 }}{% if'}]",
        "checks: [{that: n > 2, retry: nosuch, severity: fatal}]",
        "gates: [rows, nosuch > 1, acceptance >= 2]",
        "plan: {exclude: [a == 1, a == 2], strategy: nosuch}",
        "plan: {strategy: pairwise, over: [a, nosuch], strength: 9}",
        "plan: {correlate: {between: [a, a], rank: 3}}",
        "output: {formats: [csv, nosuch], columns: nosuch, split: {train: 2, test: -1}, shape: nosuch}",
        "novelty: {unique: nosuch, near_duplicates: {fields: n}, avoid: {last: 0}, semantic: 1}",
        "backend: {provider: openai, model: '{{ a }}', api_key: sk-aaaaaaaaaaaaaaaaaaaaaaaa}\nlimits: {budget: -1}",
        "limits: {budget: 1e400, requests: 0, n: 5}",
        "extends: [nosuch, ./spec.yaml, '../up.yaml', \"a\\0b.yaml\", '" + "d" * 5000 + ".yaml']",
        'sources: {s: {file: "a\\0b.csv"}, u: {file: \'' + "d" * 5000 + ".csv'}, r: {rows: [{}]}}",
        "sources: {s: {rows: [{a: 1}, {b: 2}], columns: {a: b}}}",
        "sources: {s: {file: spec.yaml}}",
        "rows: 1e3\nseed: -1\nname: ' '",
        "n: 5\ntemperature: 1\nmessages: []\ntools: []",
        "<<: *nosuch",
        "? [a, b]\n: c",
        "\tx: 1",
        "description: yes #1\ntags: 5",
        "repair: maybe\nlicense: [x]",
    ],
}


def assembled(chosen: dict[str, str]) -> str:
    parts = [chosen.get(section, BASE.get(section, "")) for section in (*BASE, "more")]
    return "synthspec: 1\n" + "\n".join(parts) + "\n"


def pairs() -> list[dict[str, str]]:
    singles = [{section: part} for section, parts in ODD.items() for part in parts]
    drawn = random.Random(9)
    doubles = [
        {one: drawn.choice(ODD[one]), other: drawn.choice(ODD[other])}
        for one, other in itertools.combinations(ODD, 2)
        for _ in range(8)
    ]
    triples = [{section: drawn.choice(parts) for section, parts in ODD.items()} for _ in range(20)]
    return singles + doubles + triples


@pytest.mark.parametrize("chosen", one_in(6, pairs()), ids=itertools.count())
def test_no_command_falls_over(chosen: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "spec.yaml"
    path.write_text(assembled(chosen), encoding="utf-8")
    lines = path.read_text(encoding="utf-8").split("\n")
    compiled = compile_spec(path)
    for found in compiled.diagnostics:
        assert found.help and found.message and "\n" not in found.message + found.help
        if found.span.file.endswith("spec.yaml"):
            assert 1 <= found.span.line <= len(lines)
            assert 1 <= found.span.column <= len(lines[found.span.line - 1]) + 1
    broken = has_errors(compiled.diagnostics)
    for command in (["check"], ["plan"], ["preview", "--backend", "ngram"]):
        result = CliRunner().invoke(cli, [command[0], str(path), *command[1:]])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        assert (result.exit_code == 1) == broken or command[0] != "check", result.output
