"""What `plan` says of rows that lists make: exactly, or from where to where, and what is begun beyond the last row."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from depth import rest_slow
from fake_backend import FakeBackend, use

import synthspec
from synthspec.compiler import compile_spec
from synthspec.generation.estimates.plan_report import PlanReport, report_plan
from synthspec.planning.plan import build_plan
from synthspec.spec.messages import Request

HEAD = """synthspec: 1
name: made
rows: {rows}
seed: 3
backend: {{provider: openai, model: m, base_url: "http://127.0.0.1:1/v1"}}
limits: {{concurrency: {limit}}}
"""
WRITTEN = """
parameters: {{n: 'integer(1, 1000000)'}}
prompts:
  facts: {{user: "Facts {{{{ n }}}}.", writes: [facts]}}
  question: {{each: fact in facts, user: "Ask {{{{ fact }}}}.", writes: [question]}}
  answer: {{user: "Answer {{{{ question }}}}.", writes: [answer]}}
fields: {{facts: {{type: array, items: {{type: string}}{rules}}}, question: {{type: string}}, answer: {{type: string}}}}
"""
DRAWN = """
parameters:
  size: [0, 2, 3]
  tags: {pattern: '[a-z]{4}', rows: size}
prompts:
  goes: {each: tag in tags}
  say: {user: "Of {{ tag }}.", writes: [said], rows: 2, format: csv}
  rate: {user: "Rate {{ said }}.", writes: [rated]}
fields: {tag: {value: tag}, said: {type: string}, rated: {type: string}}
"""


def reported(path: Path) -> PlanReport:
    compiled = compile_spec(path)
    assert compiled.ok and compiled.spec is not None, compiled.diagnostics
    return report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)


def asked(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    calls: Counter[str] = Counter()

    def reply(request: Request) -> str:
        calls[request.prompt] += 1
        said = request.messages[0].content.split("\n")[0]
        if request.prompt == "facts":
            return json.dumps({"facts": [f"{said} {k}" for k in range(calls["facts"] % 3 + 1)]})
        if request.prompt == "say":
            return "said\n" + "\n".join(f"{said} {k}" for k in range(request.rows))
        return f"{request.prompt} of {said}"

    use(monkeypatch, FakeBackend(reply))
    assert synthspec.build(path, out=folder / "out").complete
    return calls


@pytest.mark.parametrize("limit", rest_slow([1, 4, 32], (1,)))
@pytest.mark.parametrize("rules", ["", ", maxItems: 3", ", minItems: 1, maxItems: 4"])
@pytest.mark.parametrize("rows", [5, 23])
def test_written_lists_are_told_as_ranges(
    rows: int, rules: str, limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD.format(rows=rows, limit=limit) + WRITTEN.format(rules=rules))
    report = reported(path)
    assert report.endless == (() if rules else ("question",))
    calls = asked(path, tmp_path, monkeypatch)
    for prompt in report.prompts:
        least = prompt.least or prompt
        assert least.calls <= calls[prompt.name] <= prompt.calls, (prompt.name, calls)
    assert report.combinations_needed[0] <= calls["facts"] <= report.combinations_needed[1]
    assert (report.prompts[1].least is not None) == (not rules), "what may be begun beyond the last row is counted"


@pytest.mark.parametrize("limit", [1, 32])
def test_drawn_lists_are_counted(limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD.format(rows=20, limit=limit) + DRAWN)
    report = reported(path)
    plan = synthspec.plan(path)
    needed, items = 0, 0
    while items * 2 < 20:
        items += len(plan[needed]["tags"])
        needed += 1
    assert report.combinations_needed == (needed, needed) and not report.endless
    calls = asked(path, tmp_path, monkeypatch)
    assert {p.name: p.calls for p in report.prompts} == {"say": 10, "rate": 20}
    assert calls == {"say": 10, "rate": 20} or (calls["say"] <= items and calls["rate"] <= 2 * items)


SPARSE = """
parameters:
  size: [0, 0, 0, 2]
  tags: {pattern: '[a-z]{4}', rows: size}
  word: {pattern: '[a-z]{8}'}
prompts:
  facts: {user: "Say {{ word }}.", writes: [said]}
  goes: {each: tag in tags}
  rate: {user: "Rate {{ tag }} in {{ said }}.", writes: [rated]}
