"""Where a key may go. A spec is data, perhaps a stranger's: it must not be able to have a key sent to another host.

A key goes to its provider's own hosts over https, to this machine, to the hosts that a person names in the provider's
environment variable, and to the one that is typed after --base-url. Nowhere else.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from synthspec.inference.transport.chat import is_local, is_loopback
from synthspec.inference.transport.errors import missing_key
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import BackendFault, FaultKind

if TYPE_CHECKING:
    from synthspec.spec import BackendChoice

TYPED = "--base-url"  # the file of a choice whose address was typed by the person who runs the command

# Keys that say who issued them. Any other in a variable is taken for its provider's own.
_ISSUERS = tuple(
    (re.compile(start), domain)
    for start, domain in (
        ("sk-or-", "openrouter.ai"),
        ("sk-ant-", "anthropic.com"),
        ("gsk_", "groq.com"),
        ("xai-", "x.ai"),
        ("pplx-", "perplexity.ai"),
        ("fw_", "fireworks.ai"),
        ("nvapi-", "nvidia.com"),
        ("csk-", "cerebras.ai"),
        ("hf_", "huggingface.co"),
        ("AIza", "googleapis.com"),
    )
)


@dataclass(frozen=True, slots=True)
class Owner:
    """A provider, as far as its keys are concerned."""

    name: str
    domain: str  # its own hosts end in this
    address: str  # the environment variable by which a person names another host, or several with commas between


def key_from(names: tuple[str, ...]) -> str:
    """The first of these environment variables that is set, or an empty text.

    Raises:
        BackendFault: what it holds cannot be sent as a header.
    """
    name = next((n for n in names if os.environ.get(n, "").strip()), "")
    key = os.environ.get(name, "").strip() if name else ""
    if not key.isascii() or not key.isprintable():
        raise BackendFault(FaultKind.UNAUTHORISED, f"{name} contains characters that no key has: set it again")
    return key


def required_key(name: str, names: tuple[str, ...]) -> str:
    """The secret.

    Raises:
        BackendFault: none of the variables is set.
    """
    key = key_from(names)
    if not key:
        raise missing_key(name, names)
    return key


def is_trusted(owner: Owner, key: str, address: str, choice: BackendChoice) -> bool:
    """Whether a key, and what else of the environment goes with it, may be sent to this address."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if is_loopback(host) or choice.span.file == TYPED:
        return True
    for scheme, named in _named_hosts(owner.address):
        if named == host and (scheme, parts.scheme) != ("https", "http"):
            return True
    domain = next((d for start, d in _ISSUERS if start.match(key)), owner.domain)
    return parts.scheme == "https" and (host == domain or host.endswith(f".{domain}"))


def _named_hosts(variable: str) -> list[tuple[str, str | None]]:
    """Scheme and host of each address in an environment variable; what is no address is left out."""
    found = []
    for address in re.split(r"[\s,]+", os.environ.get(variable, "")):
        with contextlib.suppress(ValueError):
            parts = urlsplit(address)
            found.append((parts.scheme, parts.hostname))
    return found


def key_to_send(owner: Owner, key: str, address: str, choice: BackendChoice) -> str:
    """The key, or an empty text for a server of the local network that a spec alone names and that may need none.

    Raises:
        BackendFault: a spec alone names the address, which is somebody else's.
    """
    if not key or is_trusted(owner, key, address, choice):
        return key
    if is_local(urlsplit(address).hostname or ""):
        return ""
    raise BackendFault(FaultKind.UNAUTHORISED, withheld(owner, address))


def withheld(owner: Owner, address: str) -> str:
    """Why a key is not sent, and how a person allows it."""
    host = urlsplit(address).hostname
    if urlsplit(address).scheme == "http" and str(host).endswith(owner.domain):
        return f"the key of {owner.name} is not sent to {host} over http, where others can read it: write https"
    allow = f"{owner.address}={address} allows it"
    return f"the key of {owner.name} is not sent to {host}, which only the spec names; {allow}"


def custom_headers(variable: str) -> Mapping[str, str]:
    """Headers that a person wants sent, a `Name: value` on each line of an environment variable."""
    lines = (line.partition(":") for line in os.environ.get(variable, "").splitlines())
    return {name.strip(): value.strip() for name, colon, value in lines if colon and name.strip()}
