"""Nasty replies: what models write around, between and instead of rows. No row may be wrong; those lost are counted.

`tests/formats/nasty` holds them: a file for each format, one of several, and two of wrappers that are put around an
answer in every format. `right` are the rows a careful reader takes from the reply, `lost` how many are given up.

    python tests/test_nasty_replies.py      how many rows are wrong, and lost, one line for each such reply
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from depth import one_in
from format_fields import make_field

from synthspec.formats import Shape
from synthspec.generation.validation.field_rules import field_rules
from synthspec.plugins import find_plugin

FOLDER = Path(__file__).parent / "formats"
SHAPES = json.loads((FOLDER / "shapes.json").read_text())
KINDS = {"string": "text", "array": "list", "object": "map"}
FORMATS = ("text", "csv", "json", "sections", "pairs", "turns", "regex", "grammar")
ROLES = {"u": "user", "a": "assistant"}


@dataclass(frozen=True)
class Case:
    name: str
    format: str
    shape: Shape
    reply: str
    right: list[dict[str, Any]]
    lost: int


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "nasty" / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def make_shape(case: Mapping[str, Any]) -> Shape:
    made = []
    for name, schema in SHAPES[case["shape"]].items():
        keywords = {k: v for k, v in schema.items() if k not in ("type", "optional")}
        kind = KINDS.get(schema["type"], schema["type"])
        made.append(make_field(name, kind, optional=schema.get("optional", False), **keywords))
    return Shape(tuple(made), case.get("rows", 1), case.get("options", {}))


def talk_of(value: Any) -> Any:
    """A conversation out of `u: …` and `a: …`; `u Ana: …` where speakers have names."""
    if not isinstance(value, list) or not all(isinstance(v, str) and v[:1] in ROLES for v in value):
        return value
    talk = []
    for head, _, content in (line.partition(": ") for line in value):
        talk.append({"role": ROLES[head[0]], "content": content, **({"name": head[2:]} if head[1:] else {})})
    return talk


def rows_of(shape: Shape, right: list[list[Any]]) -> list[dict[str, Any]]:
    rows = [dict(zip(shape.names, map(talk_of, values), strict=True)) for values in right]
    return [{n: v for n, v in row.items() if v is not None} for row in rows]


def wrapped() -> Iterator[Case]:
    """Every wrapper around every answer."""
    answers = read("answers")
    for file in ("thinking", "around"):
        for wrapper, given in read(file).items():
            for name, answer in answers.items():
                shape = make_shape(answer)
                right = [] if given.get("none") else rows_of(shape, answer["right"])
                reply = given["reply"].replace("{answer}", answer["answer"]).replace("{draft}", answer["draft"])
                if given.get("lines") == "windows":
                    reply = reply.replace("\n", "\r\n")
                lost = given.get("lost", {}).get(name, 0)
                yield Case(f"{file}/{wrapper}/{name}", answer.get("format", name), shape, reply, right, lost)


def written() -> Iterator[Case]:
    """The replies of the files named like formats."""
    answers = read("answers")
    for form in FORMATS:
        for name, given in read(form).items():
            case = {**given, "shape": given.get("shape", answers.get(form, {}).get("shape"))}
            if form in ("regex", "grammar"):
                case = {"rows": 2, "options": answers[form]["options"], **case}
            if form == "turns":
                case = {"options": answers[form]["options"], **case}
            shape = make_shape(case)
            yield Case(
                f"{form}/{name}", form, shape, given["reply"], rows_of(shape, given["right"]), given.get("lost", 0)
            )
    for name, given in read("mixed").items():
        shape = make_shape(given)
        right = rows_of(shape, given["right"])
        yield Case(f"mixed/{name}", given["format"], shape, given["reply"], right, given.get("lost", 0))


CASES = {case.name: case for case in (*wrapped(), *written())}


def found_in(case: Case) -> list[dict[str, Any]]:
    """The rows that would come into the dataset: those of the reply that keep their fields' rules, as many as wanted."""
    rows = [dict(r) for r in find_plugin("formats", case.format).parse(case.reply, case.shape).rows]
    sound = [r for r in rows if all(_holds(f, r.get(f.name)) for f in case.shape.fields)]
    return [{n: v for n, v in r.items() if v is not None} for r in sound[: case.shape.rows]]


def _holds(field: Any, value: Any) -> bool:
    if value is None or value == "":
        return bool(field.optional)
    return all(rule(value) is None for _, rule in field_rules(field))


def score(case: Case) -> tuple[list[dict[str, Any]], int]:
    """The wrong rows, and how many right ones were not found."""
    found = found_in(case)
    left = Counter(json.dumps(r, sort_keys=True) for r in case.right)
    wrong = []
    for row in found:
        key = json.dumps(row, sort_keys=True)
        if left[key] > 0:
            left[key] -= 1
        else:
            wrong.append(row)
    return wrong, left.total()


@pytest.mark.parametrize("name", one_in(5, CASES))
def test_no_row_is_wrong(name: str) -> None:
    case = CASES[name]
    wrong, lost = score(case)
    assert wrong == []
    assert lost <= case.lost


def test_there_are_enough() -> None:
    assert len(CASES) > 1000 and len(list(written())) > 200


def main() -> None:
    wrong_rows = lost_rows = present = 0
    for case in CASES.values():
        wrong, lost = score(case)
        present += len(case.right)
        wrong_rows, lost_rows = wrong_rows + len(wrong), lost_rows + lost
        if wrong or lost > case.lost:
            print(f"{case.name}: {len(wrong)} wrong, {lost} of {len(case.right)} lost", *wrong[:1])
    print(f"{len(CASES)} replies, {present} rows present: {wrong_rows} wrong, {lost_rows} lost")


if __name__ == "__main__":
    main()
