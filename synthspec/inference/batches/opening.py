"""Where the batches of a backend are: of one in use, and of one that an earlier run used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthspec.diagnostics import Span
from synthspec.inference.backends import Backend, BackendContext, open_backend
from synthspec.inference.batches import BatchLimits
from synthspec.inference.batches.offers import batch_fault, offer_of
from synthspec.inference.batches.rounds import BatchAddress
from synthspec.spec import BackendChoice
from synthspec.spec.messages import BackendFault, FaultKind

if TYPE_CHECKING:
    from synthspec.inference.sending.endpoints import Endpoint
    from synthspec.inference.store.batches import StoredBatch

HERE = Span("run.sqlite", 1, 1, 1, 1)  # of what is noted, and stands in no spec


def open_places(endpoints: Mapping[str, Endpoint]) -> dict[str, tuple[BatchAddress, ...]]:
    """Where the calls of each endpoint may go: to each of its servers.

    Raises:
        BackendFault: a provider has no batches, or their SDK is not installed.
    """
    made: dict[int, tuple[BatchAddress, ...]] = {}
    for endpoint in endpoints.values():
        if id(endpoint) not in made:
            backends = endpoint.backends or (endpoint.backend,)
            made[id(endpoint)] = tuple(_place(endpoint.sender.choice, backend) for backend in backends)
    return {name: made[id(endpoint)] for name, endpoint in endpoints.items()}


def _place(choice: BackendChoice, backend: Backend) -> BatchAddress:
    offer = offer_of(choice.provider)
    if offer is None:
        raise BackendFault(FaultKind.BAD_REQUEST, f"{batch_fault(choice)}: build with --engine local")
    service = offer.open(backend)
    return BatchAddress(choice.provider, service.label, service)


def reopen_place(stored: StoredBatch) -> BatchAddress:
    """Where a batch is that an earlier run handed in, by what is noted of it and the keys of the environment. One that
    cannot be asked for says so whenever it is asked."""
    address, _, model = stored.endpoint.partition(" ")
    choice = BackendChoice(stored.provider, model, {"base_url": address}, {}, None, HERE)
    try:
        return _place(choice, open_backend(choice, BackendContext(None, {})))  # type: ignore[arg-type]
    except LookupError:
        fault = BackendFault(FaultKind.BAD_REQUEST, f"there is no provider '{stored.provider}'")
    except BackendFault as found:
        fault = found
    return BatchAddress(stored.provider, stored.endpoint, OutOfReach(stored.endpoint, fault))


class OutOfReach:
    """Stands for batches that cannot be asked for: everything raises the same fault."""

    limits = BatchLimits(1, 1)
    proves = True

    def __init__(self, label: str, fault: BackendFault) -> None:
        self.label = label
        self._fault = fault

    def _raise(self, *_: Any, **__: Any) -> Any:
        raise self._fault

    route = line = upload = submit = discard = find = poll = cancel = fetch = read = _raise

    def close(self) -> None:
        """Nothing is open."""
