"""Google's Gemini models, by the Gemini API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from synthspec.inference.backends import BackendContext, Provider
from synthspec.inference.batches import BatchOffer, BatchService
from synthspec.inference.transport import chat as _chat
from synthspec.inference.transport import keys as _keys
from synthspec.inference.transport.errors import Service
from synthspec.inference.transport.hosting import open_hosted
from synthspec.inference.transport.image_tokens import gemini_tokens
from synthspec.inference.transport.replies import answer_of, first_in, map_in, member, misfit, names_in, reply_of, total
from synthspec.inference.transport.schemas import SchemaCuts, keep_keywords
from synthspec.inference.transport.wires import google as _wire
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Request

if TYPE_CHECKING:
    from synthspec.spec import BackendChoice

KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
OPTIONS: Mapping[str, str] = {
    "base_url": f"{_chat.BASE_URL} (or GOOGLE_GEMINI_BASE_URL)",
    "constrain": _chat.CONSTRAIN,
    "seed": _chat.SEED,
    "reasoning_effort": "minimal, low, medium or high: the thinking level",
    "thinking_budget": "tokens to think with: 0 is off, -1 as the model likes",
    "include_thoughts": "whether the model returns its reasoning, for `reasoning` (default false)",
    "extra_body": _chat.EXTRA_BODY + ", such as {safety_settings: [...]}",
}

_URL = "https://generativelanguage.googleapis.com"
_OWNER = _keys.Owner("Google", "generativelanguage.googleapis.com", "GOOGLE_GEMINI_BASE_URL")
_NAMES = {"max_tokens": "maxOutputTokens", "stop": "stopSequences"}
# https://ai.google.dev/api/generate-content: what stands in a request beside its messages, and in `generationConfig`
_BESIDE = frozenset("tools toolConfig safetySettings cachedContent labels serviceTier store".split())
_CONFIG = frozenset(
    "temperature topP topK candidateCount maxOutputTokens stopSequences responseLogprobs logprobs presencePenalty "
    "frequencyPenalty seed responseMimeType responseSchema responseJsonSchema responseModalities mediaResolution "
    "speechConfig thinkingConfig imageConfig enableEnhancedCivicAnswers".split()
)
# https://ai.google.dev/api/generate-content#FinishReason: ends that no other provider has, as theirs
_ENDED = {"OTHER": "refusal", "LANGUAGE": "refusal", "MALFORMED_RESPONSE": "length"}
_SCHEMAS = ("responseSchema", "responseJsonSchema")  # whose keys are not the API's
# https://ai.google.dev/api/generate-content: what `response_json_schema` knows
_KEPT = frozenset(
    {
        "$id",
        "$defs",
        "$ref",
        "$anchor",
        "type",
        "format",
        "title",
        "description",
        "enum",
        "items",
        "prefixItems",
    }
    | {"minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties"}
    | {"required"}
)


def open_backend(choice: BackendChoice, context: BackendContext) -> GoogleBackend:
    """Read the environment and the options; nothing is sent."""
    hosted = open_hosted(_OWNER, KEYS, OPTIONS, _URL, choice, context)
    headers = {"x-goog-api-key": hosted.key} if hosted.key else {}
    return GoogleBackend(hosted.service, headers, hosted.options, hosted.settings)


def open_batches(backend: GoogleBackend) -> BatchService:
    """The provider's batches, through its SDK.

    Raises:
        BackendFault: the SDK is not installed.
    """
    from synthspec.inference.batches.google import GoogleBatches

    return GoogleBatches(backend)


PROVIDER = Provider(
    summary="Google: Gemini models, constrained to a JSON schema",
    open=open_backend,
    keys=KEYS,
    options=OPTIONS,
    tools=True,
    images=True,
    reasons=True,
    batches=BatchOffer(open_batches, "generativelanguage.googleapis.com"),
    most_image=(14_000_000, 0),  # bytes: a request has 20 MB at most; no limit of pixels
    image_tokens=gemini_tokens,
)


class GoogleBackend:
    """One open connection."""

    def __init__(
        self, service: Service, headers: dict[str, str], options: dict[str, Any], settings: dict[str, Any]
    ) -> None:
        from synthspec.inference.transport.http import JsonClient

        self._client = JsonClient(service, service.address, headers)
        self._service = service
        self.model = service.model if "/" in service.model else f"models/{service.model}"
        self._path = f"v1beta/{quote(self.model)}:generateContent"
        self._beside, self._config = _config_of(options, settings)
        self._constrain = options.get("constrain", True) is not False
        self._cut = SchemaCuts(lambda schema: keep_keywords(schema, _KEPT))
        self._seed = options.get("seed")
        self.seeded = self._seed is True
        self.server = service.address
        self.fingerprint = _chat.fingerprint_of("google", _URL, options)
        self.earlier_fingerprint = _chat.fingerprint_of("google", service.address, options)

    async def complete(self, request: Request) -> Reply:
        """One generation."""
        path, body = self.written(request)
        return self.read(await self._client.post(path, body))

    def written(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Where a request goes, and its body."""
        config = dict(self._config)
        config |= _chat.sampling_of(request, self._seed)
        if self._constrain and request.constraint.json_schema is not None:
            config["responseMimeType"] = "application/json"
            config["responseJsonSchema"] = self._cut(request.constraint.json_schema)
        body = {**self._beside, "contents": _wire.contents_of(request.messages, self._service.model)}
        body["generationConfig"] = config
        if request.tools:
            body["tools"] = [*body.get("tools", ()), *_wire.tools_of(request.tools)]
        system = [m.content for m in request.messages if m.role == "system"]
        if system:
            body["systemInstruction"] = {"parts": [{"text": "\n\n".join(system)}]}
        return self._path, body

    async def models(self) -> tuple[str, ...]:
        """The models that generate text."""
        listed = member(await self._client.get("v1beta/models?pageSize=1000"), "models")
        able = [m for m in listed if _generates(m)] if isinstance(listed, list) else []
        return tuple(sorted(n.removeprefix("models/") for n in names_in(able, "name")))

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
        answer = answer_of(self._service, answer, "candidates")
        counts = _counts_in(answer.get("usageMetadata"))
        model = answer.get("modelVersion")
        if not answer.get("candidates") and isinstance(answer.get("promptFeedback"), Mapping):
            return reply_of(self._service, "", (counts[0], counts[1] or 0), model, "safety")
        first = first_in(self._service, answer, "candidates")
        said, thought = self._texts_of(first, answer)
        calls = _wire.calls_in(member(first, "content", "parts") or ())
        finish = first.get("finishReason")
        finish = _ENDED.get(finish, finish) if isinstance(finish, str) else finish
        return reply_of(self._service, said, counts, model, finish, reasoning=thought, calls=calls)

    def _texts_of(self, candidate: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[str, str]:
        """The text of a candidate, and its thoughts; one that was stopped at once has no content."""
        if candidate.get("content") is None:
            return "", ""
        parts = map_in(self._service, candidate, "content").get("parts")
        if not isinstance(parts, list | None):
            raise misfit(self._service, "parts", parts, "a list", answer)
        texts: list[str] = []
        thoughts: list[str] = []
        for part in parts or ():
            if not isinstance(part, Mapping) or not isinstance(part.get("text", ""), str):
                raise misfit(self._service, "parts[]", part, "a text", answer)
            (thoughts if part.get("thought") else texts).append(part.get("text", ""))
        return "".join(texts), "".join(thoughts)


def _counts_in(usage: Any) -> tuple[Any, Any]:
    """Tokens of the prompt and of the completion, its thoughts among them; None is not known.

    Google leaves out counts of 0, such as that of the answer of a model that thought until the limit: then the whole
    tells how many the completion has.
    """
    prompt = total(member(usage, "promptTokenCount"), member(usage, "toolUsePromptTokenCount"))
    if member(usage, "candidatesTokenCount") is not None:
        return prompt, total(member(usage, "candidatesTokenCount"), member(usage, "thoughtsTokenCount"))
    whole = total(member(usage, "totalTokenCount"))
    thoughts = total(member(usage, "thoughtsTokenCount")) or 0
    known = prompt is not None and whole is not None and whole - prompt >= thoughts
    return prompt, whole - prompt if known else None


def _generates(model: Any) -> bool:
    methods = member(model, "supportedGenerationMethods")
    return isinstance(methods, list) and "generateContent" in methods


def _config_of(options: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands beside the messages, and `generationConfig`; keys may be written in either of Google's spellings."""
    given = _camel(_chat.renamed(settings, _NAMES)) | _camel(options.get("extra_body") or {})
    given |= _camel(given.pop("generationConfig", None) or {})
    thinking = dict(given.get("thinkingConfig") or {})
    if "thinking_budget" in options:
        thinking["thinkingBudget"] = options["thinking_budget"]
    if "reasoning_effort" in options:
        thinking["thinkingLevel"] = str(options["reasoning_effort"]).upper()
    if "include_thoughts" in options:
        thinking["includeThoughts"] = options["include_thoughts"]
    if thinking:
        given["thinkingConfig"] = thinking
    if unknown := next((k for k in given if k not in _BESIDE | _CONFIG), None):
        raise BackendFault(FaultKind.BAD_REQUEST, f"Google does not have this setting: {unknown}")
    return {k: v for k, v in given.items() if k in _BESIDE}, {k: v for k, v in given.items() if k in _CONFIG}


def _camel(value: Any) -> Any:
    """Names as `max_output_tokens` written as the API writes them, `maxOutputTokens`, at every depth."""
    if isinstance(value, list):
        return [_camel(v) for v in value]
    if not isinstance(value, Mapping):
        return value
    names = {k: re.sub("_([a-z])", lambda m: m[1].upper(), str(k)) for k in value}
    return {n: value[k] if n in _SCHEMAS else _camel(value[k]) for k, n in names.items()}
