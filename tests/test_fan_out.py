"""Prompts that make several rows of one: which rows there are, in what order, what is asked for them, and what is not."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from depth import rest_slow
from fake_backend import FakeBackend, use
from loopback import digest

import synthspec
from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.generation.machine.levels import QUOTAS
from synthspec.generation.machine.program import Program
from synthspec.generation.machine.row_machine import advance, begin
from synthspec.generation.machine.states import Combination, Offer, Verdict
from synthspec.generation.scheduling import driver
from synthspec.generation.scheduling.overshoot import Overshoot
from synthspec.generation.validation.rules import Validator
from synthspec.inference.outcomes import Replied
from synthspec.inference.store.derived.row_histories import read_histories
from synthspec.spec.messages import Request

HEAD = """
synthspec: 1
name: made
seed: 3
backend: {provider: openai, model: m, base_url: "http://127.0.0.1:1/v1"}
"""
CHAIN = (
    HEAD
    + """
rows: 12
parameters: {field: [owls, eels]}
prompts:
  topics: {user: "Topics of {{ field }}.", writes: [topic], rows: 2, format: csv}
  questions: {user: "Ask about {{ topic }}.", writes: [question], rows: 3, format: csv}
  answer: {user: "Answer {{ question }}", writes: [answer]}
fields: {field: {value: field}, topic: {type: string}, question: {type: string}, answer: {type: string}}
"""
)
FACTS = (
    HEAD
    + """
rows: 9
parameters: {n: 'integer(1, 1000000)'}
prompts:
  facts: {user: "Facts {{ n }}", writes: [facts]}
  question: {each: fact in facts, user: "Ask about {{ fact }}.", writes: [question]}
fields:
  facts: {type: array, items: {type: string}, optional: true}
  fact: {value: fact}
  question: {type: string}
"""
)


def spec_of(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


def built(folder: Path, text: str, fake: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> Any:
    use(monkeypatch, fake)
    return synthspec.build(spec_of(folder, text), out=folder / "out")


def rows_in(folder: Path) -> list[dict[str, str]]:
    with (folder / "out" / "made.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def chain_reply(request: Request) -> str:
    said = request.messages[-1].content
    if request.prompt == "topics":
        return "topic\n" + "\n".join(f"{said.split('.')[0]} {n}" for n in range(request.rows))
    if request.prompt == "questions":
        return "question\n" + "\n".join(f"Why {said.split('.')[0][10:]} {n}" for n in range(request.rows))
    return f"Because {said}"


def facts_reply(lists: Callable[[int], list[str] | None]) -> Callable[[Request], str]:
    """Lists by the number of the call, in the order of the numbers drawn."""
    seen: dict[str, int] = {}

    def reply(request: Request) -> str:
        said = request.messages[-1].content.split("\n")[0]
        if request.prompt == "facts":
            return json.dumps({"facts": lists(seen.setdefault(said, len(seen)))})
        return f"Why {said}"

    return reply


# --- rows of replies


def test_a_chain_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBackend(chain_reply)
    dataset = built(tmp_path, CHAIN, fake, monkeypatch)
    rows = rows_in(tmp_path)
    assert dataset.complete and len(rows) == 12
    assert [h.path for h in read_histories(tmp_path / "out")] == [
        f"{c}.{t}.{q}" for c in range(2) for t in range(2) for q in range(3)
    ]
    assert [h.ordinal for h in read_histories(tmp_path / "out")] == list(range(12))
    assert fake.total == 2 + 4 + 12, "a call a combination, one a topic, one a question"
    assert len({r["topic"] for r in rows}) == 4
    for row in rows:
        assert row["topic"] in row["question"] and row["question"] in row["answer"]
    assert [r["topic"] for r in rows] == [r["topic"] for r in rows[::3] for _ in range(3)]
    assert dataset.manifest["metrics"]["acceptance"] == 1.0


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 11])
def test_a_chain_ends_at_the_rows_asked_for(rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBackend(chain_reply)
    assert built(tmp_path, CHAIN.replace("rows: 12", f"rows: {rows}"), fake, monkeypatch).complete
    assert len(rows_in(tmp_path)) == rows
    topics = -(-rows // 3)
    assert fake.total == -(-rows // 6) + topics + rows, "nothing is asked for rows that there is no room for"


def test_rows_lost_above_a_fan_out_are_each_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reply(request: Request) -> str:
        if request.prompt == "topics" and "eels" in request.messages[0].content:
            return ""
        return chain_reply(request)

    dataset = built(tmp_path, CHAIN, FakeBackend(reply), monkeypatch)
    assert (dataset.manifest["funnel"]["kept"], dataset.manifest["quarantined"]) == (6, 6)
    lost = [json.loads(line) for line in (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines()]
    assert {entry["path"].count(".") for entry in lost} == {2} and len({entry["path"] for entry in lost}) == 6
    assert len(rows_in(tmp_path)) == 6 and not dataset.complete


def test_nothing_above_the_last_fan_out_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that a leaf cannot keep sends it back to its own prompts alone."""
    text = CHAIN + "checks: [{that: 'not contains(topic, \"1\") or words(answer) > 900', message: never}]\n"
    fake = FakeBackend(chain_reply)
    dataset = built(tmp_path, text, fake, monkeypatch)
    asked = Counter(r["topic"] for r in rows_in(tmp_path))
    assert set(asked.values()) == {3} and len(asked) == 2
    assert dataset.manifest["quarantined"] == 6
    assert fake.total == 2 + 4 + 6 + 6 * 4, "four attempts at each answer; topics and questions once"


