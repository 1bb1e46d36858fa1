"""Finding plug-ins by name: built-ins are the modules of a package, others come by entry points.

A plug-in is a module of the shape its kind's package describes (`synthspec.formats`, `synthspec.inference.backends`,
`synthspec.dataset.writers`, `synthspec.planning.designs`). A package adds one through an entry point of its kind:

    [project.entry-points."synthspec.formats"]
    toml = "my_package.toml_format"
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

HOMES = {  # where the built-in plug-ins of each kind are; every module there is one
    "formats": "synthspec.formats",
    "backends": "synthspec.inference.backends",
    "writers": "synthspec.dataset.writers",
    "strategies": "synthspec.planning.designs",
}


@cache
def _built_in(kind: str) -> frozenset[str]:
    package = importlib.import_module(HOMES[kind])
    return frozenset(m.name for m in pkgutil.iter_modules(package.__path__) if not m.ispkg and m.name[0] != "_")


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


def is_built_in(kind: str, name: str) -> bool:
    """Whether the plug-in of this name is one of ours."""
    return name in _built_in(kind)


_NAMES = {
    "formats": ("OPTIONS", "faults", "instructions", "constraint", "parse"),
    "backends": ("OPTIONS", "FREE", "DEFAULT_MODEL", "open_backend"),
    "writers": ("open_writer",),
    "strategies": ("STRATEGY",),
}


@cache
def plugin_fault(kind: str, name: str) -> str | None:
    """Why a plug-in that is installed cannot be used: it cannot be imported, or lacks a name its kind must have."""
    if name in _built_in(kind):
        return None
    try:
        module = find_plugin(kind, name)
    except BaseException as e:  # another's code: whatever it raises, even SystemExit, is its fault
        if isinstance(e, KeyboardInterrupt):
            raise
        reason = " ".join(str(e).split())
        return f"{type(e).__name__}: {reason}" if reason else type(e).__name__
    lost = [n for n in _NAMES[kind] if not hasattr(module, n)]
    return f"the module {_installed(kind)[name]} has no '{lost[0]}'" if lost else None


def plugin_package(kind: str, name: str) -> str:
    """The package that a plug-in came with, for `pip`; its module where that is not known."""
    from importlib.metadata import entry_points

    for entry in entry_points(group=f"synthspec.{kind}"):
        if entry.name == name:
            return entry.dist.name if entry.dist is not None else entry.value
    return name


def find_plugin(kind: str, name: str) -> ModuleType:
    """The plug-in's module.

    Raises:
        LookupError: there is none of this name.
    """
    if name in _built_in(kind):
        return _home(kind, name)
    if name in _installed(kind):
        return importlib.import_module(_installed(kind)[name])
    raise LookupError(name)


@cache
def _home(kind: str, name: str) -> ModuleType:
    return importlib.import_module(f"{HOMES[kind]}.{name}")
