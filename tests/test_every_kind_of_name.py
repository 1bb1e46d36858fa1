"""Every kind of name that a spec can have: wherever its letters stand it is known what they mean, and all change with it.

The specs are drawn at random with names that occur nowhere else, so the places that mean a name are those where its
letters stand: an oracle that knows no scopes.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from depth import rest_slow

from synthspec.language_service import (
    Analysis,
    Position,
    analyse,
    applied,
    complete,
    definition,
    hover,
    references,
    rename,
)

PATH = Path("specs/typed.yaml")

PARTS = {
    "parameters": """\
  qmood: [calm, cross]
  qgrade: [1, 2, 3]
  qplace: {from: qtowns, column: town}
  qtight: {given: qmood, cases: {calm: [1, 2], cross: [3]}}
  qbig: "qgrade * 2"
""",
    "plan": """\
plan:
  exclude: [qmood == 'calm' and qgrade == 3]
""",
    "prompts": """\
  qideas:
    user: "{% set qsaid = qmood %}Ideas of a {{ qsaid }} person of {{ qplace }}, {{ qbig }}, {{ qtight }}."
    writes: [qlist]
""",
    "map": """\
  qcheck:
    map: qidea in qlist
    user: "Is {{ qidea }} good? {% for qone in qlist %}{{ qone }} {% endfor %}"
    writes: [qverdict]
""",
    "each": """\
  qtold:
    each: qpoint in qlist
    user: "Tell of {{ qpoint }} to a {{ qmood }} person"
    writes: [qstory]
""",
    "messages": """\
  qchat:
    messages:
      - system: Be brief.
      - {for: qturn in qlist, user: "More of {{ qturn }}", assistant: "{{ qturn }} is fine"}
      - user: "And {{ qmood }}?"
    writes: [qanswer]
""",
    "examples": """\
  qshown:
    examples: {from: qtowns, as: qshots, rows: 1}
    user: "{% for qshot in qshots %}{{ qshot.town }} {% endfor %} as {{ qmood }}"
    writes: [qtext]
""",
    "dialogue": """\
  qtalk:
    dialogue:
      qbuyer: {as: user, system: "You are {{ qmood }}."}
      qseller: {as: assistant, system: Sell., tools: [qlookup, qask]}
    turns: {min: 2, max: 4}
    until: qbuyer matches 'bye' or (qseller matches 'no' and qmood == 'cross')
    writes: [qconversation]
""",
    "player": """\
  qclerk: {user: "Answer {{ qquestion }} as a {{ qmood }} clerk."}
""",
}
FIELDS = {
    "prompts": "  qlist: {type: array, items: {type: string}}\n",
    "map": "  qverdict: {type: array, items: {type: string}}\n",
    "each": "  qstory: {type: string, words: {min: 2}}\n",
    "messages": "  qanswer: {type: string}\n",
    "examples": "  qtext: {type: string}\n",
    "dialogue": "  qconversation: {type: messages}\n",
}
TOOLS = """\
tools:
  qlookup:
    description: Looks up a town.
    parameters: {type: object, properties: {qtown: {type: string}, qyear: {type: integer}}, required: [qtown]}
    answer: {from: qtowns, where: row.town == qtown}
  qask:
    description: Asks a clerk.
    parameters: {qquestion: {type: string}}
    answer: ANSWER
