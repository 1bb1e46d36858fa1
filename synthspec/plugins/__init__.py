"""Finding plug-ins by name: built-ins are the modules of a package, others come by entry points.

A plug-in is a module of the shape that `docs/extending.md` shows for its kind. A package adds one through an
entry point of that kind's group:

    [project.entry-points."synthspec.formats"]
    toml = "my_package.toml_format"

Entry points are read once in a process, and only when a name is not built in.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from types import ModuleType
from typing import Any

HOMES = {  # where the built-in plug-ins of each kind are
    "formats": "synthspec.formats",
    "backends": "synthspec.inference.backends",
    "engines": "synthspec.inference.engines",
    "writers": "synthspec.dataset.writers",
    "strategies": "synthspec.planning.designs",
    "sources": "synthspec.sources",
    "source_kinds": "synthspec.sources.kinds",
    "document_kinds": "synthspec.sources.documents.kinds",
    "metrics": "synthspec.evaluation.metrics",
    "distributions": "synthspec.languages.expressions.random.distributions",
    "commands": "synthspec.cli",
    "functions": "",  # those built in are one table, not modules
}

# Kinds whose modules say themselves which names they answer to, in a literal that is read without importing them.
_DECLARED = {"sources": "SUFFIXES", "document_kinds": "SUFFIXES", "metrics": "GATES"}


@cache
def _built_in(kind: str) -> Mapping[str, str]:
    """The names of what is built in, each with its module."""
    home = HOMES[kind]
    if not home:
        return {}
    package = importlib.import_module(home)
    modules = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.ispkg and m.name[0] != "_")
    if kind not in _DECLARED:
        return {name: f"{home}.{name}" for name in modules}
    found: dict[str, str] = {}
    for module in modules:
        for name in declared(f"{home}.{module}", _DECLARED[kind]):
            found[str(name).lstrip(".")] = f"{home}.{module}"
    return found


def text_has(module: str, variable: str) -> bool:
    """Whether a module assigns to a variable, as its text says. The module is not imported."""
    return re.search(rf"^{variable}\b[^=\n]*=", _text(module), re.MULTILINE) is not None


def _text(module: str) -> str:
    spec = find_spec(module)
    source = getattr(spec.loader, "get_source", None) if spec is not None else None
    return (source(module) if source is not None else None) or ""


def declared(module: str, variable: str) -> tuple[Any, ...]:
    """What a module assigns to a variable as a tuple of literals, read from its text; () where it does not.

    The module is not imported: a spec must be checked without loading what only a report needs.
    """
    found = re.search(rf"^{variable}\b[^=\n]*=\s*(.+?)(?=^[^\s)\]}}]|\Z)", _text(module), re.MULTILINE | re.DOTALL)
    if found is None:
        return ()
    try:
        value = ast.literal_eval(found[1].strip())
    except (ValueError, SyntaxError):
        return ()
    return tuple(value) if isinstance(value, tuple | list) else ()


@cache
def _entries() -> Mapping[str, Mapping[str, EntryPoint]]:
    """Every entry point of ours that is installed: group, then name."""
    from importlib.metadata import distributions

    found: dict[str, dict[str, EntryPoint]] = {}
    seen: set[str] = set()
    for package in distributions():
        ours = [e for e in package.entry_points if e.group.startswith("synthspec.")]
        if ours and package.name not in seen:  # else an older copy further down the path
            seen.add(package.name)
            for entry in ours:
                found.setdefault(entry.group.removeprefix("synthspec."), {}).setdefault(entry.name, entry)
    return found


def _installed(kind: str) -> Mapping[str, str]:
    """The plug-ins of this kind that packages brought: name and `module` or `module:attribute`."""
    return {e.name: e.value for e in _entries().get(kind, {}).values()}


def plugin_names(kind: str) -> tuple[str, ...]:
    """Every plug-in of this kind that is installed, in alphabetical order."""
    return tuple(sorted(_built_in(kind).keys() | _installed(kind).keys()))


def installed_names(kind: str) -> tuple[str, ...]:
    """The plug-ins of this kind that packages brought and that no built-in hides, in alphabetical order."""
    return tuple(sorted(_installed(kind).keys() - _built_in(kind).keys()))


def is_plugin(kind: str, name: str) -> bool:
    """Whether there is a plug-in of this name. Does not import it."""
    return name in _built_in(kind) or name in _installed(kind)


def is_built_in(kind: str, name: str) -> bool:
    """Whether synthspec itself brings the plug-in of this name. Reads no entry points."""
    return name in _built_in(kind)


_Needs = Mapping[str, tuple[Callable[[Any], bool], str]]


def _function(value: Any) -> bool:
    return callable(value)


def _of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


_A_FUNCTION = (_function, "a function")
_A_TEXT = (_of(str), "a text")
_A_MAP = (_of(Mapping), "a map")
_A_TUPLE = (_of(tuple, list), "a tuple")
_ANYTHING = (lambda value: value is not None, "there")  # whoever uses it says more

_NEEDS: Mapping[str, _Needs] = {
    "formats": {"OPTIONS": _A_MAP, "faults": _A_FUNCTION, "instructions": _A_FUNCTION, "constraint": _A_FUNCTION,
                "parse": _A_FUNCTION},
    "backends": {"PROVIDER": (lambda value: type(value).__name__ == "Provider", "a Provider")},
    "engines": {"ENGINE": (lambda value: type(value).__name__ == "EngineKind", "an EngineKind")},
    "writers": {"open_writer": _A_FUNCTION},
    "strategies": {"STRATEGY": _A_FUNCTION},
    "sources": {"SUFFIXES": _A_TUPLE, "read": _A_FUNCTION},
    "document_kinds": {"SUFFIXES": _A_TUPLE, "read": _A_FUNCTION},
    "source_kinds": {"KIND": (lambda value: type(value).__name__ == "SourceKind", "a SourceKind")},
    "metrics": {"METRICS": _A_TUPLE},
    "distributions": {"DISTRIBUTION": _ANYTHING, "quantile": _A_FUNCTION, "cumulative": _A_FUNCTION},
    "commands": {"command": _A_FUNCTION},
    "functions": {"name": _A_TEXT, "parameters": _A_TUPLE, "result": _ANYTHING, "apply": _A_FUNCTION},
}  # fmt: skip


@cache
def plugin_fault(kind: str, name: str) -> str | None:
    """Why a plug-in that is installed cannot be used: it cannot be imported, or is not of the shape of its kind."""
    if name in _built_in(kind):
        return None
    try:
        plugin = find_plugin(kind, name)
        return _misshapen(kind, name, plugin)
    except BaseException as e:  # another's code: whatever it raises, even SystemExit, is its fault
        if isinstance(e, KeyboardInterrupt):
            raise
        return raised(e)


def raised(error: BaseException) -> str:
    """What another's code raised, on one line."""
    reason = " ".join(str(error).split())
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


