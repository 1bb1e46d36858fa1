"""Anthropic's Claude models, by the messages API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthspec.inference.backends import BackendContext, Provider
from synthspec.inference.batches import BatchOffer, BatchService
from synthspec.inference.transport import chat as _chat
from synthspec.inference.transport import keys as _keys
from synthspec.inference.transport.errors import Service
from synthspec.inference.transport.hosting import open_hosted
from synthspec.inference.transport.image_tokens import claude_tokens
from synthspec.inference.transport.replies import (
    answer_of,
    member,
    misfit,
    names_in,
    reasoning_in,
    reply_of,
    text_in,
    total,
)
from synthspec.inference.transport.schemas import SchemaCuts, described_schema
from synthspec.inference.transport.wires import anthropic as _wire
from synthspec.spec.messages import Reply, Request

if TYPE_CHECKING:
    from synthspec.spec import BackendChoice

KEYS = ("ANTHROPIC_API_KEY",)
OPTIONS: Mapping[str, str] = {
    "base_url": f"{_chat.BASE_URL} (or ANTHROPIC_BASE_URL)",
    "constrain": _chat.CONSTRAIN,
    "reasoning_effort": "low, medium, high, xhigh or max",
    "thinking": "the API's own map, such as {type: disabled}",
    "extra_body": _chat.EXTRA_BODY,
}

LONGEST_REPLY = 4096  # tokens: the API wants a number where the spec has none
_OWNER = _keys.Owner("Anthropic", "anthropic.com", "ANTHROPIC_BASE_URL")
_URL = "https://api.anthropic.com"
_VERSION = "2023-06-01"  # of the API; the only one there is
_READ = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def open_backend(choice: BackendChoice, context: BackendContext) -> AnthropicBackend:
    """Read the environment and the options; nothing is sent."""
    hosted = open_hosted(_OWNER, KEYS, OPTIONS, _URL, choice, context)
    headers = {"anthropic-version": _VERSION, **({"x-api-key": hosted.key} if hosted.key else {})}
    if hosted.trusted:
        headers |= _keys.custom_headers("ANTHROPIC_CUSTOM_HEADERS")
    return AnthropicBackend(hosted.service, headers, hosted.options, hosted.settings)


def open_batches(backend: AnthropicBackend) -> BatchService:
    """The provider's batches, through its SDK.

    Raises:
        BackendFault: the SDK is not installed.
    """
    from synthspec.inference.batches.anthropic import AnthropicBatches

    return AnthropicBatches(backend)


PROVIDER = Provider(
    summary="Anthropic: Claude models, constrained to a JSON schema",
    open=open_backend,
    keys=KEYS,
    options=OPTIONS,
    tools=True,
    images=True,
    reasons=True,
    batches=BatchOffer(open_batches, "anthropic.com"),
    most_image=(3_932_160, 8_000),  # bytes, 5 MiB of base64; pixels of a side
    image_tokens=claude_tokens,
)


class AnthropicBackend:
    """One open connection."""

    seeded = False

    def __init__(
        self, service: Service, headers: dict[str, str], options: dict[str, Any], settings: dict[str, Any]
    ) -> None:
        from synthspec.inference.transport.http import JsonClient

        self._client = JsonClient(service, service.address, headers)
        self._service = service
        self._body = _body_of(service.model, options, settings)
        self._effort = {"effort": options["reasoning_effort"]} if "reasoning_effort" in options else {}
        self._constrain = options.get("constrain", True) is not False
        self._cut = SchemaCuts(_format)
        self.server = service.address
        self.fingerprint = _chat.fingerprint_of("anthropic", _URL, options)
        self.earlier_fingerprint = _chat.fingerprint_of("anthropic", service.address, options)

    async def complete(self, request: Request) -> Reply:
        """One message."""
        path, body = self.written(request)
        return self.read(await self._client.post(path, body))

    def written(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Where a request goes, and its body."""
        body = dict(self._body)
        system = "\n\n".join(m.content for m in request.messages if m.role == "system")
        if system:
            body["system"] = system
        body["messages"] = _wire.messages_of(request.messages)
        body |= _chat.sampling_of(request)
        if request.tools:
            body["tools"] = _wire.tools_of(request.tools)
        shape = self._cut(request.constraint.json_schema) if request.constraint.json_schema is not None else None
        config = {**self._effort, **({"format": shape} if shape is not None and self._constrain else {})}
        if config:
            body["output_config"] = config
        return "v1/messages", body

    async def models(self) -> tuple[str, ...]:
        """The models the key may use."""
        return names_in(member(await self._client.get("v1/models?limit=1000"), "data"), "id")

    def connection(self) -> tuple[Service, Mapping[str, str]]:
        """The server that is asked, and the headers that go to it, the secret among them."""
        return self._service, self._client.headers

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    def read(self, answer: Any) -> Reply:
        """The reply in an answer.

        Raises:
            BackendFault: there is none in it.
        """
        answer = answer_of(self._service, answer, "content")
        content = answer.get("content")
        if not isinstance(content, list):
            raise misfit(self._service, "content", content, "a list", answer)
        return reply_of(
            self._service,
            text_in(self._service, content, answer),
            (total(*(member(answer, "usage", k) for k in _READ)), member(answer, "usage", "output_tokens")),
            answer.get("model"),
            answer.get("stop_reason"),
            reasoning=reasoning_in(content),
            calls=_wire.calls_in(content),
        )


def _format(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    shape = described_schema(schema)
    return {"type": "json_schema", "schema": shape} if shape is not None else None


def _body_of(model: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    thinking = {"thinking": options["thinking"]} if "thinking" in options else {}
    named = _chat.renamed(settings, {"stop": "stop_sequences"})
    extra = options.get("extra_body") or {}
    return {"model": model, "max_tokens": LONGEST_REPLY, **named, **thinking, **extra}
