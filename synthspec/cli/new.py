"""`synthspec new`: a spec to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from synthspec.cli.shared.echo import echo
from synthspec.cli.shared.wrong_values import FileOrFolder
from synthspec.diagnostics.errors import system_reason


@click.command()
@click.argument("name", required=False)
@click.option("--like", metavar="SPEC", help="Copy an example spec with its data (see --list).")
@click.option("--from", "origin", metavar="DATA",
              help="Write a spec for rows like those of a file (csv, tsv, xlsx, jsonl, json, parquet) or of "
                   "hub:owner/name, or for a JSON Schema (.json), SQL tables (.sql) or a Pydantic model "
                   "(module:Class).")  # fmt: skip
@click.option("--list", "listing", is_flag=True, help="List the example specs and exit.")
@click.option("--out", type=FileOrFolder(file_okay=False), default=Path("specs"), show_default=True,
              metavar="DIR", help="Output folder.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite existing files.")
def command(name: str | None, like: str | None, origin: str | None, listing: bool, out: Path, force: bool) -> None:
    """Write a starter spec, specs/NAME.yaml."""
    from synthspec.cli.shared.show import fail
    from synthspec.document.resources import schema_path
    from synthspec.document.starters import SCHEMA, is_name, shipped_specs

    if listing:
        for example in shipped_specs():
            echo(example)
        return
    if name is None:
        raise click.UsageError("give the new spec a name: synthspec new NAME (--list names those that ship)")
    if not is_name(name):
        raise click.UsageError(f"'{name}' cannot be a name: use letters, digits, - and _")
    if like is not None and origin is not None:
        raise click.UsageError("--like and --from exclude each other: a spec that ships, or one made from data")
    files = {out / path: _as_called(data, path, out) for path, data in _files(name, like, origin).items()}
    if _differs(out / SCHEMA, schema_path()):
        files[out / SCHEMA] = schema_path().read_bytes()
    there = [p for p in files if p.exists() and p.suffix == ".yaml"]
    if there and not force:
        fail(f"'{there[0]}' is there already", "choose another name, or write over it with --force", status=1)
    try:
        for path, data in files.items():
            if force or not path.exists() or path.name == SCHEMA:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                echo(str(path))
    except OSError as e:
        fail(f"'{e.filename}' cannot be written: {system_reason(e)}", status=1)
    spec = next(p for p in files if p.suffix == ".yaml")
    echo(f"next: synthspec check {spec}", err=True)


def _files(name: str, like: str | None, origin: str | None) -> dict[Path, bytes]:
    """What to write below the folder of the new spec."""
    if origin is not None:
        from synthspec.cli.shared.errors import ending_on_errors
        from synthspec.cli.shared.spec_from import files_from

        with ending_on_errors():
            return files_from(origin, name)
    from synthspec.diagnostics import did_you_mean
    from synthspec.document.starters import blank_spec, copied_spec, shipped_specs

    if like is None:
        return blank_spec(name)
    try:
        return copied_spec(name, like)
    except LookupError:
        raise click.UsageError(f"there is no spec '{like}'; {did_you_mean(like, shipped_specs())}") from None


def _as_called(data: bytes, path: Path, out: Path) -> bytes:
    """A spec whose comments name it as it is called from here."""
    if path.suffix != ".yaml" or out.is_absolute():
        return data
    for command_name in (b"check", b"build"):
        said = b"#   synthspec %s %s " % (command_name, path.name.encode())
        data = data.replace(said, said[: -len(path.name.encode()) - 1] + str(out / path).encode() + b" ", 1)
    return data


def _differs(path: Path, other: Path) -> bool:
    return not path.is_file() or path.read_bytes() != other.read_bytes()
