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
