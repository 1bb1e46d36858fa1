"""`synthspec library`: the reusable specs that ship."""

from __future__ import annotations

import click

from synthspec.cli.shared.echo import echo, echo_json
from synthspec.cli.shared.options import form_option


def _names(ctx: click.Context, param: click.Parameter, begun: str) -> list[str]:
    from synthspec.document.resources import library_names

    return [name for name in library_names() if name.startswith(begun)]


@click.command()
@click.argument("name", required=False, shell_complete=_names)
@form_option("text", "json")
def command(name: str | None, form: str) -> None:
    """List the specs that can be extended by name, or print one.

    \b
      extends: [people, tones]      # in a spec: use their parameters
    """

    from synthspec.diagnostics import did_you_mean
    from synthspec.document.resources import library_folder, library_names

    if name is not None:
        if name not in library_names():
            raise click.UsageError(f"there is no library spec '{name}'; {did_you_mean(name, library_names())}")
        echo((library_folder() / f"{name}.yaml").read_text(encoding="utf-8"), nl=False)
        return
    from synthspec.compiler import compile_spec

    entries = []
    for each in library_names():
        spec = compile_spec(library_folder() / f"{each}.yaml").spec
        assert spec is not None
        parameters = [p.name for p in spec.parameters]
        entries.append({"name": each, "description": " ".join(spec.description.split()), "parameters": parameters})
    if form == "json":
        echo_json(entries)
        return
    for entry in entries:
        echo(f"{entry['name']}: {entry['description']}")
        echo(f"    {', '.join(entry['parameters'])}")
