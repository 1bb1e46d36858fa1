"""Which providers have batches, and what these cost: known before anything is opened."""

from __future__ import annotations

from urllib.parse import urlsplit

from synthspec.inference.backends import provider_of
from synthspec.inference.batches import BatchOffer
from synthspec.spec import BackendChoice


def batch_fault(choice: BackendChoice) -> str | None:
    """Why a backend cannot be used in batches; None where it can."""
    if offer_of(choice.provider) is not None:
        return None
    return f"'{choice.provider}' has no batches"


def offer_of(provider: str) -> BatchOffer | None:
    """What a provider offers; None where it has no batches, or is not known."""
    try:
        return provider_of(provider).batches
    except LookupError:
        return None


def batch_share(choice: BackendChoice) -> float:
    """Of a backend's prices, what a call in a batch costs: known of the providers themselves, and of servers that a
    person puts in their place by the environment. Another server that a spec names costs what the spec says."""
    offer = offer_of(choice.provider)
    if offer is None:
        return 1.0
    named = choice.options.get("base_url") or choice.settings.get("base_url")
    listed = named if isinstance(named, list | tuple) else [named]
    hosts = [urlsplit(str(one)).hostname or "" if one else offer.domain for one in listed]
    own = all(host == offer.domain or host.endswith(f".{offer.domain}") for host in hosts)
    return offer.share if own else 1.0
