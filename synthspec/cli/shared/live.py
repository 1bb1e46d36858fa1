"""A build as it runs: a live view on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from synthspec.cli.shared.echo import echo, open_console
from synthspec.cli.shared.servers import server_line
from synthspec.cli.shared.watched import PromptWork, Watched
from synthspec.inference.accounting.prices import dollars

if TYPE_CHECKING:
    from rich.console import RenderableType

    from synthspec.generation.build import Build
    from synthspec.inference.events import BatchMoved, Event
    from synthspec.spec import Spec

EVERY = 5.0  # seconds between plain lines
FRAMES = 8  # a second, on a terminal
PROMPTS = 8  # shown one by one
BAR = 40  # columns
LONGEST = 160  # characters of a reason
BATCHES = 3  # shown one by one


@contextmanager
def watch(build: Build, *, quiet: bool, no_color: bool) -> Iterator[Callable[[Event], None]]:
    """Show a build while it runs. Gives a function to be called with each of its events."""
    if quiet:
        yield lambda event: None
        return
    _notices(build.spec)
    view = View(build.spec)
    if sys.stderr.isatty():
        from rich.live import Live

        console = open_console(err=True, no_color=no_color)
        view.say = lambda text: console.print(text, markup=False)  # above the frame, which is drawn again
        with Live(view, console=console, refresh_per_second=FRAMES, transient=True):
            yield view.take
        return
    done = threading.Event()

    def lines() -> None:
        before = ""
        while not done.wait(EVERY):
            line = view.line()
            if line != before or not view.waits_for_batches:  # which may take a day: nothing new is not said again
                echo(line, err=True)
            before = line

    thread = threading.Thread(target=lines, daemon=True)
    thread.start()
    try:
        yield view.take
    finally:
        done.set()
        thread.join()


def _forecast(stored: int, to_make: int) -> str:
    """Said before a build that resumes an earlier one. First calls alone are known: others follow from replies."""
    cached = f"{stored:,} cached call{'' if stored == 1 else 's'} of an earlier build"
    return f"{cached}, at least {to_make:,} to make" if to_make else cached


def _notices(spec: Spec) -> None:
    """What a user must know of a backend before seeing its rows; said once."""
    from synthspec.inference.backends import provider_of
    from synthspec.spec.backends_used import backends_used

    providers = {choice.provider for _, choice in backends_used(spec).values()}
    for provider in sorted(providers):
        notice = provider_of(provider).notice
        if notice:
            echo(f"note: {notice}", err=True)


class View:
    """A build so far, as lines for a terminal and as one line for a pipe. `clock` gives seconds."""

    def __init__(self, spec: Spec, clock: Callable[[], float] = time.monotonic) -> None:
        self.spec, self._clock = spec, clock
        self._watched = Watched(spec)
        self._lock = threading.Lock()  # events come in one thread, frames are drawn in another
        self._stopping = False
        self._batches: dict[str, BatchMoved] = {}  # under way at a provider, by their names
        self.say: Callable[[str], None] = lambda text: echo(text, err=True)

    def take(self, event: Event) -> None:
        """One event of the build."""
        from synthspec.inference.events import BatchMoved, Forecast, Paused, Resumed, Stop

        match event:
            case Forecast(stored, to_make):
                self.say(_forecast(stored, to_make))
            case Paused():
                self.say("paused: calls in flight finish, no new one is sent")
            case Resumed():
                self.say("resumed")
            case Stop(by_hand=by_hand) if not self._stopping:
                self._stopping = True
                if self._batches:
                    if any(batch.state != "intent" for batch in self._batches.values()):
                        self.say("exiting: submitted batches continue at the provider")
                elif self._watched.in_flight or by_hand:  # begun calls may not have been told of yet
                    self.say("stopping: waiting for the calls in flight, which are paid for (Ctrl-C to stop at once)")
            case BatchMoved(intent, state=state) if state in ("committed", "absent"):
                self._batches.pop(intent, None)
            case BatchMoved(intent):
                self._batches[intent] = event
        with self._lock:
            self._watched.take(event, self._clock())

    @property
    def waits_for_batches(self) -> bool:
        """Whether batches are under way."""
        return bool(self._batches)

    def line(self) -> str:
        """One plain line."""
        with self._lock:
            seen, left = self._watched, self._left()
            parts = [
                f"{seen.kept:,} of {seen.rows:,} rows kept" + (f", {seen.lost:,} missing" if seen.lost else ""),
                "; ".join(f"{name} {_calls(work, seen.lost)}" for name, work in seen.prompts.items()),
                _tokens(seen),
                _money(seen),
                _rejected(seen),
                _servers(seen),
                _standing(list(self._batches.values())),
                left,
            ]
        return "; ".join(p for p in parts if p)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Lines for a terminal, each with its style, but for the bar."""
        with self._lock:
            seen, left = self._watched, self._left()
            lost = f", {seen.lost:,} missing" if seen.lost else ""
            yield (
                f"{self.spec.name}: {seen.kept:,} of {seen.rows:,} rows kept{lost}{f'; {left}' if left else ''}",
                "bold",
            )
            works = list(seen.prompts.items())
            width = max((len(name) for name, _ in works[:PROMPTS]), default=0)
            for name, work in works[:PROMPTS]:
                yield f"  {name.ljust(width)}  {_calls(work, seen.lost)}", ""
            if len(works) > PROMPTS:
                yield f"  … and {len(works) - PROMPTS} more prompts", "dim"
            if standing := _standing(list(self._batches.values())):
                yield f"  {standing}", ""
            facts = [f for f in (_tokens(seen), _money(seen), _faults(seen)) if f]
            if facts:
                yield "  " + "; ".join(facts), "dim"
            if servers := _servers(seen):
                yield f"  {servers}", "yellow" if seen.away else "dim"
            most = seen.commonest
            if most is not None:
                yield f"  {_rejected(seen)}", "yellow"
                if most.text.strip():
                    yield f"    in: {' '.join(most.text[:400].split())}", "dim"

    def _left(self) -> str:
        if self._batches:
            return ""  # nobody knows
        seconds = self._watched.seconds_left(self._clock())
        return "" if seconds is None else f"{_clock_text(seconds)} left"

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        shown: list[RenderableType] = [
            Text(text, style=style, overflow="ellipsis", no_wrap=True) for text, style in self.lines()
        ]
        bar = Table.grid(padding=(0, 2))
        bar.add_row("", ProgressBar(total=1.0, completed=self._watched.share, width=BAR))
        shown.insert(1, bar)
        return Group(*shown)