fields: {tag: {value: tag}, said: {type: string}, rated: {type: string}}
"""


@pytest.mark.parametrize("limit", [1, 32])
def test_combinations_whose_lists_are_empty_are_counted(
    limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD.format(rows=12, limit=limit) + SPARSE)
    report = reported(path)
    needed = report.combinations_needed[0]
    assert report.combinations_needed == (needed, needed) and needed > 12
    assert {p.name: p.calls for p in report.prompts} == {"facts": needed, "rate": 12}
    calls = asked(path, tmp_path, monkeypatch)
    assert calls["rate"] == 12 and calls["facts"] >= needed
    if limit == 1:
        assert calls["facts"] == needed


@pytest.mark.parametrize(
    ("condition", "least", "most"),
    [("size == 2", 2, 2), ("size == 2 and said == 'x'", 0, 8), ("said == 'x'", 0, 8), ("size > 5", 0, 0)],
)
def test_calls_that_a_condition_leaves_out_are_not_counted(
    condition: str, least: int, most: int, tmp_path: Path
) -> None:
    path = tmp_path / "spec.yaml"
    body = """
parameters: {size: [0, 1, 1, 2]}
prompts:
  say: {user: "Say {{ size }}.", writes: [said]}
  rate: {user: "Rate {{ said }}.", writes: [rated], when: "CONDITION"}
  talk:
    when: "CONDITION"
    dialogue: {one: {as: user, system: "{{ said }}"}, two: {as: assistant, system: Help.}}
    turns: 1
    writes: chat
fields: {said: {type: string}, rated: {type: string, optional: true}, chat: {type: messages, optional: true}}
"""
    path.write_text(HEAD.format(rows=8, limit=1) + body.replace("CONDITION", condition))
    for prompt in reported(path).prompts[1:]:
        assert ((prompt.least or prompt).calls, prompt.calls) == (least, most), prompt.name


@pytest.mark.parametrize(("rules", "least", "most"), [("", 4, 800), (", minimum: 2, maximum: 5", 8, 20)])
def test_exchanges_that_a_field_says_are_told_as_a_range(rules: str, least: int, most: int, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    body = """
prompts:
  count: {user: "How long?", writes: [long]}
  talk: {dialogue: {one: {as: user, system: A.}, two: {as: assistant, system: B.}}, turns: long, writes: chat}
fields: {long: {type: integer, RULES}, chat: {type: messages}}
"""
    path.write_text(HEAD.format(rows=4, limit=1) + body.replace(", RULES", rules))
    for speaker in reported(path).prompts[1:]:
        assert speaker.least is not None and (speaker.least.calls, speaker.calls) == (least, most), speaker


def test_a_rebuild_looks_through_lists_of_parameters_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan has as many combinations as rows are wanted: with a list of n items and n rows all of them would be n²."""
    from synthspec.generation.scheduling.request_writer import RequestWriter

    path = tmp_path / "spec.yaml"
    body = """
parameters: {tags: {pattern: '[a-z]{4}', rows: 40}}
prompts:
  goes: {each: tag in tags}
  rate: {user: "Rate {{ tag }}.", writes: [rated]}
fields: {tag: {value: tag}, rated: {type: string}}
"""
    path.write_text(HEAD.format(rows=40, limit=2) + body)
    asked(path, tmp_path, monkeypatch)
    opened: list[int] = []
    real = RequestWriter.open
    monkeypatch.setattr(RequestWriter, "open", lambda self, c, **k: opened.append(c.index) or real(self, c, **k))
    path.write_text(path.read_text().replace("Rate {{ tag }}", "Rate it: {{ tag }}"))
    asked(path, tmp_path, monkeypatch)
    assert len(opened) <= 4, opened


@pytest.mark.parametrize(
    ("prompt", "most"),
    [("samples: 4, ", 4), ("repeat: rounds, from: {said: word}, collect: trail, ", 3), ("map: w in many, ", None)],
)
def test_lists_of_samples_and_rounds_have_an_end(prompt: str, most: int | None, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    body = """
parameters: {word: {pattern: '[a-z]{8}'}, rounds: [1, 2, 3], many: {value: "split(word, 'a')"}}
prompts:
  say: {PROMPT user: "Say {{ word }}.", writes: [said]}
  rate: {each: one in said, user: "Rate {{ one }}.", writes: [rated]}
fields: {said: {type: array, items: {type: string}}, rated: {type: string}}
"""
    path.write_text(HEAD.format(rows=12, limit=1) + body.replace("PROMPT ", prompt))
    report = reported(path)
    assert report.combinations_needed == (1 if most is None else 12 // most, 12)
    assert report.endless == (("rate",) if most is None else ())
