"""Google's Gemini models, through the `google-genai` SDK."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthspec.backends import BackendContext, _chat
from synthspec.backends._faults import Service, cut_reply
from synthspec.backends._schemas import SchemaCuts, keep_keywords
from synthspec.backends._sdk import call, load
from synthspec.records import BackendFault, FaultKind, Message, Reply, Request

if TYPE_CHECKING:
    from synthspec.spec import BackendChoice

SUMMARY = "Google: Gemini models, held to a JSON schema"
KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
EXTRA = "google"
MODULE = "google.genai"
OPTIONS: Mapping[str, str] = {
    "base_url": f"{_chat.BASE_URL} (or GOOGLE_GEMINI_BASE_URL)",
    "constrain": _chat.CONSTRAIN,
    "seed": _chat.SEED,
    "reasoning_effort": "minimal, low, medium or high: the thinking level",
    "thinking_budget": "tokens to think with: 0 is off, -1 as the model likes",
    "extra_body": _chat.EXTRA_BODY + ", such as {safety_settings: [...]}",
}
FREE = False
DEFAULT_MODEL = ""

_URL = "https://generativelanguage.googleapis.com"
_NAMES = {"max_tokens": "max_output_tokens", "stop": "stop_sequences"}
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
    key = _chat.required_key("Google", KEYS)
    options, settings = _chat.options_of(choice, OPTIONS)
    address = _chat.address_of(str(options.get("base_url") or os.environ.get("GOOGLE_GEMINI_BASE_URL") or _URL))
    _chat.guard_key("Google", address, "googleapis.com", "GOOGLE_GEMINI_BASE_URL")
    service = Service("Google", address, choice.model, KEYS, "", context.timeout, (key,))
    return GoogleBackend(service, key, options, settings)


class GoogleBackend:
    """One open connection."""

    def __init__(self, service: Service, key: str, options: dict[str, Any], settings: dict[str, Any]) -> None:
        genai = load(MODULE, "Google", EXTRA)
        http = genai.types.HttpOptions(
            base_url=service.address,
            timeout=int(1000 * service.timeout),
            retry_options=genai.types.HttpRetryOptions(attempts=1),
        )
        self._sdk = genai.Client(api_key=key, vertexai=False, http_options=http)
        self._types = genai.types
        self._service = service
        self._config = _config_of(options, settings)
        try:
            genai.types.GenerateContentConfig(**self._config)
        except ValueError as e:
            why = " ".join(str(e).splitlines()[1:3])
            raise BackendFault(FaultKind.BAD_REQUEST, f"Google takes no such setting: {why}") from None
        self._constrain = options.get("constrain", True) is not False
        self._cut = SchemaCuts(lambda schema: keep_keywords(schema, _KEPT))
        self._seed = options.get("seed")
        self.seeded = self._seed is True
        self.fingerprint = _chat.fingerprint_of("google", service.address, options)

    async def complete(self, request: Request) -> Reply:
        """One generation."""
        config = dict(self._config)
        system = [m.content for m in request.messages if m.role == "system"]
        if system:
            config["system_instruction"] = "\n\n".join(system)
        if request.temperature is not None:
            config["temperature"] = request.temperature
        if (seed := _chat.seed_of(self._seed, request)) is not None:
            config["seed"] = seed
        if self._constrain and request.constraint.json_schema is not None:
            config["response_mime_type"] = "application/json"
            config["response_json_schema"] = self._cut(request.constraint.json_schema)
        typed = self._types.GenerateContentConfig(**config)
        turns: Any = [_turn(m) for m in request.messages if m.role != "system"]
        generate = self._sdk.aio.models.generate_content
        return self._read(await call(self._service, generate(model=self._service.model, contents=turns, config=typed)))

    async def models(self) -> tuple[str, ...]:
        """The models that generate text."""

        async def listed() -> list[str]:
            pages = await self._sdk.aio.models.list(config={"page_size": 1000})
            return [m.name or "" async for m in pages if "generateContent" in (m.supported_actions or ())]

        return tuple(sorted(n.removeprefix("models/") for n in await call(self._service, listed())))

    async def close(self) -> None:
        """Close every connection."""
        await self._sdk.aio.aclose()
        self._sdk.close()

    def _read(self, answer: Any) -> Reply:
        usage = answer.usage_metadata
        counts = (0, 0)
        if usage is not None:  # thoughts are billed as output
            spent = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
            counts = (usage.prompt_token_count or 0, spent)
        first = answer.candidates[0] if answer.candidates else None
        parts = first.content.parts if first is not None and first.content is not None else None
        text = "".join(p.text for p in parts or () if p.text and not p.thought)
        if first is None and answer.prompt_feedback is None:
            raise cut_reply(self._service)
        finish = getattr(first.finish_reason, "value", "") if first is not None else "safety"
        return _chat.reply_of(text, counts, answer.model_version, finish)


def _turn(message: Message) -> dict[str, Any]:
    role = "model" if message.role == "assistant" else "user"
    return {"role": role, "parts": [{"text": message.content}]}


def _config_of(options: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    config = _chat.renamed(settings, _NAMES) | {"automatic_function_calling": {"disable": True}}
    config |= options.get("extra_body") or {}
    thinking = {}
    if "thinking_budget" in options:
        thinking["thinking_budget"] = options["thinking_budget"]
    if "reasoning_effort" in options:
        thinking["thinking_level"] = str(options["reasoning_effort"]).upper()
    return {**config, "thinking_config": thinking} if thinking else config
