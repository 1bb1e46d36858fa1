"""Replies with several kinds of noise at once, drawn at random: no row may be other than the reply says.

Each reply is an answer that every format reads, in two to four of: thinking, a draft that is withdrawn, a code fence, a
preamble, a closing remark, tags, marks of writing direction, other line breaks, a block quote, a JSON string. A row that
is given up is no fault here (`test_nasty_replies` counts those).
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from format_fields import make_field
from test_nasty_replies import Case, found_in, make_shape, read, rows_of

from synthspec.formats import Shape, find_format
from synthspec.formats.recovery.envelopes import opened
from synthspec.formats.recovery.loose_json import Raw, decode

Noise = Callable[[random.Random, str, str], str]

ANSWERS: dict[str, dict[str, Any]] = {
    **read("answers"),
    "json-lists": {
        "format": "json",
        "shape": "loose",
        "rows": 2,
        "draft": '[{"title": "Draft", "tags": ["no", "good"]}, {"title": "Poor", "place": "Here"}]',
        "answer": '[{"title": "Frost", "tags": ["ice", "pond"]}, {"title": "Thaw", "tags": ["ice"], "place": "Bo"}]',
        "right": [["Frost", ["ice", "pond"], None], ["Thaw", ["ice"], "Bo"]],
    },
    "json-lines": {
        "format": "json",
        "shape": "score",
        "rows": 2,
        "draft": '{"who": "Nobody", "points": 1}\n{"who": "Somebody", "points": 2}',
        "answer": '{"who": "Ana", "points": 12}\n{"who": "Bo", "points": 7}',
        "right": [["Ana", 12], ["Bo", 7]],
    },
    "csv-bare": {
        "format": "csv",
        "shape": "product",
        "rows": 2,
        "draft": "title,text,user\nDraft,Poor,A0\nDraft two,Poorer,A9",
        "answer": "title,text,user\nGood tea,Strong and warm,A1\nBad tea,Weak,A2",
        "right": [["Good tea", "Strong and warm", "A1"], ["Bad tea", "Weak", "A2"]],
    },
    "csv-table": {
        "format": "csv",
        "shape": "texts",
        "rows": 2,
        "draft": "| title | body |\n|---|---|\n| Draft | Poor. |\n| Other | Poorer. |",
        "answer": "| title | body |\n|---|---|\n| Frost | Ice lay on the pond. |\n| Thaw | The pond sang. |",
        "right": [["Frost", "Ice lay on the pond."], ["Thaw", "The pond sang."]],
    },
    "sections-bold": {
        "format": "sections",
        "shape": "call",
        "rows": 2,
        "draft": "**Call:** Hello?\n**Summary:** Nobody.\n\n**Call:** Hm?\n**Summary:** Hm.",
        "answer": "**Call:** The meter stopped.\n**Summary:** A meter stopped.\n\n**Call:** I move.\n**Summary:** A move.",
        "right": [["The meter stopped.", "A meter stopped."], ["I move.", "A move."]],
    },
    "pairs-numbered": {
        "format": "pairs",
        "shape": "qa",
        "rows": 2,
        "draft": "Q1: Draft?\nA1: Yes.\n\nQ2: Poor?\nA2: Very.",
        "answer": "Q1: Why is rain wet?\nA1: It is water.\n\nQ2: Why is snow cold?\nA2: It is ice.",
        "right": [["Why is rain wet?", "It is water."], ["Why is snow cold?", "It is ice."]],
    },
}  # fmt: skip
THINKING = [("<think>", "</think>"), ("", "</think>"), ("[THINK]", "[/THINK]"),
            ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>")]  # fmt: skip
BEFORE = ("Sure! Here you go:", "Here is the result:", "## Answer", "My answer:", "**Output**", "Of course!")
AFTER = ("Let me know if you need more!", "I hope this helps.", "**Note:** All of it is invented.", "[END]", "✅ Done!",
         "Espero que te sirva.", "Would you like me to continue?", "***")  # fmt: skip
LATER = ("Wait, that is not right. Here is the corrected version:", "Here is the improved version:", "**Final version:**",
         "Sorry, starting again:", "Second attempt:", "Hmm, better:", "### Revised", "Let me refine these.",
         "I noticed an error above. Fixed:", "OK, the real ones:", "Correction:")  # fmt: skip
FORMS_OF_LINES = ("csv", "sections", "pairs")


def thinks(dice: random.Random, answer: str, draft: str) -> str:
    opener, closer = dice.choice(THINKING)
    thought = dice.choice(
        [draft, f"Let me see.\n{draft}\nFine.", f"I could write:\n```\n{draft}\n```", half(dice, draft)]
    )
    return f"{opener}\n{thought}\n{closer}\n\n{answer}"


def half(dice: random.Random, text: str) -> str:
    return text[: dice.randrange(len(text) // 3, len(text) - 1)]


def drafts(dice: random.Random, answer: str, draft: str) -> str:
    return f"{draft}\n\n{dice.choice(LATER)}\n\n{answer}"


def drafts_in_fences(dice: random.Random, answer: str, draft: str) -> str:
    return f"```\n{draft}\n```\n\n{dice.choice(LATER)}\n\n```\n{answer}\n```"


def begins_anew(dice: random.Random, answer: str, draft: str) -> str:
    return f"{half(dice, draft)}\n{dice.choice(['Wait, let me start over.', 'Oops, starting again:'])}\n\n{answer}"


def fenced(dice: random.Random, answer: str, draft: str) -> str:
    mark = "````" if "```" in answer else "```"
    return f"{mark}{dice.choice(['', 'csv', 'json', 'text'])}\n{answer}\n{mark}"


def announced(dice: random.Random, answer: str, draft: str) -> str:
    return dice.choice(BEFORE) + "\n\n" + answer


def closed(dice: random.Random, answer: str, draft: str) -> str:
    return answer + "\n\n" + dice.choice(AFTER)


def tagged(dice: random.Random, answer: str, draft: str) -> str:
    tag = dice.choice(["answer", "output", "completion"])
    return f"<{tag}>\n{answer}\n</{tag}>"


def marked(dice: random.Random, answer: str, draft: str) -> str:
    mark = dice.choice("\u200f\u200e\u202b\u2060\u200b\ufeff")
    return "\n".join(mark + line for line in answer.split("\n"))


def marked_behind(dice: random.Random, answer: str, draft: str) -> str:
    return "\n".join(line + dice.choice("\u200f\u2060\u200b") for line in answer.split("\n"))


def windows(dice: random.Random, answer: str, draft: str) -> str:
    return "\ufeff" + answer.replace("\n", "\r\n")


def another_turn(dice: random.Random, answer: str, draft: str) -> str:
    return f"{answer}<|im_end|>\n<|im_start|>user\nMore.<|im_end|>\n<|im_start|>assistant\n{draft}"


def quoted(dice: random.Random, answer: str, draft: str) -> str:
    return "\n".join(f"> {line}" for line in answer.split("\n"))


def one_string(dice: random.Random, answer: str, draft: str) -> str:
    return json.dumps(answer)


def boxed(dice: random.Random, answer: str, draft: str) -> str:
    return f"\\boxed{{{answer}}}"


def in_an_object(dice: random.Random, answer: str, draft: str) -> str:
    return json.dumps({dice.choice(["output", "answer", "response"]): answer})


def thought_over(dice: random.Random, answer: str, draft: str) -> str:
    opener, closer = dice.choice(THINKING[:3])
    return f"{opener}\nMaybe:\n{draft}\n{closer}\n{answer}"


WRAPPERS: tuple[Noise, ...] = (boxed, tagged, fenced, in_an_object, thought_over)
INNER: tuple[Noise, ...] = (boxed, quoted, one_string, marked, marked_behind, tagged, closed)
OUTER: tuple[Noise, ...] = (
    thinks,
    drafts,
    drafts_in_fences,
    begins_anew,
    fenced,
    announced,
    closed,
    windows,
    another_turn,
)
UNSEEN = re.compile("[\u200b\u200e\u200f\u202b\u2060\ufeff]")


def seen(value: Any) -> Any:
    """The value without marks that have no width: they may be kept."""
    if isinstance(value, str):
        return UNSEEN.sub("", value)
    if isinstance(value, list):
        return [seen(v) for v in value]
    return {k: seen(v) for k, v in value.items()} if isinstance(value, dict) else value


def wrong_rows(seed: int) -> str:
    """The rows of a random reply that are none of its answer's, with the reply; "" where there are none."""
    dice = random.Random(seed)
    names = [n for n, a in ANSWERS.items() if a.get("format", n) in ("json", *FORMS_OF_LINES)]
    name = dice.choice(names)
    answer = ANSWERS[name]
    form = answer.get("format", name)
    inner = [n for n in INNER if form in FORMS_OF_LINES or n not in (quoted, one_string, closed)]
    reply = answer["answer"]
    if dice.random() < 0.5:
        reply = dice.choice(inner)(dice, reply, answer["draft"])
    for noise in dice.sample(OUTER, dice.choice([1, 2])):
        reply = noise(dice, reply, answer["draft"])
    shape = make_shape(answer)
    right = rows_of(shape, answer["right"])
    found = seen(found_in(Case(name, form, shape, reply, right, 0)))
    wrong = [row for row in found if row not in right]
    return f"{wrong} of {reply!r}" if wrong else ""


