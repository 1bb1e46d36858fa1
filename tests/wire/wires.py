"""What each provider says on the wire, as its documentation gives it: answers, model lists and errors."""

from __future__ import annotations

import json
from typing import Any, Protocol

THOUGHT = "2 and 2 — that is 4."
TEXT = "Agent: hello. Client: the bill is wrong — 40 €."
Fault = tuple[int, Any, dict[str, str]]


class Wire(Protocol):
    """One provider's format."""

    name: str
    prefix: str  # what its base URL ends in

    def answer(self, path: str, body: Any) -> Any: ...
    def models(self) -> Any: ...
    def fault(self, fault: str, path: str, body: Any) -> Fault: ...


def _text_for(schema: Any) -> str:
    """A reply that fits a flat object schema, or plain prose."""
    if not schema:
        return TEXT
    kinds = {"string": TEXT, "integer": 4, "number": 0.5, "boolean": True, "array": []}
    names = schema.get("properties", {})
    return json.dumps({n: kinds.get(s.get("type"), TEXT) for n, s in names.items()})


_MISTRAL = [
    {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
    {"type": "text", "text": TEXT},
]


class OpenAIWire:
    name, prefix = "openai", "/v1"

    def answer(self, path: str, body: Any, finish: str = "stop", **message: Any) -> Any:
        shape = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_760_000_000,
            "model": f"{body['model']}-2025-08-07",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "message": {"role": "assistant", "content": _text_for(shape), "refusal": None, **message},
                }
            ],
            "usage": {"prompt_tokens": 21, "completion_tokens": 12, "total_tokens": 33},
        }

    def models(self) -> Any:
        return {"object": "list", "data": [{"id": m, "object": "model"} for m in ("gpt-b", "gpt-a")]}

    def fault(self, fault: str, path: str, body: Any) -> Fault:
        def error(status: int, message: str, code: str | None = None, **headers: str) -> Fault:
            shape = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
            return status, {"error": shape}, {k.replace("_", "-"): v for k, v in headers.items()}

        faults: dict[str, Fault] = {
            "rate": error(429, "Rate limit reached for gpt-a.", "rate_limit_exceeded", Retry_After="7"),
            "reset": error(
                429,
                "Rate limit reached for gpt-a.",
                "rate_limit_exceeded",
                x_ratelimit_remaining_requests="4",
                x_ratelimit_reset_requests="9m",
                x_ratelimit_remaining_tokens="0",
                x_ratelimit_reset_tokens="1m30s",
            ),
            "quota": error(429, "You exceeded your current quota, please check your plan.", "insufficient_quota"),
            "500": error(500, "The server had an error while processing your request."),
            "overloaded": error(503, "The engine is currently overloaded.", Retry_After="3"),
            "400": error(400, "Unsupported value: 'temperature' does not support 0.2.", "unsupported_value"),
            "picture": error(400, "Invalid image data: failed to decode the image.", "invalid_image"),
            "schema": error(400, "Invalid schema for response_format 'reply'.", "invalid_json_schema"),
            "401": error(401, "Incorrect API key provided: sk-secr**cret.", "invalid_api_key"),
            "echo": error(401, "bad key " + body_key(body)),
            "404": error(404, "The model `gpt-x` does not exist or you do not have access to it.", "model_not_found"),
            "413": error(413, "Request too large."),
            "long": error(
                400,
                "This model's maximum context length is 8192 tokens, you asked for 9000.",
                "context_length_exceeded",
            ),
            "too_large": error(429, "Request too large for gpt-a on tokens per min (TPM): Limit 1, Requested 2."),
            "blocked": error(400, "The response was filtered by the content management policy.", "content_filter"),
            "max_tokens": error(
                400, "max_tokens is too large: 99999. This model supports at most 16384 completion tokens."
            ),
            "gateway": (200, {"error": {"message": "Provider returned error", "code": 429}}, {}),
            "empty": (200, {"id": "x", "choices": []}, {}),
            "moved": (302, {}, {"Location": "http://127.0.0.1:9/"}),
            "refused": (200, self.answer(path, body, content=None, refusal="I can't help with that."), {}),
            "filtered": (200, self.answer(path, body, "content_filter"), {}),
            "length": (200, self.answer(path, body, "length"), {}),
            "parts": (
                200,
                self.answer(path, body, content=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
                {},
            ),
            "surrogate": (200, self.answer(path, body, content="cut \ud83d"), {}),
            "thought": (200, self.answer(path, body, reasoning_content=THOUGHT), {}),
            "thought elsewhere": (200, self.answer(path, body, reasoning=THOUGHT, reasoning_details=[{}]), {}),
            "thought in parts": (200, self.answer(path, body, content=_MISTRAL), {}),
            "thought, half": (200, self.answer(path, body, reasoning_content=THOUGHT + "\ud83d"), {}),
            "thought, strange": (200, self.answer(path, body, reasoning_content=4, reasoning=[[], None]), {}),
        }
        return faults[fault]


def body_key(body: Any) -> str:
    """The secret a test put where a server might echo it."""
    return str((body or {}).get("user", ""))


class OllamaWire:
    name, prefix = "ollama", ""

    def answer(self, path: str, body: Any, finish: str = "stop", **message: Any) -> Any:
        return {
            "model": body["model"],
            "created_at": "2026-01-01T00:00:00Z",
            "message": {"role": "assistant", "content": _text_for(body.get("format")), **message},
            "done": True,
            "done_reason": finish,
            "prompt_eval_count": 21,
            "eval_count": 12,
        }

    def models(self) -> Any:
        return {"models": [{"name": m, "model": m} for m in ("qwen3:4b", "llama3.2:latest")]}

    def fault(self, fault: str, path: str, body: Any) -> Fault:
        faults: dict[str, Fault] = {
            "rate": (429, {"error": "too many requests"}, {"Retry-After": "7"}),
            "quota": (429, {"error": "you have reached your weekly usage limit"}, {}),
            "500": (500, {"error": "llama runner process has terminated"}, {}),
            "overloaded": (
                503,
                {"error": "server busy, please try again. maximum pending requests exceeded"},
                {},
            ),
            "400": (400, {"error": "invalid option"}, {}),
            "picture": (500, {"error": "failed to process inputs: failed to decode image"}, {}),
            "401": (401, {"error": "unauthorized"}, {}),
            "404": (404, {"error": f"model '{body['model']}' not found"}, {}),
            "413": (413, {"error": "body too large"}, {}),
            "long": (
                400,
                {"error": "the prompt is longer than the context length currently available to the model"},
                {},
            ),
            "length": (200, self.answer(path, body, "length"), {}),
            "thought": (200, self.answer(path, body, thinking=THOUGHT), {}),
        }
        return faults[fault]


class AnthropicWire:
    name, prefix = "anthropic", ""

    def answer(self, path: str, body: Any, finish: str = "end_turn", thought: str = "hm") -> Any:
        shape = ((body.get("output_config") or {}).get("format") or {}).get("schema")
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": f"{body['model']}-20260101",
            "content": [
                {"type": "thinking", "thinking": thought, "signature": "x"},
                {"type": "text", "text": _text_for(shape)},
            ],
            "stop_reason": finish,
            "stop_sequence": None,
            "usage": {
                "input_tokens": 20,
                "cache_creation_input_tokens": 1,
                "cache_read_input_tokens": 0,
                "output_tokens": 12,
            },
        }

    def models(self) -> Any:
        data = [
            {"id": m, "type": "model", "display_name": m, "created_at": "2026-01-01T00:00:00Z"}
            for m in ("claude-b", "claude-a")
        ]
        return {"data": data, "has_more": False, "first_id": "claude-b", "last_id": "claude-a"}

    def fault(self, fault: str, path: str, body: Any) -> Fault:
        def error(status: int, kind: str, message: str, **headers: str) -> Fault:
            shape = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
            return status, shape, {k.replace("_", "-"): v for k, v in headers.items()}

        faults: dict[str, Fault] = {
            "rate": error(429, "rate_limit_error", "This request would exceed your rate limit.", Retry_After="7"),
            "quota": error(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
            "500": error(500, "api_error", "Internal server error"),
            "overloaded": error(529, "overloaded_error", "Overloaded"),
            "400": error(400, "invalid_request_error", "temperature: range: 0..1"),
            "401": error(401, "authentication_error", "invalid x-api-key"),
            "picture": error(400, "invalid_request_error", "messages.0.content.0.image: Could not process image"),
            "404": error(404, "not_found_error", "model: claude-x"),
            "413": error(413, "request_too_large", "Request exceeds the maximum size"),
            "long": error(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
            "refused": (200, self.answer(path, body, "refusal"), {}),
            "length": (200, self.answer(path, body, "max_tokens"), {}),
            "thought": (200, self.answer(path, body, thought=THOUGHT), {}),
        }
        return faults[fault]


class CohereWire:
    name, prefix = "cohere", ""

    def answer(self, path: str, body: Any, finish: str = "COMPLETE", *before: Any) -> Any:
        shape = (body.get("response_format") or {}).get("json_schema")
        return {
            "id": "c1",
            "finish_reason": finish,
            "message": {"role": "assistant", "content": [*before, {"type": "text", "text": _text_for(shape)}]},
            "usage": {
                "billed_units": {"input_tokens": 21, "output_tokens": 12},
                "tokens": {"input_tokens": 90, "output_tokens": 14},
            },
        }

    def models(self) -> Any:
        return {"models": [{"name": m, "endpoints": ["chat"]} for m in ("command-b", "command-a")]}

    def fault(self, fault: str, path: str, body: Any) -> Fault:
        faults: dict[str, Fault] = {
            "rate": (429, {"message": "You are past the per minute request limit."}, {"Retry-After": "7"}),
            "quota": (
                429,
                {"message": "You are using a Trial key, which is limited to 1000 API calls / month."},
                {},
            ),
            "500": (500, {"message": "internal server error"}, {}),
            "overloaded": (503, {"message": "service unavailable"}, {}),
            "400": (400, {"message": "invalid request: temperature must be between 0 and 1.0"}, {}),
            "401": (401, {"message": "invalid api token"}, {}),
            "picture": (400, {"message": "invalid image: unsupported image format"}, {}),
            "404": (
                404,
                {"message": "model 'command-x' not found, make sure the correct model ID was used"},
                {},
            ),
            "413": (413, {"message": "too large"}, {}),
            "long": (400, {"message": "too many tokens: size limit exceeded by 20 tokens."}, {}),
            "refused": (200, self.answer(path, body, "ERROR_TOXIC"), {}),
            "length": (200, self.answer(path, body, "MAX_TOKENS"), {}),
            "thought": (200, self.answer(path, body, "COMPLETE", {"type": "thinking", "thinking": THOUGHT}), {}),
        }
        return faults[fault]


class GoogleWire:
    name, prefix = "google", ""

    def answer(self, path: str, body: Any, finish: str = "STOP", thought: str = "hm") -> Any:
        shape = (body.get("generationConfig") or {}).get("responseJsonSchema")
        content = {"role": "model", "parts": [{"text": thought, "thought": True}, {"text": _text_for(shape)}]}
        return {
            "candidates": [{"content": content, "finishReason": finish, "index": 0}],
            "usageMetadata": {"promptTokenCount": 21, "candidatesTokenCount": 8, "thoughtsTokenCount": 4},
            "modelVersion": path.rsplit("/", 1)[-1].split(":")[0] + "-001",
        }

    def models(self) -> Any:
        shape = [
            {"name": f"models/{m}", "supportedGenerationMethods": ["generateContent"]} for m in ("gemini-b", "gemini-a")
        ]
        return {"models": [*shape, {"name": "models/embed", "supportedGenerationMethods": ["embedContent"]}]}

    def fault(self, fault: str, path: str, body: Any) -> Fault:
        def error(status: int, name: str, message: str, *details: Any) -> Fault:
            return (
                status,
                {"error": {"code": status, "message": message, "status": name, "details": list(details)}},
                {},
            )

        over = "You exceeded your current quota, please check your plan and billing details."
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}

        def limit(name: str) -> Any:
            return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name}]}

        blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 21}}
        faults: dict[str, Fault] = {
            "rate": error(429, "RESOURCE_EXHAUSTED", over, limit("GenerateRequestsPerMinutePerProject"), retry),
            "quota": error(429, "RESOURCE_EXHAUSTED", over, limit("GenerateRequestsPerDayPerProject"), retry),
            "500": error(500, "INTERNAL", "An internal error has occurred."),
            "overloaded": error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
            "400": error(400, "INVALID_ARGUMENT", "temperature must be in the range [0.0, 2.0]."),
            "401": error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
            "picture": error(400, "INVALID_ARGUMENT", "Unable to process input image. Please retry or report."),
            "404": error(404, "NOT_FOUND", "models/gemini-x is not found for API version v1beta."),
            "413": error(413, "INVALID_ARGUMENT", "Request payload size exceeds the limit."),
            "long": error(
                400,
                "INVALID_ARGUMENT",
                "The input token count (9) exceeds the maximum number of tokens allowed (8).",
            ),
            "refused": (200, blocked, {}),
            "filtered": (200, self.answer(path, body, "SAFETY"), {}),
            "length": (200, self.answer(path, body, "MAX_TOKENS"), {}),
            "thought": (200, self.answer(path, body, thought=THOUGHT), {}),
            "empty": (200, {"modelVersion": "x"}, {}),
        }
        return faults[fault]


WIRES: tuple[Wire, ...] = (OpenAIWire(), OllamaWire(), AnthropicWire(), CohereWire(), GoogleWire())
