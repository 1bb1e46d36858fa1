"""What a plug-in's own code raises while it works, as one error that names the plug-in, its package and the line."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from synthspec.diagnostics.errors import SynthspecError
from synthspec.plugins import is_built_in, plugin_module, plugin_package, raised

T = TypeVar("T")
_OURS = (SynthspecError, MemoryError, KeyboardInterrupt, GeneratorExit)  # no fault of a plug-in


class PluginFault(SynthspecError):
    """A plug-in's code raised, or gave, what its kind may not. `__cause__` is what it raised."""

    def __init__(self, kind: str, name: str, did: str) -> None:
        package = plugin_package(kind, name)
        super().__init__(
            f"the plug-in '{name}' of the package '{package}' {did}",
            f"report it to the authors of '{package}', or do without '{name}'",
        )
        self.kind = kind
        self.name = name


def _line(kind: str, name: str, error: BaseException) -> str:
    """Where in the plug-in's files it was raised: ` (latin.py, line 21)`."""
    import traceback

    module = sys.modules.get(plugin_module(kind, name))
    home = Path(getattr(module, "__file__", None) or ".").parent
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(home)]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


@contextmanager
def blaming(kind: str, name: str, allowed: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
    """What is raised in here is the plug-in's doing, but for errors of ours and those that its kind is `allowed`."""
    try:
        yield
    except BaseException as e:  # another's code: whatever else it raises, even SystemExit, is its fault
        if isinstance(e, (*_OURS, *allowed)) or _is_cancelled(e):
            raise
        raise PluginFault(kind, name, f"raised {raised(e)}{_line(kind, name, e)}") from e


def _is_cancelled(error: BaseException) -> bool:
    asyncio = sys.modules.get("asyncio")  # which a check does without
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


def guarded(kind: str, name: str, value: T, *allowed: type[BaseException]) -> T:
    """A function or an object of a plug-in that a package brought, of which only PluginFault, errors of ours and those
    `allowed` come out. What is built in is given back as it is.
    """
    if is_built_in(kind, name):
        return value
    if inspect.isroutine(value) or inspect.isclass(value):
        return cast(T, _guarded_function(kind, name, value, allowed))
    return cast(T, _Guarded(kind, name, value, allowed))


def _guarded_function(
    kind: str, name: str, function: Callable[..., Any], allowed: tuple[type[BaseException], ...]
) -> Callable[..., Any]:
    async def awaited(result: Awaitable[Any]) -> Any:
        with blaming(kind, name, allowed):
            return await result

    @wraps(function, updated=())
    def call(*arguments: Any, **named: Any) -> Any:
        with blaming(kind, name, allowed):
            result = function(*arguments, **named)
            if inspect.isgenerator(result):
                return iter(list(result))
        return awaited(result) if inspect.isawaitable(result) else result

    return call


class _Guarded:
    """An object of a plug-in: its functions are guarded, all else is as it is."""

    def __init__(self, kind: str, name: str, value: Any, allowed: tuple[type[BaseException], ...]) -> None:
        self._guard = (kind, name, allowed)
        self._value = value

    def __getattr__(self, name: str) -> Any:
        kind, plugin, allowed = self._guard
        missing = () if hasattr(type(self._value), name) else (AttributeError,)
        with blaming(kind, plugin, (*allowed, *missing)):
            found = getattr(self._value, name)
        return _guarded_function(kind, plugin, found, allowed) if inspect.isroutine(found) else found
