"""A progress bar on standard error, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from synthspec.cli.shared.echo import open_console


@contextmanager
def steps(count: int, *, quiet: bool, no_color: bool) -> Iterator[Callable[[str], None]]:
    """Gives a function to call at the start of each of so many steps, with its title."""
    if quiet or not sys.stderr.isatty():
        yield lambda title: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = open_console(err=True, no_color=no_color)
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("reading", total=count)

        def step(title: str) -> None:
            progress.update(task, description=title.lower(), advance=1)

        yield step
