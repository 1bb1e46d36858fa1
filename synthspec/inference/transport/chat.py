"""What the chat backends share: reading their options, writing messages, naming where they call."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synthspec.spec.messages import BackendFault, FaultKind, Request

if TYPE_CHECKING:
    from synthspec.spec import BackendChoice

CONSTRAIN = "whether the provider is given the reply's JSON schema (default true)"
SEED = "true sends each request its own seed; a number sends that one"
EXTRA_BODY = "a map of further keys for each request, in the provider's own words"
BASE_URL = "address of the server"

_HIDDEN = ("base_url", "keep_alive", "timeout")  # they change no answer


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


def sampling_of(request: Request, option: Any = None) -> dict[str, Any]:
    """What a request sets for itself: its temperature, and the seed that the `seed` option asks for (31 bits: what
    every server takes)."""
    seed = request.seed & 0x7FFFFFFF if option is True else option
    found: dict[str, Any] = {} if request.temperature is None else {"temperature": request.temperature}
    return found | {"seed": seed} if isinstance(seed, int) and seed is not False else found


def address_of(url: str, named: str = "`base_url`") -> str:
    """Scheme, host and path of a URL, for messages: no credentials, no query. `named` says where the URL was written.

    Raises:
        BackendFault: it is no URL of a server, or has credentials in it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BackendFault(FaultKind.BAD_REQUEST, f"{named} is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BackendFault(FaultKind.BAD_REQUEST, f"{named} must be http://… or https://… with a host")
    if parts.username or parts.password or parts.query:
        raise BackendFault(
            FaultKind.BAD_REQUEST,
            f"{named} must not contain a user, password or query; keys come from the environment",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def address_from(given: Any, variable: str, usual: str) -> str:
    """The address of a server: as the spec gives it, else a variable of the environment, else the usual one.

    Raises:
        BackendFault: it is no URL of a server, or has credentials in it.
    """
    if given:
        return address_of(str(given))
    named = os.environ.get(variable, "")
    return address_of(named or usual, variable if named else "`base_url`")


def server_of(url: str) -> str:
    """Host and port, the same for each way to write them; "" for a backend that asks no server.

    >>> server_of("http://localhost:8000/v1") == server_of("http://127.0.0.1:8000"), server_of("https://A.example/x")
    (True, 'a.example:443')
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    name = "127.0.0.1" if host in ("localhost", "::1") else host
    return f"{name}:{parts.port or (443 if parts.scheme == 'https' else 80)}" if host else ""


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
    """Provider and options that change an answer, under the address that the provider has by itself.

    Where a server stands is no part of what it answers. `address` is the provider's usual one, whichever is asked:
    the text is that of version 0.1, so completions which were paid for there are found.
    """
    shown = {k: v for k, v in options.items() if k not in _HIDDEN}
    text = f"{provider}:{address.split('://', 1)[-1]}"
    return f"{text} {json.dumps(shown, sort_keys=True, default=str)}" if shown else text
