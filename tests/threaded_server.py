"""A server on 127.0.0.1 in a thread of its own, with a loop of its own: `with Server() as server: server.url`."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from typing import Self

from aiohttp import web


class ThreadedServer(ABC):
    """All that a server of the tests does but answer. `port` 0 is one that is free; `url` is known once it listens."""

    path = ""  # of what `url` names

    def __init__(self, port: int = 0) -> None:
        self.url = ""
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ready = threading.Event()

    @abstractmethod
    def application(self) -> web.Application:
        """What answers."""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(300), "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)  # to the end of its tasks: what is left of one is told when Python ends

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self.start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        _end_tasks(self._loop)
        self._loop.close()

    async def start(self) -> web.AppRunner:
        """Listen, in the loop that runs."""
        runner = web.AppRunner(self.application(), shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, backlog=4096, reuse_address=True).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}{self.path}"
        return runner


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel every task of a loop that has stopped, those too that others begin as they end."""
    for _ in range(100):
        left = asyncio.all_tasks(loop)
        if not left:
            return
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
