"""`synthspec preview`: a few rows end to end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthspec.cli.shared.echo import echo, echo_json, open_console
from synthspec.cli.shared.options import access_options, form_option, look_options, spec_argument, spec_options
from synthspec.cli.shared.wrong_values import FileOrFolder
from synthspec.diagnostics.errors import ExitStatus

if TYPE_CHECKING:
    from rich.console import Console

    from synthspec.analysis.compiled import Compiled
    from synthspec.generation.build import Build
    from synthspec.generation.preview import Preview
    from synthspec.inference.events import Event
    from synthspec.sources.kinds import Access


@click.command()
@spec_argument()
@click.option("-n", "count", type=click.IntRange(1, 100), default=3, show_default=True, help="Number of rows to make.")
@spec_options
@access_options
@click.option("--events", type=FileOrFolder(), metavar="FILE",
              help="Append every event to a file, one JSON object a line, with the values of rows.")  # fmt: skip
@form_option("text", "json")
@look_options
def command(
    spec: Path,
    count: int,
    overrides: dict[str, str],
    access: Access,
    events: Path | None,
    form: str,
    quiet: bool,
    no_color: bool,
) -> None:
    """Make a few rows and show their prompts, completions and rejections. Writes no dataset.

    The completions are cached for `build`. Exit status: 3 if a row is missing.
    """
    from synthspec.cli.shared.show import compile_or_exit

    compiled = compile_or_exit(spec, overrides, access=access, no_color=no_color, quiet=quiet, form=form)
    shown = _made(compiled, count, events, quiet)
    if form == "json":
        echo_json(shown.as_dict())
    else:
        _show(shown, no_color)
        if not quiet:
            echo(_ending(shown, spec), err=True)
    if shown.missing:
        raise SystemExit(ExitStatus.FAILED)


def _made(compiled: Compiled, count: int, file: Path | None, quiet: bool) -> Preview:
    """The rows, made while events go to a file."""
    import asyncio

    from synthspec.cli.shared.errors import ending_on_errors
    from synthspec.cli.shared.monitors import MonitorOptions, monitoring
    from synthspec.cli.shared.show import Ended
    from synthspec.generation.preview import preview_rows

    assert compiled.spec is not None
    with monitoring(MonitorOptions(events=file, rows=True), quiet=quiet) as monitors:
        monitors.open()

        def begin(build: Build) -> Callable[[Event], None]:
            monitors.begin(build)
            return monitors.take

        try:
            with ending_on_errors():
                shown = asyncio.run(preview_rows(compiled.spec, compiled.tables, count, begin=begin))
        except Ended as ended:
            monitors.end(int(ended.code or 0), ended)
            raise
        except KeyboardInterrupt:
            monitors.end(ExitStatus.INTERRUPTED)
            raise
        monitors.end(ExitStatus.FAILED if shown.missing else 0)
    return shown


def _ending(shown: Preview, spec: Path) -> str:
    """What came of it, and what to do next."""
    cached = sum(bool(c["reused"]) for c in shown.calls)
    missing = f", {len(shown.missing):,} missing" if shown.missing else ""
    calls = f"{len(shown.calls) - cached:,} calls made, {cached:,} cached"
    dropped = f", {len(shown.dropped):,} dropped" if shown.dropped else ""
    kept = f"{len(shown.rows):,} row{'' if len(shown.rows) == 1 else 's'} kept{missing}{dropped}; {calls}"
    return f"{kept}\nnext: {'edit the spec and preview again' if shown.missing else f'synthspec build {spec}'}"


def _show(shown: Preview, no_color: bool) -> None:
    console = open_console(no_color=no_color)
    for call in shown.calls:
        again = ", cached" if call["reused"] else ""
        part = f", {call['part']}" if "part" in call else ""
        console.rule(
            f"combination {call['combination']}, prompt {call['prompt']}{part}, attempt {call['attempt']}{again}",
            align="left",
        )
        for message in call["messages"]:
            _say(console, message["role"], message["content"], "dim")
        _say(console, "completion", call["completion"], "")
    for row in shown.rows:
        console.rule(f"row {row['path']}: kept", align="left", style="green")
        for name, value in row["values"].items():
            _say(console, name, str(value), "")
    for left_out in shown.dropped:
        console.rule(f"row {left_out['path']}: dropped", align="left", style="yellow")
        _say(console, "because", left_out["reason"], "")
    for lost in shown.missing:
        console.rule(f"row {lost['path']}: missing, not {lost['lost_at']}", align="left", style="red")
        for reason in lost["reasons"]:
            _say(console, "because", reason, "")


def _say(console: Console, label: str, text: str, style: str) -> None:
    from rich.text import Text

    from synthspec.cli.plan import shortened

    line = Text(f"{label}: ", style="bold")
    line.append(shortened(text), style=style or None)
    console.print(line)