@pytest.mark.parametrize("seeds", [range(300), pytest.param(range(300, 6000), marks=pytest.mark.slow)], ids=str)
def test_noise_makes_no_wrong_row(seeds: range) -> None:
    assert list(filter(None, map(wrong_rows, seeds))) == []


def wrong_in_wrappers(seed: int) -> str:
    """The same of a reply in three wrappers, one around the other, with a line before them or a draft, or without."""
    dice = random.Random(seed)
    name = dice.choice([n for n, a in ANSWERS.items() if a.get("format", n) in FORMS_OF_LINES])
    answer = ANSWERS[name]
    reply = answer["answer"]
    for noise in dice.sample(WRAPPERS, 3):
        reply = noise(dice, reply, answer["draft"])
    reply = dice.choice([announced, drafts, windows, lambda d, a, _: a])(dice, reply, answer["draft"])
    shape = make_shape(answer)
    right = rows_of(shape, answer["right"])
    found = seen(found_in(Case(name, answer.get("format", name), shape, reply, right, 0)))
    wrong = [row for row in found if row not in right]
    return f"{wrong} of {reply!r}" if wrong else ""


@pytest.mark.parametrize("seeds", [range(150), pytest.param(range(150, 4000), marks=pytest.mark.slow)], ids=str)
def test_three_wrappers_make_no_wrong_row(seeds: range) -> None:
    assert list(filter(None, map(wrong_in_wrappers, seeds))) == []


