"""`synthspec schema`: the JSON Schema of the language."""

from __future__ import annotations

import click

from synthspec.cli.shared.echo import echo


@click.command()
@click.option("--path", is_flag=True, help="Print the path of the file instead.")
def command(path: bool) -> None:
    """Print the JSON Schema of specs, for editors and other tools."""
    from synthspec.document.resources import schema_path

    echo(str(schema_path()) if path else schema_path().read_text(encoding="utf-8"), nl=path)
