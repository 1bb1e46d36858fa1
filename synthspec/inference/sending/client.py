"""Completions for requests that belong to no row: a report's judge, its embeddings. They are made as a build's are:
stored, set aside, limited, retried, and made once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from synthspec.inference.accounting.counters import Tally
from synthspec.inference.accounting.counting import count_event
from synthspec.inference.accounting.ledger import Ledger
from synthspec.inference.engines.local import LocalEngine
from synthspec.inference.events import CallDone, Event
from synthspec.inference.outcomes import CallOutcome, Failed, Id
from synthspec.inference.sending.endpoints import Endpoint
from synthspec.inference.sending.sender import CallQueue
from synthspec.spec.messages import BackendFault, Completion, FaultKind, Request


async def complete_all(
    requests: Sequence[Request], endpoint: Endpoint, ledger: Ledger, timeout: float, tally: Tally
) -> list[Completion | None]:
    """The completion of each request; None where the provider will not answer it.

    Raises:
        BackendFault: the provider cannot be asked, or a limit is reached; what came is stored.
        StoreFault: a completion could not be stored.
    """
    endpoints = {r.prompt: endpoint for r in requests}
    events: list[Event] = []
    sends = CallQueue(LocalEngine(endpoints, timeout), ledger, endpoints, events)
    found: dict[str, Completion] = {}
    answers: deque[tuple[Id, CallOutcome]] = deque()
    left = len(requests)
    try:
        for place, request in enumerate(requests):
            outcome = sends.ask(((place,), 0), request)
            if outcome is not None:
                answers.append((((place,), 0), outcome))
        while left > len(answers):
            answers.extend(await sends.send())
            if left > len(answers):
                answers.extend(await sends.receive())
    finally:
        await sends.shut()
        for event in events:
            count_event(tally, event)
            if isinstance(event, CallDone):
                found[event.request.key] = event.completion
    completions = [found.get(r.key) for r in requests]
    refused = {id[0][0] for id, outcome in answers if isinstance(outcome, Failed)}
    if sends.stopping is not None and any(c is None and i not in refused for i, c in enumerate(completions)):
        raise BackendFault(FaultKind.UNREACHABLE, sends.stopping)
    return completions
