"""Anthropic's Claude models, through the `anthropic` SDK."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthspec.backends import BackendContext, _chat
from synthspec.backends._faults import Service, cut_reply
from synthspec.backends._schemas import SchemaCuts
from synthspec.backends._sdk import call, load
from synthspec.records import Reply, Request

if TYPE_CHECKING:
    from synthspec.spec import BackendChoice

SUMMARY = "Anthropic: Claude models, held to a JSON schema"
KEYS = ("ANTHROPIC_API_KEY",)
EXTRA = "anthropic"
MODULE = "anthropic"
OPTIONS: Mapping[str, str] = {
    "base_url": f"{_chat.BASE_URL} (or ANTHROPIC_BASE_URL)",
    "constrain": _chat.CONSTRAIN,
    "reasoning_effort": "low, medium, high, xhigh or max",
    "thinking": "the API's own map, such as {type: disabled}",
    "extra_body": _chat.EXTRA_BODY,
}
FREE = False
DEFAULT_MODEL = ""

LONGEST_REPLY = 4096  # tokens: the API wants a number where the spec has none


def open_backend(choice: BackendChoice, context: BackendContext) -> AnthropicBackend:
    """Read the environment and the options; nothing is sent."""
    key = _chat.required_key("Anthropic", KEYS)
    options, settings = _chat.options_of(choice, OPTIONS)
    url = options.get("base_url") or os.environ.get("ANTHROPIC_BASE_URL") or "https://api.anthropic.com"
    address = _chat.address_of(str(url))
    _chat.guard_key("Anthropic", address, "anthropic.com", "ANTHROPIC_BASE_URL")
    service = Service("Anthropic", address, choice.model, KEYS, "", context.timeout, (key,))
    return AnthropicBackend(service, key, options, settings)


class AnthropicBackend:
    """One open connection."""

    seeded = False

    def __init__(self, service: Service, key: str, options: dict[str, Any], settings: dict[str, Any]) -> None:
        anthropic = load(MODULE, "Anthropic", EXTRA)
        self._transform: Any = getattr(anthropic, "transform_schema", dict)  # from 0.74
        limits = anthropic.DefaultAsyncHttpxClient(timeout=service.timeout, follow_redirects=False)
        self._client = anthropic.AsyncAnthropic(
            api_key=key, base_url=service.address, max_retries=0, timeout=service.timeout, http_client=limits
        )
        self._service = service
        self._body = _body_of(service.model, options, settings)
        self._effort = {"effort": options["reasoning_effort"]} if "reasoning_effort" in options else {}
        self._constrain = options.get("constrain", True) is not False
        self._cut = SchemaCuts(self._format)
        self.fingerprint = _chat.fingerprint_of("anthropic", service.address, options)

    async def complete(self, request: Request) -> Reply:
        """One message."""
        body = dict(self._body)
        system = "\n\n".join(m.content for m in request.messages if m.role == "system")
        if system:
            body["system"] = system
        body["messages"] = [m for m in _chat.messages_of(request) if m["role"] != "system"]
        if request.temperature is not None:
            body["temperature"] = request.temperature
        shape = self._cut(request.constraint.json_schema) if request.constraint.json_schema is not None else None
        config = {**self._effort, **({"format": shape} if shape is not None and self._constrain else {})}
        if config:
            body["output_config"] = config
        answer: Any = await call(self._service, self._client.post("/v1/messages", cast_to=object, body=body))
        return self._read(answer)

    async def models(self) -> tuple[str, ...]:
        """The models the key may use."""

        async def listed() -> list[str]:
            return [m.id async for m in self._client.models.list(limit=1000)]

        return tuple(sorted(await call(self._service, listed())))

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    def _format(self, schema: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            return {"type": "json_schema", "schema": self._transform(dict(schema))}
        except (ValueError, TypeError, AssertionError):
            return None  # a schema the provider has no words for

    def _read(self, answer: Any) -> Reply:
        if not isinstance(answer, dict) or not isinstance(answer.get("content"), list):
            raise cut_reply(self._service)
        usage = answer.get("usage") or {}
        read = [usage.get(k) or 0 for k in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")]
        return _chat.reply_of(
            answer["content"],
            (sum(read), usage.get("output_tokens")),
            answer.get("model"),
            answer.get("stop_reason"),
        )


def _body_of(model: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    thinking = {"thinking": options["thinking"]} if "thinking" in options else {}
    named = _chat.renamed(settings, {"stop": "stop_sequences"})
    extra = options.get("extra_body") or {}
    return {"model": model, "max_tokens": LONGEST_REPLY, **named, **thinking, **extra}
