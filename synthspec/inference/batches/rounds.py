"""Calls → the batches of one round: apart by where they go, within what a batch may hold, the lowest paths first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heapreplace
from typing import TYPE_CHECKING

from synthspec.inference.batches import INTENT, BatchLimits, BatchService
from synthspec.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from synthspec.inference.engines import Call


@dataclass(frozen=True, slots=True)
class BatchAddress:
    """Where the calls of an endpoint go. `label` names server and model, for whoever asks about a batch later."""

    provider: str
    label: str
    service: BatchService

    def named(self, remote_id: str) -> str:
        """A batch of this server among those of all: two servers may give theirs the same names."""
        return remote_name(self.label, remote_id)


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """Calls that make one batch, and what each takes of it."""

    place: BatchAddress
    route: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A call that no batch can hold."""

    call: Call
    size: int  # bytes


def remote_name(label: str, remote_id: str) -> str:
    """A batch among those of all servers, by the label of its place."""
    return f"{label.partition(' ')[0]} {remote_id}"


def spread_round(
    calls: Iterable[Call], places: Sequence[BatchAddress], under_way: Mapping[str, int]
) -> list[tuple[BatchAddress, Call]]:
    """Which server each call of a round goes to: stretches of the order of rows, of such lengths that all servers come
    to hold alike many. `under_way` are the calls that each holds, by label."""
    order = sorted(calls, key=lambda call: (call.path, call.send))
    if len(places) == 1:
        return [(places[0], call) for call in order]
    shares = dict.fromkeys((place.label for place in places), 0)
    loads = [(under_way.get(place.label, 0), n) for n, place in enumerate(places)]
    heapify(loads)
    for _ in order:
        load, n = loads[0]
        shares[places[n].label] += 1
        heapreplace(loads, (load + 1, n))
    goes = (place for place in places for _ in range(shares[place.label]))
    return list(zip(goes, order, strict=True))


def split_round(calls: Iterable[tuple[BatchAddress, Call]], most: dict[str, int]) -> Iterator[PlannedBatch | TooLarge]:
    """The batches of these calls. `most` are fewer requests than the provider's own limit, by label."""
    groups: dict[tuple[str, str], tuple[BatchAddress, list[Call]]] = {}
    for place, call in calls:
        route = place.service.route(call.request)
        groups.setdefault((place.label, route), (place, []))[1].append(call)
    for (label, route), (place, some) in groups.items():
        limits = place.service.limits
        count = min(limits.requests, most.get(label, limits.requests))
        some.sort(key=lambda call: (call.path, call.send))
        for found in _within(some, BatchLimits(count, limits.size), place.service):
            yield PlannedBatch(place, route, found) if isinstance(found, tuple) else found


def _within(calls: list[Call], limits: BatchLimits, service: BatchService) -> Iterator[tuple[Call, ...] | TooLarge]:
    taken: list[Call] = []
    size = 0
    for call in calls:
        length = len(service.line("0" * (INTENT + len(call.request.key)), call.request)) + 1
        if length > limits.size:
            yield TooLarge(call, length)
            continue
        if taken and (len(taken) >= limits.requests or size + length > limits.size):
            yield tuple(taken)
            taken, size = [], 0
        taken.append(call)
        size += length
    if taken:
        yield tuple(taken)
