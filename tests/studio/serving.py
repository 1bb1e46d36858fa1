"""A studio that listens, and what a page of it is looked at for: shared by the tests of the studio."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from synthspec.studio.context import Studio
from synthspec.studio.security import Door
from synthspec.studio.server import StudioServer

PORT = 8765
OWN = f"http://127.0.0.1:{PORT}"  # the origin of the studio that tests without a network have


@contextlib.contextmanager
def served(folder: Path, home: Path | None = None, port: int = 0) -> Iterator[Studio]:
    """A studio that listens, for a browser; where it is to be found again, at a port."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    studio = Studio(folder, Door(listening.getsockname()[1]), home=home or folder)
    server = StudioServer(studio)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield studio
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@contextlib.contextmanager
def kept_port() -> Iterator[int]:
    """A port that nothing else takes between two studios which listen there, one after the other."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield keeper.getsockname()[1]


def soon(page: Any, so: Callable[[], bool], what: str = "it") -> None:
    """Wait until it is so, as a person would: what a page shows follows what is done to it, sooner or later."""
    end = time.monotonic() + 60
    while not so():
        assert time.monotonic() < end, f"{what} never came to be so"
        page.wait_for_timeout(50)


def until(page: Any, expression: str) -> None:
    """Wait until an expression of JavaScript is true. It is asked for again and again from here: the policy of the
    studio's pages lets none poll inside them."""
    soon(page, lambda: bool(page.evaluate(expression)), expression)


def violations(page: Any) -> list[str]:
    """What axe finds wrong with a page, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {node['html'][:160]} {node['failureSummary'][:300]}" for v in found for node in v["nodes"]]


def is_wider_than_its_window(page: Any) -> bool:
    """Whether a person must scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


class HeldRequests:
    """Requests of a page that are not answered until they are let go: what a slow studio is to the page. `which` says
    of the method and the body (None where there is none) whether a request is held."""

    def __init__(self, page: Any, address: str, which: Callable[[str, Any], bool] = lambda method, body: True) -> None:
        self._page, self._address, self._which = page, address, which
        self._held: list[Any] = []
        self._holding = True
        page.route(address, self._take)

    def _take(self, route: Any) -> None:
        if self._holding and self._which(route.request.method, route.request.post_data_json):
            self._held.append(route)
        else:
            route.continue_()

    def wait(self, count: int = 1) -> None:
        """Wait until so many are held."""
        soon(self._page, lambda: len(self._held) >= count, f"{count} requests to {self._address}")

    def let_go(self) -> None:
        """Let those go that are held, and hold no more."""
        self._holding = False
        for route in self._held:
            route.continue_()
        self._held.clear()

    def let_go_backwards(self) -> None:
        """Let those go that are held, the last first, each when the one before it is answered; hold no more."""
        self._holding = False
        for route in reversed(self._held):
            with self._page.expect_event("requestfinished", lambda request, route=route: request == route.request):
                route.continue_()
        self._held.clear()
