"""Backends: where prompts run. One module each, found by its name (`provider` in a spec).

A backend is a module with these names (third parties: entry point group `synthspec.backends`):

    SUMMARY: str                                    # one line for people
    KEYS: tuple[str, ...]                           # environment variables, any one of which holds the secret
    EXTRA: str                                      # the extra to install, "" where core
    MODULE: str                                     # the module that must be importable, "" for none
    OPTIONS: Mapping[str, str]                      # its own keys in the spec's backend map -> what they mean
    FREE: bool                                      # no money is ever paid: no price needed under a budget
    IN_PROCESS: bool                                # optional: no server is asked, so full speed is safe at once
    DEFAULT_MODEL: str                              # used for a bare `provider`, "" where a model must be named
    TOOLS, IMAGES, COMPLETES, REASONS: bool         # optional: it takes tools, takes pictures, goes on from bare text,
                                                    # tells what a model thought; false where it is not said
    MOST_IMAGE: tuple[int, int]                     # optional: bytes of a picture, pixels of its side; 0 is no limit
    def image_tokens(model, width, height) -> int | None       # optional: what a picture counts for at worst
    def open_backend(choice, context) -> Backend    # may raise BackendFault; must not call out

The engine owns retries, limits, concurrency and time: a backend makes one call and says how it went.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from synthspec.plugins import find_plugin
from synthspec.plugins.guarding import guarded
from synthspec.spec.messages import Reply, Request

if TYPE_CHECKING:
    from synthspec.sources import Table
    from synthspec.spec import BackendChoice, Spec


@dataclass(frozen=True, slots=True)
class BackendContext:
    """What a backend may know beyond its own options. Embedded models learn from `tables`."""

    spec: Spec
    tables: Mapping[str, Table]  # the sources, read
    timeout: float = 120.0  # seconds one call may take


class Backend(Protocol):
    """One open connection to a model."""

    @property
    def fingerprint(self) -> str:
        """What besides the request could change an answer (options, training data); part of every key.

        Where a server stands is no part of it. A backend that asks a server has an attribute `server`, its URL:
        `limits.concurrency` counts for each server, whichever backends ask it.
        """
        ...

    @property
    def seeded(self) -> bool:
        """Whether an answer depends on `Request.seed`; then the seed is part of the key."""
        ...

    async def complete(self, request: Request) -> Reply:
        """One call.

        Raises:
            BackendFault: with one of the closed set of kinds.
        """
        ...

    async def models(self) -> tuple[str, ...]:
        """The models the provider lists, for `synthspec backends`."""
        ...

    async def close(self) -> None: ...


def open_backend(choice: BackendChoice, context: BackendContext) -> Backend:
    """Open the backend of a provider. Makes no call.

    Raises:
        BackendFault: it cannot be used as it is: a key is missing, or a setting is wrong.
        PluginFault: the code of a package raised something else. So do the functions of its backend.
    """
    name = choice.provider
    opened: Backend = guarded("backends", name, find_plugin("backends", name).open_backend)(choice, context)
    return guarded("backends", name, opened)
