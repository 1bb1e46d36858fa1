"""Prompts shown before a call are what the call then says; what is not known yet stands there by its name."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from built_alike import built
from fake_backend import FakeBackend, use
from several_specs import several_reply, several_spec
from test_talk_mixtures import mixture, reply_of
from test_tools import backend

from synthspec.compiler import compile_spec, compile_text
from synthspec.generation.prompt_drafts import DraftedMessage, PromptDraft, draft_combination
from synthspec.languages.templates.partial import Piece, fill_known, pieces_of
from synthspec.languages.templates.template import render
from synthspec.planning.plan import build_plan
from synthspec.spec.messages import Request


def says(shown: Sequence[DraftedMessage], request: Request) -> bool:
    """Whether a request says what was shown, anything standing where a name does."""
    if [m.role for m in shown] != [m.role for m in request.messages]:
        return False
    return all(re.fullmatch(_pattern(s), m.content, re.DOTALL) for s, m in zip(shown, request.messages, strict=True))


def _pattern(shown: DraftedMessage) -> str:
    parts = [".*" if p.unknown else re.escape(p.text) for p in shown.pieces]
    if shown.derived:
        parts.append(r"\n*" + re.escape(shown.derived))
    return "".join(parts)


def holds(path: Path, requests: list[Request]) -> int:
    """Look up every draft of the first combinations among the requests; how many were found."""
    compiled = compile_spec(path)
    assert compiled.spec is not None
    plan, found = build_plan(compiled.spec, compiled.tables), 0
    for index in range(min(4, len(plan))):
        for draft in draft_combination(plan, compiled.tables, index).prompts:
            assert not draft.fault
            mine = [
                r for r in requests
                if r.combination == index and (r.endpoint or r.prompt) == draft.endpoint and r.rows == draft.rows
            ]  # fmt: skip
            if mine:
                assert any(says(draft.messages, r) for r in mine), (draft, mine[0])
                found += 1
            if draft.missing:
                assert any(p.unknown for m in draft.messages for p in m.pieces)
    return found


@pytest.mark.parametrize("number", [*range(3), *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 120))])
def test_calls_are_what_was_shown(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, asked = several_spec(number, tmp_path), list[Request]()
    fake = FakeBackend(lambda request: asked.append(request) or several_reply(request), number)
    use(monkeypatch, fake)
    built(path, tmp_path / "out", fake, 4)
    assert holds(path, asked)


@pytest.mark.parametrize("number", [*range(3), *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 60))])
def test_calls_of_talks_are_what_was_shown(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, asked = tmp_path / "spec.yaml", list[Request]()
    path.write_text(yaml.safe_dump(mixture(random.Random(number)), sort_keys=False), encoding="utf-8")
    fake = backend(lambda request: asked.append(request) or reply_of(number, request))
    use(monkeypatch, fake)
    built(path, tmp_path / "out", fake, 4)
    assert holds(path, asked)


def drafts(text: str, index: int = 0) -> dict[str, PromptDraft]:
    compiled = compile_text(text)
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    plan = build_plan(compiled.spec, compiled.tables)
    return {d.endpoint: d for d in draft_combination(plan, compiled.tables, index).prompts}


TWO_STEPS = """
synthspec: 1
name: shown
rows: 4
parameters:
  tone: [kind, harsh]
  facts: {values: [[a, b]]}
prompts:
  write:
    system: You are {{ tone }}.
    user: Write.
    writes: [text]
  rate:
    user: |
      {% if text | length > 20 %}Long{% elif tone == 'kind' %}Kind{% endif %} {{ text | upper }} in {{ mark }}
      {% for f in facts %}{{ f }}: {{ text }};{% endfor %}
    when: tone == 'kind'
    writes: [score]
fields:
  text: {type: string, words: {min: 2}}
  mark: {value: "tone + '!'"}
  score: {type: integer, minimum: 1, maximum: 5}
