"""OpenAI, and every server that speaks its chat completions: vLLM, llama-server, LM Studio, Azure, …

The SDK says where to call and with which headers (organisation, project, custom headers of the environment);
the call itself goes through `_http`, for a tenth of the CPU of the SDK's own sender.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synthspec.backends import BackendContext, _chat
from synthspec.backends._faults import Service, fault_of_status, missing_key
from synthspec.backends._guided import SERVERS, Guide
from synthspec.records import BackendFault, FaultKind, Reply, Request

if TYPE_CHECKING:
    from synthspec.spec import BackendChoice

SUMMARY = "OpenAI, and any compatible server by `base_url` (vLLM, llama-server, LM Studio, Azure, …)"
KEYS = ("OPENAI_API_KEY",)
EXTRA = ""
MODULE = "openai"
OPTIONS: Mapping[str, str] = {
    "base_url": f"{_chat.BASE_URL}, often ending in /v1 (or OPENAI_BASE_URL)",
    "constrain": _chat.CONSTRAIN,
    "guided": "vllm, llama or llguidance: send regular expressions and grammars as that server takes them",
    "seed": _chat.SEED,
    "reasoning_effort": "minimal, low, medium or high, for reasoning models",
    "extra_body": _chat.EXTRA_BODY,
}
FREE = False
DEFAULT_MODEL = ""

_REASONING = re.compile(r"(?:.*/)?(?:gpt-[5-9](?!.*chat)|o\d)")
# Keys of OpenAI itself, as opposed to those of a compatible server, which share the variable.
_OWN_KEY = re.compile(r"sk-(?:proj|svcacct|admin|None)-")


def open_backend(choice: BackendChoice, context: BackendContext) -> OpenAIBackend:
    """Read the environment and the options; nothing is sent."""
    options, settings = _chat.options_of(choice, OPTIONS)
    url = options.get("base_url") or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    address = _chat.address_of(str(url))
    host = urlsplit(address).hostname or ""
    name = "OpenAI" if host.endswith("openai.com") else "the server"
    key = _chat.key_from(KEYS)
    if not key and not _chat.is_local(host):
        raise missing_key("OpenAI" if name == "OpenAI" else host, KEYS)
    if _OWN_KEY.match(key):
        _chat.guard_key("OpenAI", address, "openai.com", "OPENAI_BASE_URL")
    if options.get("guided", "none") not in SERVERS:
        raise BackendFault(FaultKind.BAD_REQUEST, f"`guided` is one of {', '.join(SERVERS)}")
    start = "start it, or correct `base_url`" if _chat.is_local(host) else ""
    service = Service(name, address, choice.model, KEYS, start, context.timeout, (key,))
    return OpenAIBackend(service, key or "none", options, settings)


class OpenAIBackend:
    """One open connection."""

    def __init__(self, service: Service, key: str, options: dict[str, Any], settings: dict[str, Any]) -> None:
        import openai

        from synthspec.backends._http import JsonClient

        sdk = openai.AsyncOpenAI(api_key=key, base_url=service.address, max_retries=0)
        headers = {k: v for k, v in {**sdk.auth_headers, **sdk.default_headers}.items() if isinstance(v, str)}
        if service.name != "OpenAI":
            headers = {k: v for k, v in headers.items() if not k.startswith("OpenAI-")}
        self._service = service
        self._client = JsonClient(service, str(sdk.base_url), headers)
        self._body = _body_of(service.model, options, settings)
        self._constrain = options.get("constrain", True) is not False
        self._guide = Guide(options.get("guided", "none"), own=_chat.is_local(urlsplit(service.address).hostname or ""))
        self._seed = options.get("seed")
        self.seeded = self._seed is True
        self.fingerprint = _chat.fingerprint_of("openai", service.address, options)

    async def complete(self, request: Request) -> Reply:
        """One chat completion."""
        body = {**self._body, "messages": _chat.messages_of(request)}
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if (seed := _chat.seed_of(self._seed, request)) is not None:
            body["seed"] = seed
        if self._constrain:
            body.update(self._guide.keys(request.constraint))
        return self._read(await self._client.post("chat/completions", body))

    async def models(self) -> tuple[str, ...]:
        """The models the server lists."""
        listed = await self._client.get("models")
        found = listed.get("data") if isinstance(listed, dict) else listed
        return tuple(sorted(str(m["id"]) for m in found or () if isinstance(m, dict) and "id" in m))

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    def _read(self, answer: Any) -> Reply:
        choices = answer.get("choices") if isinstance(answer, dict) else None
        if not choices or not isinstance(choices[0], dict):
            raise self._fault_in(answer)
        message = choices[0].get("message") or {}
        usage = answer.get("usage") or {}
        refusal = message.get("refusal")
        return _chat.reply_of(
            message.get("content") or refusal,
            (usage.get("prompt_tokens"), usage.get("completion_tokens")),
            answer.get("model"),
            choices[0].get("finish_reason"),
            refused=bool(refusal),
        )

    def _fault_in(self, answer: Any) -> BackendFault:
        """Some gateways answer 200 with the error in the body."""
        error = answer.get("error") if isinstance(answer, dict) else None
        if error:
            code = error.get("code") if isinstance(error, dict) else None
            status = code if isinstance(code, int) and 400 <= code < 600 else 502
            return fault_of_status(self._service, status, json.dumps(answer), {})
        where = f"{self._service.name} ({self._service.address})"
        return BackendFault(FaultKind.UNREACHABLE, f"{where} sent a reply without a completion in it")


def _body_of(model: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the body that is the same in every request."""
    body: dict[str, Any] = {"model": model, **settings}
    if "reasoning_effort" in options:
        body["reasoning_effort"] = options["reasoning_effort"]
    if _REASONING.match(model) and "max_tokens" in body:
        body["max_completion_tokens"] = body.pop("max_tokens")
    return {**body, **(options.get("extra_body") or {})}
