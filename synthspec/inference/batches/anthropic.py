"""Anthropic's message batches: requests go with the submission, results come unordered and are kept for 29 days.

A batch has no name of ours. One that was submitted without our hearing of it is looked for by when it was made and how
many requests it has, and is ours only once a result's `custom_id` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from synthspec.inference.backends.anthropic import AnthropicBackend
from synthspec.inference.batches import BatchLimits, Remote, ResultLine, label_of
from synthspec.inference.batches.clients import (
    dump_line,
    fault_of_line,
    gone,
    misshapen,
    open_client,
    read_json_line,
    told,
)
from synthspec.inference.transport.sdk import load
from synthspec.spec.messages import BackendFault, FaultKind, Request

_SKEW = 300.0  # seconds that the provider's clock may differ from ours
_COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class AnthropicBatches:
    """The message batches of one workspace."""

    limits = BatchLimits(100_000, 256 * 10**6)
    proves = False

    def __init__(self, backend: AnthropicBackend) -> None:
        self._backend = backend
        sdk = load("anthropic", "Anthropic's batches", "anthropic")
        self._client, self._service = open_client(sdk, "Anthropic", backend, "ANTHROPIC_CUSTOM_HEADERS")
        self.label = label_of(self._service.address, self._service.model)
        self._batches = self._client.messages.batches

    def route(self, request: Request) -> str:
        """One for all."""
        return "/v1/messages"

    def line(self, custom_id: str, request: Request) -> bytes:
        """The request, one of those that are submitted."""
        _, body = self._backend.written(request)
        return dump_line({"custom_id": custom_id, "params": body})

    def upload(self, intent: str, lines: Path) -> None:
        """Nothing: the requests go with the submission."""

    def submit(self, intent: str, route: str, lines: Path, file_id: str | None) -> Remote:
        """Begin the batch."""
        with lines.open("rb") as file:
            requests = [read_json_line(line) for line in file]
        with told(self._service, charged=True):
            return self._remote(self._batches.create(requests=requests))

    def discard(self, intent: str, file_id: str | None) -> None:
        """Nothing: there is no file."""

    def find(self, intent: str, count: int, since: float) -> Sequence[Remote]:
        """Batches of so many requests that were made since, the earliest first."""
        found: list[Remote] = []
        with told(self._service):
            for batch in self._batches.list(limit=1000):
                remote = self._remote(batch)
                if remote.created is not None and remote.created < since - _SKEW:
                    break
                if remote.count == count and batch.archived_at is None:
                    found.append(remote)
        return found[::-1]

    def poll(self, remote_id: str) -> Remote:
        """How it stands."""
        with told(self._service, about="batch"):
            return self._remote(self._batches.retrieve(remote_id))

    def cancel(self, remote_id: str) -> None:
        """Ask for no more of it."""
        with told(self._service, about="batch"):
            self._batches.cancel(remote_id)

    def fetch(self, remote: Remote, into: BinaryIO) -> None:
        """The results, as they stand in the provider's file."""
        if not remote.files:
            raise gone(self._service, "results", "it keeps them for 29 days")
        with told(self._service, about="results"), self._batches.with_streaming_response.results(remote.id) as answer:
            for piece in answer.iter_bytes():
                into.write(piece)

    def read(self, line: bytes) -> ResultLine:
        """A line of results."""
        value = read_json_line(line)
        custom_id, result = value.get("custom_id"), value.get("result")
        if not isinstance(custom_id, str) or not isinstance(result, dict):
            raise ValueError("a line of results has a `custom_id` and a `result`")
        kind = result.get("type")
        if kind in ("expired", "canceled"):
            return ResultLine(custom_id, None)
        if kind == "errored":
            return ResultLine(custom_id, self._fault(result.get("error")))
        try:
            return ResultLine(custom_id, self._backend.read(result.get("message")))
        except BackendFault as fault:
            return ResultLine(custom_id, fault)

    def _fault(self, error: Any) -> BackendFault:
        """What the provider says of one request; the error may stand in an envelope of its own."""
        inner = error.get("error") if isinstance(error, dict) and isinstance(error.get("error"), dict) else error
        name = inner.get("type") if isinstance(inner, dict) else None
        status = _STATUS.get(name, 500) if isinstance(name, str) else 500
        return fault_of_line(self._service, status, inner)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _remote(self, batch: Any) -> Remote:
        """Counts stay at zero until all of a batch is done, so what is done is not known before."""
        if not isinstance(batch.id, str) or not batch.id:
            raise misshapen(self._service, "a batch without an id")
        counts = [getattr(batch.request_counts, name, 0) or 0 for name in _COUNTS]
        ended = batch.processing_status == "ended"
        state: Any = "ended" if ended else "cancelling" if batch.processing_status == "canceling" else "running"
        done = sum(counts[1:]) if ended else None
        files = (batch.results_url,) if batch.results_url else ()
        created = _seconds(batch.created_at)
        return Remote(batch.id, state, sum(counts) or None, done, created, files, FaultKind.OVERLOADED)


def _seconds(moment: Any) -> float | None:
    if not isinstance(moment, datetime):
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