TEXTS = ("a", "it's", "a, b", "c: d", "x] y", 'say, "hi", she', '{"a": 1}', "", "\\", "two\nlines", "“q”", "no # mark",
         "// none", "ends,", '"', "'", "é", 'a": "b', " , ", "true", "1.5")  # fmt: skip


def random_value(dice: random.Random, depth: int) -> Any:
    kind = dice.random()
    if depth > 3 or kind < 0.45:
        return dice.choice(TEXTS)
    if kind < 0.55:
        return dice.choice([1, -2, 3.5, True, False, None])
    if kind < 0.78:
        return [random_value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {f"{dice.choice('abc')}{i}": random_value(dice, depth + 1) for i in range(dice.randrange(4))}


def plain(value: Any) -> Any:
    if isinstance(value, Raw):
        return json.loads(value)
    if isinstance(value, list):
        return [plain(v) for v in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def test_json_amid_talk_is_read_as_json() -> None:
    """Lists of texts, too: an item of a list is no member of an object, and ends where the next item begins."""
    for seed in range(400):
        dice = random.Random(seed)
        value = {f"k{i}": random_value(dice, 1) for i in range(dice.randrange(1, 4))}
        written = json.dumps(value, indent=dice.choice([None, 2]), ensure_ascii=dice.random() < 0.5)
        before, after = dice.choice(["Here: ", "```json\n", ""]), dice.choice(["\n```", "\nDone.", " x"])
        text = before + written + after
        assert [(plain(f.value), f.whole) for f in decode(text)] == [(value, True)], text


def test_marks_without_width_go_from_the_ends_of_lines_alone() -> None:
    """In one pass, however many spaces stand in a line."""
    spaces = " " * 200_000
    assert opened(f"\u200fa{spaces}b\u2060 \n {spaces}c ", "csv") == f"a{spaces}b\n {spaces}c "
    assert opened("\u2060 a\u200fb \u200b", "pairs") == "a\u200fb" and opened("\u200fa", "text") == "\u200fa"
    assert opened("\u200f \n\n", "csv") == "\n\n"


TEXT = Shape((make_field("note"),))
LETTER = Shape((make_field("reply"),))
TALK = Shape((make_field("talk", "messages"),), options={"turns": {"Customer": "user", "Agent": "assistant"}})
KETTLE = "The kettle boils fast.\n\nIt leaks a little, though."
SIGNED = ["— Written by Claude", "*Generated by an AI.*", "Best regards,\nChatGPT", "Warm regards,\nYour AI assistant",
          "(Written by GPT-4o)", "– Claude", "Confidence: 0.9", "(2 rows)"]  # fmt: skip


@pytest.mark.parametrize("signature", SIGNED)
def test_a_signature_of_a_model_is_no_part_of_a_text(signature: str) -> None:
    assert rows_read("text", f"{KETTLE}\n\n{signature}", TEXT) in ([{"note": KETTLE}], [])
    if "\n" in signature or signature.startswith(("—", "–")):
        assert rows_read("text", f"{KETTLE}\n\n{signature}", LETTER) == [], "a letter may be signed so"


def test_a_letter_keeps_the_name_of_a_person() -> None:
    letter = "Dear Ana,\n\nThe kettle leaks.\n\nBest,\nBo"
    assert rows_read("text", letter, LETTER) == [{"reply": letter}]
    assert rows_read("text", f"{KETTLE}\n\nWritten by Ana Ruiz", TEXT) == [], "that is not certain"


def test_a_message_that_declines_to_write_the_talk_is_none() -> None:
    said = "Customer: Hello?\nAgent: I'm sorry, but I can't continue this conversation."
    assert rows_read("turns", said, TALK) == []
    kept = "Customer: Will you come on Monday?\nAgent: I'm sorry, I can't come on Monday."
    assert len(rows_read("turns", kept, TALK)) == 1


def test_a_talk_in_a_box_ends_before_its_brace() -> None:
    (row,) = rows_read("turns", "\\boxed{Customer: Hello?\nAgent: Yes.}", TALK)
    assert [m["content"] for m in row["talk"]] == ["Hello?", "Yes."]


def test_another_version_that_cannot_be_read_takes_the_draft_with_it() -> None:
    score = make_shape(ANSWERS["json-lines"])
    reply = '[{"who": "Nobody", "points": 1}]\n\n### Final version:\n\n```\n> [{"who": "Ana", "points":\n```'
    assert rows_read("json", reply, score) == []


LEFT_OVERS = [
    ("csv", "assistant: **Answer:**\nassistant: \\boxed{title,body\nFrost,Ice lay on the pond.}"),
    ("csv", "> \\boxed{title,body\n> Frost,Ice lay on the pond.}\n\nLet me know if you need more!"),
    ("csv", "assistant: > title,body\n> Frost,Ice lay on the pond.</s>"),
    ("csv", "```\n> <|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>title,body\n> Frost,Ice lay on the pond.\n```"),
    ("csv", 'Sure, here you go!\n\n"> title,body\\r\\n> Frost,Ice lay on the pond.\\r\\n> Thaw,It sang."'),
    ("pairs", "assistant: \\boxed{**Answer:**\ntitle: Frost\nbody: Ice lay on the pond.}"),
    ("pairs", "> [THINK]Hm.[/THINK]title: Frost\n> body: Ice lay on the pond.\n> \n> title: Thaw\n> body: It sang.\n> \n> ---\n> *Note: short.*"),
    ("sections", "\\boxed{> ## title\n> Frost\n> \n> ## body\n> Ice lay on the pond.}\n\n---\n*Note: I kept it short.*"),
    ("sections", "\\boxed{\\boxed{**Answer:**\n## title\nFrost\n\n## body\nIce lay on the pond.}}"),
    ("sections", "```\n```\n## title\nFrost\n\n## body\nIce lay on the pond.\n```\n\n---\n*Note: I kept it short.*\n```"),
    ("sections", '<|channel|>final<|message|>"<|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>## title\\nFrost\\n\\n## body\\nIce lay on the pond."'),
    ("pairs", "```json\n> ```\n> <|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>title: Frost\n> body: Ice lay on the pond.\n> ```\n```"),
]  # fmt: skip
RIGHT = [{"title": "Frost", "body": "Ice lay on the pond."}, {"title": "Thaw", "body": "It sang."}]


@pytest.mark.parametrize("form, reply", LEFT_OVERS, ids=[f"{f}-{i}" for i, (f, _) in enumerate(LEFT_OVERS)])
def test_no_mark_of_a_wrapper_stays_in_a_value(form: str, reply: str) -> None:
    """A box within a quote and a quote within a role: what cannot be taken off gives no row."""
    rows = 2 if "Thaw" in reply else 1
    shape = make_shape({**ANSWERS["csv-table"], "rows": rows})
    assert all(row in RIGHT for row in rows_read(form, reply, shape))


@pytest.mark.parametrize("form, reply, right", [
    ("csv", "title,body\nFrost,> 0 degrees", {"title": "Frost", "body": "> 0 degrees"}),
    ("sections", "## title\nFrost\n\n## body\n> Ice lay\n> on the pond.", {"title": "Frost", "body": "> Ice lay\n> on the pond."}),
    ("pairs", "title: Frost\nbody: end of the block }", {"title": "Frost", "body": "end of the block }"}),
    ("sections", "## title\nFrost\n\n## body\nRun this:\n```sh\nls\n```", {"title": "Frost", "body": "Run this:\n```sh\nls\n```"}),
])  # fmt: skip
def test_marks_without_a_wrapper_are_a_part_of_the_value(form: str, reply: str, right: dict[str, str]) -> None:
    assert rows_read(form, reply, make_shape({**ANSWERS["csv-table"], "rows": 1})) == [right]


@pytest.mark.parametrize("reply, right", [
    ("```python\nprint(1)\n```\nThis prints 1.", None),
    ("```python\nprint(1)\n```\n\nAnd the same in two lines:\n\n```python\nx = 1\nprint(x)\n```", None),
    ("```python\nprnt(1)\n```\n\nCorrected version:\n\n```python\nprint(1)\n```", "print(1)"),
    ("```\nIce lay.\n```\n\nHere is the final text:\n\n```\nIce lay on the pond.\n```", "Ice lay on the pond."),
    ("It is 5\" wide and prints \"a\\n\"", None),
    ("Use this:\n```sh\nls\n```", None),
])  # fmt: skip
def test_code_and_quotation_marks_of_a_text_are_a_part_of_it(reply: str, right: str | None) -> None:
    assert rows_read("text", reply, TEXT) == [{"note": right or reply}]


def rows_read(form: str, reply: str, shape: Shape) -> list[dict[str, Any]]:
    return [dict(row) for row in find_format(form).parse(reply, shape).rows]
