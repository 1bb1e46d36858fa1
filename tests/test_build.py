"""Builds end to end: what is asked, kept, written, and asked again after an edit."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from loopback import Loopback, digest

import synthspec
from synthspec.api import SpecError


def spec_file(folder: Path, text: str, name: str = "spec.yaml") -> Path:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


CALLS = """
    synthspec: 1
    name: calls
    rows: {rows}
    parameters:
      mood: [calm, cross, glad]
      topic: [bill, meter, move, outage]
    prompts:
      call:
        user: Write a call by a {{{{ mood }}}} client about {{{{ topic }}}}.
        writes: [call]
    fields:
      mood: {{value: mood}}
      call: {{type: string, words: {{min: 3}}}}
    backend: {{provider: openai, model: loop, base_url: {url}, prices: {{prompt: 1, completion: 2}}}}
    limits: {{concurrency: {concurrency}}}
"""


def calls_spec(folder: Path, url: str, rows: int = 30, concurrency: int = 8) -> Path:
    return spec_file(folder, CALLS.format(rows=rows, url=url, concurrency=concurrency))


def output(folder: Path) -> bytes:
    return (folder / "calls.csv").read_bytes()


def test_rows_come_in_plan_order_and_whole(tmp_path: Path) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url)
        dataset = synthspec.build(path, out=tmp_path / "out")
        plan = synthspec.plan(path)
    assert dataset.complete and dataset.status == 0
    assert list(dataset.frame["mood"]) == list(plan[0:30]["mood"])
    assert dataset.manifest["funnel"] == dict.fromkeys(("planned", "called", "parsed", "valid", "novel", "kept"), 30)
    assert dataset.manifest["backend"]["reported"] == ["loop-1"]
    assert dataset.manifest["cost"] == pytest.approx(30 * (50 * 1 + 100 * 2) / 1e6)


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url)
        first = synthspec.build(path, out=tmp_path / "out")
        before, made = output(tmp_path / "out"), server.total
        again = synthspec.build(path, out=tmp_path / "out")
        assert server.total == made == 30
    assert output(tmp_path / "out") == before
    stable = {k: v for k, v in first.manifest.items() if k != "run"}
    assert stable == {k: v for k, v in again.manifest.items() if k != "run"}


def test_more_rows_extend_the_dataset(tmp_path: Path) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url)
        synthspec.build(path, out=tmp_path / "out")
        before = output(tmp_path / "out")
        synthspec.build(path, rows=50, out=tmp_path / "out")
        assert server.total == 50
    assert output(tmp_path / "out").startswith(before)


EDITS = {
    "a check": ("limits:", "checks: [words(call) > 2]\nlimits:"),
    "a field rule": ("words: {min: 3}", "words: {min: 2, max: 90}, description: a call, rejects: [zzz]"),
    "the output": ("limits:", "output: {formats: [csv, jsonl], split: {train: 0.5, test: 0.5}}\nlimits:"),
    "a column": ("mood: {value: mood}", "mood: {value: mood}\n  shout: {value: upper(mood)}"),
    "concurrency": ("concurrency: 8", "concurrency: 3, attempts: 9"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_changes_no_prompt_asks_nothing(tmp_path: Path, edit: str) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url)
        synthspec.build(path, out=tmp_path / "out")
        old, new = EDITS[edit]
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        dataset = synthspec.build(path, out=tmp_path / "out")
        assert dataset.complete
        assert server.total == 30


def test_an_edit_to_a_prompt_asks_only_what_it_changed(tmp_path: Path) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url)
        synthspec.build(path, out=tmp_path / "out")
        text = path.read_text().replace(
            "about {{ topic }}.", "about {{ topic }}.{% if mood == 'glad' %} Gladly.{% endif %}"
        )
        path.write_text(text)
        synthspec.build(path, out=tmp_path / "out")
        assert server.total == 40  # a third of the rows are glad


def test_an_added_value_asks_only_for_rows_that_changed(tmp_path: Path) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url)
        synthspec.build(path, out=tmp_path / "out")
        path.write_text(path.read_text().replace("[bill, meter, move, outage]", "[bill, meter, move, outage, refund]"))
        old = server.calls.copy()
        dataset = synthspec.build(path, out=tmp_path / "out")
        fresh = server.calls - old
        assert dataset.complete
        assert all(old[k] + n >= 1 for k, n in fresh.items())
        wanted = dataset.manifest["usage"]["calls"] - dataset.manifest["run"]["reused"]
        assert sum(fresh.values()) == wanted < 30


def test_concurrency_does_not_change_the_dataset(tmp_path: Path) -> None:
    outputs = []
    for concurrency, latency in ((1, 0.0), (64, 0.005)):
        with Loopback(latency=latency) as server:
            path = calls_spec(tmp_path, server.url, rows=60, concurrency=concurrency)
            path.write_text(path.read_text() + "novelty: {unique: [call]}\n")
            synthspec.build(path, out=tmp_path / f"out{concurrency}", set={"limits.attempts": 2})
            outputs.append(output(tmp_path / f"out{concurrency}"))
    assert outputs[0] == outputs[1]


def test_a_failed_row_is_asked_again_with_its_reasons(tmp_path: Path) -> None:
    def reply(body: dict, nth: int) -> str:
        return "too short" if len(body["messages"]) == 1 else "now it is long enough to keep"

    with Loopback(reply=reply) as server:
        dataset = synthspec.build(calls_spec(tmp_path, server.url, rows=6), out=tmp_path / "out")
        told = server.bodies[-1]["messages"]
        assert server.total == 12
    assert dataset.complete
    assert told[-2] == {"role": "assistant", "content": "too short"}
    assert "call: at least 3 words wanted, 2 written" in told[-1]["content"]
    assert dataset.manifest["rejections"] == {"words(call)": 6}


def test_repair_false_asks_afresh(tmp_path: Path) -> None:
    seen: list[int] = []

    def reply(body: dict, nth: int) -> str:
        seen.append(len(body["messages"]))
        return "short" if nth == 0 else "this one is long enough"

    with Loopback(reply=reply) as server:
        path = calls_spec(tmp_path, server.url, rows=4)
        path.write_text(path.read_text() + "repair: false\n")
        assert synthspec.build(path, out=tmp_path / "out").complete
    assert set(seen) == {1}


def test_what_still_fails_goes_to_the_quarantine(tmp_path: Path) -> None:
    def reply(body: dict, nth: int) -> str:
        return "no" if "cross" in body["messages"][0]["content"] else "a good long call"

    with Loopback(reply=reply) as server:
        dataset = synthspec.build(calls_spec(tmp_path, server.url, rows=12), out=tmp_path / "out")
        assert server.total == 8 + 4 * 4
    assert not dataset.complete and dataset.status == 3
    entries = [json.loads(line) for line in (tmp_path / "out/quarantine.jsonl").read_text().splitlines()]
    assert len(entries) == len(dataset.rejections) == 4
    assert all(
        e["lost_at"] == "valid" and len(e["tries"]) == 4 and e["tries"][0]["completion"] == "no" for e in entries
    )
    funnel = dataset.manifest["funnel"]
    assert (funnel["planned"], funnel["parsed"], funnel["valid"], funnel["kept"]) == (12, 12, 8, 8)


BATCH = """
    synthspec: 1
    name: calls
    rows: 20
    parameters: {{topic: [bill, meter]}}
    prompts:
      calls:
        user: Write {{{{ rows }}}} calls about {{{{ topic }}}}.
        rows: 8
        writes: [call, minutes]
        format: csv
    fields:
      call: {{type: string}}
      minutes: {{type: integer, maximum: 90}}
    backend: {{provider: openai, model: loop, base_url: {url}}}
