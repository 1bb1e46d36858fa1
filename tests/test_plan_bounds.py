"""What `plan` says of lists without an end and of combinations that are dropped holds in the build."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from fake_backend import FakeBackend, use

import synthspec
from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.generation.estimates.plan_report import PlanReport, report_plan
from synthspec.planning.plan import build_plan
from synthspec.spec.messages import Request

HEAD = """synthspec: 1
name: made
rows: 12
backend: {{provider: openai, model: m, base_url: "http://127.0.0.1:1/v1"{prices}}}
limits: {{concurrency: 4{limits}}}
"""
PRICES = ", prices: {prompt: 1.0, completion: 4.0}"
MAPPED = """
parameters: {{n: 'integer(1, 1000000)', all: {{value: "['a', 'b']"}}}}
prompts:
  facts: {{user: "Facts {{{{ n }}}}.", {samples}writes: [facts]}}
  marks: {{map: f in {over}, user: "Mark {{{{ f }}}}.", writes: [marks]}}
fields: {{facts: {{type: array, items: {{type: string}}{rules}}}, marks: {{type: array, items: {{type: string}}}}}}
"""
DROPPED = """
parameters: {{mood: [x, y, z], n: 'integer(1, 1000000)', tags: {{pattern: '[a-z]{{4}}', rows: 2}}}}
prompts:
  say: {{{each}user: "Say {{{{ mood }}}} {{{{ n }}}}{item}.", writes: [said]}}
fields: {{said: {{type: string, words: {{max: 50}}}}, tone: {{value: mood}}}}
checks: [{{that: "{that}", severity: drop}}]
"""


def reported(path: Path) -> PlanReport:
    compiled = compile_spec(path)
    assert compiled.ok and compiled.spec is not None, compiled.diagnostics
    return report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)


def built(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[str], Counter[str]]:
    """The calls by prompt, and the figures of the funnel."""
    calls: Counter[str] = Counter()

    def reply(request: Request) -> str:
        calls[request.prompt] += 1
        said = request.messages[0].content.split("\n")[0]
        many = [f"{said} {k}" for k in range(calls["facts"] % 5)] if "samples" not in path.read_text() else said
        return json.dumps({"facts": many}) if request.prompt == "facts" else f"{request.prompt} of {said}"

    use(monkeypatch, FakeBackend(reply))
    synthspec.build(path, out=folder / "out")
    return calls, Counter(json.loads((folder / "out" / "manifest.json").read_text())["funnel"])


@pytest.mark.parametrize(
    ("rules", "samples", "over", "bounds"),
    [
        ("", "", "facts", None),
        (", minItems: 1", "", "facts", None),
        (", maxItems: 5", "", "facts", (0, 60)),
        (", minItems: 0, maxItems: 4", "", "sorted(facts)", (0, 48)),
        ("", "samples: 3, ", "facts", (36, 36)),
        ("", "samples: 3, ", "facts + facts", (72, 72)),
        ("", "", "all", (24, 24)),
    ],
)
def test_lists_without_an_end_are_said_to_have_none(
    rules: str, samples: str, over: str, bounds: tuple[int, int] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD.format(prices=PRICES, limits="") + MAPPED.format(rules=rules, samples=samples, over=over))
    report = reported(path)
    marks = report.prompts[1]
    shown = CliRunner().invoke(cli, ["plan", str(path)], catch_exceptions=False).output
    assert report.as_dict()["unbounded"] == (("marks",) if bounds is None else ())
    if bounds is None:
        assert report.worst == {"calls": None, "prompt_tokens": None, "completion_tokens": None, "cost": None}
        assert (
            "No upper bound is known" in shown
            and "no bound" in shown
            and "3 items for marks" in " ".join(shown.split())
        )
        return
    assert ((marks.least or marks).calls, marks.calls) == bounds and "bound" not in shown
    assert report.worst["calls"] is not None and report.worst["calls"] >= bounds[1]
    if not rules.endswith("4"):
        calls, _ = built(path, tmp_path, monkeypatch)
        assert bounds[0] <= calls["marks"] <= bounds[1]


def test_what_costs_nothing_costs_nothing_without_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("synthspec: 1\nbackend: ngram\n" + MAPPED.format(rules="", samples="", over="facts"))
    report = reported(path)
    assert report.worst["cost"] == 0 and report.worst["calls"] is None


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("that", ["mood != 'x'", "tone != 'x'", "n > 300000", "mood == 'y' and n % 2 == 0"])
def test_combinations_that_are_dropped_beforehand_are_counted(
    that: str, each: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spec.yaml"
    more = {"each": "each: t in tags, ", "item": " {{ t }}"} if each else {"each": "", "item": ""}
    path.write_text(HEAD.format(prices="", limits="") + DROPPED.format(that=that, **more))
    report = reported(path)
    calls, funnel = built(path, tmp_path, monkeypatch)
    least, most = report.combinations_needed
    assert least == most == funnel["dropped"] + (6 if each else 12) and report.most_drawn is None
    (say,) = report.prompts
    assert say.calls == calls["say"] == 12 and report.worst["calls"] == 12 * 4


def test_a_drop_by_what_is_written_is_said_to_draw_further_combinations(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        HEAD.format(prices="", limits=", combinations: 50") + DROPPED.format(that="words(said) > 3", each="", item="")
    )
    assert reported(path).most_drawn == 50
    shown = " ".join(CliRunner().invoke(cli, ["plan", str(path)], catch_exceptions=False).output.split())
    assert "further combinations take its place: up to 50 are drawn" in shown


def test_drops_of_a_source_that_is_gone_through_are_not_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spec.yaml"
    rows = ", ".join(f"{{k: {k}, t: t{k}}}" for k in range(9))
    path.write_text(
        HEAD.format(prices="", limits="").replace("rows: 12", "rows: {each: docs}")
        + f"sources: {{docs: {{rows: [{rows}]}}}}\n"
        + "parameters: {d: {from: docs}}\nprompts: {say: {user: 'Of {{ d.t }}', writes: [said]}}\n"
        + "fields: {said: {type: string, words: {max: 50}}}\nchecks: [{that: d.k % 3 == 0, severity: drop}]\n"
    )
    report = reported(path)
    calls, funnel = built(path, tmp_path, monkeypatch)
    assert report.combinations_needed == (9, 9) and report.prompts[0].calls == calls["say"] == 3
    assert funnel["dropped"] == 6


def test_a_drop_of_every_combination_is_found(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD.format(prices="", limits="") + DROPPED.format(that="n < 0", each="", item=""))
    (found,) = (d for d in compile_spec(path).diagnostics if d.code == "W774")
    assert "every row is dropped" in found.message and found.span.line == path.read_text().count("\n")
    assert reported(path).combinations_needed == (120, 120) and reported(path).prompts[0].calls == 0


PAIRS = {
    "a map and a condition under lists": """
