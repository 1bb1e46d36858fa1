"""How the backends of a spec are named to who watches a build."""

from __future__ import annotations

from synthspec.inference.backends import provider_of
from synthspec.spec import Spec
from synthspec.spec.backends_used import backends_used


def names_of_endpoints(spec: Spec) -> dict[str, str]:
    """`provider:model` of each endpoint (`spec/backends_used.py`); the provider alone where it has no models."""
    return {
        name: f"{choice.provider}:{choice.model}" if choice.model else choice.provider
        for name, (_, choice) in backends_used(spec).items()
    }


def is_priced(spec: Spec) -> bool:
    """Whether what calls of a spec cost can be known: every backend has prices, or costs nothing."""
    choices = [choice for _, choice in backends_used(spec).values()]
    return all(choice.prices is not None or provider_of(choice.provider).free for choice in choices)
