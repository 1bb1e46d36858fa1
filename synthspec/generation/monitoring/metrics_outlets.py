"""Where metrics are given out: a port that Prometheus asks, or a file that is written again and again."""

from __future__ import annotations

import errno
import os
import re
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Protocol

from synthspec.dataset.atomic_files import write_whole
from synthspec.diagnostics.errors import SynthspecError, system_reason
from synthspec.generation.monitoring.exposition import CONTENT_TYPE

EVERY = 5.0  # seconds between two writings of a file
PATIENCE = 5.0  # seconds that somebody who asks has to say what
LOOPBACK = "127.0.0.1"
_ADDRESS = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)?:)?(?P<port>\d{1,6})\Z")
_NEARLY_ADDRESS = re.compile(r"-?\d+\Z|(?!\w:\\)[\w.-]+:[^/\\.]*\Z")
_OURS = "# HELP synthspec_"


class MetricsFault(SynthspecError):
    """Metrics cannot be given out there; `help` says what to do about it."""


class Outlet(Protocol):
    """Where metrics are given out; `close` gives out the last, and ends it."""

    def close(self) -> None: ...


def open_outlet(place: str, text: Callable[[], str], warn: Callable[[str], None]) -> Outlet:
    """Begin to give out metrics: at a port, for `9464` or `0.0.0.0:9464`, else in the file of that path.

    `text` gives the metrics as they are, in any thread; `warn` is told once that they cannot be written.

    Raises:
        MetricsFault: the port or the file cannot be used.
    """
    address = _ADDRESS.match(place)
    if address is None and _NEARLY_ADDRESS.match(place):
        raise MetricsFault(f"metrics: '{place}' names no port", "write a port such as 9464, HOST:PORT, or a file", 2)
    if address is None:
        return MetricsFile(Path(place), text, warn)
    host, port = address["host"], int(address["port"])
    if host is None and place.startswith(":"):
        help = f"write {port} for this machine alone, or 0.0.0.0:{port} for every machine that can reach it"
        raise MetricsFault(f"metrics: '{place}' does not say who may ask", help, 2)
    if port > 65535:
        raise MetricsFault(f"metrics: there is no port {port}", "a port is a number from 0 to 65535", 2)
    return MetricsServer((host or LOOPBACK).strip("[]"), port, text)


class MetricsServer:
    """Answers `GET /metrics` in threads of its own, for as long as it is open. Port 0 is any that is free."""

    def __init__(self, host: str, port: int, text: Callable[[], str]) -> None:
        try:
            self._server = _server(host, port, text)
        except OSError as e:
            why = "it is in use" if e.errno == errno.EADDRINUSE else system_reason(e)
            help = "name another port; 0 takes any that is free"
            if isinstance(e, socket.gaierror):
                why, help = "there is no such host", "write a port alone for this machine, or one of its addresses"
            raise MetricsFault(f"metrics cannot be given out at {host}:{port}: {why}", help, 3) from None
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_address[1]}/metrics"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give out no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # who asked has gone
            super().handle_error(request, client_address)


def _server(host: str, port: int, text: Callable[[], str]) -> _Server:
    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE
        server_version, sys_version = "synthspec", ""

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            there = self.path.partition("?")[0] == "/metrics"
            body = text().encode() if there else b"metrics are at /metrics\n"
            self.send_response(200 if there else 404)
            self.send_header("Content-Type", CONTENT_TYPE if there else "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: standard error is the build's."""

    class Server(_Server):
        address_family = _family(host)

    return Server((host, port), Handler)


def _family(host: str) -> int:
    import socket

    return socket.AF_INET6 if ":" in host else socket.AF_INET


class MetricsFile:
    """A file that always holds whole metrics: written anew every few seconds, and once more at the end."""

    def __init__(self, path: Path, text: Callable[[], str], warn: Callable[[str], None], every: float = EVERY) -> None:
        self._path, self._text, self._warn, self._every = path, text, warn, every
        self._done = threading.Event()
        self._warned = False
        _refuse_unfit(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text())
        except OSError as e:
            said = system_reason(e)
            raise MetricsFault(f"metrics cannot be written to {path}: {said}", "name another file", 3) from None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write the last figures."""
        self._done.set()
        self._thread.join()
        self._write()

    def _run(self) -> None:
        while not self._done.wait(self._every):
            self._write()

    def _write(self) -> None:
        try:
            write_whole(self._path, self._text())
        except OSError as e:
            if not self._warned:
                self._warned = True
                said = system_reason(e)
                self._warn(f"metrics cannot be written to {self._path}: {said}; the build continues")


def _refuse_unfit(path: Path) -> None:
    """Write over nothing but metrics."""
    if path.suffix == ".csv":
        help = "for metrics.csv, a line for each call, give --metrics no value; for Prometheus name a .prom file"
        raise MetricsFault(f"metrics: {path} would be no table", help, 2)
    try:
        if path.is_dir():
            raise MetricsFault(f"metrics cannot be written to {path}: it is a folder", "name a file in it", 2)
        if not path.exists():
            return
        with path.open("rb") as file:
            begun = file.read(len(_OURS))
    except OSError as e:
        said = system_reason(e)
        raise MetricsFault(f"metrics cannot be written to {path}: {said}", "name another file", 3) from None
    if begun and begun != _OURS.encode():
        raise MetricsFault(f"{path} is not a metrics file, and would be overwritten", "name another file", 2)
