"""Showing diagnostics and errors the same way in every command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from synthspec.cli.shared.echo import echo, echo_coloured
from synthspec.cli.shared.options import wants_colour
from synthspec.diagnostics.terminal import visible_json
from synthspec.sources.kinds import NO_ACCESS, Access

if TYPE_CHECKING:
    from synthspec.analysis.compiled import Compiled
    from synthspec.diagnostics import Diagnostic


def show_diagnostics(diagnostics: Sequence[Diagnostic], *, no_color: bool = False, quiet: bool = False) -> None:
    """Text on standard error, with a line that counts them."""
    from synthspec.diagnostics.render import coloured, plain, render_text

    shown = [d for d in diagnostics if d.severity == "error" or not quiet]
    if not shown:
        return
    paint = coloured if wants_colour(no_color) else plain
    echo_coloured(render_text(shown, paint), err=True)
    echo(summary_line(shown), err=True)


def summary_line(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors and 1 warning`."""
    from synthspec.diagnostics.listing import Diagnostics

    explain = f" (more: synthspec explain {diagnostics[0].code})" if diagnostics else ""
    return Diagnostics(diagnostics).summary + explain


def compile_or_exit(
    spec: Path,
    overrides: dict[str, str],
    *,
    access: Access = NO_ACCESS,
    no_color: bool,
    quiet: bool,
    form: str = "text",
) -> Compiled:
    """The checked spec; its faults are shown, and errors end the command with status 1.

    Where the command prints JSON, so are the diagnostics of a spec that has errors.
    """
    from synthspec.compiler import compile_spec

    compiled = compile_spec(spec, overrides, access=access)
    show_diagnostics(compiled.diagnostics, no_color=no_color, quiet=quiet)
    if not compiled.ok:
        show_faults_as_json(compiled.diagnostics, form)
        raise SystemExit(1)
    return compiled


def show_faults_as_json(diagnostics: Sequence[Diagnostic], form: str) -> None:
    """On standard output, as `check --format json` prints them, where a program asked for JSON."""
    if form == "json":
        from synthspec.diagnostics.render import render_json

        echo(visible_json(render_json(diagnostics)))


class Ended(SystemExit):
    """The command ends, and has said why."""

    def __init__(self, message: str, help: str, status: int) -> None:
        super().__init__(status)
        self.message, self.help = message, help


def fail(message: str, help: str = "", status: int = 3) -> NoReturn:
    """End with a message and a remedy."""
    echo(f"error: {message}", err=True)
    if help:
        echo(f"  = help: {help}", err=True)
    raise Ended(message, help, status)
