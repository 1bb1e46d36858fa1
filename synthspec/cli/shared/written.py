"""Datasets read and results written, the same way in every command that does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthspec.cli.shared.echo import echo
from synthspec.diagnostics.errors import system_reason

if TYPE_CHECKING:
    from synthspec.evaluation.corpus.corpus import Corpus


def read_or_exit(path: Path, *, empty: bool = False) -> Corpus:
    """The dataset at a path, with `empty` also one without rows; a fault ends the command with status 1."""
    from synthspec.cli.shared.errors import ending_on_errors
    from synthspec.evaluation.corpus.corpus import read_corpus

    with ending_on_errors(help="name a build's folder, or a CSV, JSONL, JSON or Parquet file"):
        return read_corpus(path, empty=empty)


def original_or_exit(named: Path | None, datasets: Sequence[Path]) -> Corpus | None:
    """What `--against` names beside these datasets; a fault ends the command with status 1."""
    if named is None:
        return None
    from synthspec.cli.shared.errors import ending_on_errors
    from synthspec.compiler import compile_spec
    from synthspec.evaluation.originals import HELP, read_original

    with ending_on_errors(help=HELP):
        return read_original(named, datasets, compile_spec)


def refuse_data(out: Path | None, inputs: Sequence[Path]) -> None:
    """End the command where what it writes would take the place of data: of what it reads, or of a store or a table."""
    if out is None or not out.is_file():
        return
    from synthspec.cli.shared.show import fail

    if out.suffix.lower() in _DATA or out.name == "manifest.json" or any(_same(out, path) for path in inputs):
        fail(f"'{out}' contains data, which would be overwritten", "name another file with --out", 2)


_DATA = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx", ".sqlite", ".db", ".yaml", ".yml")


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.samefile(other)


def give(text: str, out: Path | None) -> None:
    """Write a result to a file, whole or not at all, or to standard output."""
    if out is None:
        echo(text, nl=False)
        return
    from synthspec.cli.shared.show import fail
    from synthspec.dataset.atomic_files import write_whole

    try:
        write_whole(out, text)
    except OSError as e:
        fail(f"{out} cannot be written: {system_reason(e)}", status=1)
