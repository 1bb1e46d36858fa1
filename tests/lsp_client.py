"""A small client of the Language Server Protocol over a process's standard input and output, as an editor is one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

ROOT = Path(__file__).parent.parent
PATIENCE = 20  # seconds: only ever waited for where something is broken


class Client:
    """A server in a process of its own, and what it said so far."""

    def __init__(self, folder: Path, encoding: str = "utf-16") -> None:
        command = [sys.executable, "-m", "synthspec", "lsp", "--stdio"]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.folder = folder
        self.received: Queue[dict[str, Any] | None] = Queue()
        self.notices: deque[dict[str, Any]] = deque()
        self.replies: dict[int, dict[str, Any]] = {}
        self.next = 0
        Thread(target=self._read, daemon=True).start()
        general = {"general": {"positionEncodings": [encoding]}}
        self.capabilities = self.request(
            "initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": general}
        )["result"]
        self.notify("initialized", {})

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while True:
            length = 0
            while (line := stream.readline()).strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if not length:
                break
            self.received.put(json.loads(stream.read(length)))
        self.received.put(None)

    def send_bytes(self, body: bytes) -> None:
        stream = self.process.stdin
        assert stream is not None
        stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        stream.flush()

    def send(self, message: dict[str, Any]) -> None:
        self.send_bytes(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def notify(self, method: str, params: Any) -> None:
        self.send({"method": method, "params": params})

    def ask(self, method: str, params: Any) -> int:
        """Send a request, and do not wait."""
        self.next += 1
        self.send({"id": self.next, "method": method, "params": params})
        return self.next

    def request(self, method: str, params: Any) -> dict[str, Any]:
        """The whole reply: `result` or `error`."""
        return self.reply(self.ask(method, params))

    def reply(self, number: int) -> dict[str, Any]:
        while number not in self.replies:
            self._take()
        return self.replies.pop(number)

    def _take(self) -> None:
        try:
            message = self.received.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError("the server says nothing more") from None
        assert message is not None, f"the server has ended: {self.process.poll()}"
        if "method" in message:
            self.notices.append(message)
        elif message.get("id") is not None:
            self.replies[message["id"]] = message

    def diagnostics(self, uri: str, version: int | None) -> list[dict[str, Any]]:
        """Those that are published for a version of a file."""
        while True:
            while self.notices:
                notice = self.notices.popleft()
                params = notice["params"]
                if (
                    notice["method"] == "textDocument/publishDiagnostics"
                    and params["uri"] == uri
                    and params.get("version") == version
                ):
                    return params["diagnostics"]
            self._take()

    # --- what an editor does

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str, version: int = 1, language: str = "yaml") -> str:
        document = {"uri": self.uri(name), "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return self.uri(name)

    def change(self, uri: str, version: int, *changes: dict[str, Any]) -> None:
        self.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": version}, "contentChanges": list(changes)},
        )

    def at(self, method: str, uri: str, line: int, character: int, **more: Any) -> dict[str, Any]:
        place = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}, **more}
        return self.request(f"textDocument/{method}", place)

    def end(self) -> int:
        """Shut it down as an editor does; its exit status."""
        if self.process.poll() is None:
            self.request("shutdown", None)
            self.notify("exit", None)
        status = self.process.wait(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        return status
