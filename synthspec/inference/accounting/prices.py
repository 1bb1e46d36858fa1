"""What well-known models cost, in US dollars for a million tokens, as their providers listed it on `AS_OF`.

A price here is a provider's ordinary one: no batch or cache discount, no promotion, short prompts (some
models cost more above 200,000 tokens). A spec's own `prices` come first. A model is known by its exact name,
or by that name with a date or `-latest` after it; a longer name is another model at another price (`gpt-5` is
not `gpt-5-pro`), and is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from synthspec.diagnostics.remedies import write
from synthspec.languages.lazy_patterns import lazy_pattern
from synthspec.plugins import is_plugin
from synthspec.spec import Prices

AS_OF = "2026-10-07"

FREE = frozenset({"ngram", "ollama", "replay", "transformers"})  # providers that never cost money

_TABLE: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "openai": {
        "gpt-6-astra": (10.0, 50.0),
        "gpt-5.6-sol": (5.0, 30.0),
        "gpt-5.6-terra": (2.0, 12.0),
        "gpt-5.6-luna": (0.2, 1.2),
        "gpt-5.5": (5.0, 30.0),
        "gpt-5.5-pro": (30.0, 180.0),
        "gpt-5.4": (2.5, 15.0),
        "gpt-5.4-pro": (30.0, 180.0),
        "gpt-5.4-mini": (0.75, 4.5),
        "gpt-5.4-nano": (0.2, 1.25),
        "gpt-5.2": (1.75, 14.0),
        "gpt-5.1": (1.25, 10.0),
        "gpt-5": (1.25, 10.0),
        "gpt-5-mini": (0.25, 2.0),
        "gpt-5-nano": (0.05, 0.4),
        "gpt-4.1": (2.0, 8.0),
        "gpt-4.1-mini": (0.4, 1.6),
        "gpt-4.1-nano": (0.1, 0.4),
        "gpt-4o": (2.5, 10.0),
        "gpt-4o-mini": (0.15, 0.6),
        "o4-mini": (1.1, 4.4),
        "o3": (2.0, 8.0),
        "o3-mini": (1.1, 4.4),
        "o1": (15.0, 60.0),
        "text-embedding-3-small": (0.02, 0.0),
        "text-embedding-3-large": (0.13, 0.0),
    },
    "anthropic": {
        "claude-fable-5-1": (10.0, 50.0),
        "claude-fable-5": (10.0, 50.0),
        "claude-opus-5-5": (4.0, 20.0),
        "claude-opus-5": (5.0, 25.0),
        "claude-opus-4-8": (5.0, 25.0),
        "claude-opus-4-7": (5.0, 25.0),
        "claude-opus-4-6": (5.0, 25.0),
        "claude-opus-4-5": (5.0, 25.0),
        "claude-opus-4-1": (15.0, 75.0),
        "claude-opus-4-0": (15.0, 75.0),
        "claude-sonnet-5-5": (2.0, 10.0),
        "claude-sonnet-5": (2.0, 10.0),
        "claude-sonnet-4-6": (3.0, 15.0),
        "claude-sonnet-4-5": (3.0, 15.0),
        "claude-sonnet-4-0": (3.0, 15.0),
        "claude-haiku-4-5": (1.0, 5.0),
    },
    "google": {
        "gemini-3.8-flash": (1.5, 7.5),  # half of that until the end of 2026
        "gemini-3.5-flash": (1.5, 9.0),
        "gemini-3.5-flash-lite": (0.3, 2.5),
        "gemini-3.1-pro-preview": (2.0, 12.0),
        "gemini-2.5-pro": (1.25, 10.0),
        "gemini-2.5-flash": (0.3, 2.5),
        "gemini-2.5-flash-lite": (0.1, 0.4),
    },
    "cohere": {
        "command-a-03-2025": (2.5, 10.0),
        "command-r-plus-08-2024": (2.5, 10.0),
        "command-r-08-2024": (0.15, 0.6),
        "command-r7b-12-2024": (0.0375, 0.15),
    },
}

_DATED = lazy_pattern(r"-(?:latest|20\d{6}|20\d\d-\d\d-\d\d|00\d)$")


def price_of(provider: str, model: str) -> Prices | None:
    """The price of a model; None where it is not known.

    >>> price_of("openai", "gpt-5-mini-2025-08-07").prompt
    0.25
    >>> price_of("openai", "gpt-5-ultra") is None
    True
    """
    if provider in FREE:
        return Prices(0.0, 0.0)
    known = _TABLE.get(provider, {})
    price = known.get(model) or known.get(_DATED.sub("", model))
    return Prices(*price) if price is not None else None


# Families of models that one provider makes, or that people run by Ollama, by how their names begin.
_FAMILIES = (
    ("openai", lazy_pattern(r"(?:gpt|chatgpt)-\d|o\d(?:-|$)", re.I)),
    ("anthropic", lazy_pattern(r"claude-", re.I)),
    ("google", lazy_pattern(r"gemini-|models/gemini-", re.I)),
    ("cohere", lazy_pattern(r"command-|command$|c4ai-", re.I)),
    ("ollama", lazy_pattern(r"(?:llama|qwen|mistral|mixtral|gemma|phi|deepseek-r|gpt-oss|smollm)(?:[\d.:-]|$)", re.I)),
)


def provider_of(model: str) -> str | None:
    """The provider of a well-known model; None where the name does not say.

    >>> provider_of("gpt-5-mini"), provider_of("claude-9-sonnet"), provider_of("llama3.2"), provider_of("bert")
    ('openai', 'anthropic', 'ollama', None)
    """
    listed = next((p for p, models in _TABLE.items() if model in models), None)
    return listed or next((p for p, family in _FAMILIES if family.match(model)), None)


_ALIASES = {"claude": "anthropic", "gemini": "google", "gpt": "openai", "chatgpt": "openai", "azure": "openai",
            "vllm": "openai", "lmstudio": "openai", "llama.cpp": "openai", "openrouter": "openai", "groq": "openai",
            "huggingface": "transformers", "hf": "transformers"}  # fmt: skip


def meant_backend(provider: str, model: str) -> str:
    """What to write for a model without its provider, or for a provider under another name; "" where that is unsure.

    >>> meant_backend("gpt-5-mini", ""), meant_backend("claude", "claude-sonnet-5"), meant_backend("opnai", "x")
    ('write `openai:gpt-5-mini`', 'write `anthropic:claude-sonnet-5`', '')
    >>> meant_backend("openai/gpt-5-mini", "")
    'write `openai:gpt-5-mini`'
    """
    named, slash, rest = provider.partition("/")
    if slash and rest and is_plugin("backends", named):
        return write(f"{named}:{rest}{':' if model else ''}{model}", certain=True)
    if not model and (owner := provider_of(provider)):
        return write(f"{owner}:{provider}", certain=True)
    owner = _ALIASES.get(provider.casefold())
    return write(f"{owner}:{model or 'MODEL'}", certain=bool(model)) if owner else ""


def dollars(amount: float) -> str:
    """An amount for people: cents where that is exact, else as many digits as tell it from nothing.

    >>> dollars(2), dollars(0.0), dollars(0.002), dollars(0.0000012), dollars(1234.5)
    ('$2.00', '$0.00', '$0.0020', '$0.0000012', '$1,234.50')
    """
    if round(amount, 2) == amount:
        return f"${amount:,.2f}"
    if amount >= 0.0001:
        return f"${amount:,.4f}"
    return f"${amount:.8f}".rstrip("0")


def known_models(provider: str) -> tuple[str, ...]:
    """The models of a provider whose prices are known."""
    return tuple(_TABLE.get(provider, ()))