def _misshapen(kind: str, name: str, plugin: Any) -> str | None:
    """What a plug-in lacks, or has of the wrong kind."""
    where = _installed(kind)[name]
    what = f"the module {where}" if isinstance(plugin, ModuleType) else where
    for need, (fits, said) in _NEEDS[kind].items():
        if not hasattr(plugin, need):
            return f"{what} has no '{need}'"
        if not fits(getattr(plugin, need)):
            return f"'{need}' of {what} is not {said}"
    if kind in ("sources", "document_kinds") and f".{name}" not in plugin.SUFFIXES:
        return f"'SUFFIXES' of {what} does not list '.{name}'"
    if kind == "source_kinds" and plugin.KIND.key != name:
        return f"'KIND' of {what} is of the key '{plugin.KIND.key}', and its entry point '{name}'"
    if kind == "metrics" and name not in [getattr(m, "name", None) for m in plugin.METRICS]:
        return f"'METRICS' of {what} has no metric '{name}'"
    if kind == "distributions" and getattr(plugin.DISTRIBUTION, "name", None) != name:
        return f"'DISTRIBUTION' of {what} is not named '{name}'"
    if kind == "functions" and not all(hasattr(p, "types") for p in plugin.parameters):
        return f"{what} is not made with synthspec.languages.expressions.function(…)"
    if kind == "functions" and plugin.name != name:
        return f"{what} is named '{plugin.name}', and its entry point '{name}'"
    return None


def plugin_error(kind: str, name: str) -> tuple[str, str] | None:
    """The message and the help of E608 about a plug-in that cannot be used; None where it can."""
    why = plugin_fault(kind, name)
    if why is None:
        return None
    package = plugin_package(kind, name)
    return (
        f"the plug-in '{name}' of the package '{package}' cannot be used: {why}",
        f"update it, or remove it (pip uninstall {package}); if it is yours, correct it and install it again",
    )


def plugin_package(kind: str, name: str) -> str:
    """The package that a plug-in came with, for `pip`; its module where that is not known."""
    entry = _entries().get(kind, {}).get(name)
    if entry is None:
        return _installed(kind).get(name, name)
    return entry.dist.name if entry.dist is not None else entry.value


def plugin_in(kind: str, name: str, module: str) -> str:
    """The plug-in of a package that this is, or that is in this module: a module of metrics has several names."""
    installed = _installed(kind)
    if name in installed:
        return name
    return next((n for n, value in installed.items() if value.partition(":")[0].strip() == module), name)


def plugin_module(kind: str, name: str) -> str:
    """The module that a plug-in is, or is in."""
    return (_built_in(kind).get(name) or _installed(kind).get(name, "")).partition(":")[0].strip()


def find_plugin(kind: str, name: str) -> Any:
    """The plug-in's module; of an entry point that names an attribute, that.

    Raises:
        LookupError: there is none of this name.
    """
    if name in _built_in(kind):
        return _home(_built_in(kind)[name])
    if name in _installed(kind):
        module, _, attribute = _installed(kind)[name].partition(":")
        plugin: Any = importlib.import_module(module.strip())
        for part in filter(None, attribute.strip().split(".")):
            plugin = getattr(plugin, part)
        return plugin
    raise LookupError(name)


@cache
def _home(module: str) -> ModuleType:
    return importlib.import_module(module)
