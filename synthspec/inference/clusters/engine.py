"""The engine of a cluster: the local engine's tasks, places and governors, but workers make the calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from synthspec.inference.clusters.crew import Crew
from synthspec.inference.engines import Call, How
from synthspec.inference.engines.local import LocalEngine
from synthspec.spec.messages import BackendFault, Reply

if TYPE_CHECKING:
    from synthspec.inference.backends import Backend
    from synthspec.inference.sending.endpoints import Endpoint


class ClusterEngine(LocalEngine):
    """`names` are the backends as workers know them, by the identity of the driver's own, which make no call."""

    def __init__(self, endpoints: Mapping[str, Endpoint], timeout: float, crew: Crew, names: Mapping[int, str]) -> None:
        super().__init__(endpoints, timeout)
        self._crew, self._names = crew, names

    def room(self, endpoint: str) -> int:
        """No more than workers have room for: what waits for one would hold a place at its server."""
        room = super().room(endpoint)
        return min(room, self._crew.room) if self._tasks else room

    async def close(self, how: How) -> None:
        await super().close(how)
        if how == "cancel":
            await self._crew.close()

    async def settled(self) -> None:
        """Let the workers go."""
        await self._crew.close()

    async def _ask(self, backend: Backend, call: Call) -> tuple[Reply | BackendFault, float]:
        return await self._crew.complete(self._names[id(backend)], call.request, lambda: self._sent.add(call.send))
