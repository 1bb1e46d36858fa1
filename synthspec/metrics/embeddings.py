"""Embeddings of texts by a model: an OpenAI-compatible server, Ollama, or sentence-transformers in this process.

A text is sent without what follows its first 4,000 characters, and nothing is kept on disk. A fault is a
`BackendFault`, as of any other call.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from synthspec.backends import _chat
from synthspec.backends._faults import Service, cut_reply, missing_key
from synthspec.backends._sdk import fault_of_sdk
from synthspec.metrics.vectors import CHARACTERS, Array
from synthspec.records import BackendFault, FaultKind

PROVIDERS = ("openai", "ollama", "sentence-transformers")
BATCH = 128  # texts of one call
TIMEOUT = 60.0  # seconds of one call

Fetch = Callable[[list[str]], Sequence[Sequence[float]]]


@dataclass(frozen=True)
class Embedder:
    """A model that turns texts into vectors."""

    name: str  # PROVIDER:MODEL
    fetch: Fetch
    service: Service

    def __call__(self, texts: Sequence[str]) -> Array:
        """One vector of length 1 a text: float32 of shape (texts, dimensions).

        Raises:
            BackendFault: the model could not be asked, or gave something else.
        """
        parts: list[Array] = []
        for at in range(0, len(texts), BATCH):
            batch = [t[:CHARACTERS] if t.strip() else "-" for t in texts[at : at + BATCH]]  # none takes an empty one
            parts.append(self._read(self.fetch(batch), len(batch)))
            if parts[-1].shape[1] != parts[0].shape[1]:
                raise self._fault("vectors of different lengths")
        vectors = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        found: Array = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
        return found

    def _read(self, sent: Any, count: int) -> Array:
        try:
            found = np.asarray(sent, np.float32)
        except (TypeError, ValueError):
            raise self._fault("something else") from None
        if found.ndim != 2 or found.shape[0] != count or not found.shape[1] or not np.isfinite(found).all():
            raise self._fault(f"something else than {count} vectors")
        return found

    def _fault(self, what: str) -> BackendFault:
        return BackendFault(FaultKind.BAD_REQUEST, f"{self.name} ({self.service.address}) sent {what} as embeddings")


def open_embedder(provider: str, model: str, base_url: str | None = None) -> Embedder:
    """The model, ready to be asked. Nothing is sent, but a model of this process is loaded.

    Raises:
        BackendFault: a key or a package is missing, or the address is none.
    """
    openers = {"openai": _openai, "ollama": _ollama, "sentence-transformers": _local}
    fetch, service = openers[provider](model, base_url)
    return Embedder(f"{provider}:{model}", fetch, service)


def _openai(model: str, base_url: str | None) -> tuple[Fetch, Service]:
    import openai

    keys = ("OPENAI_API_KEY",)
    address = _chat.address_of(base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1")
    host = urlsplit(address).hostname or ""
    name = "OpenAI" if host.endswith("openai.com") else "the server"
    key = _chat.key_from(keys)
    if not key and not _chat.is_local(host):
        raise missing_key("OpenAI" if name == "OpenAI" else host, keys)
    start = "start it, or correct --base-url" if _chat.is_local(host) else ""
    service = Service(name, address, model, keys, start, TIMEOUT, (key,))

    def fetch(texts: list[str]) -> Sequence[Sequence[float]]:
        try:
            with openai.OpenAI(api_key=key or "none", base_url=address, timeout=TIMEOUT) as client:
                answer = client.embeddings.create(model=model, input=texts, encoding_format="float")
        except Exception as e:  # the SDK and what is below it raise many kinds
            raise fault_of_sdk(service, e) from None
        if not getattr(answer, "data", None):
            raise cut_reply(service)
        return [entry.embedding for entry in sorted(answer.data, key=lambda entry: entry.index or 0)]

    return fetch, service


def _ollama(model: str, base_url: str | None) -> tuple[Fetch, Service]:
    import ollama

    client = ollama.Client(host=base_url, timeout=TIMEOUT)
    start = f"`ollama serve` starts one, `ollama pull {model}` fetches the model"
    keys = ("OLLAMA_API_KEY",)
    address = _chat.address_of(str(client._client.base_url))
    service = Service("Ollama", address, model, keys, start, TIMEOUT, (_chat.key_from(keys),))

    def fetch(texts: list[str]) -> Sequence[Sequence[float]]:
        try:
            return client.embed(model=model, input=texts).embeddings
        except Exception as e:  # as above
            raise fault_of_sdk(service, e) from None

    return fetch, service


def _local(model: str, base_url: str | None) -> tuple[Fetch, Service]:
    from synthspec.semantic import ModelFault, load_model

    try:
        loaded = load_model(model)
    except ModelFault as e:
        raise BackendFault(FaultKind.BAD_REQUEST, str(e)) from None

    def fetch(texts: list[str]) -> Sequence[Sequence[float]]:
        found: Sequence[Sequence[float]] = loaded.encode(
            texts, batch_size=32, show_progress_bar=False, convert_to_numpy=True, normalize_embeddings=True
        )
        return found

    return fetch, Service("sentence-transformers", "this process", model)
