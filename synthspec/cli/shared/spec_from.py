"""`new --from`: what a spec is to be made from, told by its name; and the files of that spec."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from synthspec.cli.shared.echo import echo
from synthspec.diagnostics import Diagnostic
from synthspec.extras import install_command, is_installed
from synthspec.profiling.declared.json_schema import is_json_schema, read_json_schema
from synthspec.profiling.declared.propose import propose_declared
from synthspec.profiling.declared.pydantic_model import is_model_name, read_model
from synthspec.profiling.declared.sql_tables import read_sql
from synthspec.profiling.files import files_of
from synthspec.profiling.naming import HeaderNames
from synthspec.profiling.profile import profile_sample
from synthspec.profiling.sample import Sample, SampleFault, sample_of
from synthspec.profiling.tried import propose_and_try
from synthspec.sources import Table, TableFault, is_readable, read_table, readable, suffix_of
from synthspec.sources.kinds import Place


def files_from(origin: str, name: str) -> dict[Path, bytes]:
    """The spec of a file or model, with the rows it reads, as paths below the spec's folder.

    Raises:
        SynthspecError: nothing can be made of it; the message says why.
    """
    if origin.startswith("hub:") and "/" in origin:
        return _files(_read(origin, lambda: _hub_table(origin[4:])), name)
    path = Path(origin)
    suffix = suffix_of(path)
    if not path.exists() and is_model_name(origin):
        echo(f"note: '{origin}' is a Pydantic model: its module is imported, which runs its code", err=True)
        return files_of(propose_declared(read_model(origin), name))
    if path.suffix.lower() == ".sql" and path.is_file():
        return _tables(path, name)
    if path.suffix.lower() == ".json" and path.is_file() and is_json_schema(path):
        return files_of(propose_declared(read_json_schema(path), name))
    if not is_readable(suffix):
        kinds = ", ".join((*readable(), ".sql"))
        raise SampleFault(f"a spec cannot be made from '{origin}'", f"name a file that ends with one of {kinds}, or "
                          "module:Class for a Pydantic model")  # fmt: skip
    return _files(_read(origin, lambda: read_table(path)), name)


def _files(sample: Sample, name: str) -> dict[Path, bytes]:
    return files_of(propose_and_try(profile_sample(sample), name, _compile))


def _read(origin: str, read: Callable[[], Table]) -> Sample:
    """The sample of a table; what cannot be read or learnt from is named by its origin."""
    try:
        return sample_of(read(), Path(origin).name)
    except TableFault as e:
        raise SampleFault(f"'{origin}' cannot be read: {e.message}", e.help) from None
    except SampleFault as e:
        raise SampleFault(f"'{origin}': {e.message}", e.help) from None


def _hub_table(name: str) -> Table:
    from synthspec.sources.kinds.hub import KIND, open_hub

    if re.fullmatch(KIND.schema["pattern"], name) is None:
        raise TableFault(f"'{name}' is not the name of a dataset", "write hub:owner/name")
    if not is_installed("huggingface_hub"):
        raise TableFault("the hub needs the package huggingface-hub", install_command("hub"))
    return open_hub({"hub": name}, Place(Path(), Path())).table


def _tables(path: Path, name: str) -> dict[Path, bytes]:
    """A spec for each table: under its own name where there is one, else under that of the table after it."""
    tables = read_sql(path)
    if len(tables) == 1:
        return files_of(propose_declared(tables[0], name))
    names, files = HeaderNames(), dict[Path, bytes]()
    for table in tables:
        files |= files_of(propose_declared(table, f"{name}-{names.give(table.name)}"))
    echo(f"note: '{path.name}' creates {len(tables)} tables: a spec each, keys between them by number", err=True)
    return files


def _compile(spec: Path) -> tuple[Diagnostic, ...]:
    from synthspec.compiler import compile_spec

    return compile_spec(spec).diagnostics
