"""The server of the studio, on this machine alone."""

from __future__ import annotations

import errno
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from synthspec.diagnostics.errors import SynthspecError
from synthspec.studio.application import make_app
from synthspec.studio.context import Studio, warm_up
from synthspec.studio.security import LOOPBACK, Door

PORT = 8765  # where none is asked for, if it is free


class StudioFault(SynthspecError):
    """The studio cannot be started."""


def serve(folder: Path, port: int | None, *, opens: bool, tell: Callable[[str], None]) -> None:
    """Serve the specs of a folder until the process is interrupted. `tell` is given each address to be shown.

    Raises:
        StudioFault: the folder is none, or the port is in use.
    """
    if not folder.is_dir():
        raise StudioFault(f"'{folder}' is not a folder", "name the folder of your specs", 2)
    listening = _listen(port)
    studio = Studio(folder, Door(listening.getsockname()[1], tell))
    server = StudioServer(studio)
    tell(studio.door.address)
    threading.Thread(target=warm_up, daemon=True).start()
    if opens:
        threading.Thread(target=webbrowser.open, args=(studio.door.address,), daemon=True).start()
    with listening:
        server.run(sockets=[listening])


class StudioServer(uvicorn.Server):
    """The server of one studio. It logs nothing: addresses hold a token."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(
            uvicorn.Config(
                make_app(studio),
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=1,  # streams have no end of their own
                ws="none",
            )
        )
        self.studio = studio


def _listen(port: int | None) -> socket.socket:
    """A socket of this machine alone. A port that was asked for must be free; else any that is."""
    wanted = (PORT, 0) if port is None else (port,)
    for number in wanted:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((LOOPBACK, number))
            listening.listen(128)  # whoever comes before the server does waits
        except OSError as e:
            listening.close()
            if number == wanted[-1]:
                said = "is in use" if e.errno == errno.EADDRINUSE else f"cannot be used: {e.strerror}"
                help = "name another with --port, or leave it out for any that is free"
                raise StudioFault(f"port {number} {said}", help, 2) from None
        else:
            return listening
    raise AssertionError
