"""The servers that each endpoint's batches may go to, and over which its calls are spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from synthspec.inference.batches.desk import Batch
from synthspec.inference.batches.rounds import BatchAddress, spread_round

if TYPE_CHECKING:
    from synthspec.inference.engines import Call


class BatchServers:
    """By endpoint, its servers. One that turned a batch away gets no more while another one takes them."""

    def __init__(self, places: Mapping[str, Sequence[BatchAddress]]) -> None:
        self._places = places
        self._down: set[str] = set()  # labels

    def by_label(self) -> dict[str, BatchAddress]:
        """Every server, by what is noted of its batches."""
        return {place.label: place for some in self._places.values() for place in some}

    def spread(self, calls: Sequence[Call], batches: Iterable[Batch]) -> list[tuple[BatchAddress, Call]]:
        """Where each call of a round goes, beside the batches that are under way."""
        under_way = Counter[str]()
        for batch in batches:
            under_way[batch.place.label] += len(batch.keys)
        by_endpoint: dict[str, list[Call]] = {}
        for call in calls:
            by_endpoint.setdefault(call.endpoint, []).append(call)
        found: list[tuple[BatchAddress, Call]] = []
        for endpoint, some in by_endpoint.items():
            servers = self._places[endpoint]
            found += spread_round(some, [s for s in servers if s.label not in self._down] or servers, under_way)
        return found

    def turned_away(self, place: BatchAddress) -> bool:
        """Note that a server did not take a batch, and tell whether another one may. Once all of them have turned one
        away, the next round tries each of them again."""
        self._down.add(place.label)
        servers = {s.label for some in self._places.values() if place.label in {p.label for p in some} for s in some}
        if servers - self._down:
            return True
        self._down -= {*servers, place.label}
        return False
