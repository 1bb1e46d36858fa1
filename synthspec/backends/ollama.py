"""Ollama: models on this machine or another of your own.

The SDK says where to call and with which headers (`OLLAMA_HOST`, `OLLAMA_API_KEY`). It has no time-out and
sends through httpx, so the call itself goes through `_http`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthspec.backends import BackendContext, _chat
from synthspec.backends._faults import Service, cut_reply
from synthspec.backends._schemas import SchemaCuts, plain_schema
from synthspec.records import BackendFault, FaultKind, Reply, Request

if TYPE_CHECKING:
    from synthspec.backends._http import JsonClient
    from synthspec.spec import BackendChoice

SUMMARY = "Ollama: local models, held to a JSON schema"
KEYS: tuple[str, ...] = ()
EXTRA = ""
MODULE = "ollama"
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
FREE = True
DEFAULT_MODEL = ""


def open_backend(choice: BackendChoice, context: BackendContext) -> OllamaBackend:
    """Read the environment and the options; nothing is sent."""
    import ollama

    from synthspec.backends._http import JsonClient

    options, settings = _chat.options_of(choice, OPTIONS)
    named = options.get("base_url")
    sdk = ollama.AsyncClient(host=str(named) if named else None)
    address = _chat.address_of(str(sdk._client.base_url))
    key = _chat.key_from(("OLLAMA_API_KEY",))
    if key:
        _chat.guard_key("Ollama", address, "ollama.com", "OLLAMA_HOST")
    start = f"`ollama serve` starts one, `ollama pull {choice.model}` fetches the model"
    service = Service("Ollama", address, choice.model, ("OLLAMA_API_KEY",), start, context.timeout, (key,))
    headers = {k: v for k, v in sdk._client.headers.items() if k in ("authorization", "user-agent")}
    return OllamaBackend(JsonClient(service, address, headers), options, settings)


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
        self.fingerprint = _chat.fingerprint_of("ollama", self._service.address, options)

    async def complete(self, request: Request) -> Reply:
        """One chat call."""
        runtime = dict(self._runtime)
        if request.temperature is not None:
            runtime["temperature"] = request.temperature
        if (seed := _chat.seed_of(self._seed, request)) is not None:
            runtime["seed"] = seed
        body = {**self._body, "messages": _chat.messages_of(request), "options": runtime}
        if self._constrain and request.constraint.json_schema is not None:
            body["format"] = self._cut(request.constraint.json_schema)
        answer = await self._client.post("api/chat", body)
        if not isinstance(answer, dict) or not isinstance(answer.get("message"), dict):
            raise cut_reply(self._service)
        usage = (answer.get("prompt_eval_count"), answer.get("eval_count"))
        return _chat.reply_of(answer["message"].get("content"), usage, answer.get("model"), answer.get("done_reason"))

    async def models(self) -> tuple[str, ...]:
        """The models that are there."""
        listed = await self._client.get("api/tags")
        found = listed.get("models") if isinstance(listed, dict) else ()
        return tuple(sorted(str(m.get("model") or m.get("name")) for m in found or ()))

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()


def _runtime_of(options: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    from ollama import Options

    runtime = _chat.renamed(settings, {"max_tokens": "num_predict"})
    runtime |= {"num_ctx": options["num_ctx"]} if "num_ctx" in options else {}
    runtime |= (options.get("extra_body") or {}).get("options") or {}
    known = Options.model_fields
    if unknown := next((k for k in runtime if k not in known), None):
        raise BackendFault(FaultKind.BAD_REQUEST, f"Ollama has no option '{unknown}'; it has {', '.join(known)}")
    return runtime
