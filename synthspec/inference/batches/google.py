"""Google's batches of the Gemini API: a file of requests in, found again by the display name, a file of answers out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from synthspec.inference.backends.google import GoogleBackend
from synthspec.inference.batches import NAME, BatchLimits, Remote, ResultLine, label_of
from synthspec.inference.batches.clients import (
    PATIENCE,
    dump_line,
    fault_of_line,
    guard_headers,
    misshapen,
    read_json_line,
    told,
)
from synthspec.inference.transport.sdk import load
from synthspec.spec.messages import BackendFault, FaultKind, Request

_SKEW = 3600.0  # seconds that the provider's clock may be behind ours
_MOST = 50_000  # requests: Google names a size (2 GB) and no count
_STATES = {
    "JOB_STATE_SUCCEEDED": "ended",
    "JOB_STATE_PARTIALLY_SUCCEEDED": "ended",
    "JOB_STATE_CANCELLED": "ended",
    "JOB_STATE_EXPIRED": "ended",
    "JOB_STATE_FAILED": "failed",
    "JOB_STATE_CANCELLING": "cancelling",
}
_STATUS = {3: 400, 5: 404, 7: 403, 8: 429, 13: 500, 14: 503, 16: 401, 4: 504, 9: 400, 11: 400}  # of google.rpc.Code
_UNMADE = (1,)  # cancelled


class GoogleBatches:
    """The batches of one project."""

    limits = BatchLimits(_MOST, 2 * 10**9)
    proves = True

    def __init__(self, backend: GoogleBackend) -> None:
        sdk = load("google.genai", "Google's batches", "google")
        httpx = load("httpx", "Google's batches", "google")
        self._backend = backend
        self._service, headers = backend.connection()
        self.label = label_of(self._service.address, self._service.model)
        self._http = httpx.Client(
            follow_redirects=False, timeout=PATIENCE, event_hooks={"request": [guard_headers(headers)]}
        )
        options = {"base_url": self._service.address, "api_version": "v1beta", "httpx_client": self._http,
                   "timeout": int(PATIENCE * 1000)}  # fmt: skip
        self._client = sdk.Client(vertexai=False, api_key="none", http_options=options)

    def route(self, request: Request) -> str:
        """The model, which a batch has one of."""
        return self._backend.model

    def line(self, custom_id: str, request: Request) -> bytes:
        """The request as a line of the input file."""
        _, body = self._backend.written(request)
        return dump_line({"key": custom_id, "request": body})

    def upload(self, intent: str, lines: Path) -> str:
        """Upload the file of requests under the intent's name."""
        here = {"base_url": self._service.address, "timeout": int(PATIENCE * 1000)}  # wherever the answer points
        config = {"display_name": f"{NAME}{intent}", "mime_type": "application/jsonl", "http_options": here}
        with told(self._service):
            made = self._client.files.upload(file=lines, config=config)
        if not made.name:
            raise misshapen(self._service, "a file without a name")
        return str(made.name)

    def submit(self, intent: str, route: str, lines: Path, file_id: str | None) -> Remote:
        """Begin the batch; its display name holds the intent."""
        with told(self._service, charged=True):
            made = self._client.batches.create(model=route, src=file_id, config={"display_name": f"{NAME}{intent}"})
        return self._remote(made)

    def discard(self, intent: str, file_id: str | None) -> None:
        """Delete the file of requests. Google itself does so after two days."""
        with told(self._service):
            for name in [file_id] if file_id is not None else list(self._files(intent)):
                self._client.files.delete(name=name)

    def _files(self, intent: str) -> Iterator[str]:
        for file in self._client.files.list(config={"page_size": 100}):
            if file.display_name == f"{NAME}{intent}" and file.name:
                yield file.name

    def find(self, intent: str, count: int, since: float) -> Sequence[Remote]:
        """The batch of that display name. They are listed newest first."""
        with told(self._service):
            for job in self._client.batches.list(config={"page_size": 100}):
                if job.display_name == f"{NAME}{intent}":
                    return [self._remote(job)]
                if job.create_time is not None and job.create_time.timestamp() < since - _SKEW:
                    break
        return []

    def poll(self, remote_id: str) -> Remote:
        """How it stands."""
        with told(self._service, about="batch"):
            return self._remote(self._client.batches.get(name=remote_id))

    def cancel(self, remote_id: str) -> None:
        """Ask for no more of it."""
        with told(self._service, about="batch"):
            self._client.batches.cancel(name=remote_id)

    def fetch(self, remote: Remote, into: BinaryIO) -> None:
        """The file of answers."""
        with told(self._service, about="results"):
            for file in remote.files:
                into.write(self._client.files.download(file=file))
                into.write(b"\n")

    def read(self, line: bytes) -> ResultLine:
        """A line of the output file."""
        value = read_json_line(line)
        custom_id = value.get("key")
        if not isinstance(custom_id, str):
            raise ValueError("a line of results has a `key`")
        error, response = value.get("error"), value.get("response")
        if response is None:
            code = error.get("code") if isinstance(error, dict) else None
            if code in _UNMADE:
                return ResultLine(custom_id, None)
            known = code if isinstance(code, int) else 13
            status = known if 400 <= known < 600 else _STATUS.get(known, 500)
            return ResultLine(custom_id, fault_of_line(self._service, status, error))
        try:
            return ResultLine(custom_id, self._backend.read(response))
        except BackendFault as fault:
            return ResultLine(custom_id, fault)

    def close(self) -> None:
        """Close every connection."""
        with contextlib.suppress(Exception):
            self._client.close()
        self._http.close()

    def _remote(self, job: Any) -> Remote:
        """The SDK hands on no counts, so what is done is not known."""
        if not job.name:
            raise misshapen(self._service, "a batch without a name")
        name = getattr(job.state, "name", None) or str(job.state or "")
        state: Any = _STATES.get(name, "running")
        file = getattr(job.dest, "file_name", None)
        said = self._service.clean(str(getattr(job.error, "message", None) or "")) if job.error is not None else ""
        created = job.create_time.timestamp() if job.create_time is not None else None
        return Remote(str(job.name), state, None, None, created, (file,) if file else (), FaultKind.BAD_REQUEST, said)
