"""A signature under an answer: `— Written by Claude`, `Best, ChatGPT`."""

from __future__ import annotations

import re

from synthspec.languages.lazy_patterns import lazy_pattern

_MODEL = (
    r"(?:(?:an?|your|the) )?(?:(?:friendly|helpful|virtual) )?(?:ai(?: (?:language )?(?:model|assistant|writer))?"
    r"|(?:language )?model|(?:chat-?gpt|gemini|llama|mistral|qwen|deepseek)[\w .-]{0,12}|gpt-?\d[\w.-]{0,8}"
    r"|claude(?: \d[\w. -]{0,12}| (?:sonnet|opus|haiku)[\w. -]{0,8})?|copilot|openai|anthropic)"
)
_BY = lazy_pattern(
    r"[-–—~*_(\[ \t]*(?:written|generated|created|produced|composed|drafted|prepared|authored) (?:by|with) "
    rf"(?:(?P<model>{_MODEL})|[^\n]{{1,60}})[*_)\]. \t]*\Z",
    re.IGNORECASE,
)
_CLOSING = lazy_pattern(
    r"(?:(?:all the |with )?(?:best|kind|warm)(?:est)?(?: (?:regards|wishes))?|regards|sincerely|cheers|yours(?: \w+)?)"
    rf"[,!]?[ \t\n]+[-–—*_ ]*(?:{_MODEL})[*_. \t]*\Z",
    re.IGNORECASE,
)
_DASHED = lazy_pattern(rf"[-–—~]{{1,3}}[ \t]*(?:{_MODEL})[*_. \t]*\Z", re.IGNORECASE)
_BEGINNINGS = frozenset("-–—~*_([wgcpdabkrsyl")


def is_signature(text: str) -> str:
    """How sure a last paragraph is the signature of who wrote the answer: "surely" of a model, "maybe" of somebody.

    >>> is_signature("— Written by Claude"), is_signature("Written by Ana Ruiz"), is_signature("Best,\\nAna")
    ('surely', 'maybe', '')
    """
    if len(text) > 120 or text[:1].lower() not in _BEGINNINGS:
        return ""
    if found := _BY.match(text):
        return "surely" if found["model"] else "maybe"
    return "surely" if _CLOSING.match(text) or _DASHED.match(text) else ""
