"""What the chat backends share: reading their options, writing messages, and naming where they call."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synthspec.backends._faults import missing_key
from synthspec.records import BackendFault, FaultKind, Reply, Request, Usage

if TYPE_CHECKING:
    from synthspec.spec import BackendChoice

CONSTRAIN = "whether the provider is given the reply's JSON schema (default true)"
SEED = "true sends each request its own seed; a number sends that one"
EXTRA_BODY = "a map of further keys for each request, in the provider's own words"
BASE_URL = "address of the server"

_HIDDEN = ("base_url", "keep_alive", "timeout")  # they change no answer, or are in the address


def options_of(choice: BackendChoice, own: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The provider's own options, and the settings of every request; each key is looked for in both.

    Raises:
        BackendFault: no model is named, or `extra_body` is no map.
    """
    merged = {**choice.options, **choice.settings}
    if isinstance(merged.get("temperature"), list):
        del merged["temperature"]  # a range: each request brings its own
    mine = {k: merged[k] for k in own if k in merged}
    rest = {k: v for k, v in merged.items() if k not in mine and k != "timeout" and v is not None}
    if not isinstance(mine.get("extra_body") or {}, Mapping):
        raise BackendFault(FaultKind.BAD_REQUEST, "`extra_body` is a map")
    if not choice.model:
        raise BackendFault(FaultKind.BAD_REQUEST, f"name a model: `{choice.provider}:MODEL`")
    return mine, rest


def renamed(settings: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The settings under the provider's own names; `stop` as a list of texts."""
    stop = settings.get("stop")
    listed = {**settings, "stop": [stop]} if isinstance(stop, str) else settings
    return {names.get(k, k): v for k, v in listed.items()}


def seed_of(option: Any, request: Request) -> int | None:
    """The seed to send, from the `seed` option. 31 bits: what every server takes."""
    if option is True:
        return request.seed & 0x7FFFFFFF
    return option if isinstance(option, int) and option is not False else None


def messages_of(request: Request) -> list[dict[str, str]]:
    """The conversation as most providers take it."""
    return [{"role": m.role, "content": m.content} for m in request.messages]


def address_of(url: str) -> str:
    """Scheme, host and path of a URL, for messages: no credentials, no query.

    Raises:
        BackendFault: it is no URL of a server, or has credentials in it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BackendFault(FaultKind.BAD_REQUEST, "`base_url` is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BackendFault(FaultKind.BAD_REQUEST, "`base_url` must be http://… or https://… with a host")
    if parts.username or parts.password or parts.query:
        raise BackendFault(
            FaultKind.BAD_REQUEST,
            "`base_url` must hold no user, password or query; keys come from the environment",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_local(host: str) -> bool:
    """Whether the host is this machine or its own network."""
    if is_loopback(host) or ("." not in host and ":" not in host):
        return True
    if host.endswith((".local", ".lan", ".internal", ".home.arpa")):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def fingerprint_of(provider: str, address: str, options: Mapping[str, Any]) -> str:
    """Provider, host and path, and the options that change an answer. No secret is in an address."""
    shown = {k: v for k, v in options.items() if k not in _HIDDEN}
    text = f"{provider}:{address.split('://', 1)[-1]}"
    return f"{text} {json.dumps(shown, sort_keys=True, default=str)}" if shown else text


def key_from(names: tuple[str, ...]) -> str:
    """The first of these environment variables that is set, or an empty text."""
    return next((v for n in names if (v := os.environ.get(n, "").strip())), "")


def required_key(name: str, names: tuple[str, ...]) -> str:
    """The secret.

    Raises:
        BackendFault: none of the variables is set.
    """
    key = key_from(names)
    if not key:
        raise missing_key(name, names)
    return key


def guard_key(name: str, address: str, domain: str, variable: str) -> None:
    """Refuse to send a key where a spec's `base_url` says and its owner did not.

    A spec is data, perhaps a stranger's: it must not be able to have a key sent to another host.

    Raises:
        BackendFault: the address is neither the provider's, nor this machine, nor named by `variable`.
    """
    host = urlsplit(address).hostname or ""
    if host == domain or host.endswith(f".{domain}") or is_loopback(host):
        return
    named = os.environ.get(variable, "").strip()
    if named and urlsplit(named).hostname == host:
        return
    raise BackendFault(
        FaultKind.UNAUTHORISED,
        f"the key of {name} is not sent to {host}, which only the spec names; {variable}={address} allows it",
    )


_FINISHES = {
    **dict.fromkeys(("length", "max_tokens", "model_context_window_exceeded", "continuation"), "length"),
    **dict.fromkeys(("content_filter", "refusal", "safety", "recitation", "blocklist"), "refused"),
    **dict.fromkeys(("prohibited_content", "spii", "error_toxic", "escalation", "model_armor"), "refused"),
}


def reply_of(text: Any, usage: tuple[Any, Any], model: Any, finish: Any, refused: bool = False) -> Reply:
    """A reply from values as a provider sent them, which may be missing or of the wrong type."""
    how = "refused" if refused else _FINISHES.get(str(finish).lower(), "stop")
    if isinstance(text, list):  # some servers send the parts of a text
        text = "".join(str(p.get("text") or "") for p in text if isinstance(p, dict) and p.get("type") == "text")
    text = text if isinstance(text, str) else ""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()  # a lone surrogate cannot be stored
    return Reply(text, Usage.read(*usage), model if isinstance(model, str) else "", how)
