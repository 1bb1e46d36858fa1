"""Embeddings of texts by a model: an OpenAI-compatible server, Ollama, or sentence-transformers in this process.

A text is sent without what follows its first 4,000 characters. A batch of texts is a call like any other: what came is
kept and used again. A fault is a `BackendFault`, as of any other call.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from synthspec.evaluation.corpus.vectors import CHARACTERS, Array
from synthspec.evaluation.model_calls import TIMEOUT, ModelCalls, key_of
from synthspec.inference.accounting.token_estimates import worst_tokens
from synthspec.inference.backends import Backend
from synthspec.inference.transport.errors import Service, strange_reply
from synthspec.inference.transport.http import JsonClient
from synthspec.inference.transport.replies import answer_of, member
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import BackendChoice
from synthspec.spec.messages import BackendFault, FaultKind, Message, Reply, Request, Usage

PROVIDERS = ("openai", "ollama", "sentence-transformers")
BATCH = 128  # texts of one call
MOST_REPLY = 32 << 20  # bytes: 128 vectors of 4,096 numbers, as JSON, are 11 MB

Fetch = Callable[[Sequence[Sequence[str]]], Sequence[Array]]


@dataclass(frozen=True)
class Embedder:
    """A model that turns texts into vectors."""

    name: str  # PROVIDER:MODEL
    fetch: Fetch  # a matrix for each batch of texts

    def __call__(self, texts: Sequence[str]) -> Array:
        """One vector of length 1 a text: float32 of shape (texts, dimensions).

        Raises:
            BackendFault: the model could not be asked, or gave something else.
            StoreFault: what it gave cannot be kept.
        """
        sent = [t[:CHARACTERS] if t.strip() else "-" for t in texts]  # none takes an empty one
        parts = self.fetch([sent[at : at + BATCH] for at in range(0, len(sent), BATCH)])
        if len({p.shape[1] for p in parts}) > 1:
            raise BackendFault(FaultKind.BAD_REQUEST, f"{self.name} sent vectors of different lengths as embeddings")
        vectors = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        found: Array = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
        return found


def open_embedder(provider: str, model: str, calls: ModelCalls, base_url: str | None = None) -> Embedder:
    """The model, ready to be asked. Nothing is sent, but a model of this process is loaded.

    Raises:
        BackendFault: a key or a package is missing, or the address is none.
    """
    name = f"{provider}:{model}"
    if provider == "sentence-transformers":
        return Embedder(name, _local(model))
    choice = calls.choice(provider, model, base_url, {})
    _open(choice, base_url)  # what is wrong with it is said before anything is measured

    def fetch(batches: Sequence[Sequence[str]]) -> Sequence[Array]:
        requests = [_request(name, batch) for batch in batches]
        completions = calls.ask(choice, lambda: _open(choice, base_url), requests, provider == "ollama")
        if None in completions:
            raise BackendFault(FaultKind.REFUSED, f"{name} gave no embeddings of some texts")
        return [_unpack(c.reply.text) for c in completions if c is not None]

    return Embedder(name, fetch)


class EmbeddingBackend:
    """A server's embeddings as completions: the texts are the messages, the vectors the reply."""

    seeded = False
    fingerprint = "embeddings"

    def __init__(self, service: Service, headers: dict[str, str], path: str, extra: dict[str, Any]) -> None:
        self._client = JsonClient(service, service.address, headers, MOST_REPLY)
        self._service, self._path, self._extra = service, path, extra
        self.server = service.address

    async def complete(self, request: Request) -> Reply:
        """One vector a message."""
        body = {"model": self._service.model, "input": [m.content for m in request.messages], **self._extra}
        answer = await self._client.post(self._path, body)
        return self._read(answer, len(request.messages))

    async def models(self) -> tuple[str, ...]:
        """None are listed: which of a server's models embed is not told."""
        return ()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    def _read(self, answer: Any, count: int) -> Reply:
        answer = answer_of(self._service, answer, "embeddings" if self._path == "api/embed" else "data")
        sent = answer.get("embeddings") if self._path == "api/embed" else _in_order(answer.get("data"))
        try:
            found = np.asarray(sent, np.float32)
        except (TypeError, ValueError, OverflowError):
            raise self._fault("something else") from None
        if found.ndim != 2 or found.shape[0] != count or not found.shape[1] or not np.isfinite(found).all():
            raise self._fault(f"something else than {count} vectors")
        prompt = answer.get("prompt_eval_count", member(answer, "usage", "prompt_tokens"))
        model = answer.get("model")
        return Reply(pack(found), Usage.read(prompt, 0), model if isinstance(model, str) else "")

    def _fault(self, what: str) -> BackendFault:
        return strange_reply(self._service, f"{what} as embeddings")


def pack(vectors: Array) -> str:
    """Vectors as text that can be stored: their length, and their numbers in 4 bytes each."""
    numbers = np.ascontiguousarray(vectors, "<f4")
    return json.dumps({"dimensions": vectors.shape[1], "vectors": base64.b64encode(numbers.tobytes()).decode()})


def _unpack(text: str) -> Array:
    held = json.loads(text)
    numbers = np.frombuffer(base64.b64decode(held["vectors"]), "<f4")
    found: Array = numbers.reshape(-1, int(held["dimensions"])).astype(np.float32)
    return found


def _in_order(data: Any) -> Any:
    """The vectors of a list of entries, in the order of their index where all have one."""
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        return None
    places = [entry.get("index") for entry in data]
    if sorted(p for p in places if type(p) is int) == list(range(len(data))):
        data = sorted(data, key=lambda entry: entry["index"])
    return [entry.get("embedding") for entry in data]


def _request(name: str, batch: Sequence[str]) -> Request:
    messages = tuple(Message("user", text) for text in batch)
    return Request(key_of("embeddings", name, batch), "embeddings", 0, 1, messages, 1,
                   worst_tokens=(worst_tokens(messages), 0))  # fmt: skip


def _open(choice: BackendChoice, base_url: str | None) -> Backend:
    if choice.provider == "ollama":
        from synthspec.inference.backends import ollama

        return EmbeddingBackend(*ollama.service_of(choice, base_url, TIMEOUT), "api/embed", {})
    from synthspec.inference.backends import openai

    return EmbeddingBackend(*openai.service_of(choice, base_url, TIMEOUT), "embeddings", {"encoding_format": "float"})


def _local(model: str) -> Fetch:
    from synthspec.dataset.similarity.semantic import ModelFault, load_model

    try:
        loaded = load_model(model)
    except ModelFault as e:
        raise BackendFault(FaultKind.BAD_REQUEST, str(e)) from None

    def fetch(batches: Sequence[Sequence[str]]) -> Sequence[Array]:
        options = {"batch_size": 32, "show_progress_bar": False, "convert_to_numpy": True, "normalize_embeddings": True}
        return [np.asarray(loaded.encode(list(texts), **options), np.float32) for texts in batches]

    return fetch
