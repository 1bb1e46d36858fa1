"""Cohere's Command models, by the second version of its chat API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthspec.inference.backends import BackendContext, Provider
from synthspec.inference.transport import chat as _chat
from synthspec.inference.transport import keys as _keys
from synthspec.inference.transport.errors import Service
from synthspec.inference.transport.hosting import open_hosted
from synthspec.inference.transport.replies import answer_of, map_in, member, names_in, reasoning_in, reply_of, text_in
from synthspec.inference.transport.schemas import SchemaCuts, keep_keywords
from synthspec.inference.transport.wires import cohere as _wire
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Request

if TYPE_CHECKING:
    from synthspec.spec import BackendChoice

KEYS = ("COHERE_API_KEY", "CO_API_KEY")
OPTIONS: Mapping[str, str] = {
    "base_url": f"{_chat.BASE_URL} (or CO_API_URL)",
    "constrain": _chat.CONSTRAIN,
    "seed": _chat.SEED,
    "thinking": "the API's own map, such as {type: disabled}",
    "extra_body": _chat.EXTRA_BODY + ", such as {safety_mode: STRICT}",
}

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
# https://docs.cohere.com/reference/chat
_KNOWN = frozenset(
    "model tools strict_tools documents citation_options response_format safety_mode max_tokens stop_sequences "
    "temperature seed frequency_penalty presence_penalty k p logprobs tool_choice thinking priority".split()
)
_OWNER = _keys.Owner("Cohere", "cohere.com", "CO_API_URL")
_URL = "https://api.cohere.com"


def open_backend(choice: BackendChoice, context: BackendContext) -> CohereBackend:
    """Read the environment and the options; nothing is sent."""
    hosted = open_hosted(_OWNER, KEYS, OPTIONS, _URL, choice, context)
    headers = {"Authorization": f"Bearer {hosted.key or 'none'}"}
    return CohereBackend(hosted.service, headers, hosted.options, hosted.settings)


PROVIDER = Provider(
    summary="Cohere: Command models, constrained to a JSON schema",
    open=open_backend,
    keys=KEYS,
    options=OPTIONS,
    tools=True,
    images=True,
    reasons=True,
    most_image=(14_000_000, 0),  # bytes: a request has 20 MB at most; no limit of pixels
)


class CohereBackend:
    """One open connection."""

    def __init__(
        self, service: Service, headers: dict[str, str], options: dict[str, Any], settings: dict[str, Any]
    ) -> None:
        from synthspec.inference.transport.http import JsonClient

        self._client = JsonClient(service, service.address, headers)
        self._service = service
        self._body = {"model": service.model, "stream": False, **_chat.renamed(settings, _NAMES)}
        self._body |= {"thinking": options["thinking"]} if "thinking" in options else {}
        self._body |= options.get("extra_body") or {}
        if unknown := next((k for k in self._body if k not in _KNOWN | {"stream"}), None):
            raise BackendFault(FaultKind.BAD_REQUEST, f"Cohere's chat takes no '{unknown}'")
        self._constrain = options.get("constrain", True) is not False
        self._cut = SchemaCuts(_format)
        self._seed = options.get("seed")
        self.seeded = self._seed is True
        self.server = service.address
        self.fingerprint = _chat.fingerprint_of("cohere", _URL, options)
        self.earlier_fingerprint = _chat.fingerprint_of("cohere", service.address, options)

    async def complete(self, request: Request) -> Reply:
        """One chat call."""
        body = {**self._body, "messages": _wire.messages_of(request.messages)}
        body |= _chat.sampling_of(request, self._seed)
        if request.tools:
            body["tools"] = _wire.tools_of(request.tools)
        schema = request.constraint.json_schema
        if self._constrain and schema is not None and (shape := self._cut(schema)) is not None:
            body["response_format"] = shape
        return self._read(await self._client.post("v2/chat", body))

    async def models(self) -> tuple[str, ...]:
        """The chat models the key may use."""
        return names_in(member(await self._client.get("v1/models?page_size=1000&endpoint=chat"), "models"), "name")

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    def _read(self, answer: Any) -> Reply:
        answer = answer_of(self._service, answer, "message")
        message = map_in(self._service, answer, "message")
        counted = member(answer, "usage", "billed_units") or member(answer, "usage", "tokens")
        return reply_of(
            self._service,
            text_in(self._service, message.get("content"), answer),
            (member(counted, "input_tokens"), member(counted, "output_tokens")),
            self._service.model,
            answer.get("finish_reason"),
            reasoning=reasoning_in(message.get("content")) or reasoning_in(message.get("tool_plan")),
            calls=_wire.calls_in(self._service, message, answer),
        )


def _format(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    if schema.get("type") != "object" or not schema.get("required"):
        return None  # an object with something in it is all it takes
    return {"type": "json_object", "json_schema": keep_keywords(schema, _KEPT)}
