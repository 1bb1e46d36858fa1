"""A run's figures as a fold over its events."""

from __future__ import annotations

from synthspec.inference.accounting.counters import ServerCalls, Tally
from synthspec.inference.events import (
    CallBegun,
    CallDone,
    CallFailed,
    CallUnsent,
    Counted,
    Event,
    RowDropped,
    RowKept,
    RowMissing,
    Started,
)


def count_event(tally: Tally, event: Event) -> None:
    """Take one event into the figures of its run."""
    match event:
        case Started(servers=servers):
            tally.servers.update((name, ServerCalls()) for name in servers)
        case CallBegun():
            tally.in_flight += 1
        case CallDone(_, _, completion, server):
            if not completion.reused:
                tally.in_flight -= 1
            tally.completed(completion)
            if server:
                tally.servers[server].answered += 1
        case CallUnsent():
            tally.in_flight -= 1
        case CallFailed(_, _, kind, again, server, message, charged):
            tally.in_flight -= 1
            tally.unanswered(charged)
            tally.last_fault = message
            if server:
                tally.servers[server].failed += 1
            if again:
                tally.retries += 1
                tally.faults[kind] += 1
        case Counted(_, asked, held, rejections):
            if asked:
                tally.held(asked, held)
            tally.rejected(rejections)
        case RowKept(row):
            tally.kept += 1
            tally.used += sum(1 for key in row.keys if key) if row.uses is None else row.uses
        case RowMissing(missing):
            tally.missing[missing.stage] += 1
        case RowDropped(rule=rule):
            tally.dropped[rule] += 1