parameters: {tags: {pattern: '[a-z]{5}', rows: 2}, moods: {values: [[a], [a, b, c]]}, mode: [on, off]}
prompts:
  say: {each: g in tags, user: "Of {{ g }}", writes: [said]}
  marks: {map: x in moods, user: "{{ x }} {{ said }}", when: mode == 'on', writes: [marks]}
fields: {said: {type: string, words: {max: 90}}, marks: {type: array, optional: true}}
""",
    "a condition and a drop": """
parameters: {mood: [x, y, z], k: 'integer(1, 1000000)'}
prompts: {say: {user: "Of {{ k }} {{ mood }}", writes: [said], when: "mood != 'y'"}}
fields: {said: {type: string, words: {max: 90}, optional: true}}
checks: [{that: "mood != 'x'", severity: drop}]
""",
    "samples side by side": """
parameters: {size: [1, 2], names: {pattern: '[a-z]{4}', rows: size}, kids: {value: "integer(1,99)", rows: size}}
prompts:
  p: {each: "e in zip({name: names, kid: kids})"}
  answers: {user: "Kids of {{ e.name }} {{ e.kid }}", writes: [answers], samples: 2}
  say: {each: "one in zip({k: answers, m: answers})", user: "On {{ one.k }} {{ one.m }}", writes: [said]}
fields: {said: {type: string, words: {max: 90}}, answers: {type: array}}
""",
    "lists that are unequally long in some rows": """
parameters: {size: [1, 2, 4], other: [2, 4], names: {pattern: '[a-z]{5}', rows: size}, pay: {value: "integer(1, 99)", rows: other}}
prompts: {say: {each: "e in zip({name: names, pay: pay})", user: "{{ e.name }} {{ e.pay }}", writes: [said]}}
fields: {said: {type: string, words: {max: 90}}}
""",
    "drops by the length of a list": """
parameters: {size: [0, 1, 3], tags: {pattern: '[a-z]{5}', rows: size}}
prompts: {say: {user: "Of {{ tags | join(' ') }} {{ size }}", writes: [said]}}
fields: {said: {type: string, words: {max: 90}}, count: {value: len(tags)}}
checks: [{that: "count > 0", severity: drop}, {that: "len(tags) < 3", severity: drop}]
""",
}


@pytest.mark.parametrize("name", PAIRS)
def test_calls_of_several_things_at_once_are_as_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD.format(prices="", limits="") + PAIRS[name])
    report = reported(path)
    calls, _ = built(path, tmp_path, monkeypatch)
    for prompt in report.prompts:
        assert (prompt.least or prompt).calls <= calls[prompt.name] <= prompt.calls, (prompt.name, calls)


def test_rows_of_every_document_are_told_as_a_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        HEAD.format(prices="", limits="").replace("rows: 12", "rows: {each: docs}")
        + "sources: {docs: {rows: [{t: a}, {t: b}, {t: c}]}}\nparameters: {d: {from: docs}}\nprompts:\n"
        + "  facts: {user: 'Facts of {{ d.t }}', writes: [facts]}\n"
        + "  say: {each: f in facts, user: 'Of {{ f }}', writes: [said]}\n"
        + "fields: {facts: {type: array, items: {type: string}}, said: {type: string, words: {max: 50}}}\n"
    )
    report = reported(path)
    calls, _ = built(path, tmp_path, monkeypatch)
    say = report.prompts[1]
    assert report.unbounded == ("say",) and report.rows_expected == (0, 9) and report.worst["calls"] is None
    assert say.least is not None and say.least.calls == 0 <= calls["say"] <= say.calls == 9
