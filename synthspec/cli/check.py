"""`synthspec check`: every mistake of a spec, without a model call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthspec.cli.shared.echo import echo, echo_coloured
from synthspec.cli.shared.options import (
    access_options,
    form_option,
    look_options,
    spec_argument,
    spec_options,
    wants_colour,
)
from synthspec.diagnostics.terminal import visible_json

if TYPE_CHECKING:
    from synthspec.sources.kinds import Access


@click.command()
@spec_argument(nargs=-1, required=True)
@spec_options
@access_options
@form_option("text", "json", "sarif", "github")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@look_options
def command(
    specs: tuple[Path, ...],
    overrides: dict[str, str],
    access: Access,
    form: str,
    strict: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Find every mistake in specs. Calls no model.

    Ends with 0 where there are none, 1 where there are errors.
    """
    import sys

    from synthspec import __version__
    from synthspec.cli.shared.show import summary_line
    from synthspec.compiler import compile_spec
    from synthspec.diagnostics import Diagnostic, has_errors
    from synthspec.diagnostics.render import coloured, plain, render_github, render_json, render_sarif, render_text

    found: list[Diagnostic] = []
    for spec in specs:
        found.extend(compile_spec(spec, overrides, access=access).diagnostics)
    found = list(dict.fromkeys(found))
    if quiet:
        found = [d for d in found if d.severity == "error"]
    if form == "json":
        echo(visible_json(render_json(found)))
    elif form == "sarif":
        from synthspec.diagnostics.catalogue import titles

        echo(visible_json(render_sarif(found, titles(), __version__)))
    elif form == "github":
        if found:
            echo(render_github(found))
    else:
        if found:
            paint = coloured if wants_colour(no_color, sys.stdout) else plain
            echo_coloured(render_text(found, paint))
        if not quiet or found:
            said = summary_line(found) if found else f"{_files(len(specs))}: no errors"
            echo(said, err=not found)
    if has_errors(found) or (strict and found):
        raise SystemExit(1)


def _files(count: int) -> str:
    return "1 spec" if count == 1 else f"{count} specs"
