"""OpenAI's batches, and those of servers that have them too: a file of requests in, files of answers and errors out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from synthspec.inference.backends.openai import OpenAIBackend
from synthspec.inference.batches import NAME, BatchLimits, Remote, ResultLine, label_of
from synthspec.inference.batches.clients import dump_line, fault_of_line, misshapen, open_client, read_json_line, told
from synthspec.inference.transport.sdk import load
from synthspec.spec.messages import BackendFault, FaultKind, Request

MARK = "synthspec"  # the key of a batch's metadata under which its intent stands
_SKEW = 3600.0  # seconds that a provider's clock may be behind ours
_STATES = dict.fromkeys(("completed", "expired", "cancelled"), "ended") | {
    "cancelling": "cancelling",
    "failed": "failed",
}
_UNMADE = ("batch_expired", "batch_cancelled")  # requests that the provider did not come to
_LATER = ("token_limit_exceeded", "rate_limit_exceeded")  # too many tokens are queued: later there is room


class OpenAIBatches:
    """The batches of one server."""

    limits = BatchLimits(50_000, 200 * 10**6)
    proves = True

    def __init__(self, backend: OpenAIBackend) -> None:
        self._backend = backend
        sdk = load("openai", "OpenAI's batches", "")
        self._client, self._service = open_client(sdk, "OpenAI", backend, "OPENAI_CUSTOM_HEADERS")
        self.label = label_of(self._service.address, self._service.model)

    def route(self, request: Request) -> str:
        """The path of the API, which a batch has one of."""
        return "/v1/completions" if request.raw else "/v1/chat/completions"

    def line(self, custom_id: str, request: Request) -> bytes:
        """The request as a line of the input file."""
        _, body = self._backend.written(request)
        return dump_line({"custom_id": custom_id, "method": "POST", "url": self.route(request), "body": body})

    def upload(self, intent: str, lines: Path) -> str:
        """Upload the file of requests under the intent's name."""
        with told(self._service), lines.open("rb") as file:
            made = self._client.files.create(file=(_file_name(intent), file, "application/jsonl"), purpose="batch")
        if not isinstance(made.id, str) or not made.id:
            raise misshapen(self._service, "a file without an id")
        return made.id

    def submit(self, intent: str, route: str, lines: Path, file_id: str | None) -> Remote:
        """Begin the batch; its metadata hold the intent."""
        with told(self._service, charged=True):
            made = self._client.batches.create(
                input_file_id=file_id or "", endpoint=route, completion_window="24h", metadata={MARK: intent}
            )
        return self._remote(made)

    def discard(self, intent: str, file_id: str | None) -> None:
        """Delete the file of requests."""
        with told(self._service):
            found = [file_id] if file_id is not None else list(self._files(intent))
            for one in found:
                self._client.files.delete(one)

    def _files(self, intent: str) -> Iterator[str]:
        for file in self._client.files.list(purpose="batch", order="desc"):
            if file.filename == _file_name(intent):
                yield file.id

    def find(self, intent: str, count: int, since: float) -> Sequence[Remote]:
        """The batch whose metadata hold the intent. They are listed newest first."""
        with told(self._service):
            for batch in self._client.batches.list(limit=100):
                if (batch.metadata or {}).get(MARK) == intent:
                    return [self._remote(batch)]
                if isinstance(batch.created_at, int | float) and batch.created_at < since - _SKEW:
                    break
        return []

    def poll(self, remote_id: str) -> Remote:
        """How it stands."""
        with told(self._service, about="batch"):
            return self._remote(self._client.batches.retrieve(remote_id))

    def cancel(self, remote_id: str) -> None:
        """Ask for no more of it."""
        with told(self._service, about="batch"):
            self._client.batches.cancel(remote_id)

    def fetch(self, remote: Remote, into: BinaryIO) -> None:
        """The file of answers and the one of errors, one after the other."""
        with told(self._service, about="results"):
            for file in remote.files:
                with self._client.files.with_streaming_response.content(file) as answer:
                    for piece in answer.iter_bytes():
                        into.write(piece)
                into.write(b"\n")

    def read(self, line: bytes) -> ResultLine:
        """A line of either file."""
        value = read_json_line(line)
        custom_id, response, error = value.get("custom_id"), value.get("response"), value.get("error")
        if not isinstance(custom_id, str):
            raise ValueError("a line of results has a `custom_id`")
        if not isinstance(response, dict):
            code = error.get("code") if isinstance(error, dict) else None
            return ResultLine(custom_id, None if code in _UNMADE else fault_of_line(self._service, 500, error))
        status, body = response.get("status_code"), response.get("body")
        if isinstance(status, int) and status >= 300:
            error = body.get("error", body) if isinstance(body, dict) else body
            return ResultLine(custom_id, fault_of_line(self._service, status, error))
        try:
            return ResultLine(custom_id, self._backend.read(body, raw=_is_bare(body)))
        except BackendFault as fault:
            return ResultLine(custom_id, fault)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _remote(self, batch: Any) -> Remote:
        if not isinstance(batch.id, str) or not batch.id:
            raise misshapen(self._service, "a batch without an id")
        counts = batch.request_counts
        done = counts.completed + counts.failed if counts is not None else None
        files = tuple(f for f in (batch.output_file_id, batch.error_file_id) if f)
        kind, said = self._failure(batch)
        created = float(batch.created_at) if batch.created_at else None
        state: Any = _STATES.get(batch.status, "running")
        return Remote(batch.id, state, counts.total if counts is not None else None, done, created, files, kind, said)

    def _failure(self, batch: Any) -> tuple[FaultKind, str]:
        """Why a batch was turned down as a whole."""
        for error in (batch.errors.data or ()) if batch.errors is not None else ():
            kind = FaultKind.RATE_LIMITED if error.code in _LATER else FaultKind.BAD_REQUEST
            return kind, self._service.clean(f"{error.code or ''} {error.message or ''}".strip())
        return FaultKind.BAD_REQUEST, ""


def _file_name(intent: str) -> str:
    return f"{NAME}{intent}.jsonl"


def _is_bare(body: Any) -> bool:
    with contextlib.suppress(LookupError, TypeError):
        return "message" not in body["choices"][0] and "text" in body["choices"][0]
    return False
