"""Finding plug-ins by name: built-ins are the modules of a package, others come by entry points.

A plug-in is a module of the shape its kind's package describes (`synthspec.formats`, `synthspec.backends`,
`synthspec.writers`, `synthspec.strategies`). A package adds one through an entry point of that group:

    [project.entry-points."synthspec.formats"]
    toml = "my_package.toml_format"
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

KINDS = ("formats", "backends", "writers", "strategies")


@cache
def _built_in(kind: str) -> frozenset[str]:
    package = importlib.import_module(f"synthspec.{kind}")
    private: frozenset[str] = getattr(package, "PRIVATE", frozenset())
    return frozenset(
        m.name for m in pkgutil.iter_modules(package.__path__) if m.name not in private and m.name[0] != "_"
    )


@cache
def _installed(kind: str) -> dict[str, str]:
    from importlib.metadata import entry_points

    return {e.name: e.value for e in entry_points(group=f"synthspec.{kind}")}


def plugin_names(kind: str) -> tuple[str, ...]:
    """Every plug-in of this kind that is installed, in alphabetical order."""
    return tuple(sorted(_built_in(kind) | _installed(kind).keys()))


def is_plugin(kind: str, name: str) -> bool:
    """Whether there is a plug-in of this name. Does not import it."""
    return name in _built_in(kind) or name in _installed(kind)


def find_plugin(kind: str, name: str) -> ModuleType:
    """The plug-in's module.

    Raises:
        LookupError: there is none of this name.
    """
    if name in _built_in(kind):
        return importlib.import_module(f"synthspec.{kind}.{name}")
    if name in _installed(kind):
        return importlib.import_module(_installed(kind)[name])
    raise LookupError(name)
