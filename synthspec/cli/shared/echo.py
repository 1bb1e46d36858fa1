"""Printing: everything that a command shows goes through here, so that no text of others reaches a terminal raw.

A provider's error, a model's text, a file's name or a spec's may hold escape sequences.
`diagnostics.terminal` says what is unsafe; `tests/test_terminal.py` sees to it that no command prints in another way.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

from synthspec.diagnostics.terminal import visible, visible_json

if TYPE_CHECKING:
    from rich.console import Console

_COLOUR = re.compile("(\x1b\\[[0-9;]*m)")


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Text on standard output, or on standard error."""
    click.echo(visible(text), err=err, nl=nl)


def echo_json(value: Any, *, indent: int | None = 2) -> None:
    """A value as JSON on standard output."""
    click.echo(visible_json(json.dumps(value, indent=indent, ensure_ascii=False, default=str)))


def echo_coloured(text: str, *, err: bool = False) -> None:
    """Text whose parts a renderer has cleaned and then coloured: colours stay, nothing else that a terminal obeys."""
    parts = _COLOUR.split(text)  # texts and colours in turn
    click.echo("".join(part if n % 2 else visible(part) for n, part in enumerate(parts)), err=err)


def open_console(*, err: bool = False, no_color: bool = False) -> Console:
    """A console of rich which shows texts as `echo` does."""
    from collections.abc import Iterable

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class SafeConsole(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                safe = segment.text if segment.control else visible(segment.text)
                yield segment if safe == segment.text else Segment(safe, segment.style)

    return SafeConsole(stderr=err, no_color=no_color or None, highlight=False)
