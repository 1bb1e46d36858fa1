"""Cohere's Command models, through the `cohere` SDK (`AsyncClientV2`)."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthspec.backends import BackendContext, _chat
from synthspec.backends._faults import Service, cut_reply
from synthspec.backends._schemas import SchemaCuts, keep_keywords
from synthspec.backends._sdk import call, load
from synthspec.records import BackendFault, FaultKind, Reply, Request

if TYPE_CHECKING:
    from synthspec.spec import BackendChoice

SUMMARY = "Cohere: Command models, held to a JSON schema"
KEYS = ("COHERE_API_KEY", "CO_API_KEY")
EXTRA = "cohere"
MODULE = "cohere"
OPTIONS: Mapping[str, str] = {
    "base_url": f"{_chat.BASE_URL} (or CO_API_URL)",
    "constrain": _chat.CONSTRAIN,
    "seed": _chat.SEED,
    "thinking": "the API's own map, such as {type: disabled}",
    "extra_body": _chat.EXTRA_BODY + ", such as {safety_mode: STRICT}",
}
FREE = False
DEFAULT_MODEL = ""

# https://docs.cohere.com/docs/structured-outputs: the rest is not supported
_KEPT = frozenset(
    {
        "type",
        "properties",
        "required",
        "items",
        "enum",
        "const",
        "anyOf",
        "$ref",
        "$defs",
        "description",
        "title",
    }
)
_NAMES = {"top_p": "p", "top_k": "k", "stop": "stop_sequences"}


def open_backend(choice: BackendChoice, context: BackendContext) -> CohereBackend:
    """Read the environment and the options; nothing is sent."""
    key = _chat.required_key("Cohere", KEYS)
    options, settings = _chat.options_of(choice, OPTIONS)
    url = options.get("base_url") or os.environ.get("CO_API_URL") or "https://api.cohere.com"
    address = _chat.address_of(str(url))
    _chat.guard_key("Cohere", address, "cohere.com", "CO_API_URL")
    service = Service("Cohere", address, choice.model, KEYS, "", context.timeout, (key,))
    return CohereBackend(service, key, options, settings)


class CohereBackend:
    """One open connection."""

    def __init__(self, service: Service, key: str, options: dict[str, Any], settings: dict[str, Any]) -> None:
        cohere, httpx = load(MODULE, "Cohere", EXTRA), load("httpx", "Cohere", EXTRA)
        unlimited = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self._http = httpx.AsyncClient(timeout=service.timeout, limits=unlimited)
        self._client = cohere.AsyncClientV2(
            key, base_url=service.address, timeout=service.timeout, max_retries=0, httpx_client=self._http
        )
        self._service = service
        self._body = {"model": service.model, **_chat.renamed(settings, _NAMES)}
        self._body |= {"thinking": options["thinking"]} if "thinking" in options else {}
        self._body |= options.get("extra_body") or {}
        known = inspect.signature(cohere.AsyncClientV2.chat).parameters
        if unknown := next((k for k in self._body if k not in known), None):
            raise BackendFault(FaultKind.BAD_REQUEST, f"Cohere's chat takes no '{unknown}'")
        self._constrain = options.get("constrain", True) is not False
        self._cut = SchemaCuts(_format)
        self._seed = options.get("seed")
        self.seeded = self._seed is True
        self.fingerprint = _chat.fingerprint_of("cohere", service.address, options)

    async def complete(self, request: Request) -> Reply:
        """One chat call."""
        body = {**self._body, "messages": _chat.messages_of(request)}
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if (seed := _chat.seed_of(self._seed, request)) is not None:
            body["seed"] = seed
        schema = request.constraint.json_schema
        if self._constrain and schema is not None and (shape := self._cut(schema)) is not None:
            body["response_format"] = shape
        answer: Any = await call(self._service, self._client.chat(**body))
        return self._read(answer)

    async def models(self) -> tuple[str, ...]:
        """The chat models the key may use."""
        listed: Any = await call(self._service, self._client.models.list(page_size=1000, endpoint="chat"))
        return tuple(sorted(str(m.name) for m in listed.models))

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    def _read(self, answer: Any) -> Reply:
        message = getattr(answer, "message", None)
        if message is None:
            raise cut_reply(self._service)
        finish = str(answer.finish_reason)
        if finish in ("ERROR", "TIMEOUT"):
            kind = FaultKind.TIMED_OUT if finish == "TIMEOUT" else FaultKind.OVERLOADED
            raise BackendFault(kind, f"Cohere ({self._service.address}) gave up: {finish.lower()}")
        text = "".join(part.text for part in message.content or () if part.type == "text")
        usage = answer.usage
        tokens = usage and (usage.billed_units or usage.tokens)
        counts = (tokens.input_tokens, tokens.output_tokens) if tokens else (0, 0)
        return _chat.reply_of(text, counts, self._service.model, finish)


def _format(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    if schema.get("type") != "object" or not schema.get("required"):
        return None  # an object with something in it is all it takes
    return {"type": "json_object", "json_schema": keep_keywords(schema, _KEPT)}
