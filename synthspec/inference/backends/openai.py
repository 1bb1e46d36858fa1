"""OpenAI, and every server that speaks its chat completions: vLLM, llama-server, LM Studio, Azure, …

Calls go through `_http`, for a tenth of the CPU of the SDK's own sender; the SDK's variables for organisation,
project and custom headers are read, and go where the key may go.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synthspec.inference.backends import BackendContext, Provider
from synthspec.inference.batches import BatchOffer, BatchService
from synthspec.inference.transport import chat as _chat
from synthspec.inference.transport import keys as _keys
from synthspec.inference.transport.errors import Service, missing_key
from synthspec.inference.transport.guided import SERVERS, ServerConstraints
from synthspec.inference.transport.image_tokens import openai_tokens
from synthspec.inference.transport.replies import (
    answer_of,
    first_in,
    map_in,
    member,
    names_in,
    reasoning_in,
    reply_of,
    text_in,
)
from synthspec.inference.transport.wires import openai as _wire
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Request

if TYPE_CHECKING:
    from synthspec.inference.transport.http import JsonClient
    from synthspec.spec import BackendChoice

KEYS = ("OPENAI_API_KEY",)
OPTIONS: Mapping[str, str] = {
    "base_url": f"{_chat.BASE_URL}, often ending in /v1 (or OPENAI_BASE_URL)",
    "constrain": _chat.CONSTRAIN,
    "guided": "vllm, llama or llguidance: send regular expressions and grammars as that server takes them",
    "seed": _chat.SEED,
    "reasoning_effort": "minimal, low, medium or high, for reasoning models",
    "extra_body": _chat.EXTRA_BODY,
}

LONGEST_COMPLETION = 1024  # tokens of raw text where the spec sets no `max_tokens`

_REASONING = re.compile(r"(?:.*/)?(?:gpt-[5-9](?!.*chat)|o\d)")
_THOUGHTS = ("reasoning_content", "reasoning")  # DeepSeek, llama-server, older vLLM; vLLM, OpenRouter, Groq
_OWNER = _keys.Owner("OpenAI", "openai.com", "OPENAI_BASE_URL")
_URL = "https://api.openai.com/v1"
_PLACES = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}


def open_backend(choice: BackendChoice, context: BackendContext) -> OpenAIBackend:
    """Read the environment and the options; nothing is sent."""
    options, settings = _chat.options_of(choice, OPTIONS)
    if options.get("guided", "none") not in SERVERS:
        raise BackendFault(FaultKind.BAD_REQUEST, f"`guided` is one of {', '.join(SERVERS)}")
    service, headers = service_of(choice, options.get("base_url"), context.timeout, calls=context.calls)
    return OpenAIBackend(service, headers, options, settings)


def open_batches(backend: OpenAIBackend) -> BatchService:
    """The provider's batches, through its SDK.

    Raises:
        BackendFault: the SDK is not installed.
    """
    from synthspec.inference.batches.openai import OpenAIBatches

    return OpenAIBatches(backend)


PROVIDER = Provider(
    summary="OpenAI, and any compatible server by `base_url` (vLLM, llama-server, LM Studio, Azure, …)",
    open=open_backend,
    keys=KEYS,
    options=OPTIONS,
    tools=True,
    images=True,
    completes=True,
    reasons=True,
    batches=BatchOffer(open_batches, "openai.com"),
    image_tokens=openai_tokens,
)


def service_of(
    choice: BackendChoice, base_url: Any, timeout: float, *, calls: bool = True
) -> tuple[Service, dict[str, str]]:
    """The server to call and the headers to call it with, by the address of a spec and the environment. Without `calls`
    no key is read.

    Raises:
        BackendFault: there is no key where one is needed, or it would go where only the spec says.
    """
    address = _chat.address_from(base_url, _OWNER.address, _URL)
    host = urlsplit(address).hostname or ""
    local = _chat.is_local(host)
    name = "OpenAI" if host.endswith("openai.com") else "the server"
    key = _keys.key_from(KEYS) if calls else ""
    if calls and not key and not local:
        raise missing_key("OpenAI" if name == "OpenAI" else host, KEYS)
    sent = _keys.key_to_send(_OWNER, key, address, choice)
    headers = {"Authorization": f"Bearer {sent or 'none'}"}
    if _keys.is_trusted(_OWNER, key, address, choice):
        places = {h: os.environ.get(v, "").strip() for h, v in _PLACES.items()} if name == "OpenAI" else {}
        headers |= {h: v for h, v in places.items() if v} | dict(_keys.custom_headers("OPENAI_CUSTOM_HEADERS"))
    start = "start it, or correct `base_url`" if local else ""
    hidden = "" if sent == key else _keys.withheld(_OWNER, address)
    return Service(name, address, choice.model, KEYS, start, timeout, (key,), hidden), headers


class OpenAIBackend:
    """One open connection."""

    def __init__(
        self, service: Service, headers: dict[str, str], options: dict[str, Any], settings: dict[str, Any]
    ) -> None:
        from synthspec.inference.transport.http import JsonClient

        self._service = service
        self._client: JsonClient = JsonClient(service, service.address, headers)
        self._body = _body_of(service.model, options, settings)
        self._constrain = options.get("constrain", True) is not False
        self._guide = ServerConstraints(
            options.get("guided", "none"), own=_chat.is_local(urlsplit(service.address).hostname or "")
        )
        self._seed = options.get("seed")
        self.seeded = self._seed is True
        self.server = service.address
        self.fingerprint = _chat.fingerprint_of("openai", _URL, options)
        self.earlier_fingerprint = _chat.fingerprint_of("openai", service.address, options)

    async def complete(self, request: Request) -> Reply:
        """One chat completion, or one of the other kind."""
        path, body = self.written(request)
        return self.read(await self._client.post(path, body), raw=request.raw)

    def written(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Where a request goes, and its body."""
        if request.raw:
            return "completions", self._bare(request)
        body = {**self._body, "messages": _wire.messages_of(request.messages)}
        body |= _chat.sampling_of(request, self._seed)
        if request.tools:
            body["tools"] = _wire.tools_of(request.tools)
        if self._constrain:
            body.update(self._guide.keys(request.constraint))
        return "chat/completions", body

    def _bare(self, request: Request) -> dict[str, Any]:
        """A completion of bare text. Servers cut one off after 16 tokens where the spec sets no `max_tokens`."""
        body = {"max_tokens": LONGEST_COMPLETION, **self._body, "prompt": request.messages[-1].content}
        body["max_tokens"] = body.pop("max_completion_tokens", body["max_tokens"])
        body.pop("reasoning_effort", None)
        body |= _chat.sampling_of(request, self._seed)
        if self._constrain:  # no schema: `response_format` is of chat alone
            body.update(self._guide.keys(replace(request.constraint, json_schema=None)))
        return body

    def read(self, answer: Any, *, raw: bool = False) -> Reply:
        """The reply in an answer; `raw`: to a request for bare text.

        Raises:
            BackendFault: there is none in it.
        """
        return self._read_bare(answer) if raw else self._read(answer)

    def _read_bare(self, answer: Any) -> Reply:
        answer = answer_of(self._service, answer, "choices")
        choice = first_in(self._service, answer, "choices")
        said = text_in(self._service, choice.get("text"), answer)
        return reply_of(self._service, said, _usage(answer), answer.get("model"), choice.get("finish_reason"))

    async def models(self) -> tuple[str, ...]:
        """The models the server lists."""
        listed = await self._client.get("models")
        return names_in(member(listed, "data") if isinstance(listed, dict) else listed, "id")

    def connection(self) -> tuple[Service, Mapping[str, str]]:
        """The server that is asked, and the headers that go to it, the secret among them."""
        return self._service, self._client.headers

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    def _read(self, answer: Any) -> Reply:
        answer = answer_of(self._service, answer, "choices")
        choice = first_in(self._service, answer, "choices")
        message = map_in(self._service, choice, "message")
        refusal = message.get("refusal")
        said = text_in(self._service, message.get("content"), answer)
        return reply_of(
            self._service,
            said or (refusal if isinstance(refusal, str) else ""),
            _usage(answer),
            answer.get("model"),
            choice.get("finish_reason"),
            refused=bool(refusal),
            reasoning=reasoning_in(*_thoughts(message)),
            calls=_wire.calls_in(self._service, message, answer),
        )


def _thoughts(message: Mapping[str, Any]) -> list[Any]:
    """The places where servers put what a model thought: a text, or parts of the message itself (Mistral)."""
    content = message.get("content")
    told = [message.get(name) for name in _THOUGHTS]
    return [*told, content] if isinstance(content, list) else told


def _usage(answer: Mapping[str, Any]) -> tuple[Any, Any]:
    return member(answer, "usage", "prompt_tokens"), member(answer, "usage", "completion_tokens")


def _body_of(model: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the body that is the same in every request."""
    body: dict[str, Any] = {"model": model, **settings}
    if "reasoning_effort" in options:
        body["reasoning_effort"] = options["reasoning_effort"]
    if _REASONING.match(model) and "max_tokens" in body:
        body["max_completion_tokens"] = body.pop("max_tokens")
    return {**body, **(options.get("extra_body") or {})}