"""


def csv_rows(body: dict, count: int, minutes: int = 5) -> str:
    number = digest(body["messages"])
    return "call,minutes\n" + "\n".join(f"call {number % 9973} {i},{minutes}" for i in range(count))


def test_a_short_reply_is_asked_for_the_rest(tmp_path: Path) -> None:
    def reply(body: dict, nth: int) -> str:
        return csv_rows(body, 5 if len(body["messages"]) == 1 else 3)

    with Loopback(reply=reply) as server:
        dataset = synthspec.build(spec_file(tmp_path, BATCH.format(url=server.url)), out=tmp_path / "out")
        asked = [b["messages"][-1]["content"] for b in server.bodies if len(b["messages"]) > 1]
    assert dataset.complete and len(dataset.frame) == 20
    assert asked and all("Write 3" in a for a in asked)
    assert server.total == 5  # the last combination has four rows to give, and five came


def test_surplus_rows_are_dropped_and_counted(tmp_path: Path) -> None:
    with Loopback(reply=lambda body, nth: csv_rows(body, 11)) as server:
        dataset = synthspec.build(spec_file(tmp_path, BATCH.format(url=server.url)), out=tmp_path / "out")
    assert dataset.complete and len(dataset.frame) == 20
    assert dataset.manifest["rejections"] == {"surplus rows": 9}


def test_rows_beyond_the_count_are_judged_before_they_are_dropped(tmp_path: Path) -> None:
    def reply(body: dict, nth: int) -> str:
        return "call,minutes\nthe text of the call,9999\n" + csv_rows(body, 9).split("\n", 1)[1]

    with Loopback(reply=reply) as server:
        dataset = synthspec.build(spec_file(tmp_path, BATCH.format(url=server.url)), out=tmp_path / "out")
        assert server.total == 3
    assert dataset.complete and list(dataset.frame["minutes"]) == [5] * 20
    assert dataset.manifest["rejections"] == {"surplus rows": 6}


def test_one_bad_row_of_several_is_replaced(tmp_path: Path) -> None:
    def reply(body: dict, nth: int) -> str:
        if len(body["messages"]) > 1:
            return csv_rows(body, 1)
        return csv_rows(body, 7) + "\nthe endless call,9999"

    with Loopback(reply=reply) as server:
        dataset = synthspec.build(spec_file(tmp_path, BATCH.format(url=server.url)), out=tmp_path / "out")
    assert dataset.complete
    assert list(dataset.frame["minutes"]) == [5] * 20
    assert dataset.manifest["rejections"] == {"maximum(minutes)": 3}


def test_a_text_that_was_cut_off_is_not_kept(tmp_path: Path) -> None:
    def reply(body: dict, nth: int) -> str:
        return "a call that goes on and…" if len(body["messages"]) == 1 else "a call that comes to its end"

    with Loopback(reply=reply) as server:
        dataset = synthspec.build(calls_spec(tmp_path, server.url, rows=4), out=tmp_path / "out")
        assert "cut off" in server.bodies[-1]["messages"][-1]["content"]
    assert set(dataset.frame["call"]) == {"a call that comes to its end"}
    assert dataset.manifest["rejections"] == {"cut off": 4}


GRAPH = """
    synthspec: 1
    name: calls
    rows: 10
    parameters: {{topic: [bill, meter]}}
    prompts:
      judge:
        user: "Rate this call: {{{{ call }}}}"
        writes: [natural]
        format: json
      call:
        user: Write a call about {{{{ topic }}}}.
        writes: [call]
      praise:
        user: "Praise it: {{{{ call }}}}"
        when: natural >= 4
        writes: [praise]
    fields:
      topic: {{value: topic}}
      call: {{type: string}}
      natural: {{type: integer, minimum: 1, maximum: 5}}
      praise: {{type: string, optional: true}}
    checks:
      - {{that: natural >= 3, message: the judge finds it stilted}}
    backend: {{provider: openai, model: loop, base_url: {url}}}