# --- items of a list


def test_a_row_for_every_item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = (["a", "b"], [], None, ["c", "c", "d", "e"], [], ["f", "g", "h"], ["i"])
    fake = FakeBackend(facts_reply(lambda n: lists[n % len(lists)]), turns=(0,))
    dataset = built(tmp_path, FACTS.replace("rows: 9", "rows: 9\nlimits: {concurrency: 1}"), fake, monkeypatch)
    rows = rows_in(tmp_path)
    assert dataset.complete and [r["fact"] for r in rows] == ["a", "b", "c", "c", "d", "e", "f", "g", "h"]
    assert all(r["question"].startswith(f"Why Ask about {r['fact']}") for r in rows)
    assert [h.path for h in read_histories(tmp_path / "out")][:3] == ["0.0", "0.1", "3.0"]


def test_items_keep_their_calls_where_others_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = FACTS.replace("parameters: {n: 'integer(1, 1000000)'}", "parameters: {facts_of: {values: [LIST]}}").replace(
        '  facts: {user: "Facts {{ n }}", writes: [facts]}\n', ""
    )
    text = text.replace("fact in facts", "fact in facts_of").replace(
        "  facts: {type: array, items: {type: string}, optional: true}\n", ""
    )
    one = FakeBackend(lambda request: f"Why {request.messages[-1].content}?")
    built(tmp_path, text.replace("LIST", "[a, b, b]").replace("rows: 9", "rows: 3"), one, monkeypatch)
    assert one.total == 3, "equal items are asked for each"
    two = FakeBackend(one.reply)
    built(tmp_path, text.replace("LIST", "[c, a, b, b, b]").replace("rows: 9", "rows: 5"), two, monkeypatch)
    assert two.total == 2 and not set(two.calls) & set(one.calls)


def test_each_then_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = FACTS.replace("each: fact in facts,", "each: fact in facts, rows: 2, format: csv,")

    def reply(request: Request) -> str:
        if request.prompt == "facts":
            return json.dumps({"facts": ["a", "b"]})
        return "question\n" + "\n".join(f"{request.messages[-1].content[:12]} {n}" for n in range(request.rows))

    fake = FakeBackend(reply)
    text = text.replace("optional: true", "minItems: 2, maxItems: 2")
    built(tmp_path, text.replace("rows: 9", "rows: 8"), fake, monkeypatch)
    assert [h.path for h in read_histories(tmp_path / "out")] == [
        f"{c}.{f}.{q}" for c in range(2) for f in range(2) for q in range(2)
    ]
    assert fake.total == 2 + 4


# --- rows that are dropped


DROPPED = (
    HEAD
    + """
rows: 40
parameters: {n: 'integer(1, 1000000)'}
prompts:
  text: {user: "Write {{ n }}", writes: [text]}
  rate: {user: "Rate {{ text }}", writes: [score], format: json}
  more: {user: "More of {{ text }}", writes: [more]}
fields: {text: {type: string}, score: {type: integer}, more: {type: string}}
checks: [{that: score >= 3, severity: drop, message: "scored {{ score }}"}]
gates: ["dropped >= 1"]
"""
)


