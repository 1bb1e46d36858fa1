"""Random rows in every format, with nuisances around, between and after them in pairs and triples: none is ever wrong.

A wrong row is one that is not among those written. Rows may be lost where a nuisance leaves them uncertain, few overall.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from depth import examples
from format_fields import make_field, make_shape

from synthspec.formats import Shape
from synthspec.plugins import find_plugin

Row = dict[str, Any]
Change = Callable[[str, random.Random], str]

SENTENCES = (
    "The pond froze over in one night.", "Nobody at the depot had seen the letter.", "She kept three hens and a goose.",
    "It costs 12 euros, more or less.", "Call me on Monday; I am out till then.", 'He said "no" and left.',
    "Two of them were late (again).", "The 7:40 bus never comes!", "Is the museum open today?", "Salt, then pepper.",
    "We met in 1998 - or was it 1999?", "All doors were shut, but one.", "What a noise the fridge makes!",
)  # fmt: skip
LOOKALIKES = (
    "Note: the key is under the mat. Water the fern.", "Take it twice a day --- never more.", "Room 1. Bed 2. Window 3.",
    "Sure of himself, he left early.", "I hope the rain stops. Then we go.", "Write {x} or [y] on the form.",
    "Here is where we met.", "The final version was lost at sea.", "Step 2: wait.", "User manuals are long.",
)  # fmt: skip

NAMES = ("question", "summary")
SCORED = (make_field("who"), make_field("points", "integer", minimum=0))
TEXTS = tuple(map(make_field, NAMES))
OPTIONS = {
    "regex": {"regex": r"^- (?P<who>[^\n]+?) => (?P<points>\d+)$"},
    "grammar": {"grammar": 'start: row+\nrow: "- " who " => " points "\\n"*\nwho: /[^\\n=]+(?= =>)/\npoints: /\\d+/\n'},
}
FORMATS = ("text", "csv", "csv of kinds", "json", "sections", "pairs", "regex", "grammar")


def shape_of(form: str, count: int) -> Shape:
    if form == "text":
        return make_shape(make_field("summary"))
    kinds = form in ("csv of kinds", "regex", "grammar")
    return make_shape(*(SCORED if kinds else TEXTS), rows=count, **OPTIONS.get(form, {}))


def draw_rows(form: str, dice: random.Random) -> list[Row]:
    count = 1 if form == "text" else dice.randint(1, 4)
    texts = dice.sample(SENTENCES + LOOKALIKES, 2 * count)
    if form in ("csv of kinds", "regex", "grammar"):
        return [{"who": t.replace("=", "-"), "points": dice.randint(0, 99)} for t in texts[:count]]
    if form == "text":
        return [{"summary": t} for t in texts[:count]]
    return [dict(zip(NAMES, texts[2 * i : 2 * i + 2], strict=True)) for i in range(count)]


def pieces(form: str, rows: Sequence[Row]) -> list[str]:
    """Each row as a well-behaved model writes it; the header of a table is a piece of its own."""
    if form == "text":
        return [rows[0]["summary"]]
    if form.startswith("csv"):
        lines = [
            ",".join('"' + v.replace('"', '""') + '"' if isinstance(v, str) else str(v) for v in r.values())
            for r in rows
        ]
        return [",".join(rows[0]), *lines]
    if form == "json":
        return [json.dumps(r) for r in rows]
    if form == "sections":
        return ["\n".join(f"[{n}]\n{v}" for n, v in r.items()) for r in rows]
    if form == "pairs":
        return [f"Q: {r['question']}\nA: {r['summary']}" for r in rows]
    return [f"- {r['who']} => {r['points']}" for r in rows]


BEFORE: dict[str, Change] = {
    "nothing": lambda body, dice: body,
    "announced": lambda body, dice: (
        f"{dice.choice(['Sure! Here is the output:', 'Certainly! Below is the result:'])}\n\n{body}"
    ),
    "eager": lambda body, dice: f"{dice.choice(['Of course!', 'Absolutely.', 'Sure.'])}\n\n{body}",
    "heading": lambda body, dice: f"## {dice.choice(['Output', 'Result', 'Response'])}\n\n{body}",
    "rule": lambda body, dice: f"---\n\n{body}",
}
THOUGHTS: dict[str, Change] = {
    "none": lambda body, dice: body,
    "tags": lambda body, dice: f"<think>\n{dice.choice(SENTENCES)}\n</think>\n\n{body}",
    "opener lost": lambda body, dice: f"{dice.choice(SENTENCES)}\n{dice.choice(SENTENCES)}\n</think>\n{body}",
    "brackets": lambda body, dice: f"[THINK]{dice.choice(SENTENCES)}[/THINK]{body}",
    "channels": lambda body, dice: f"<|channel|>analysis<|message|>{dice.choice(SENTENCES)}<|end|><|start|>assistant<|channel|>final<|message|>{body}<|return|>",
}  # fmt: skip
AROUND: dict[str, Change] = {
    "bare": lambda body, dice: body,
    "fence": lambda body, dice: f"```\n{body}\n```",
    "tilde fence": lambda body, dice: f"~~~\n{body}\n~~~",
    "tags": lambda body, dice: f"<answer>\n{body}\n</answer>",
}
AFTER: dict[str, Change] = {
    "nothing": lambda body, dice: body,
    "offer": lambda body, dice: (
        f"{body}\n\n{dice.choice(['Let me know if you need more!', 'Would you like me to write more?'])}"
    ),
    "hope": lambda body, dice: f"{body}\n\nI hope this helps!",
    "note": lambda body, dice: f"{body}\n\n**Note:** {dice.choice(['All names are made up.', 'I kept it short.'])}",
    "rule": lambda body, dice: f"{body}\n\n---",
    "end of turn": lambda body, dice: f"{body}<|im_end|>\n<|im_start|>user\n{dice.choice(SENTENCES)}",
}
BETWEEN = ("blank", "rule", "heading", "number", "bold")


def joined(form: str, parts: Sequence[str], between: str) -> str:
    """The pieces with something between the rows, where the format has rows that it can stand between."""
    if form == "text" or form == "grammar":
        return "\n".join(parts)
    head = [parts[0]] if form.startswith("csv") else []
    made = []
    for number, part in enumerate(parts[len(head) :], 1):
        mark = {"heading": f"### Example {number}", "number": f"{number}.", "bold": f"**Row {number}**"}.get(between)
        rule = ["---"] if between == "rule" and number > 1 else []
        made.append("\n".join([*rule, *([mark] if mark else []), part]))
    gap = "\n" if form.startswith("csv") and between == "blank" else "\n\n"
    return "\n".join([*head, gap.join(made)])


def tally(
    form: str, changes: Sequence[tuple[dict[str, Change], str]], between: str, dice: random.Random
) -> tuple[list[Row], int, int, str]:
    rows = draw_rows(form, dice)
    reply = joined(form, pieces(form, rows), between)
    for group, name in changes:
        reply = group[name](reply, dice)
    parsed = find_plugin("formats", form.split()[0]).parse(reply, shape_of(form, len(rows)))
    left = Counter(json.dumps(r) for r in rows)
    wrong = []
    for row in parsed.rows:
        key = json.dumps(row)
        if left[key] > 0:
            left[key] -= 1
        else:
            wrong.append(dict(row))
    return wrong, left.total(), len(rows), reply


CHOICES = list(itertools.product(AROUND, AFTER, BEFORE, THOUGHTS))


@examples(200, 700)
@pytest.mark.parametrize("form", FORMATS)
def test_no_mixture_of_nuisances_makes_a_row(form: str, examples: int) -> None:
    lost = present = 0
    for seed in range(examples):
        dice = random.Random(f"{form} {seed}")
        around, after, before, thought = CHOICES[seed % len(CHOICES)] if seed < len(CHOICES) else dice.choice(CHOICES)
        changes = [(AROUND, around), (AFTER, after), (BEFORE, before), (THOUGHTS, thought)]
        wrong, missed, count, reply = tally(form, changes, dice.choice(BETWEEN), dice)
        assert wrong == [], reply
        lost, present = lost + missed, present + count
    assert lost <= 0.02 * present, f"{lost} of {present} rows lost"


@pytest.mark.parametrize("form", FORMATS)
def test_a_reply_cut_anywhere_makes_no_row_but_its_last(form: str) -> None:
    """All rows but the last are whole, and the last is dropped by whoever knows that the reply was cut off."""
    for seed in range(300):
        dice = random.Random(f"cut {form} {seed}")
        rows = draw_rows(form, dice)
        reply = BEFORE[dice.choice(list(BEFORE))](joined(form, pieces(form, rows), dice.choice(BETWEEN)), dice)
        reply = reply[: dice.randrange(len(reply) // 3, len(reply))]
        parsed = find_plugin("formats", form.split()[0]).parse(reply, shape_of(form, len(rows)))
        found = list(parsed.rows if form == "json" else parsed.rows[:-1])
        assert all(r in rows for r in found), reply


@pytest.mark.parametrize("form", [f for f in FORMATS if f not in ("text", "regex", "grammar")])
def test_values_that_look_like_nuisances_are_kept(form: str) -> None:
    for seed in range(200):
        dice = random.Random(f"like {form} {seed}")
        count = dice.randint(1, 4)
        rows = draw_rows(form, dice)
        for row, text in zip(rows, dice.sample(LOOKALIKES, len(rows)), strict=True):
            row["who" if "who" in row else dice.choice(NAMES)] = text
        reply = joined(form, pieces(form, rows), "blank")
        parsed = find_plugin("formats", form.split()[0]).parse(reply, shape_of(form, max(count, len(rows))))
        assert list(map(dict, parsed.rows)) == rows, reply
