"""Drawing from a source of ten million rows: seconds of CPU and peak memory of `check`, `plan` and `build`.

    python benchmarks/large_sources.py [--rows 10000000] [--drawn 1000]

The rows have an integer, a label, a number and a text of eight words, as Parquet (row groups of a million rows, which is
what pyarrow writes) and as JSON Lines: 0.3 and 1.2 GB. Each command is a process of its own; what
is remembered of a file is removed before the first, and kept for the others. `--files` names a folder that has the two
files of an earlier run, `docs.parquet` and `docs.jsonl`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine import measure

WORDS = (
    "river stone market winter harbour copper garden letter window engine silver forest bridge candle meadow".split()
)
VALUES = """
synthspec: 1
name: values
rows: {drawn}
sources: {{docs: {{file: {file}}}}}
parameters:
  doc: {{from: docs}}
  kind: {{from: docs, column: kind}}
fields:
  text: {{value: doc.text}}
  price: {{value: doc.price}}
  kind: {{value: kind}}
"""
MODEL = """
synthspec: 1
name: model
rows: {drawn}
sources: {{docs: {{file: {file}}}}}
parameters:
  kind: {{from: docs, column: kind}}
prompts:
  note: {{user: "Write a note of the kind {{{{ kind }}}}.", writes: note, examples: {{from: docs, rows: 3}}}}
fields:
  note: {{type: string}}
backend: ngram
"""


def rows(count: int) -> Iterator[dict[str, Any]]:
    """The same rows in every run, no two alike."""
    for number in range(count):
        mixed = (number * 2654435761) & 0xFFFFFFFF
        text = " ".join(WORDS[(mixed >> shift) % 15] for shift in range(0, 24, 3))
        yield {"id": number, "kind": "abcd"[mixed % 4], "price": (mixed % 100_000) / 8, "text": f"{text} {number}"}


def write(folder: Path, count: int) -> None:
    """The rows as `docs.parquet` and `docs.jsonl`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = pa.schema([("id", pa.int64()), ("kind", pa.string()), ("price", pa.float64()), ("text", pa.string())])
    block: list[dict[str, Any]] = []
    with pq.ParquetWriter(folder / "docs.parquet", kinds) as parquet, (folder / "docs.jsonl").open("w") as lines:
        for row in rows(count):
            block.append(row)
            lines.write('{{"id": {id}, "kind": "{kind}", "price": {price}, "text": "{text}"}}\n'.format(**row))
            if len(block) == 1_000_000:
                parquet.write_table(pa.Table.from_pylist(block, kinds))
                block = []
        if block:
            parquet.write_table(pa.Table.from_pylist(block, kinds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--drawn", type=int, default=1_000)
    parser.add_argument("--files", type=Path, help="a folder with the files of an earlier run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.files is None:
            write(folder, options.rows)
        for file in options.files.glob("docs.*") if options.files is not None else ():
            (folder / file.name).hardlink_to(file)
        os.environ["SYNTHSPEC_CACHE"] = str(folder / "cache")
        print(f"| {options.rows:,} rows | command | CPU s | MB peak |\n|---|---|---:|---:|")
        for file in ("docs.parquet", "docs.jsonl"):
            shutil.rmtree(folder / "cache", ignore_errors=True)
            for spec, text, commands in (("values", VALUES, ("check", "plan", "build")), ("model", MODEL, ("build",))):
                path = folder / f"{spec}.yaml"
                path.write_text(text.format(file=file, drawn=options.drawn), encoding="utf-8")
                for command in commands:
                    out = ["--out", f"{folder}/out-{file}-{spec}", "--quiet"] if command == "build" else []
                    found = measure([sys.executable, "-m", "synthspec", command, str(path), *out])
                    print(f"| {file} | {command} ({spec}) | {found.cpu:.2f} | {found.memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
