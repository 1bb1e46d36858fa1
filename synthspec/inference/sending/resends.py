"""What a call that failed comes to: the request is sent again, given up, or the run stops."""

from __future__ import annotations

from synthspec.inference.accounting.ledger import Worst
from synthspec.inference.outcomes import Failed, Id
from synthspec.inference.sending.endpoints import Endpoint
from synthspec.inference.sending.server_pool import ServerPool
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import FAULT_RULES, BackendFault, FaultKind, Request
from synthspec.spec.rows import Rejection, Stage

MAX_RESENDS = 8  # times one request is sent again after faults that may pass
HOPELESS = 2  # the same for a server that never answered


@dataclass(slots=True)
class PendingRequest:
    """A request that has no reply yet."""

    id: Id
    request: Request
    worst: Worst
    resends: int = 0
    not_before: float = 0.0  # on the clock of the event loop
    under_way: bool = False  # an earlier run sent it, and what is set aside for it is this run's already
    failed_at: tuple[str, ...] = ()  # of several servers, those where it failed
    refused_by: tuple[str, ...] = ()  # those that said that no later call can succeed either


def after_fault(
    asked: PendingRequest, fault: BackendFault, endpoint: Endpoint, server: str, now: float
) -> Failed | str | None:
    """None where the request is to be sent again, noted in `asked`; why it is given up, or why the run stops."""
    rule, provider = FAULT_RULES[fault.kind], endpoint.sender.choice.provider
    if not rule.retry and not rule.stop:
        return Failed(Rejection(Stage.CALL, str(fault.kind), fault.message))
    if endpoint.pool is not None and server:
        return _elsewhere(asked, fault, endpoint, endpoint.pool, server, now)
    away = fault.kind is FaultKind.UNREACHABLE and fault.of_server
    hopeless = away and not endpoint.answered and asked.resends >= HOPELESS
    if rule.stop or hopeless:
        return f"{provider}: {fault.message}"
    dead = endpoint.governor.dead()
    if dead is not None:
        return f"{provider}: {dead} (last: {fault.message})"
    return _later(asked, fault, endpoint, now)


def _elsewhere(
    asked: PendingRequest, fault: BackendFault, endpoint: Endpoint, pool: ServerPool, server: str, now: float
) -> Failed | str | None:
    """The request goes to another server at once, and after a while once it failed at each; as often as it would be
    sent again to one, for each of them.

    A server that was not reached does not count: no request is to blame for that, and one that is away is asked rarely.
    """
    provider, servers = endpoint.sender.choice.provider, len(pool.names)
    if FAULT_RULES[fault.kind].stop and server not in asked.refused_by:
        asked.refused_by += (server,)
    if (said := pool.given_up()) is not None:
        return f"{provider}: {said}"
    if len(asked.refused_by) == servers:
        return f"{provider}: {pool.faults()}"
    asked.not_before = 0.0
    asked.failed_at = tuple({**dict.fromkeys(asked.failed_at), server: None})
    everywhere = len(asked.failed_at) == servers
    if everywhere:
        asked.failed_at = (server,)
    if fault.kind is FaultKind.UNREACHABLE and fault.sent == "no":
        return None
    asked.resends += 1
    if asked.resends >= (MAX_RESENDS + 1) * servers:
        return Failed(no_answer(asked.resends, fault.message))
    if everywhere:
        asked.not_before = now + endpoint.governor.delay_before(asked.resends // servers, fault, asked.request.key)
    return None


def _later(asked: PendingRequest, fault: BackendFault, endpoint: Endpoint, now: float) -> Failed | None:
    """It is sent again after a while, as often as may be."""
    asked.resends += 1
    if asked.resends > MAX_RESENDS:
        return Failed(no_answer(MAX_RESENDS + 1, fault.message))
    asked.not_before = now + endpoint.governor.delay_before(asked.resends, fault, asked.request.key)
    return None


def no_answer(calls: int, last: str = "") -> Rejection:
    """A request to which so many calls got no reply; `last` is what the last of them came to."""
    said = f"no answer after {calls} calls"
    return Rejection(Stage.CALL, "no answer", f"{said}; the last: {last}" if last else said)
