"""Digests of a spec: of all of it, and of what its rows are made by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_BESIDE = ("output", "gates", "report", "description", "license", "tags")  # what no row hangs on


def digest_of(document: Any) -> str:
    """A digest of a document as plain data."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def program_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What rows are made by: of the limits only the attempts, and no server's address."""
    program = {k: v for k, v in document.items() if k not in _BESIDE}
    limits = program.pop("limits", None)
    _replace(program, "backend", _without_address)
    _replace(program, "prompts", lambda prompts: _each(prompts, _prompt))
    return {**program, "attempts": limits.get("attempts") if isinstance(limits, dict) else None}


def _prompt(prompt: Any) -> Any:
    """A prompt without the addresses of its servers and of its speakers'."""
    if not isinstance(prompt, dict):
        return prompt
    prompt = dict(prompt)
    _replace(prompt, "backend", _without_address)
    _replace(prompt, "dialogue", lambda speakers: _each(speakers, _prompt))
    return prompt


def _without_address(backend: Any) -> Any:
    """A backend, a list of them, or several to choose from, without the addresses of servers."""
    if isinstance(backend, list):
        return [_without_address(one) for one in backend]
    if not isinstance(backend, dict):
        return backend
    if "choose" in backend:
        return {**backend, "of": _each(backend.get("of"), _without_address)}
    return {k: v for k, v in backend.items() if k != "base_url"}


def _each(named: Any, change: Any) -> Any:
    return {name: change(one) for name, one in named.items()} if isinstance(named, dict) else named


def _replace(holder: dict[str, Any], key: str, change: Any) -> None:
    if key in holder:
        holder[key] = change(holder[key])
