"""Ollama: models on this machine or another of your own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synthspec.inference.backends import BackendContext, Provider
from synthspec.inference.transport import chat as _chat
from synthspec.inference.transport import keys as _keys
from synthspec.inference.transport.errors import Service, cut_reply
from synthspec.inference.transport.replies import (
    answer_of,
    map_in,
    member,
    misfit,
    names_in,
    reasoning_in,
    reply_of,
    text_in,
)
from synthspec.inference.transport.schemas import SchemaCuts, plain_schema
from synthspec.inference.transport.wires import ollama as _wire
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Request

if TYPE_CHECKING:
    from synthspec.inference.transport.http import JsonClient
    from synthspec.spec import BackendChoice

OPTIONS: Mapping[str, str] = {
    "base_url": f"{_chat.BASE_URL} (or OLLAMA_HOST; default http://127.0.0.1:11434)",
    "constrain": _chat.CONSTRAIN,
    "seed": _chat.SEED,
    "keep_alive": "how long the model stays loaded, such as 30m",
    "think": "whether a thinking model thinks",
    "reasoning_effort": "low, medium or high, for models that take it",
    "num_ctx": "tokens of context; a longer prompt is refused, not cut",
    "extra_body": _chat.EXTRA_BODY + ", such as {options: {top_k: 40}}",
}


_OWNER = _keys.Owner("Ollama", "ollama.com", "OLLAMA_HOST")
_URL = "http://127.0.0.1:11434"
# What servers take that the package has no name for yet.
_NEWER = ("min_p", "typical_p", "tfs_z")
_USUAL = frozenset({"temperature", "top_p", "num_predict", "num_ctx", "seed", "stop"})


def open_backend(choice: BackendChoice, context: BackendContext) -> OllamaBackend:
    """Read the environment and the options; nothing is sent."""
    from synthspec.inference.transport.http import JsonClient

    options, settings = _chat.options_of(choice, OPTIONS)
    service, headers = service_of(choice, options.get("base_url"), context.timeout, calls=context.calls)
    return OllamaBackend(JsonClient(service, service.address, headers), options, settings)


PROVIDER = Provider(
    summary="Ollama: local models, constrained to a JSON schema",
    open=open_backend,
    options=OPTIONS,
    free=True,
    tools=True,
    images=True,
    completes=True,
    reasons=True,
)


def service_of(
    choice: BackendChoice, base_url: Any, timeout: float, *, calls: bool = True
) -> tuple[Service, dict[str, str]]:
    """The server to call and the headers to call it with, by the address of a spec and the environment. Without `calls`
    no key is read.

    Raises:
        BackendFault: the key would go where only the spec says.
    """
    named = "`base_url`" if base_url or not os.environ.get("OLLAMA_HOST") else "OLLAMA_HOST"
    address = _chat.address_of(host_url(str(base_url or os.environ.get("OLLAMA_HOST", ""))), named)
    key = _keys.key_from(("OLLAMA_API_KEY",)) if calls else ""
    sent = _keys.key_to_send(_OWNER, key, address, choice)
    hidden = "" if sent == key else _keys.withheld(_OWNER, address)
    start = f"`ollama serve` starts one, `ollama pull {choice.model}` fetches the model"
    service = Service("Ollama", address, choice.model, ("OLLAMA_API_KEY",), start, timeout, (key,), hidden)
    return service, {"Authorization": f"Bearer {sent}"} if sent else {}


def host_url(host: str) -> str:
    """The URL that a host is short for, as Ollama's own programs read it.

    >>> host_url(""), host_url("gpu-box"), host_url(":77"), host_url("https://ollama.com")
    ('http://127.0.0.1:11434', 'http://gpu-box:11434', 'http://127.0.0.1:77', 'https://ollama.com:443')
    """
    scheme, sign, rest = host.strip().partition("://")
    if not sign:
        scheme, rest = "http", host.strip()
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port or ({"http": 80, "https": 443}.get(scheme, 11434) if sign else 11434)
    except ValueError:
        return host  # no URL: whoever reads it says so
    if parts.username or parts.password or parts.query:
        return f"{scheme}://{rest}"
    name = parts.hostname or "127.0.0.1"
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}{parts.path.rstrip('/')}"


class OllamaBackend:
    """One open connection."""

    def __init__(self, client: JsonClient, options: dict[str, Any], settings: dict[str, Any]) -> None:
        self._client = client
        self._service = client.service
        self._runtime = _runtime_of(options, settings)
        # Without these, a prompt longer than the context is cut in silence.
        self._body = {"model": self._service.model, "stream": False, "truncate": False, "shift": False}
        names = {"keep_alive": "keep_alive", "think": "think", "reasoning_effort": "think"}
        self._body |= {name: options[k] for k, name in names.items() if k in options}
        self._body |= options.get("extra_body") or {}
        self._constrain = options.get("constrain", True) is not False
        self._cut = SchemaCuts(plain_schema)
        self._seed = options.get("seed")
        self.seeded = self._seed is True
        self.server = self._service.address
        self.fingerprint = _chat.fingerprint_of("ollama", _URL, options)
        self.earlier_fingerprint = _chat.fingerprint_of("ollama", self._service.address, options)

    async def complete(self, request: Request) -> Reply:
        """One chat call, or one of bare text."""
        runtime = dict(self._runtime)
        runtime |= _chat.sampling_of(request, self._seed)
        body = {**self._body, "options": runtime}
        if request.raw:
            body |= {"prompt": request.messages[-1].content, "raw": True}
        else:
            body["messages"] = _wire.messages_of(request.messages)
        if request.tools:
            body["tools"] = _wire.tools_of(request.tools)
        if self._constrain and request.constraint.json_schema is not None:
            body["format"] = self._cut(request.constraint.json_schema)
        if request.raw:
            return self._read_raw(await self._client.post("api/generate", body))
        return self._read(await self._client.post("api/chat", body))

    async def models(self) -> tuple[str, ...]:
        """The models that are there."""
        return names_in(member(await self._client.get("api/tags"), "models"), "model", "name")

    def _read(self, answer: Any) -> Reply:
        answer = answer_of(self._service, answer, "message")
        message = map_in(self._service, answer, "message")
        if answer.get("done") is False:
            raise cut_reply(self._service)
        return reply_of(
            self._service,
            text_in(self._service, message.get("content"), answer),
            (answer.get("prompt_eval_count"), answer.get("eval_count")),
            answer.get("model"),
            answer.get("done_reason"),
            reasoning=reasoning_in(message.get("thinking")),
            calls=_wire.calls_in(self._service, message, answer),
        )

    def _read_raw(self, answer: Any) -> Reply:
        answer = answer_of(self._service, answer, "response")
        said = answer.get("response")
        if not isinstance(said, str):
            raise misfit(self._service, "response", said, "a text", answer)
        if answer.get("done") is False:
            raise cut_reply(self._service)
        counts = (answer.get("prompt_eval_count"), answer.get("eval_count"))
        thought = reasoning_in(answer.get("thinking"))
        model, finish = answer.get("model"), answer.get("done_reason")
        return reply_of(self._service, said, counts, model, finish, reasoning=thought)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()


def _runtime_of(options: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    runtime = _chat.renamed(settings, {"max_tokens": "num_predict"})
    runtime |= {"num_ctx": options["num_ctx"]} if "num_ctx" in options else {}
    runtime |= (options.get("extra_body") or {}).get("options") or {}
    if not runtime.keys() <= _USUAL:
        _check_names(runtime)
    return runtime


def _check_names(options: Mapping[str, Any]) -> None:
    """Refuse an option of the model that Ollama does not know: the server would ignore it without a word."""
    from ollama import Options  # slow to import, and its list is that of the version that is installed

    known = [*Options.model_fields, *(name for name in _NEWER if name not in Options.model_fields)]
    if unknown := next((name for name in options if name not in known), None):
        raise BackendFault(FaultKind.BAD_REQUEST, f"Ollama has no option '{unknown}'; it has {', '.join(known)}")