"""


def test_a_row_the_judge_rejects_goes_back_to_its_writer(tmp_path: Path) -> None:
    def reply(body: dict, nth: int) -> str:
        text = body["messages"][0]["content"]
        if text.startswith("Rate"):
            return json.dumps({"natural": 1 if "stiff" in text else 3 + digest(text) % 3})
        if text.startswith("Praise"):
            return "very good"
        return "a stiff call" if len(body["messages"]) == 1 and "bill" in text else f"a warm call {digest(text, nth)}"

    with Loopback(reply=reply) as server:
        dataset = synthspec.build(spec_file(tmp_path, GRAPH.format(url=server.url)), out=tmp_path / "out")
        rewritten = [b for b in server.bodies if len(b["messages"]) > 1]
    assert dataset.complete
    assert "stiff" not in " ".join(dataset.frame["call"])
    assert len(rewritten) == 5 and all("stilted" in b["messages"][-1]["content"] for b in rewritten)
    for _, row in dataset.frame.iterrows():
        assert (row["praise"] == "very good") == (row["natural"] >= 4)


def test_a_spec_without_prompts_is_computed(tmp_path: Path) -> None:
    path = spec_file(
        tmp_path,
        """
        synthspec: 1
        rows: 12
        parameters: {n: 'integer(1, 6)', word: [a, b]}
        fields: {n: {value: n}, twice: {value: 2 * n}, word: {value: upper(word)}}
        output: {formats: [jsonl]}
        """,
    )
    dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.complete
    assert (dataset.frame["twice"] == 2 * dataset.frame["n"]).all()
    assert sorted(dataset.frame["n"]) == sorted([1, 2, 3, 4, 5, 6] * 2)


def test_a_spec_with_errors_calls_nothing(tmp_path: Path) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url)
        path.write_text(path.read_text().replace("{{ topic }}", "{{ topics }}"))
        with pytest.raises(SpecError) as caught:
            synthspec.build(path, out=tmp_path / "out")
        assert server.total == 0
    assert [d.code for d in caught.value.diagnostics if d.severity == "error"] == ["E402"]
    assert not (tmp_path / "out").exists()


def test_a_gate_that_fails_says_so(tmp_path: Path) -> None:
    with Loopback(reply=lambda body, nth: "always the same long call") as server:
        path = calls_spec(tmp_path, server.url, rows=6)
        path.write_text(path.read_text() + "gates: [duplicate_rate <= 0.1, rows == 6]\n")
        dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.complete and dataset.status == 4
    assert [g.holds for g in dataset.gates] == [False, True]
    assert dataset.gates[0].figures["duplicate_rate"] == pytest.approx(5 / 6)


def test_a_check_of_severity_warn_keeps_the_row(tmp_path: Path) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url, rows=6)
        path.write_text(path.read_text() + "checks: [{that: words(call) > 500, severity: warn}]\n")
        dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.complete
    assert list(dataset.manifest["warnings"].values()) == [6]


def test_prompts_may_read_computed_fields(tmp_path: Path) -> None:
    """A field computed from parameters is there before anything is written; one computed from a text after it."""
    text = """
        synthspec: 1
        name: calls
        rows: 8
        parameters: {{topic: [bill, meter], n: 'integer(1, 4)'}}
        prompts:
          call: {{user: 'About {{{{ loud }}}}.', writes: [call]}}
          more: {{user: 'Longer than {{{{ size }}}}: {{{{ call }}}}', when: loud == 'BILL', writes: [more]}}
        fields:
          loud: {{value: upper(topic)}}
          call: {{type: string}}
          size: {{value: words(call)}}
          more: {{type: string, optional: true}}
        backend: {{provider: openai, model: loop, base_url: {url}}}
    """
    with Loopback() as server:
        dataset = synthspec.build(spec_file(tmp_path, text.format(url=server.url)), out=tmp_path / "out")
        asked = [b["messages"][0]["content"] for b in server.bodies]
    assert dataset.complete
    assert {a.split("\n")[0] for a in asked if a.startswith("About")} == {"About BILL.", "About METER."}
    assert all(a.startswith("Longer than 12: ") for a in asked if not a.startswith("About"))
    for _, row in dataset.frame.iterrows():
        assert isinstance(row["more"], str) == (row["loud"] == "BILL")


def test_rules_hold_for_computed_fields_too(tmp_path: Path) -> None:
    """Those of parameters alone are judged before any call; those of a text send it back to its writer."""
    text = """
        synthspec: 1
        name: calls
        rows: 6
        parameters: {{n: [1, 2, 3]}}
        prompts: {{call: {{user: 'Call {{{{ n }}}}.', writes: [call]}}}}
        fields:
          n: {{value: n, type: integer, maximum: 2}}
          call: {{type: string}}
          size: {{value: words(call), type: integer, minimum: 4}}
        backend: {{provider: openai, model: loop, base_url: {url}}}
    """

    def reply(body: dict, nth: int) -> str:
        return "short" if len(body["messages"]) == 1 else "long enough this time"

    with Loopback(reply=reply) as server:
        dataset = synthspec.build(spec_file(tmp_path, text.format(url=server.url)), out=tmp_path / "out")
        assert server.total == 8  # four rows, twice each; none for n = 3
    assert sorted(dataset.frame["n"]) == [1, 1, 2, 2] and set(dataset.frame["size"]) == {4}
    assert dataset.manifest["rejections"] == {"maximum(n)": 2, "minimum(size)": 4}
    assert all("at most 2" in r.reasons[0] for r in dataset.rejections)


def test_a_computed_value_that_gives_nothing_is_no_row(tmp_path: Path) -> None:
    path = spec_file(tmp_path, "synthspec: 1\nrows: 4\nparameters: {n: [0, 2]}\nfields: {half: {value: 1 / n}}\n")
    dataset = synthspec.build(path, out=tmp_path / "out")
    assert list(dataset.frame["half"]) == [0.5, 0.5] and dataset.status == 3


def test_a_folder_that_no_build_made_is_left_alone(tmp_path: Path) -> None:
    path = spec_file(tmp_path, "synthspec: 1\nrows: 2\nparameters: {n: [1, 2]}\nfields: {n: {value: n}}\n")
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(synthspec.BuildFault, match="no build made"):
        synthspec.build(path, out=tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_backend_options_may_be_set_beside_its_name(tmp_path: Path) -> None:
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url, rows=3)
        options = {"backend.base_url": server.url, "backend.prices.prompt": 1, "backend.prices.completion": 2}
        dataset = synthspec.build(path, out=tmp_path / "out", backend="openai:other", budget=1, set=options)
    assert dataset.complete and dataset.manifest["backend"]["model"] == "other"


def test_a_plan_can_be_walked(tmp_path: Path) -> None:
    path = spec_file(tmp_path, "synthspec: 1\nrows: 7\nparameters: {n: [1, 2]}\nfields: {n: {value: n}}\n")
    plan = synthspec.plan(path)
    assert len(list(plan)) == 7
    with pytest.raises(TypeError, match="plan\\[0:100\\]"):
        plan["n"]  # type: ignore[call-overload]


def test_a_chain_without_a_rejection_accepts_everything(tmp_path: Path) -> None:
    """Each row is made of one reply a prompt: nothing of what came was lost."""
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url, rows=12)
        chain = "writes: [call]\n  brief: {user: 'Shorten {{ call }}', writes: [brief]}\n  title: {user: 'Name {{ brief }}', writes: [title]}\n"
        text = (
            path.read_text()
            .replace("writes: [call]\n", chain)
            .replace(
                "    call: {type: string",
                "    brief: {type: string}\n    title: {type: string}\n    call: {type: string",
            )
        )
        fields = "  brief: {type: string}\n  title: {type: string}\n  call: {type: string"
        path.write_text(
            text.replace("  call: {type: string", fields).replace("limits:", "gates: [acceptance >= 1]\nlimits:")
        )
        dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.status == 0 and dataset.gates[0].figures == {"acceptance": 1.0}
    assert dataset.manifest["metrics"]["acceptance"] == 1.0


@pytest.mark.parametrize("form", ["text", "sections"])
def test_no_gate_passes_on_figures_of_no_rows(tmp_path: Path, form: str) -> None:
    """Where no row was kept, its acceptance and its duplicates are not known: that is no success."""
    named = "acceptance >= 0.5, near_duplicate_rate <= 0.1, distinct_1 > 0.1"
    with Loopback(reply=lambda body, nth: "Too short.") as server:
        path = calls_spec(tmp_path, server.url, rows=2)
        path.write_text(path.read_text().replace("limits:", f"gates: [{named}]\nlimits:"))
        dataset = synthspec.build(path, out=tmp_path / "out", set={"prompts.call.format": form})
    assert dataset.status == 3 and not any(g.holds for g in dataset.gates), dataset.gates
    assert "near_duplicate_rate" not in dataset.manifest["metrics"]


@pytest.mark.parametrize("calls", [False, True])
def test_more_rows_than_are_begun_at_once_come_without_a_call(calls: bool, tmp_path: Path) -> None:
    """Of the plan alone, or of completions that are all cached: no call is awaited between them."""
    prompts = "backend: ngram\nprompts: {p: {user: 'A menu of {{ n }}', writes: [menu]}}\n" if calls else ""
    fields = "n: {value: n}" + (", menu: {type: string}" if calls else "")
    text = f"synthspec: 1\nname: many\nrows: 150\nparameters: {{n: [1, 2]}}\n{prompts}fields: {{{fields}}}\n"
    (tmp_path / "spec.yaml").write_text(text)
    for _ in range(1 + calls):
        (tmp_path / "out" / "rows.sqlite").unlink(missing_ok=True)
        assert len(synthspec.build(tmp_path / "spec.yaml", out=tmp_path / "out").rows) == 150
