"""A build as it runs: a live view on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from synthspec.cli._echo import echo, open_console

if TYPE_CHECKING:
    from rich.console import RenderableType

    from synthspec.generation.build import Build
    from synthspec.inference.budget import Budget
    from synthspec.inference.events import Event
    from synthspec.spec import Spec

EVERY = 5.0  # seconds between plain lines
FRAMES = 8  # a second, on a terminal


@contextmanager
def watch(build: Build, *, quiet: bool, no_color: bool) -> Iterator[Callable[[Event], None]]:
    """Show a build while it runs. Gives a function to be called with each of its events."""
    if quiet:
        yield lambda event: None
        return
    _notices(build.spec)
    view = _View(build)
    if sys.stderr.isatty():
        from rich.live import Live

        console = open_console(err=True, no_color=no_color)
        with Live(view, console=console, refresh_per_second=FRAMES, transient=True):
            yield view.take
        return
    done = threading.Event()

    def lines() -> None:
        while not done.wait(EVERY):
            echo(view.line(), err=True)

    thread = threading.Thread(target=lines, daemon=True)
    thread.start()
    try:
        yield view.take
    finally:
        done.set()
        thread.join()


def _forecast(stored: int, to_make: int) -> None:
    """Said before a build that resumes an earlier one."""
    more = "; later prompts and repairs come on top" if to_make else ""
    echo(f"{stored:,} calls of an earlier build are used again, {to_make:,} are to be made{more}", err=True)


def _notices(spec: Spec) -> None:
    """What a user must know of a backend before seeing its rows; said once."""
    from synthspec.plugins import find_plugin

    providers = {(p.backend or spec.backend).provider for p in spec.prompts}
    for provider in sorted(providers):
        notice = getattr(find_plugin("backends", provider), "NOTICE", "")
        if notice:
            echo(f"note: {notice}", err=True)


class _View:
    """Reads the tally; draws it, or says it in a line."""

    def __init__(self, build: Build) -> None:
        self.spec, self.tally = build.spec, build.tally
        self.budget: Budget | None = None
        self.began = time.monotonic()
        self.first_settled: tuple[float, int] | None = None

    def take(self, event: Event) -> None:
        """One event of the build."""
        from synthspec.inference.events import Forecast, Started

        match event:
            case Started():
                self.budget = event.budget
                self.began = time.monotonic()
            case Forecast(stored, to_make):
                _forecast(stored, to_make)

    def left(self) -> str:
        """Time to go, from the pace so far."""
        tally, now = self.tally, time.monotonic()
        if tally.calls == 0 or tally.settled == 0:
            return ""
        if self.first_settled is None:
            self.first_settled = (now, tally.settled)
        then, before = self.first_settled
        if now - then < 1 or tally.settled == before:
            return ""
        seconds = (tally.planned - tally.settled) * (now - then) / (tally.settled - before)
        return f"{_clock(seconds)} left"

    def money(self) -> str:
        if self.budget is None or (self.spec.limits.budget is None and self.tally.cost_now == 0):
            return ""
        limit = self.spec.limits.budget
        spent = self.budget.cost
        return f"${spent:.4f} of ${limit:.2f}" if limit is not None else f"${spent:.4f}"

    def line(self) -> str:
        """One plain line."""
        t = self.tally
        parts = [
            f"{t.kept:,} of {t.planned:,} rows",
            f"{t.in_flight} calls in flight",
            f"{t.calls:,} made, {t.reused:,} used again",
            f"{t.prompt_tokens + t.completion_tokens:,} tokens",
            self.money(),
            f"{sum(t.rejections.values()):,} rejections" if t.rejections else "",
            self.left(),
        ]
        return "; ".join(p for p in parts if p)

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        t = self.tally
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(self.spec.name, style="bold"),
            ProgressBar(total=max(t.planned, 1), completed=t.settled, width=30),
            Text(f"{t.kept:,} / {t.planned:,} rows"),
            Text(self.left(), style="dim"),
        )
        facts = [f"{t.in_flight} in flight", f"{t.calls:,} calls", f"{t.reused:,} used again",
                 f"{t.prompt_tokens + t.completion_tokens:,} tokens"]  # fmt: skip
        if self.money():
            facts.append(self.money())
        if t.retries:
            why = ", ".join(kind for kind, _ in t.faults.most_common(2))
            facts.append(f"{t.retries:,} sent again ({why})")
        if t.watch is not None and t.watch.new_share is not None:
            facts.append(f"{t.watch.new_share:.0%} new phrases")
        if t.lost:
            facts.append(f"{t.lost:,} lost")
        shown: list[RenderableType] = [head, Text("  " + " · ".join(facts), style="dim")]
        if t.rejections:
            top = " · ".join(f"{rule} {count:,}" for rule, count in t.rejections.most_common(4))
            shown.append(Text(f"  rejected: {top}", style="yellow", overflow="ellipsis", no_wrap=True))
        return Group(*shown)


def _clock(seconds: float) -> str:
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
