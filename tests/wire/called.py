"""Replies that call two tools, as each provider's documentation gives them, and those of raw completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ARGUMENTS = {"order": "A1", "days": [1, 2], "deep": {"text": "x"}}
_FUNCTIONS = [
    {"id": f"call_{n}", "type": "function", "function": {"name": "order_status", "arguments": '{"order": "A1"}'}}
    for n in (1, 2)
]

CALLED: Mapping[str, Any] = {
    "openai": {
        "model": "m",
        "choices": [{"message": {"content": None, "tool_calls": _FUNCTIONS}, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    },
    "ollama": {
        "model": "m",
        "message": {"content": "", "tool_calls": [{"function": {"name": "order_status", "arguments": _ARGUMENTS}}] * 2},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 3,
        "eval_count": 4,
    },
    "anthropic": {
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "Which?", "signature": "s"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "toolu_1", "name": "order_status", "input": _ARGUMENTS},
            {"type": "tool_use", "id": "toolu_2", "name": "order_status", "input": {}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 4},
    },
    "cohere": {
        "message": {"role": "assistant", "tool_plan": "I look.", "tool_calls": _FUNCTIONS},
        "finish_reason": "TOOL_CALL",
        "usage": {"billed_units": {"input_tokens": 3, "output_tokens": 4}},
    },
    "google": {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "I look."},
                        {"functionCall": {"name": "order_status", "args": _ARGUMENTS}, "thoughtSignature": "s"},
                        {"functionCall": {"id": "f2", "name": "order_status", "args": {}}},
                    ],
                },
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4},
        "modelVersion": "m",
    },
}

CONTINUED: Mapping[str, Any] = {
    "openai": {
        "model": "m",
        "choices": [{"index": 0, "text": " there was", "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    },
    "ollama": {
        "model": "m",
        "response": " there was",
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 3,
        "eval_count": 4,
    },
}