backend: {provider: openai, model: m, base_url: "http://127.0.0.1:1/v1", temperature: [0.1, 0.9], constrain: false}
"""


def test_names_stand_where_nothing_is_known_yet() -> None:
    found = drafts(TWO_STEPS)
    write, rate = found["write"], found["rate"]
    assert write.missing == () and [m.role for m in write.messages] == ["system", "user"]
    assert write.messages[0].pieces[0].text.startswith("You are ") and not write.messages[0].derived
    assert "at least 2 words" in write.messages[1].derived
    assert rate.missing == ("text",)
    tone = write.messages[0].pieces[0].text[8:-1]
    names = [p.text for p in rate.messages[0].pieces if p.unknown]
    assert names == ["if text | length > 20", "else", "end if", "text | upper", "text", "text"]
    known = "".join(p.text for p in rate.messages[0].pieces if not p.unknown)
    assert f"{tone}!" in known and "a: ;b: ;" in known and ("Kind" in known) == (tone == "kind")
    assert rate.constraint.json_schema is None or rate.constraint.json_schema["properties"]["score"]["maximum"] == 5
    assert not rate.constrained and not write.fault


def test_each_combination_has_its_temperature_and_its_condition() -> None:
    both = [drafts(TWO_STEPS, index) for index in range(2)]
    assert [d["write"].settings["temperature"] for d in both] == [0.1, 0.9]
    notes = [" ".join(d["rate"].notes) for d in both]
    assert sorted("is false" in n for n in notes) == [False, True]


def test_a_prompt_that_cannot_be_written_says_why() -> None:
    text = TWO_STEPS.replace("user: Write.", 'user: "{{ facts[5] }}"').replace(
        "[[a, b]]", "[[a, b], [a, b, a, b, a, b]]"
    )
    found = drafts(text)["write"]
    assert found.fault and not found.messages


PIECES = ["plain ", "{{ a }}", "{{ b | upper }}", "{% if a %}x{{ b }}{% endif %}", "{% for i in l %}{{ i }}{{ b }}{% endfor %}",
          "{# note #}", "{% set c = a %}{{ c }}", "{% with d = b %}{{ d }}{% endwith %}", "{% raw %}{{ b }}{% endraw %}",
          "{% if b %}y{% else %}{{ a }}{% endif %}", "\n  {%- if l -%} z {% endif %}\n", "{{ {'k': b}['k'] ~ a }}"]  # fmt: skip


@pytest.mark.parametrize("number", range(60))
def test_what_is_known_is_filled_in_as_ever(number: int) -> None:
    """With nothing missing a template gives what it always gives; with something, all its known words stay."""
    rng = random.Random(number)
    text = "".join(rng.choices(PIECES, k=rng.randint(1, 7)))
    values = {"a": "A", "b": "B", "l": ["1", "2"]}
    assert fill_known(text, values, ()) == render(text, values)
    without = {k: v for k, v in values.items() if k != "b"}
    told = pieces_of(fill_known(text, without, {"b"}))
    if "b" not in re.sub(r"{% raw %}.*?{% endraw %}", "", text):
        assert told in ((), (Piece(render(text, values)),))
    assert all("\ufdd0" not in p.text and "\ufdd1" not in p.text for p in told)
    if "{% if b" not in text:
        pattern = "".join(".*" if p.unknown else re.escape(p.text) for p in told)
        assert re.fullmatch(pattern, render(text, values), re.DOTALL)


@pytest.mark.slow
def test_every_shipped_spec_shows_its_prompts() -> None:
    for path in sorted((Path(__file__).parent.parent / "specs").glob("*.yaml")):
        compiled = compile_spec(path)
        if compiled.spec is None or not compiled.ok:  # needs --trust
            continue
        plan = build_plan(compiled.spec, compiled.tables)
        found = draft_combination(plan, compiled.tables, len(plan) - 1)
        assert found.prompts and not any(d.fault for d in found.prompts), path.name
