"""Backends: where prompts run. One module each, found by its name (`provider` in a spec).

A backend is a module with one name, `PROVIDER`, a `Provider` that describes it (third parties: entry point group
`synthspec.backends`). Its `open` gives a `Backend`.

The engine owns retries, limits, concurrency and time: a backend makes one call and says how it went.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Protocol

from synthspec.inference.batches import BatchOffer
from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import find_plugin, is_built_in
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
    calls: bool = True  # without them only its fingerprint is read: no key is needed


@dataclass(frozen=True, slots=True)
class Provider:
    """All that is known of a provider before it is opened."""

    summary: str  # one line for people
    open: Callable[[BackendChoice, BackendContext], Backend]  # may raise BackendFault; must not call out
    keys: tuple[str, ...] = ()  # environment variables, any one of which holds the secret
    extra: str = ""  # the extra of synthspec to install; "" where it is not needed
    package: str = ""  # a module that must be importable, such as an SDK; "" for none
    # Its own keys in the spec's backend map: what each means, or the JSON Schema of its value with a description.
    options: Mapping[str, str | Mapping[str, Any]] = field(default_factory=dict)
    free: bool = False  # no money is ever paid: no price is needed under a budget
    in_process: bool = False  # no server is asked, so full speed is safe at once
    default_model: str = ""  # of a bare `provider`; "" where a model must be named
    notice: str = ""  # what people must know before they see its rows
    tools: bool = False  # it takes tools
    images: bool = False  # it takes pictures
    completes: bool = False  # it goes on from bare text
    reasons: bool = False  # it returns its model's reasoning
    most_image: tuple[int, int] = (0, 0)  # bytes of a picture, pixels of its side; 0 is no limit
    image_tokens: Callable[[str, int, int], int | None] | None = None  # of a model and a picture's width and height
    batches: BatchOffer | None = None  # that it takes many requests at once, for `--engine batch`

    def __post_init__(self) -> None:
        """Raises TypeError where a package gives what is of another type: it is told with the plug-in's name."""
        kinds: dict[str, type] = {"summary": str, "keys": tuple, "extra": str, "package": str, "options": Mapping}
        kinds |= dict.fromkeys(("free", "in_process", "tools", "images", "completes", "reasons"), bool)
        kinds |= {"default_model": str, "notice": str, "most_image": tuple}
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"'{name}' of a Provider is a {kind.__name__}, not {getattr(self, name)!r}")
        if not callable(self.open):
            raise TypeError(f"'open' of a Provider is a function, not {self.open!r}")


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


def provider_of(name: str) -> Provider:
    """What there is to know of a provider; of what the functions of a package's raise only errors of ours come out.

    Raises:
        LookupError: there is none of this name.
    """
    found: Provider = find_plugin("backends", name).PROVIDER
    if is_built_in("backends", name):
        return found
    count = None if found.image_tokens is None else guarded("backends", name, found.image_tokens)
    return replace(found, open=guarded("backends", name, found.open), image_tokens=count)


def open_backend(choice: BackendChoice, context: BackendContext) -> Backend:
    """Open the backend of a provider. Makes no call.

    Raises:
        BackendFault: it cannot be used as it is: a key is missing, or a setting is wrong.
        PluginFault: the code of a package raised something else. So do the functions of its backend.
    """
    name = choice.provider
    return guarded("backends", name, provider_of(name).open(choice, context))
