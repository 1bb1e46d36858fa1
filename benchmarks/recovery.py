"""Rows recovered from messy replies, and how many of them are right.

    python benchmarks/recovery.py                               replies made here, with every kind of noise
    python benchmarks/recovery.py REPLIES TRUTHS                a folder of replies, and what is truly in each
    python benchmarks/recovery.py --kept FILE --fields JSON     one long reply: rows kept, and why others are not

A truth is a JSON file named like its reply: {"format": "csv", "fields": {name: {JSON Schema}}, "rows": [{...}]}.
Its rows are those a careful reader takes from the reply; a value that the fields forbid stands there as it is.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthspec.diagnostics import Span
from synthspec.formats import Shape
from synthspec.languages.expressions.types import Type
from synthspec.plugins import find_plugin
from synthspec.spec import Field

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
NOWHERE = Span("benchmark", 1, 1, 1, 1)
KINDS = {"string": "text", "array": "list", "object": "map"}
Row = dict[str, Any]
Reader = Callable[[str, Shape], list[Row]]


def make_shape(fields: dict[str, dict[str, Any]], rows: int) -> Shape:
    made = [Field(n, Type(KINDS.get(s["type"], s["type"])), s, NOWHERE) for n, s in fields.items()]
    return Shape(tuple(made), rows)


def by_synthspec(form: str) -> Reader:
    return lambda text, shape: [dict(r) for r in find_plugin("formats", form).parse(text, shape).rows]


def by_pandas(text: str, shape: Shape) -> list[Row]:
    """pandas as a careful user would call it: quotes, spaces after commas, bad lines left out."""
    try:
        frame = pd.read_csv(io.StringIO(text), on_bad_lines="skip", skipinitialspace=True, dtype=str)
    except (ValueError, pd.errors.ParserError):
        return []
    return records(frame.to_dict("records"), shape)


def by_json(text: str, shape: Shape) -> list[Row]:
    try:
        return unwrapped(json.loads(text), shape)
    except ValueError:
        return []


def by_json_repair(text: str, shape: Shape) -> list[Row]:
    import json_repair

    return unwrapped(json_repair.loads(text), shape)


def unwrapped(value: Any, shape: Shape) -> list[Row]:
    found = value.get("rows", [value]) if isinstance(value, dict) else value
    return records([r for r in found if isinstance(r, dict)], shape) if isinstance(found, list) else []


def records(rows: Sequence[Any], shape: Shape) -> list[Row]:
    """Rows with the fields' names; their text read as the fields' types, as any user would."""
    found = []
    for row in rows:
        named = {str(k).strip(): v for k, v in row.items()}
        if set(shape.names) <= set(named):
            found.append({f.name: typed(named[f.name], f) for f in shape.fields})
    return found


def typed(value: Any, field: Field) -> Any:
    readers: dict[str, Callable[[str], Any]] = {"integer": int, "number": float, "boolean": boolean}
    read = readers.get(field.type.kind)
    if not isinstance(value, str) or read is None:
        return value
    try:
        return read(value.strip())
    except ValueError:
        return value


def boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else bool(int(text))


def score(found: Sequence[Row], rows: Sequence[Row]) -> tuple[int, int]:
    """How many rows were found, and how many of those are among the rows that are there, each used once."""
    left = Counter(json.dumps(r, sort_keys=True, default=str) for r in rows)
    given = Counter(json.dumps(r, sort_keys=True, default=str) for r in found)
    return len(found), (left & given).total()


def readers(form: str) -> dict[str, Reader]:
    others: dict[str, Reader] = {"pandas": by_pandas} if form == "csv" else {"json.loads": by_json}
    if form == "json" and importlib.util.find_spec("json_repair"):
        others["json_repair"] = by_json_repair
    return {"synthspec": by_synthspec(form), **others}


def print_line(name: str, present: int, results: dict[str, tuple[int, int]]) -> None:
    shown = "   ".join(
        f"{n} {found:>4} found {right:>4} right {found - right:>3} wrong" for n, (found, right) in results.items()
    )
    print(f"{name:<28} {present:>4} present   {shown}")


def measure_folder(replies: Path, truths: Path) -> None:
    for truth_file in sorted(truths.glob("*.json")):
        truth = json.loads(truth_file.read_text())
        text = next(replies.glob(truth_file.stem + ".*")).read_text()
        shape = make_shape(truth["fields"], len(truth["rows"]))
        results = {n: score(read(text, shape), truth["rows"]) for n, read in readers(truth["format"]).items()}
        print_line(truth_file.stem, len(truth["rows"]), results)


def measure_kept(file: Path, fields: dict[str, dict[str, Any]]) -> None:
    text = file.read_text()
    lines = sum(bool(line.strip()) for line in text.splitlines())
    shape = make_shape(fields, lines)
    start = time.process_time()
    parsed = find_plugin("formats", "csv").parse(text, shape)
    seconds = time.process_time() - start
    print(f"{lines} lines: synthspec kept {len(parsed.rows)} rows, rejected {len(parsed.rejections)}, {seconds:.2f} s")
    print("  ", dict(Counter(r.rule for r in parsed.rejections)))
    frame = pd.read_csv(io.StringIO(text), on_bad_lines="skip", skipinitialspace=True, dtype=str, names=shape.names)
    last = shape.fields[-1]
    whole = frame.dropna()
    held = whole[whole[last.name].str.strip().isin(last.schema["enum"])] if "enum" in last.schema else whole
    print(f"   pandas (on_bad_lines='skip'): {len(frame)} rows, {len(held)} whole, with a valid {last.name}")


def measure_noise(count: int) -> None:
    import format_noise as noise
    from format_fields import CODE, DAY, PRICE, RATING, REVIEW, TITLE, VERIFIED

    shape = Shape((RATING, TITLE, CODE, PRICE, REVIEW, VERIFIED, DAY), 8)
    texts = [
        "It's good, really good.",
        'They said "yes", twice.',
        "Fine",
        "3 of 5; would buy again!",
        "Not for me, sorry",
    ]
    for form, kinds in (("csv", noise.CSV_NOISE), ("json", noise.JSON_NOISE)):
        for kind in kinds:
            dice = random.Random(7)
            present, totals = 0, dict.fromkeys(readers(form), (0, 0))
            for _ in range(count):
                rows = [
                    {
                        "rating": dice.randint(1, 5), "title": dice.choice(texts),
                        "code": f"B{dice.randrange(10**9):09}",
                        "price": dice.randrange(9999) / 100, "review_text": dice.choice(texts),
                        "verified": dice.random() < 0.5,
                        "day": f"20{dice.randrange(10, 30)}-0{dice.randrange(1, 10)}-11",
                    }
                    for _ in range(8)
                ]  # fmt: skip
                text = kind(rows, shape, dice)
                present += len(rows)
                for n, read in readers(form).items():
                    found, right = score(read(text, shape), rows)
                    totals[n] = (totals[n][0] + found, totals[n][1] + right)
            print_line(f"{form} {kind.__name__}", present, totals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="REPLIES TRUTHS")
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--fields", type=json.loads, help="{name: {JSON Schema}}")
    parser.add_argument("--count", type=int, default=50, help="replies of each kind of noise")
    given = parser.parse_args()
    if given.kept:
        measure_kept(given.kept, given.fields)
    elif len(given.folders) == 2:
        measure_folder(*given.folders)
    else:
        measure_noise(given.count)


if __name__ == "__main__":
    main()
