"""Rows as models really write them: one function for each kind of noise, for the tests and the benchmark."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from synthspec.formats import Shape

Row = dict[str, Any]
Noise = Callable[[Sequence[Row], Shape, random.Random], str]


# Noise for csv


def table(rows: Sequence[Row], names: Sequence[str], heads: Sequence[str] | None, **how: Any) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", **{"quoting": csv.QUOTE_NONNUMERIC, **how})
    if heads:
        writer.writerow(heads)
    writer.writerows([spelled(row[n]) for n in names] for row in rows)
    return out.getvalue()


def spelled(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, bool | list) else value


def reordered(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    names = dice.sample(shape.names, len(shape.names))
    return table(rows, names, names)


def renamed(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    ways = [str.upper, str.title, lambda n: n.replace("_", " "), lambda n: n + "s", lambda n: f"**{n}**"]
    return table(rows, shape.names, [dice.choice(ways)(n) for n in shape.names])


def headless(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return table(rows, shape.names, None)


def semicolons(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return table(rows, shape.names, shape.names, delimiter=";")


def tabs(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return table(rows, shape.names, shape.names, delimiter="\t")


def fenced(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return f"Here are the rows, as you asked:\n\n```csv\n{table(rows, shape.names, shape.names)}```\n\nEnjoy!"


def talked(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    before = "Sure! Here are some rows, in CSV:\n\n"
    return f"{before}{table(rows, shape.names, shape.names)}\nLet me know if you need more."


def windows(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return "\ufeff" + table(rows, shape.names, shape.names).replace("\n", "\r\n")


def repeated(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    at = dice.randrange(len(rows) + 1)
    return "\n".join(table(part, shape.names, shape.names) for part in (rows[:at], rows[at:]))


def numbered(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    mark = dice.choice(["{}. ", "- ", "{}) ", "* "])
    return "\n".join(mark.format(i) + table([r], shape.names, None).strip("\n") for i, r in enumerate(rows, 1))


def markdown(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    lines = ["| " + " | ".join(shape.names) + " |", "|" + "---|" * len(shape.names)]
    lines += ["| " + " | ".join(str(spelled(r[n])).replace("|", "\\|") for n in shape.names) + " |" for r in rows]
    return "\n".join(lines)


def unquoted(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    gap = dice.choice([",", ", "])
    lines = [gap.join(shape.names)]
    return "\n".join(lines + [gap.join(str(spelled(r[n])) for n in shape.names) for r in rows])


def loose_quotes(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    cells = ((f'"{r[n]}"' if isinstance(r[n], str) else str(spelled(r[n])) for n in shape.names) for r in rows)
    return "\n".join([",".join(shape.names), *(dice.choice([",", ", "]).join(c) for c in cells)])


def run_together(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    made = [table([r], shape.names, None, quoting=csv.QUOTE_ALL).strip("\n") for r in rows]
    made = [re.sub(r'"([^"]*)"\Z', r"\1", line) for line in made]
    return "".join(line + dice.choice(["\n", "", " "]) for line in made)


def cut_off(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    whole = table(rows, shape.names, shape.names).rstrip("\n")
    return whole[: len(whole) - dice.randrange(1, 12)]


CSV_NOISE: list[Noise] = [
    reordered, renamed, headless, semicolons, tabs, fenced, talked, windows, repeated, numbered, markdown,
    unquoted, loose_quotes, run_together, cut_off,
]  # fmt: skip

# Noise for json


def objects(rows: Sequence[Row], shape: Shape) -> list[str]:
    return [json.dumps(r, ensure_ascii=False) for r in rows]


def in_fence(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return f"Here you go [as asked]:\n```json\n{json.dumps(rows, indent=2)}\n```\nHope {{this}} helps."


def lines(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return dice.choice(["\n", ",\n", "\n\n"]).join(objects(rows, shape))


def trailing_commas(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return "[" + ",".join(o[:-1] + ",}" for o in objects(rows, shape)) + ",]"


def python(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return f"rows = {list(rows)!r}"


def commented(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return "[ // the rows\n" + ", /* next */\n".join(objects(rows, shape)) + "\n# done\n]"


def other_keys(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return json.dumps([{"id": i, **{n.replace("_", " ").title(): v for n, v in r.items()}} for i, r in enumerate(rows)])


def wrapped(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return json.dumps({"status": "ok", "data": {"items": rows}})


def truncated(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    whole = json.dumps({"rows": rows}, ensure_ascii=False)
    return whole[: len(whole) - dice.randrange(4, 15)]


def unclosed(rows: Sequence[Row], shape: Shape, dice: random.Random) -> str:
    return '{"rows": [' + ", ".join(objects(rows, shape))


JSON_NOISE: list[Noise] = [
    in_fence, lines, trailing_commas, python, commented, other_keys, wrapped, truncated, unclosed
]  # fmt: skip