"""
CHECKS = {"prompts": "qlist != []", "each": "words(qstory) > 1 and qpoint != ''", "messages": "qanswer != qmood"}


def drawn(rng: random.Random) -> str:
    """A spec of some of the parts, names and all."""
    some = [n for n in ("map", "each", "messages", "examples", "dialogue") if rng.random() < 0.6]
    if "dialogue" in some and rng.random() < 0.5:
        some.append("player")
    tools = TOOLS.replace("ANSWER", "{prompt: qclerk}" if "player" in some else "{value: qquestion}")
    prompts = ["prompts", *some]
    rest = rng.sample(prompts[1:], len(prompts) - 1)
    text = "synthspec: 1\nrows: 6\nsources:\n  qtowns: {rows: [{town: Urk}, {town: Ede}]}\nparameters:\n"
    text += PARTS["parameters"] + (PARTS["plan"] if rng.random() < 0.5 else "")
    text += tools if "dialogue" in some else ""
    text += "prompts:\n" + "".join(PARTS[n] for n in ("prompts", *rest))
    text += "fields:\n" + "".join(FIELDS[n] for n in prompts if n in FIELDS) + "  qkept: {value: qmood}\n"
    text += "checks:\n" + "".join(f'  - "{CHECKS[n]}"\n' for n in prompts if n in CHECKS)
    return text + "output: {formats: [jsonl]}\nbackend: ngram\n"


def named(text: str) -> list[str]:
    return sorted(set(re.findall(r"\bq[a-z]+\b", text)))


def places(text: str, name: str) -> list[Position]:
    """Where the letters of a name stand."""
    found = []
    for match in re.finditer(rf"\b{name}\b", text):
        before = text[: match.start()]
        found.append(Position(before.count("\n") + 1, match.start() - before.rfind("\n")))
    return found


def meaning(analysis: Analysis, new: str, old: str) -> str:
    said = re.sub(r"digest='\w+'|<[^<>]*0x\w+>| at 0x\w+", "", repr(analysis.spec)).replace(new, old)
    return "".join(sorted(said))


@pytest.mark.parametrize("seed", rest_slow(range(60), (0, 1, 2)))
def test_every_place_that_means_a_name_is_known(seed: int) -> None:
    rng = random.Random(f"names {seed}")
    text = drawn(rng)
    analysis = analyse(PATH, text)
    assert not [d for d in analysis.diagnostics if d.severity == "error"], analysis.diagnostics
    for name in named(text):
        wanted = places(text, name)
        for at in wanted:
            found = [Position(p.span.line, p.span.column) for p in references(analysis, at)]
            assert found == wanted, (name, at)
            declared = [Position(p.span.line, p.span.column) for p in definition(analysis, at)]
            assert len(declared) == 1 and declared[0] in wanted, (name, at)
            assert hover(analysis, at) is not None or name in ("qsaid", "qone", "qshot"), (name, at)


@pytest.mark.parametrize("seed", rest_slow(range(60), (0, 1)))
def test_every_name_can_be_another_and_back(seed: int) -> None:
    rng = random.Random(f"renamed {seed}")
    text = drawn(rng)
    analysis = analyse(PATH, text)
    before = {name: places(text, name) for name in named(text)}
    for name in rng.sample(sorted(before), 6):
        new = f"z{name[1:]}"
        renamed = rename(analysis, rng.choice(before[name]), new)
        assert not renamed.refusal, (name, renamed.refusal)
        after = applied(text, renamed.edits)
        assert after == re.sub(rf"\b{name}\b", new, text)
        again = analyse(PATH, after)
        assert meaning(again, new, name) == meaning(analysis, new, name)
        back = rename(again, rng.choice(places(after, new)), name)
        assert applied(after, back.edits) == text


def test_a_name_of_a_part_is_completed_there_alone() -> None:
    text = "".join(["synthspec: 1\nsources:\n  qtowns: {rows: [{town: Urk}, {town: Ede}]}\nparameters:\n",
                    PARTS["parameters"], TOOLS.replace("ANSWER", "{value: qquestion}"),
                    "prompts:\n", *(PARTS[n] for n in ("prompts", "map", "messages", "examples", "dialogue")),
                    "fields:\n", *(FIELDS[n] for n in ("prompts", "map", "messages", "examples", "dialogue"))])  # fmt: skip

    def offered(before: str, after: str = "") -> set[str]:
        cut = text.index(before) + len(before)
        typed = text[:cut] + after + text[text.index("\n", cut) :]
        line, column = typed.count("\n", 0, cut) + 1, cut - typed.rfind("\n", 0, cut)
        return {i.label for i in complete(analyse(PATH, typed), Position(line, column))}

    assert {"qbuyer", "qseller"} <= offered("until: ")
    assert {"qbuyer", "qseller"} <= offered("until: qbuyer matches 'bye' or ")
    assert not {"qbuyer", "qidea", "qturn", "qshots", "qtown"} & offered('system: "You are {{ ', '"}')
    assert "qidea" in offered("Is {{ ", '"')
    assert "qturn" in offered("More of {{ ", '"}')
    assert "qshots" in offered("{% for qshot in ", '"')
    assert "qtown" in offered("row.town == ", "}")
    assert "qquestion" in offered("answer: {value: ", "}")


TWO = """\
synthspec: 1
parameters:
  mood: [calm, cross]
prompts:
  one: {user: "Ideas {{ mood }}", writes: [points]}
  two: {map: it in points, user: "{{ it }} {{ mood }}", writes: [more]}
  three: {map: it in more, user: "{{ it }} {% for it2 in points %}{{ it2 }}{% endfor %}", writes: [last]}
fields:
  points: {type: array, items: {type: string}}
  more: {type: array, items: {type: string}}
  last: {type: array, items: {type: string}}
"""


def test_two_parts_may_have_the_same_name() -> None:
    analysis = analyse(PATH, TWO)
    at = places(TWO, "it")
    assert len(at) == 4
    found = rename(analysis, at[1], "item")
    assert applied(TWO, found.edits) == TWO.replace("map: it in points", "map: item in points").replace(
        'user: "{{ it }} {{ mood', 'user: "{{ item }} {{ mood'
    )
    assert rename(analysis, at[2], "mood").refusal
