"""Edits drawn at random: a build makes only the calls whose words changed, as the server counts them.

The oracle knows nothing of keys. It renders the prompts of both specs itself: of each text that a spec asks for n times,
the first n answers are there already when an earlier build asked for it as often. A second prompt depends on its own
words and on the call that it builds on.
"""

from __future__ import annotations

import random
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from depth import one_in
from loopback import Loopback

import synthspec

Spec = dict[str, Any]
WORDS = ["amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "harbor"]


def first_spec(url: str, dice: random.Random) -> Spec:
    spec: Spec = {
        "synthspec": 1,
        "name": "edited",
        "rows": dice.randint(6, 24),
        "seed": dice.randint(0, 3),
        "parameters": {
            "mood": ["calm", "cross", "glad"],
            "topic": {"values": {"bill": 3, "meter": 1}},
            "age": "integer(20, 60)",
        },
        "prompts": {"call": {"user": "A {{ mood }} call about a {{ topic }}.", "writes": ["call"]}},
        "fields": {"mood": {"value": "mood"}, "call": {"type": "string", "words": {"min": 2}}},
        "backend": {"provider": "openai", "model": "loop", "base_url": url, "temperature": 0.5},
        "limits": {"concurrency": 4},
        "output": {"formats": ["csv"]},
    }
    if dice.random() < 0.5:
        spec["prompts"]["brief"] = {"user": "Shorten: {{ call }} ({{ mood }})", "writes": ["brief"]}
        spec["fields"]["brief"] = {"type": "string", "words": {"min": 1}}
    return spec


def reword(spec: Spec, dice: random.Random) -> None:
    prompt = spec["prompts"][dice.choice(list(spec["prompts"]))]
    prompt["user"] += f" {dice.choice(WORDS)}"


def reword_for_a_value(spec: Spec, dice: random.Random) -> None:
    mood = dice.choice(spec["parameters"]["mood"])
    spec["prompts"]["call"]["user"] += "{% if mood == '" + mood + "' %} " + dice.choice(WORDS) + "{% endif %}"


def more_or_fewer_rows(spec: Spec, dice: random.Random) -> None:
    spec["rows"] = dice.randint(4, 30)


def another_value(spec: Spec, dice: random.Random) -> None:
    fresh = [w for w in WORDS if w not in spec["parameters"]["mood"]]
    spec["parameters"]["mood"].append(dice.choice(fresh))


def other_weights(spec: Spec, dice: random.Random) -> None:
    spec["parameters"]["topic"] = {"values": {"bill": dice.randint(1, 4), "meter": dice.randint(1, 4)}}


def unread_parameter(spec: Spec, dice: random.Random) -> None:
    name = f"unread_{dice.choice(WORDS)}"
    spec["parameters"] = {name: ["one", "two"], **spec["parameters"]}


def another_order(spec: Spec, dice: random.Random) -> None:
    names = list(spec["parameters"])
    dice.shuffle(names)
    spec["parameters"] = {n: spec["parameters"][n] for n in names}


def a_check(spec: Spec, dice: random.Random) -> None:
    spec.setdefault("checks", []).append(f"words(call) < {dice.randint(900, 999)}")


def a_field_rule(spec: Spec, dice: random.Random) -> None:
    spec["fields"]["call"] |= {"words": {"min": 2, "max": dice.randint(500, 900)}, "description": dice.choice(WORDS)}


def a_computed_column(spec: Spec, dice: random.Random) -> None:
    spec["fields"][f"upper_{dice.choice(WORDS)}"] = {"value": "upper(mood)"}


def the_output(spec: Spec, dice: random.Random) -> None:
    spec["output"] = {"formats": dice.sample(["csv", "jsonl", "json"], 2), "partition_by": "mood"}


def the_limits(spec: Spec, dice: random.Random) -> None:
    spec["limits"] = {"concurrency": dice.choice([1, 2, 8, 16]), "attempts": dice.randint(2, 6)}


def the_temperature(spec: Spec, dice: random.Random) -> None:
    spec["backend"]["temperature"] = dice.choice([0.1, 0.9, 1.0])


def the_seed(spec: Spec, dice: random.Random) -> None:
    spec["seed"] = dice.randint(4, 99)


def the_description(spec: Spec, dice: random.Random) -> None:
    spec["description"] = f"About {dice.choice(WORDS)}."


def a_gate(spec: Spec, dice: random.Random) -> None:
    spec["gates"] = [f"acceptance > 0.{dice.randint(1, 9)}"]


EDITS = [
    reword, reword_for_a_value, more_or_fewer_rows, another_value, other_weights, unread_parameter, another_order, a_check,
    a_field_rule, a_computed_column, the_output, the_limits, the_temperature, the_seed, the_description, a_gate,
]  # fmt: skip
FREE = {
    a_check,
    a_field_rule,
    a_computed_column,
    the_output,
    the_limits,
    the_description,
    a_gate,
    another_order,
    unread_parameter,
}


def write(folder: Path, spec: Spec) -> Path:
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return path


def texts_of(path: Path, spec: Spec, replies: dict[str, str]) -> Counter[tuple[str, ...]]:
    """What a build of a spec asks, prompt by prompt: settings, words, and for a second prompt the call it builds on."""
    from jinja2 import Environment

    templates = {n: Environment().from_string(p["user"]) for n, p in spec["prompts"].items()}
    settings = str(spec["backend"]["temperature"])
    asked: Counter[tuple[str, ...]] = Counter()
    for row in synthspec.plan(path).combinations(0, spec["rows"]):
        words = templates["call"].render(row)
        call = ("call", settings, words)
        occurrence = asked[call]
        asked[call] += 1
        if "brief" in templates and (reply := replies.get(f"{settings}/{words}/{occurrence}")) is not None:
            asked["brief", settings, templates["brief"].render(row, call=reply), words, str(occurrence)] += 1
    return asked


def one_course(folder: Path, number: int, server: Loopback, edits: int) -> None:
    dice = random.Random(number)
    spec = first_spec(server.url, dice)
    known: Counter[tuple[str, ...]] = Counter()
    for step in range(edits + 1):
        edit = dice.choice(EDITS) if step else None
        before = deepcopy(spec)
        if edit is not None:
            edit(spec, dice)
        path = write(folder, spec)
        if any(d.severity == "error" for d in synthspec.check(path)):
            spec = before
            continue
        made = server.total
        dataset = synthspec.build(path, out=folder / "out", replace=True)
        assert dataset.complete, (number, step, edit)
        replies = replies_of(spec, dataset)
        asked = texts_of(path, spec, replies)
        expected = sum((asked - known).values())
        assert server.total - made == expected, (number, step, edit, spec)
        if edit in FREE and before["rows"] == spec["rows"]:
            assert expected == 0, (number, step, edit)
        known |= asked


def replies_of(spec: Spec, dataset: synthspec.Dataset) -> dict[str, str]:
    """The text of each first call, by its words and how often they came before: what the second prompt read."""
    from jinja2 import Environment

    template, settings = Environment().from_string(spec["prompts"]["call"]["user"]), str(spec["backend"]["temperature"])
    seen: Counter[str] = Counter()
    found: dict[str, str] = {}
    for row, values in zip(
        synthspec.plan(dataset.folder.parent / "spec.yaml").combinations(0, spec["rows"]), dataset.rows, strict=True
    ):
        words = template.render(row)
        found[f"{settings}/{words}/{seen[words]}"] = values["call"]
        seen[words] += 1
    return found


@pytest.mark.parametrize("number", one_in(4, range(4)))
def test_an_edit_makes_only_the_calls_that_it_changed(tmp_path: Path, number: int) -> None:
    with Loopback() as server:
        one_course(tmp_path, number, server, edits=7)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(100, 120))
def test_three_hundred_edits(tmp_path: Path, number: int) -> None:
    with Loopback() as server:
        one_course(tmp_path, number, server, edits=15)