def _standing(batches: Sequence[BatchMoved]) -> str:
    """How batches stand, as far as their providers tell: `batches: openai running, 120 of 400 done`."""
    said = []
    for batch in batches[:BATCHES]:
        if batch.done is not None:
            done = f"{batch.done:,} of {batch.count:,} done"
        else:
            done = f"{batch.count:,} requests, how many are done is not known"
        again = f", trying again: {batch.fault}" if batch.fault else ""
        said.append(f"{batch.provider} {batch.state}, {done}{again}")
    more = f"; {len(batches) - BATCHES} more" if len(batches) > BATCHES else ""
    return f"batches: {'; '.join(said)}{more}" if said else ""


def _calls(work: PromptWork, lost: int) -> str:
    """`34/120 calls (8 in flight, 2 retries)`."""
    more = [
        f"{len(work.begun):,} in flight" if work.begun else "",
        f"{work.retries:,} {'retry' if work.retries == 1 else 'retries'}" if work.retries else "",
        f"{work.reused:,} from an earlier build" if work.reused else "",
    ]
    said = ", ".join(m for m in more if m)
    return f"{work.done:,}/{work.expected(lost):,} calls" + (f" ({said})" if said else "")


def _tokens(seen: Watched) -> str:
    if seen.unmeasured:
        return f"{seen.tokens:,} tokens and some that are not known" if seen.tokens else "tokens unknown"
    return f"{seen.tokens:,} tokens" if seen.tokens else ""


def _money(seen: Watched) -> str:
    """What all runs of the folder spent; nothing is said where nothing is to pay."""
    if seen.unpriced:
        return "cost unknown"
    limit = seen.spec.limits.budget
    spent = seen.cost if seen.budget is None else seen.budget.cost
    if limit is not None:
        return f"{dollars(spent)} of {dollars(limit)} spent"
    return f"{dollars(spent)} spent" if spent else ""


def _faults(seen: Watched) -> str:
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in seen.faults.most_common(2))
    return f"failed calls: {kinds}" if kinds else ""


def _servers(seen: Watched) -> str:
    return server_line(seen.answered, seen.failed, seen.away)


def _rejected(seen: Watched) -> str:
    most = seen.commonest
    if most is None:
        return ""
    reason = " ".join(most.reason.split())
    often = "" if most.count == seen.rejected else f", {most.count:,} of them"
    return f"{seen.rejected:,} rejected{often}: {most.rule}: {reason[:LONGEST]}"


def _clock_text(seconds: float) -> str:
    """A time to go, no finer than it can be known.

    >>> _clock_text(3), _clock_text(42), _clock_text(200), _clock_text(7400)
    ('under 5 s', '45 s', '3 min 20 s', '2 h 4 min')
    """
    if seconds < 5:
        return "under 5 s"
    step = 5 if seconds < 60 else 10 if seconds < 300 else 60
    whole = int(-(-seconds // step) * step)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    if whole < 60:
        return f"{whole} s"
    rest = f" {whole % 60} s" if whole % 60 else ""
    return f"{whole // 60} min{rest}"
