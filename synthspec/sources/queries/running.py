"""A query is run in a process of its own, and its rows are kept as a Parquet file for the next time."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import synthspec
from synthspec.sources.cache import cached_path, write_cached
from synthspec.sources.child_environment import child_environment
from synthspec.sources.fingerprints import files_digest, values_digest
from synthspec.sources.queries.limits import MEMORY, SECONDS
from synthspec.sources.queries.statement import Statement, characters
from synthspec.sources.queries.tables import arrow_table
from synthspec.sources.source_kind import Opened, SourceFault
from synthspec.sources.table import Table

_RULES = 2  # raised when the rows of a query may come out otherwise


def run_query(
    statement: Statement, files: Mapping[str, Path], others: Mapping[str, Opened] = MappingProxyType({})
) -> tuple[Path, str]:
    """The Parquet file with the rows of a query over files and sources of the spec, and the digest of what they are of.

    Raises:
        SourceFault: the query fails, takes too long, or gives too much (E833); it calls what it may not (E831).
    """
    version = importlib.metadata.version("duckdb")
    sources = [(n, o.table.names, o.digest() if o.digest else values_digest(o.table)) for n, o in others.items()]
    digest = files_digest(files.values(), statement.text, tuple(files), version, _RULES, *sources)
    name = f"query-{digest}.parquet"
    found = cached_path(name)
    if found is not None:
        return found, digest
    out = _scratch() / name
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        tables = {n: _written(n, o.table, Path(folder) / f"{i}.parquet") for i, (n, o) in enumerate(others.items())}
        named = {n: str(p.resolve()) for n, p in {**files, **tables}.items()}
        told = _answer({"tree": statement.tree, "text": statement.text, "files": named, "out": str(out)})
    if "error" in told:
        out.unlink(missing_ok=True)
        failed = "the query fails: " if told["code"] == "E833" else ""
        at = None if told.get("at") is None else characters(statement.text, *told["at"])
        raise SourceFault(f"{failed}{told['error']}", str(told["help"]), str(told["code"]), at=at)
    with out.open("rb") as made:
        write_cached(name, made)
    kept = cached_path(name)
    if kept is None:
        return out, digest
    out.unlink()
    return kept, digest


def _written(name: str, table: Table, path: Path) -> Path:
    """The rows of a source of the spec as a Parquet file.

    Raises:
        SourceFault: they are too many, or of several kinds.
    """
    import pyarrow.parquet as pq

    pq.write_table(arrow_table(name, table), path)
    return path


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes when the program ends."""
    return tempfile.TemporaryDirectory(prefix="synthspec-query-")


def _scratch() -> Path:
    return Path(_folder().name)


def _answer(task: Mapping[str, object]) -> dict[str, Any]:
    """What the process of a query says.

    Raises:
        SourceFault: it says nothing in time.
    """
    command = [sys.executable, "-P", "-m", "synthspec.sources.queries.process"]
    try:
        ended = subprocess.run(
            command,
            input=json.dumps(task).encode(),
            capture_output=True,
            timeout=SECONDS,
            cwd=_scratch(),
            env=_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        help = "select or join fewer rows"
        raise SourceFault(f"the query takes longer than {SECONDS:.0f} seconds", help, "E833") from None
    try:
        told: dict[str, Any] = json.loads(ended.stdout.decode().splitlines()[-1])
    except (ValueError, IndexError):
        help = f"select fewer rows or columns: it may use {MEMORY >> 30} GB of memory"
        raise SourceFault(f"the query fails: DuckDB ended with status {ended.returncode}", help, "E833") from None
    return told


def _environment() -> dict[str, str]:
    """What a process needs to find Python's packages, and none of the secrets of ours."""
    ours = str(Path(synthspec.__file__).parent.parent)
    paths = [ours, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**child_environment("TMPDIR", "TEMP", "TMP"), "PYTHONPATH": os.pathsep.join(paths)}
