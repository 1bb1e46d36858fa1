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
    from synthspec.diagnostics import Diagnostic
    from synthspec.sources.kinds import Access


@click.command()
@spec_argument(nargs=-1, required=True)
@spec_options
@access_options
@form_option("text", "json", "sarif", "github")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option("--fix", "fixes", is_flag=True, help="Apply safe fixes to the specs.")
@click.option("--watch", "watches", is_flag=True, help="Check again whenever a file changes, until Ctrl-C.")
@look_options
def command(
    specs: tuple[Path, ...],
    overrides: dict[str, str],
    access: Access,
    form: str,
    strict: bool,
    fixes: bool,
    watches: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Check specs and show every error. Calls no model.

    Exit status: 0 no errors, 1 errors.
    """
    if fixes and overrides:
        raise click.UsageError(
            "--fix changes the spec as it is written: leave out --set, --rows and what else overrides it"
        )
    if fixes and watches:
        raise click.UsageError("--fix once, then --watch: together they would change a file while you edit it")
    if fixes:
        from synthspec.cli.shared.check_fix import fix_file

        for spec in specs:
            for line in fix_file(spec, access):
                echo(line, err=True)
    if not watches:
        found, _ = _check(specs, overrides, access)
        if _show(found, len(specs), form, strict, quiet, no_color):
            raise SystemExit(1)
        return
    from dataclasses import replace

    from synthspec.cli.shared.watching import watch
    from synthspec.sources.opened_before import KeptSources

    kept = replace(access, before=KeptSources())

    def work() -> set[Path]:
        found, files = _check(specs, overrides, kept)
        _show(found, len(specs), form, strict, quiet, no_color)
        return files

    watch(work, lambda paths: echo(f"changed: {', '.join(p.name for p in paths[:3])}", err=True))


def _check(specs: tuple[Path, ...], overrides: dict[str, str], access: Access) -> tuple[list[Diagnostic], set[Path]]:
    """What is wrong with specs, and the files that this hangs on, with their folders."""
    from synthspec.compiler import compile_spec

    found: list[Diagnostic] = []
    files: set[Path] = set()
    for spec in specs:
        compiled = compile_spec(spec, overrides, access=access)
        found.extend(compiled.diagnostics)
        files |= {spec, *compiled.files}
    files |= access.before.files
    return list(dict.fromkeys(found)), files | {path.parent for path in files}


def _show(found: list[Diagnostic], count: int, form: str, strict: bool, quiet: bool, no_color: bool) -> bool:
    """Print what is wrong; whether that is an error."""
    import sys

    from synthspec import __version__
    from synthspec.cli.shared.show import summary_line
    from synthspec.diagnostics import has_errors
    from synthspec.diagnostics.render import coloured, plain, render_github, render_json, render_sarif, render_text

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
            said = summary_line(found) if found else f"{_files(count)}: no errors"
            echo(said, err=not found)
    return has_errors(found) or (strict and bool(found))


def _files(count: int) -> str:
    return "1 spec" if count == 1 else f"{count} specs"
