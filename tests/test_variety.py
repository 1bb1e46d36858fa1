"""Variety: texts to avoid, several answers at once, rows moved from combinations that ran dry."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner
from fake_backend import FakeBackend, use
from loopback import Loopback, digest
from test_build import calls_spec, output, spec_file

import synthspec
from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.formats.recovery.verbalized import choose_answer, split_answers
from synthspec.generation.build import Build
from synthspec.generation.scheduling.variety import Recent, Watch
from synthspec.inference.events import CallBegun, RowMissing, Stop

AVOID = """
    synthspec: 1
    name: calls
    rows: 24
    parameters: {{topic: [bill, meter]}}
    prompts:
      call:
        user: |
          Write a call about {{{{ topic }}}}.
          {{% for a in avoid %}}
          Not: {{{{ a }}}}
          {{% endfor %}}
        writes: [call]
    fields: {{topic: {{value: topic}}, call: {{type: string}}}}
    novelty: {{avoid: {{last: 3}}, unique: [call]}}
    backend: {{provider: openai, model: loop, base_url: {url}}}
    limits: {{concurrency: {concurrency}}}
"""


def test_avoid_shows_recent_texts_of_the_same_combination(tmp_path: Path) -> None:
    results = []
    for concurrency, latency in ((1, 0.0), (16, 0.01)):
        with Loopback(latency=latency) as server:
            path = spec_file(tmp_path, AVOID.format(url=server.url, concurrency=concurrency))
            dataset = synthspec.build(path, out=tmp_path / f"out{concurrency}")
            prompts = [b["messages"][0]["content"] for b in server.bodies]
        assert dataset.complete
        assert max(p.count("Not: ") for p in prompts) == 3
        for prompt in prompts:
            topic = "bill" if "about bill" in prompt else "meter"
            shown = [line.removeprefix("Not: ") for line in prompt.splitlines() if line.startswith("Not: ")]
            mine = set(dataset.frame[dataset.frame["topic"] == topic]["call"])
            assert set(shown) <= mine
        results.append(output(tmp_path / f"out{concurrency}"))
    assert results[0] == results[1]


REPLY = """Here they are.
=== answer 1 (probability 0.60) ===
the usual one
=== answer 2 (probability 0.30) ===
a rarer one
**=== Answer 3: 5% ===**
the rarest
"""


def test_answers_are_split_at_their_marks() -> None:
    answers = split_answers(REPLY)
    assert [a.text for a in answers] == ["the usual one", "a rarer one", "the rarest"]
    assert [a.probability for a in answers] == [pytest.approx(0.6), pytest.approx(0.3), pytest.approx(0.05)]
    assert [(a.text, a.probability) for a in split_answers("plain text")] == [("plain text", None)]


def test_the_unlikely_is_favoured() -> None:
    drawn = [choose_answer(REPLY, f"key{i}") for i in range(2000)]
    assert drawn.count("the usual one") < drawn.count("a rarer one") < drawn.count("the rarest")
    assert choose_answer("whole", "key") == "whole"
    assert all(choose_answer(REPLY, f"key{i}", cut_off=True) != "the rarest" for i in range(200))


def test_verbalize_asks_for_several_and_keeps_one(tmp_path: Path) -> None:
    def reply(body: dict, nth: int) -> str:
        number = digest(body["messages"])
        return f"=== answer 1 (probability 0.9) ===\nusual {number} call here\n=== answer 2 (probability 0.1) ===\nodd {number} call here"

    with Loopback(reply=reply) as server:
        path = calls_spec(tmp_path, server.url, rows=30)
        path.write_text(path.read_text().replace("writes: [call]", "writes: [call]\n    verbalize: 2"))
        dataset = synthspec.build(path, out=tmp_path / "out")
        assert "Give 2 different answers" in server.bodies[0]["messages"][-1]["content"]
        assert server.total == 30
    kinds = [t.split()[0] for t in dataset.frame["call"]]
    assert set(kinds) == {"usual", "odd"} and kinds.count("odd") > kinds.count("usual")


def dries_up(body: dict, nth: int) -> str:
    text = body["messages"][0]["content"]
    return "the same old bill call" if "bill" in text else f"a fresh call {digest(body['messages'], nth)}"


def test_spread_moves_rows_from_a_dry_combination(tmp_path: Path) -> None:
    with Loopback(reply=dries_up) as server:
        path = calls_spec(tmp_path, server.url, rows=24)
        path.write_text(path.read_text() + "novelty: {unique: [call], on_saturation: spread}\n")
        path.write_text(path.read_text().replace("calm, cross, glad", "calm, cross"))
        spread = synthspec.build(path, out=tmp_path / "spread", set={"limits.attempts": 2})
        kept = synthspec.build(
            path, out=tmp_path / "kept", set={"limits.attempts": 2, "novelty.on_saturation": "continue"}
        )
    assert spread.manifest["funnel"]["kept"] > kept.manifest["funnel"]["kept"]
    assert list(spread.frame["call"]).count("the same old bill call") == 1


def test_stop_does_not_pay_for_ever(tmp_path: Path) -> None:
    with Loopback(reply=lambda body, nth: "always the same call") as server:
        path = calls_spec(tmp_path, server.url, rows=400)
        path.write_text(path.read_text() + "novelty: {unique: [call], on_saturation: stop}\n")
        dataset = synthspec.build(path, out=tmp_path / "out")
        assert server.total < 800  # of 1,600 that all attempts would take
        again = CliRunner().invoke(cli, ["build", str(path), "--out", str(tmp_path / "out")])
    assert dataset.status == 3 and "repeats itself" in (dataset.reason or "")
    assert again.exit_code == 3 and "next: give the prompts more that varies" in again.output, "not: build again"


def watched(verdicts: str) -> Watch:
    """A watch over so many verdicts, oldest first: r for a repeat, k for a row that was kept."""
    watch = Watch(("call",))
    for n, verdict in enumerate(verdicts):
        if verdict == "r":
            watch.repeated("topic=bill")
        else:
            watch.kept("topic=bill", {"call": f"call number {n} of many"})
    return watch


@pytest.mark.parametrize(("verdicts", "saturated"), [
    ("r" * 49, False), ("r" * 50, True), ("k" * 10 + "r" * 39, False), ("k" * 10 + "r" * 40, True),
    ("k" * 11 + "r" * 40, False), ("k" * 20 + "r" * 80, True), ("k" * 21 + "r" * 79, False), ("k" * 500 + "r" * 159, False),
    ("k" * 500 + "r" * 160, True), ("r" * 500 + "k" * 40, True), ("r" * 500 + "k" * 41, False), ("", False),
])  # fmt: skip
def test_four_in_five_of_the_last_two_hundred_verdicts(verdicts: str, saturated: bool) -> None:
    assert watched(verdicts).saturated is saturated


@pytest.mark.parametrize(
    ("verdicts", "dry"), [("rrrrr", 0), ("rrrrrr", 6), ("rrrrrrr", 7), ("rrrkrrr", 0), ("rrrrrrkrrrrrr", 12)]
)
def test_six_repeats_in_a_row_make_a_combination_dry(verdicts: str, dry: int) -> None:
    assert watched(verdicts).dry["topic=bill"] == dry


def test_how_much_is_new_is_a_share_of_phrases() -> None:
    watch = Watch(("call",))
    assert watch.new_share is None
    watch.kept("", {"call": "one two three four"})
    assert watch.new_share == 1.0
    watch.kept("", {"call": "one two three five"})
    assert watch.new_share == 0.75  # all of the first row, half of the second


def test_places_far_enough_back_are_known() -> None:
    """A row sees what the rows at least four before it came to, whatever came later."""
    chain, _ = Recent(2).join("topic=bill")
    assert [chain.before(place) for place in range(5)] == [[], [], [], [], None]
    for place in (1, 0, 2, 3):
        chain.finish(place, [f"text {place}"])
    assert [chain.before(place) for place in (4, 5, 6, 7, 8)] == [
        ["text 0"], ["text 0", "text 1"], ["text 1", "text 2"], ["text 2", "text 3"], None,
    ]  # fmt: skip


def test_temperatures_are_cycled(tmp_path: Path) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url, rows=8)
        path.write_text(path.read_text().replace("model: loop,", "model: loop, temperature: [0.2, 1.1],"))
        synthspec.build(path, out=tmp_path / "out", concurrency=1)
        assert [b["temperature"] for b in server.bodies] == [0.2, 1.1] * 4


@pytest.mark.parametrize("after", [1, 2, 5])
@pytest.mark.parametrize("avoid", [True, False])
def test_an_interrupt_ends_a_build_whose_next_combination_waits(
    after: int, avoid: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
synthspec: 1
rows: 12
parameters: {tone: [calm]}
prompts: {line: {user: "Write a {{ tone }} line{% for t in avoid %} not {{ t }}{% endfor %}."}}
fields: {line: {type: string, words: {min: 1}}}
novelty: {avoid: {last: 3}}
backend: {provider: openai, model: gpt-5-mini}
"""
    if not avoid:
        text = text.replace("{% for t in avoid %} not {{ t }}{% endfor %}", "").replace(
            "novelty: {avoid: {last: 3}}\n", ""
        )
    path = tmp_path / "lines.yaml"
    path.write_text(text, encoding="utf-8")
    compiled = compile_spec(path)
    assert compiled.spec is not None, compiled.diagnostics
    fake = FakeBackend(lambda request: f"line {request.combination} of {request.key[:6]}", turns=(3,))
    use(monkeypatch, fake)
    build = Build(compiled.spec, compiled.tables, tmp_path / "out")

    async def run() -> None:
        asked = 0
        async for event in build.events():
            asked += isinstance(event, CallBegun)
            if asked >= after and not build.interrupted:
                build.interrupt()

    asyncio.run(run())
    assert build.interrupted and build.dataset is None
    assert fake.total < 12 or not avoid
    assert not list((tmp_path / "out").glob("*.jsonl"))


def test_an_interruption_ends_a_build_that_a_limit_has_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would go through every combination that is left, to use what is stored for it."""
    text = """\
synthspec: 1
name: many
rows: 200000
parameters: {n: [1, 2, 3]}
prompts: {line: {user: "Write about {{ n }}.", writes: text}}
fields: {text: {type: string}}
limits: {requests: 2}
backend: {provider: openai, model: gpt-5-mini}
"""
    path = tmp_path / "many.yaml"
    path.write_text(text, encoding="utf-8")
    compiled = compile_spec(path)
    assert compiled.spec is not None, compiled.diagnostics
    use(monkeypatch, FakeBackend(lambda request: f"line {request.combination}", turns=(3,)))
    build = Build(compiled.spec, compiled.tables, tmp_path / "out")

    async def run() -> int:
        missing = 0
        async for event in build.events():
            missing += isinstance(event, RowMissing)
            if isinstance(event, Stop) and not build.interrupted:
                build.interrupt()
        return missing

    assert asyncio.run(run()) < 5000
    assert build.dataset is None