def rated(request: Request) -> str:
    if request.prompt == "rate":
        return json.dumps({"score": int(request.key[:4], 16) % 5 + 1})
    return f"text {request.key[:8]}"


@pytest.mark.parametrize("concurrency", rest_slow([1, 7, 64], (0, 2)))
def test_rows_are_as_many_as_asked_for_whatever_is_dropped(
    concurrency: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeBackend(rated)
    text = DROPPED + f"limits: {{concurrency: {concurrency}}}\n"
    dataset = built(tmp_path, text, fake, monkeypatch)
    rows, funnel = rows_in(tmp_path), dataset.manifest["funnel"]
    assert dataset.complete and len(rows) == 40 and all(int(r["score"]) >= 3 for r in rows)
    assert funnel["kept"] == funnel["planned"] == 40 and dataset.manifest["quarantined"] == 0
    assert funnel["dropped"] == sum(dataset.manifest["dropped"].values()) > 0
    assert dataset.status == 0 and dataset.gates[0].figures == {"dropped": float(funnel["dropped"])}
    assert dataset.manifest["metrics"]["acceptance"] < 1
    asked = Counter(fake.calls.values())
    assert asked == {1: fake.total}, "nothing is asked twice"
    mores = fake.total - 2 * (40 + funnel["dropped"])
    if concurrency == 1:
        assert mores == 40, "nothing is asked for a row that is dropped"
    again = FakeBackend(rated)
    use(monkeypatch, again)
    assert synthspec.build(tmp_path / "spec.yaml", out=tmp_path / "out").manifest["funnel"] == funnel
    assert again.total == 0


def test_where_all_are_dropped_the_build_says_why_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = DROPPED.replace("score >= 3", "score >= 9") + "limits: {combinations: 50}\n"
    dataset = built(tmp_path, text, FakeBackend(rated), monkeypatch)
    assert dataset.status == 3 and dataset.manifest["funnel"]["dropped"] == 50
    assert dataset.reason == "0 of 40 rows after 50 combinations (limits.combinations); 50 were dropped"
    assert dataset.manifest["funnel"]["called"] == 0, "rows that were never begun are not called"


def test_where_every_list_is_empty_the_build_says_so(tmp_path: Path) -> None:
    lists = "tags: 'if none > 0 then [none] else []'"
    text = f"parameters: {{none: 'integer(0, 0)', {lists}}}\nprompts: {{goes: {{each: tag in tags}}}}\n"
    spec = tmp_path / "spec.yaml"
    spec.write_text(HEAD + "rows: 4\n" + text + "fields: {tag: {value: tag}}\n", encoding="utf-8")
    dataset = synthspec.build(spec, out=tmp_path / "out")
    said = "0 of 4 rows after 40 combinations (limits.combinations); every list that makes rows was empty"
    assert dataset.status == 3 and dataset.reason == said
    shown = CliRunner().invoke(cli, ["build", str(spec), "--out", str(tmp_path / "again")])
    assert shown.exit_code == 3 and "next: raise `limits.combinations`, or edit the lists and checks" in shown.output


def test_a_drop_above_a_fan_out_takes_all_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = CHAIN + "checks: [{that: 'not contains(topic, \"1\")', severity: drop}]\n"
    fake = FakeBackend(chain_reply)
    dataset = built(tmp_path, text, fake, monkeypatch)
    assert len(rows_in(tmp_path)) == 12 and all("1" not in r["topic"] for r in rows_in(tmp_path))
    assert dataset.manifest["funnel"]["dropped"] >= 3 and fake.total < 12 * 3


# --- a combination for every row of a source

SOURCE = (
    HEAD
    + """
rows: {each: docs, where: row.words > 1}
sources:
  docs: {file: docs.csv}
parameters:
  title: {from: docs, column: title}
  words: {from: docs, column: words}
  tone: [kind, dry]
prompts:
  ask: {user: "Ask about {{ title }}, {{ tone }}", writes: [question]}
fields: {title: {value: title}, words: {value: words}, question: {type: string}}
"""
)


def docs(folder: Path, *titles: str) -> None:
    (folder / "docs.csv").write_text("title,words\n" + "".join(f"{t},{len(t)}\n" for t in titles))


@pytest.mark.parametrize("times", [1, 3])
def test_a_combination_for_every_row_of_a_source(times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs(tmp_path, "owls", "x", "eels", "bats", "y")
    text = SOURCE.replace("row.words > 1}", f"row.words > 1, times: {times}}}")
    fake = FakeBackend(lambda request: f"Why {request.messages[-1].content}")
    dataset = built(tmp_path, text, fake, monkeypatch)
    expected = [t for t in ("owls", "eels", "bats") for _ in range(times)]
    assert [r["title"] for r in rows_in(tmp_path)] == expected and dataset.complete
    assert all(int(r["words"]) == 4 for r in rows_in(tmp_path)), "one row of the source for all its parameters"
    docs(tmp_path, "owls", "x", "eels", "bats", "y", "newts", "toads")
    more = FakeBackend(fake.reply)
    use(monkeypatch, more)
    synthspec.build(tmp_path / "spec.yaml", out=tmp_path / "out")
    assert [r["title"] for r in rows_in(tmp_path)][: 3 * times] == expected
    assert more.total == 2 * times, "rows that are appended change nothing before them"


def test_rows_of_a_source_that_are_dropped_are_not_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs(tmp_path, "owls", "eels", "bats", "newts")
    text = SOURCE + "checks: [{that: 'title != \"eels\"', severity: drop}]\n"
    fake = FakeBackend(lambda request: f"Why {request.messages[-1].content}")
    dataset = built(tmp_path, text, fake, monkeypatch)
    assert [r["title"] for r in rows_in(tmp_path)] == ["owls", "bats", "newts"] and fake.total == 3
    assert dataset.complete and dataset.status == 0 and dataset.manifest["funnel"]["dropped"] == 1
    assert dataset.manifest["spec"]["rows"] == 3


# --- rows that are replaced

REPLACED = (
    HEAD
    + """
rows: 20
on_missing: replace
parameters: {mood: [calm, cross], n: 'integer(1, 1000000)'}
prompts: {text: {user: "Write {{ mood }} {{ n }}", writes: [text]}}
fields: {mood: {value: mood}, n: {value: n}, text: {type: string, words: {min: 2}}}
limits: {attempts: 2}
"""
)


def sometimes(request: Request) -> str:
    number = int(request.messages[0].content.split("\n")[0].split()[-1])
    return "two words" if number % 3 else "one"


def test_a_row_that_cannot_be_had_is_replaced_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reported = built(tmp_path, REPLACED.replace("on_missing: replace", ""), FakeBackend(sometimes), monkeypatch)
    moods = {h.ordinal: h for h in read_histories(tmp_path / "out")}
    before = {r["n"]: r["mood"] for r in rows_in(tmp_path)}
    lost = reported.manifest["quarantined"]
    assert lost > 0
    dataset = built(tmp_path, REPLACED, FakeBackend(sometimes), monkeypatch)
    rows = rows_in(tmp_path)
    assert dataset.complete and len(rows) == 20 and dataset.manifest["quarantined"] == 0
    assert Counter(r["mood"] for r in rows) == {"calm": 10, "cross": 10}, "listed values keep their shares"
    assert [r["n"] for r in rows if r["n"] in before] == list(before), "the others are as they were, in their order"
    assert len(moods) == 20


def test_what_cannot_be_replaced_either_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBackend(lambda request: "one")
    dataset = built(tmp_path, REPLACED, fake, monkeypatch)
    assert dataset.status == 3 and dataset.manifest["quarantined"] == 20
    assert fake.total == 20 * 2 * 4, "two attempts at the row and at each of three substitutes"


def test_rows_of_a_reply_are_replaced_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = REPLACED.replace("writes: [text]", "writes: [text], rows: 4, format: csv")

    def reply(request: Request) -> str:
        good = sometimes(request)
        return "text\n" + "\n".join("one" if n == 1 else good for n in range(request.rows))

    dataset = built(tmp_path, text, FakeBackend(reply), monkeypatch)
    assert dataset.manifest["funnel"]["kept"] + dataset.manifest["quarantined"] == 20
    assert dataset.manifest["funnel"]["kept"] > 15


# --- rules between rows, splits, size


def test_novelty_of_a_level_is_judged_before_what_comes_of_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply(request: Request) -> str:
        if request.prompt == "topics":
            count, again = request.rows, len(request.messages) > 1
            return "topic\n" + "\n".join(
                f"{'new' if again else 'same'} topic {request.key[:6] if again else ''}" for _ in range(count)
            )
        return chain_reply(request)

    fake = FakeBackend(reply)
    dataset = built(tmp_path, CHAIN + "novelty: {unique: [topic]}\n", fake, monkeypatch)
    rows = rows_in(tmp_path)
    assert dataset.complete and len(rows) == 12 and len({r["topic"] for r in rows}) == 4
    assert fake.total == 2 + 3 + 4 + 12, "questions are asked of topics that are new alone"


def test_leaves_of_one_row_share_a_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = CHAIN.replace("rows: 12", "rows: 120") + "output: {split: {a: 0.5, b: 0.5}}\n"

    def reply(request: Request) -> str:
        name, count = request.prompt.removesuffix("s"), request.rows
        lines = [" ".join(f"{digest(request.key, line, word):x}"[:7] for word in range(12)) for line in range(count)]
        return "\n".join([name, *lines] if name != "answer" else lines)

    built(tmp_path, text, FakeBackend(reply), monkeypatch)
    where: dict[str, set[str]] = {}
    for path in (tmp_path / "out").rglob("*.csv"):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                where.setdefault(row["topic"], set()).add(path.name)
    assert len({next(iter(w)) for w in where.values()}) == 2 and all(len(w) == 1 for w in where.values())


@pytest.mark.slow
def test_a_combination_of_many_rows_has_few_open_at_once(tmp_path: Path) -> None:
    compiled = compile_spec(spec_of(tmp_path, FACTS))
    assert compiled.spec is not None
    program = Program(compiled.spec, Validator(compiled.spec))
    state, effects, _ = begin(program, Combination(0, {"n": 1}, {}))
    facts = json.dumps({"facts": [f"fact {n}" for n in range(10_000)]})
    state, effects, _ = advance(program, state, next(iter(state.open)), Replied("0" * 32, facts))
    done, most, waiting = 0, 0, [e for e in effects if hasattr(e, "id")]
    while waiting:
        question = waiting.pop()
        outcome = Verdict(None) if isinstance(question, Offer) else Replied(f"{done:032x}", "Why?")
        done += isinstance(question, Offer)
        state, effects, _ = advance(program, state, question.id, outcome)
        waiting += [e for e in effects if hasattr(e, "id")]
        most = max(most, len(state.rows))
    assert done == 10_000 and most <= QUOTAS[0] + 1 and not state.rows


@pytest.mark.parametrize("concurrency, most", [(1, 9), (8, 12), (64, 12)])
def test_few_calls_are_made_for_rows_after_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, concurrency: int, most: int
) -> None:
    """Lists that a model writes fill a dataset of 9 rows sooner than one row each would."""

    def reply(request: Request) -> str:
        said = request.messages[-1].content
        return json.dumps({"facts": [f"{said[:9]} {n}" for n in range(4)]}) if "Facts" in said else f"Why {said}?"

    backend = FakeBackend(reply, seed=concurrency)
    use(monkeypatch, backend)
    path = tmp_path / "spec.yaml"
    path.write_text(FACTS + f"limits: {{concurrency: {concurrency}}}\n")
    asked: Counter[str] = Counter()
    complete = backend.complete

    async def counted(request: Request) -> Any:
        asked[request.prompt] += 1
        return await complete(request)

    monkeypatch.setattr(backend, "complete", counted)
    dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.manifest["funnel"]["kept"] == 9
    assert 9 <= asked["question"] <= most
    assert asked["facts"] <= 9


def test_calls_for_rows_after_the_last_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted in what the run did and spent, and not in what the dataset is made of, whose gates see the same
    figures at any concurrency; a dataset with more rows has them."""

    def reply(request: Request) -> str:
        said = request.messages[-1].content
        return json.dumps({"facts": [f"{said[:9]} {n}" for n in range(4)]}) if "Facts" in said else f"Why {said}?"

    def made(rows: int, concurrency: int, out: str) -> dict[str, Any]:
        use(monkeypatch, FakeBackend(reply, seed=concurrency))
        text = (
            FACTS.replace("rows: 9", f"rows: {rows}")
            + f"gates: [calls == 12]\nlimits: {{concurrency: {concurrency}}}\n"
        )
        text = text.replace("base_url:", "prices: {prompt: 1, completion: 2}, base_url:")
        manifest: dict[str, Any] = synthspec.build(spec_of(tmp_path, text), out=tmp_path / out).manifest
        return manifest

    alone, many = made(9, 1, "alone"), made(9, 64, "many")
    for manifest in (alone, many):
        run = manifest["run"]
        assert manifest["usage"] == {"calls": 12, "prompt_tokens": 120, "completion_tokens": 240}
        assert manifest["cost"] == pytest.approx(12 * 50e-6) and manifest["gates"] == {"calls == 12": True}
        assert {p["prompt"]: p["calls"] for p in manifest["prompts"]} == {"facts": 3, "question": 9}
        assert run["calls"] == 12 + run.get("surplus", 0) and run["cost"] == pytest.approx(run["calls"] * 50e-6)
    assert many["run"]["surplus"] > 0, "or this test shows nothing"
    again = made(9, 64, "many")
    assert again["run"]["calls"] == 0 and again["usage"] == many["usage"]
    more = made(20, 8, "many")
    assert more["usage"]["calls"] == 25 and more["run"]["reused"] >= 12


def test_a_value_that_is_no_list_loses_its_row_and_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its combination waits for nothing else: the rows after it come."""
    text = FACTS.replace("facts: {type: array, items: {type: string}, optional: true}", "facts: {type: object}")
    text = text.replace("fact in facts", "fact in facts.known")

    def reply(request: Request) -> str:
        said = request.messages[-1].content.split("\n")[0]
        number = sum(map(ord, said))
        if not said.startswith("Facts"):
            return f"Why {number}?"
        return json.dumps({"facts": {"known": "none" if number % 2 else ["one", "two"]}})

    dataset = built(tmp_path, text, FakeBackend(reply), monkeypatch)
    funnel = dataset.manifest["funnel"]
    lost = [json.loads(line) for line in (tmp_path / "out/quarantine.jsonl").read_text().splitlines()]
    assert funnel["kept"] + len(lost) == 9 and 0 < len(lost) < 9 and len(rows_in(tmp_path)) == funnel["kept"]
    assert all("it is no list" in json.dumps(row) for row in lost)


TOPICS = (
    HEAD
    + """
rows: 9
parameters: {n: 'integer(1, 1000000)'}
prompts:
  facts: {user: "Facts {{ n }}", writes: [facts]}
  note: {each: topic in facts.topics, user: "Note {{ n }}", writes: [note]}
  question: {each: part in topic.parts, user: "Ask about {{ part }} {{ note }}.", writes: [question]}
fields:
  facts: {type: object}
  note: {type: string}
  part: {value: part}
  question: {type: string}
"""
)


def test_a_row_of_an_inner_list_that_is_no_list_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each combination: nothing is open once its rows are had, so that it makes room for the next."""
    topics = [{"parts": "none"}, {"parts": []}, {"parts": ["one", "two"]}]

    def reply(request: Request) -> str:
        said = request.messages[-1].content.split("\n")[0]
        return json.dumps({"facts": {"topics": topics}}) if said.startswith("Facts") else f"Why {said}?"

    ends = []
    advance = driver.advance

    def noted(*given: Any) -> Any:
        found = advance(*given)
        ends.append(found[0])
        return found

    monkeypatch.setattr(driver, "advance", noted)
    dataset = built(tmp_path, TOPICS, FakeBackend(reply), monkeypatch)
    funnel = dataset.manifest["funnel"]
    assert (funnel["planned"], funnel["kept"]) == (9, 6)
    assert sum(not state.rows for state in ends) >= 3, "combinations with nothing open any more"


def test_rows_past_the_last_are_foreseen_of_undecided_combinations_alone() -> None:
    overshoot = Overshoot([1, 2])
    for _ in range(3):
        overshoot.open()
    assert overshoot.likely == 0  # nothing is known: each counts for one
    overshoot.decide((0,), 4)
    assert (overshoot.mean, overshoot.likely) == (8, 2 * 7)
    overshoot.decide((1,), None)  # dropped: it says nothing of the others
    overshoot.decide((1, 0), 3)  # a row of a deeper level is no combination
    assert (overshoot.mean, overshoot.likely) == (8, 7)
    overshoot.decide((2,), 2)
    assert (overshoot.mean, overshoot.likely) == (6, 0)
