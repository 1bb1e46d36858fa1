"""`samples`, `map`, `repeat` and lists of backends, from a spec to a dataset: what is asked, kept, asked again and lost."""

from __future__ import annotations

import asyncio
import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_backend import FakeBackend, use

from synthspec.compiler import compile_text
from synthspec.generation.build import Build, finish_build
from synthspec.generation.built_dataset import Dataset
from synthspec.spec.messages import Request

OPENAI = {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"}


def spec_of(prompts: dict[str, Any], fields: dict[str, Any], **more: Any) -> str:
    given = {
        "synthspec": 1,
        "name": "rows",
        "rows": 3,
        "parameters": {"topic": ["bill", "meter", "move"]},
        "backend": OPENAI,
        "output": {"formats": ["jsonl"]},
        **more,
    }
    return json.dumps({**given, "prompts": prompts, "fields": fields})


class Bench:
    """Builds in one folder, each with its own replies."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.asked: list[Request] = []

    def build(self, text: str, reply: Callable[[Request], str]) -> Dataset:
        compiled = compile_text(text)
        assert compiled.spec is not None and compiled.ok, [str(d) for d in compiled.diagnostics]

        def answer(request: Request) -> str:
            self.asked.append(request)
            return reply(request)

        self.asked = []
        use(self.monkeypatch, FakeBackend(answer, seed=5))
        return asyncio.run(finish_build(Build(compiled.spec, compiled.tables, self.folder / "out")))

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "out" / "rows.jsonl").read_text().splitlines()]

    def missing(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "out" / "quarantine.jsonl").read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def said(request: Request) -> str:
    return str(request.messages[-1].content)


def asked(request: Request) -> str:
    """What the template says, without instructions."""
    return str(request.messages[0].content).split("\n")[0]


LIST = {"type": "array", "items": {"type": "string"}}
ANSWERS = {"answers": {"samples": 4, "user": "About {{ topic }}.", "writes": ["answers"]}}


def by_key(request: Request) -> str:
    return f"text {request.key[:6]}"


def test_samples_are_a_list_of_replies(bench: Bench) -> None:
    bench.build(spec_of(ANSWERS, {"answers": LIST}), by_key)
    assert len(bench.asked) == 12 and len({r.key for r in bench.asked}) == 12
    assert all(len(set(row["answers"])) == 4 for row in bench.rows())
    assert {asked(r) for r in bench.asked} == {"About bill.", "About meter.", "About move."}


def test_more_samples_keep_those_there_are(bench: Bench) -> None:
    bench.build(spec_of(ANSWERS, {"answers": LIST}), by_key)
    before = bench.rows()
    more = {"answers": {**ANSWERS["answers"], "samples": 6}}
    bench.build(spec_of(more, {"answers": LIST}), by_key)
    assert len(bench.asked) == 6
    assert [row["answers"][:4] for row in bench.rows()] == [row["answers"] for row in before]


def test_one_reply_becomes_the_first_sample(bench: Bench) -> None:
    plain = {"answers": {"user": "About {{ topic }}.", "writes": ["answers"]}}
    bench.build(spec_of(plain, {"answers": {"type": "string"}}), by_key)
    bench.build(spec_of(ANSWERS, {"answers": LIST}), by_key)
    assert len(bench.asked) == 9


def test_a_sample_that_fails_is_asked_again_alone(bench: Bench) -> None:
    fields = {"answers": {**LIST, "words": {"min": 2}, "clean": ["strip", "upper"]}}
    calls = Counter[str]()

    def reply(request: Request) -> str:
        calls[request.key] += 1
        first = next(r for r in bench.asked if r.attempt == 1)
        return "short" if request.key == first.key else "  long enough "

    bench.build(spec_of(ANSWERS, fields), reply)
    assert Counter(r.attempt for r in bench.asked) == {1: 12, 2: 1}
    again = next(r for r in bench.asked if r.attempt == 2)
    assert "words" in said(again) or "word" in said(again)
    assert all(row["answers"] == ["LONG ENOUGH"] * 4 for row in bench.rows())


def test_a_sample_that_cannot_be_had_loses_the_row(bench: Bench) -> None:
    fields = {"answers": {**LIST, "words": {"min": 2}}}

    def reply(request: Request) -> str:
        return "short" if "bill" in str(request.messages[0].content) else "long enough"

    bench.build(spec_of(ANSWERS, fields, limits={"attempts": 2}), reply)
    assert len(bench.rows()) == 2 and len(bench.missing()) == 1
    assert "words" in str(bench.missing()[0]) or "word" in str(bench.missing()[0])


def test_repeated_items_are_asked_for_again(bench: Bench) -> None:
    def reply(request: Request) -> str:
        return f"number {request.attempt}" if request.attempt < 3 else by_key(request)

    bench.build(spec_of(ANSWERS, {"answers": {**LIST, "uniqueItems": True}}, rows=1), reply)
    assert Counter(r.attempt for r in bench.asked) == {1: 4, 2: 3, 3: 2}
    answers = bench.rows()[0]["answers"]
    assert len(set(answers)) == 4 and answers[0] == "number 1" and answers[1] == "number 2"


def test_a_list_of_too_many_items_is_not_asked_for_again(bench: Bench) -> None:
    """Asking again changes no number of items; a list that may be so long is had."""
    prompts = {"answers": {"map": "m in many", "user": "Of {{ m }}", "writes": ["answers"]}}
    fields = {"many": {"value": "many"}, "answers": {**LIST, "maxItems": 3}}
    many = {"values": [["a", "b", "c"], ["a", "b", "c", "d"]]}
    bench.build(spec_of(prompts, fields, rows=2, parameters={"many": many}), by_key)
    assert Counter(r.attempt for r in bench.asked) == {1: 7}
    assert [len(row["answers"]) for row in bench.rows()] == [3] and len(bench.missing()) == 1


def test_a_check_of_the_list_asks_for_every_item(bench: Bench) -> None:
    checks = [{"that": "answers[0] != 'no'", "message": "begin with another"}]
    reply = lambda r: "no" if r.attempt == 1 else "yes"  # noqa: E731
    bench.build(spec_of(ANSWERS, {"answers": LIST}, rows=1, checks=checks), reply)
    assert Counter(r.attempt for r in bench.asked) == {1: 4, 2: 4}
    assert all("begin with another" in said(r) for r in bench.asked if r.attempt == 2)


MAP = {
    "answers": {"samples": 3, "user": "About {{ topic }}.", "writes": ["answers"]},
    "scores": {"map": "a in answers", "user": "Rate: {{ a }}", "writes": ["scores"], "format": "json"},
}
SCORES = {"answers": LIST, "scores": {"type": "array", "items": {"type": "integer", "minimum": 1}}}


def rated(request: Request) -> str:
    return json.dumps({"scores": len(said(request)) % 7 + 1}) if request.prompt == "scores" else by_key(request)


def test_map_asks_once_for_each_item(bench: Bench) -> None:
    bench.build(spec_of(MAP, SCORES), rated)
    assert Counter(r.prompt for r in bench.asked) == {"answers": 9, "scores": 9}
    for row in bench.rows():
        assert len(row["scores"]) == 3
    wanted = {f"Rate: {a}" for row in bench.rows() for a in row["answers"]}
    assert {asked(r) for r in bench.asked if r.prompt == "scores"} == wanted


def test_more_samples_keep_what_was_said_of_the_first(bench: Bench) -> None:
    bench.build(spec_of(MAP, SCORES), rated)
    more = {**MAP, "answers": {**MAP["answers"], "samples": 5}}
    bench.build(spec_of(more, SCORES), rated)
    assert Counter(r.prompt for r in bench.asked) == {"answers": 6, "scores": 6}


def test_equal_items_have_calls_of_their_own(bench: Bench) -> None:
    prompts = {"notes": {"map": "w in words_", "user": "Say {{ w }}", "writes": ["notes"]}}
    fields = {"words_": {"value": "['a', 'b', 'a']"}, "notes": LIST}
    bench.build(spec_of(prompts, fields, rows=2, parameters={"topic": ["x"]}), by_key)
    assert len({r.key for r in bench.asked}) == 6
    bench.build(spec_of(prompts, {**fields, "words_": {"value": "['b', 'a', 'a', 'c']"}}, rows=2), by_key)
    assert sorted({asked(r) for r in bench.asked}) == ["Say c"]


def test_map_over_an_empty_list_and_over_null(bench: Bench) -> None:
    prompts = {
        "words": {"user": "Words of {{ topic }}", "writes": ["found"], "format": "json", "when": "topic != 'move'"},
        "notes": {"map": "w in found", "user": "Say {{ w }}", "writes": ["notes"]},
    }
    fields = {"found": {**LIST}, "notes": LIST}
    bench.build(spec_of(prompts, fields), lambda r: '{"found": []}' if "bill" in said(r) else '{"found": ["a"]}')
    by_topic = {str(row["notes"]) for row in bench.rows()}
    assert by_topic == {"[]", "None", '[\'{"found": ["a"]}\']'}


def test_each_sample_is_asked_of_the_next_backend(bench: Bench) -> None:
    backends = [{"model": "a"}, {"model": "b"}]
    prompts = {"answers": {**ANSWERS["answers"], "samples": 5, "backend": backends}}
    bench.build(spec_of(prompts, {"answers": LIST}, rows=1), lambda r: r.endpoint or "first")
    assert bench.rows()[0]["answers"] == ["first", "answers#2", "first", "answers#2", "first"]


def test_a_backend_is_chosen_for_each_row_and_item(bench: Bench) -> None:
    of = {"bill": {"model": "a"}, "meter": {"model": "b"}, "move": "openai:c"}
    prompts = {"call": {"user": "Of {{ topic }}", "writes": ["call"], "backend": {"choose": "topic", "of": of}}}
    bench.build(spec_of(prompts, {"topic": {"value": "topic"}, "call": {"type": "string"}}), lambda r: r.endpoint)
    assert {row["topic"]: row["call"] for row in bench.rows()} == {t: f"call={t}" for t in of}
    models = {"map": "m in ['a', 'b']", "user": "Of {{ topic }}", "writes": ["calls"],
              "backend": {"choose": "m", "of": {"a": {"model": "a"}, "b": {"model": "b"}}}}  # fmt: skip
    bench.build(spec_of({"call": models}, {"calls": LIST}, rows=1), lambda r: r.endpoint)
    assert bench.rows()[0]["calls"] == ["call=a", "call=b"]


def test_a_row_for_which_no_backend_is_listed_says_so(bench: Bench) -> None:
    backend = {"choose": "if topic == 'bill' then 'x' else topic + ''", "of": {"meter": {"model": "b"}}}
    prompts = {"call": {"user": "Of {{ topic }}", "writes": ["call"], "backend": backend}}
    spec = spec_of(
        prompts, {"topic": {"value": "topic"}, "call": {"type": "string"}}, parameters={"topic": ["bill", "meter"]}
    )
    bench.build(spec, lambda r: r.endpoint)
    assert {row["topic"] for row in bench.rows()} == {"meter"}
    told = (bench.folder / "out" / "quarantine.jsonl").read_text(encoding="utf-8")
    assert "`backend.choose` gives 'x', which `of` does not list" in told


GROWN = {
    "grow": {
        "repeat": "depth",
        "from": {"task": "topic"},
        "user": "Round {{ round }}: {{ task }}",
        "writes": ["task"],
    }
}


def longer(request: Request) -> str:
    return asked(request).split(": ", 1)[1] + "+"


def test_rounds_build_on_each_other(bench: Bench) -> None:
    fields = {"depth": {"value": "depth"}, "topic": {"value": "topic"}, "task": {"type": "string"}}
    parameters = {"topic": ["bill", "meter"], "depth": [0, 1, 3]}
    bench.build(spec_of(GROWN, fields, rows=6, parameters=parameters), longer)
    assert len(bench.asked) == 8
    assert all(row["task"] == row["topic"] + "+" * row["depth"] for row in bench.rows())


def test_rounds_end_early_and_are_collected(bench: Bench) -> None:
    grow = {**GROWN["grow"], "repeat": 5, "until": "len(task) >= 6", "collect": "trail"}
    fields = {"task": {"type": "string"}, "trail": LIST}
    bench.build(spec_of({"grow": grow}, fields), longer)
    assert {row["task"] for row in bench.rows()} == {"bill++", "meter+", "move++"}
    assert {tuple(row["trail"]) for row in bench.rows()} >= {("bill+", "bill++"), ("meter+",)}
    bench.build(spec_of({"grow": grow}, {"task": LIST}), longer)
    assert {tuple(row["task"]) for row in bench.rows()} >= {("bill+", "bill++"), ("meter+",)}
    assert not bench.asked


def test_a_check_after_the_rounds_asks_for_the_last_again(bench: Bench) -> None:
    grow = {**GROWN["grow"], "repeat": 3}
    checks = [{"that": "not (task matches '[+]{3}$')", "message": "not that"}]

    def reply(request: Request) -> str:
        return longer(request) if request.attempt == 1 else "else"

    bench.build(spec_of({"grow": grow}, {"task": {"type": "string"}}, rows=1, checks=checks), reply)
    assert [r.attempt for r in bench.asked] == [1, 1, 1, 2]
    assert "not that" in said(bench.asked[-1]) and bench.rows()[0]["task"] == "else"


def test_a_deeper_repetition_keeps_the_rounds_there_are(bench: Bench) -> None:
    fields = {"task": {"type": "string"}}
    bench.build(spec_of({"grow": {**GROWN["grow"], "repeat": 2}}, fields), longer)
    bench.build(spec_of({"grow": {**GROWN["grow"], "repeat": 4}}, fields), longer)
    assert len(bench.asked) == 6


def test_a_seed_that_breaks_a_rule_is_no_row(bench: Bench) -> None:
    fields = {"task": {"type": "string", "minLength": 5}}
    parameters = {"topic": ["bill", "meter"], "depth": [0, 1]}
    bench.build(spec_of(GROWN, fields, rows=4, parameters=parameters), longer)
    assert len(bench.rows()) == 3 and len(bench.asked) == 2 and "no round" in str(bench.missing())


def test_csv_holds_lists_as_json(bench: Bench) -> None:
    bench.build(spec_of(ANSWERS, {"answers": LIST}, output={"formats": ["csv"]}), by_key)
    with (bench.folder / "out" / "rows.csv").open(newline="") as file:
        assert all(len(json.loads(row["answers"])) == 4 for row in csv.DictReader(file))


def test_preference_pairs_from_candidates_and_a_judge(bench: Bench) -> None:
    fields = {
        **SCORES,
        "question": {"value": "topic"},
        "chosen": {"value": "best(answers, scores)"},
        "rejected": {"value": "rank(answers, scores)[-1]"},
    }
    output = {"formats": ["jsonl"], "shape": {"kind": "preference", "prompt": "question", "keep": ["scores"]}}
    checks = ["chosen != rejected"]

    def reply(request: Request) -> str:
        return json.dumps({"scores": int(request.key[:2], 16) + 1}) if request.prompt == "scores" else by_key(request)

    bench.build(spec_of(MAP, fields, output=output, checks=checks), reply)
    assert len(bench.rows()) == 3
    for row in bench.rows():
        assert list(row) == ["prompt", "chosen", "rejected", "scores"] and row["chosen"] != row["rejected"]
