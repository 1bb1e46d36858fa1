"""`@dataclass` of the standard library, but each method is compiled when it is first used.

In Python 3.11 the definition of a frozen, slotted dataclass compiles six methods, in half a millisecond. A command
defines three hundred such classes, makes instances of a third and compares few: that was a quarter of its start.

>>> @dataclass(frozen=True, slots=True)
... class Point:
...     x: int
...     y: int = 0
>>> Point(1), Point(1) == Point(1, 0), Point.__match_args__
(Point(x=1, y=0), True, ('x', 'y'))
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

TRIED = (3, 11)  # the version of Python that this was tried with; later ones, which define classes faster, do without
OPTIONS = {"frozen", "slots", "eq"}  # with any other, and without slots, the standard library does it all
UNUSUAL = ("ClassVar", "InitVar", "KW_ONLY")  # of annotations: the same

Own = dict[str, tuple[Any, Any]]  # by field: its annotation; its default, its `field(…)` or MISSING


class _Later:
    """What a class has under a name, made and put in its place when somebody asks for it."""

    __slots__ = ("make", "name", "owner")

    def __init__(self, make: Callable[[type], Any]) -> None:
        self.make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        made = self.make(self.owner)
        setattr(self.owner, self.name, made)
        return made.__get__(instance, owner) if hasattr(made, "__get__") else made


def _dataclass(cls: type | None = None, /, **options: bool) -> Any:
    """As `dataclasses.dataclass`."""
    if cls is None:
        return lambda cls: _dataclass(cls, **options)
    own = _own_fields(cls)
    if own is None or not options.get("slots") or options.keys() - OPTIONS:
        return dataclasses.dataclass(**options)(cls)
    return _defined(cls, own, options.get("frozen", False), options.get("eq", True))


if TYPE_CHECKING or sys.version_info[:2] != TRIED:
    from dataclasses import dataclass
else:
    dataclass = _dataclass


def _own_fields(cls: type) -> Own | None:
    """Nothing where an annotation is an unusual one."""
    annotations = vars(cls).get("__annotations__", {})
    if not all(isinstance(a, str) and not any(u in a for u in UNUSUAL) for a in annotations.values()):
        return None
    return {name: (a, vars(cls).get(name, dataclasses.MISSING)) for name, a in annotations.items()}


def _defined(cls: type, own: Own, frozen: bool, eq: bool) -> type:
    """The class anew, for slots are given when a class is made."""
    space = {k: v for k, v in vars(cls).items() if k not in own and k not in ("__dict__", "__weakref__")}
    space["__dataclass_own__"] = own
    inherited = {name for base in cls.__mro__[1:-1] for name in _slots(base)}
    space["__slots__"] = tuple(name for name in (*_fields_of_bases(cls), *own) if name not in inherited)
    new: dict[str, Any] = {
        "__dataclass_fields__": _Later(lambda of: _throwaway(of).__dataclass_fields__),
        "__dataclass_params__": _Later(lambda of: _throwaway(of, frozen=frozen, eq=eq).__dataclass_params__),
        "__match_args__": _Later(lambda of: tuple(f.name for f in dataclasses.fields(of) if f.init and not f.kw_only)),
        "__init__": _Later(lambda of: _init_of(of, frozen)),
        "__repr__": _Later(lambda of: _named(of, _throwaway(of, repr=True).__repr__)),
    }
    if eq:
        new["__eq__"] = _Later(lambda of: _named(of, _throwaway(of, eq=True).__eq__))
        if space.get("__hash__") is None and not ("__hash__" in space and "__eq__" not in space):  # none of its own
            hashed = _Later(lambda of: _named(of, _throwaway(of, unsafe_hash=True).__hash__))
            space["__hash__"] = hashed if frozen else None
    if frozen:
        if "__setattr__" in space or "__delattr__" in space:
            raise TypeError(f"{cls.__name__} is frozen and says how its attributes are set")
        new |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
        new |= {"__getstate__": _state, "__setstate__": _set_state}
    made = type(cls)(cls.__name__, cls.__bases__, {**new, **space})
    made.__qualname__ = cls.__qualname__
    return made


def _slots(cls: type) -> Iterable[str]:
    found = vars(cls).get("__slots__", ())
    return (found,) if isinstance(found, str) else found


def _fields_of_bases(cls: type) -> Own:
    found: Own = {}
    for base in cls.__mro__[-1:0:-1]:
        if "__dataclass_own__" in vars(base):
            found |= vars(base)["__dataclass_own__"]
        elif "__dataclass_fields__" in vars(base):  # made by the standard library
            found |= {f.name: (f.type, f) for f in dataclasses.fields(base)}
    return found


def _throwaway(cls: type, **options: bool) -> Any:
    """A class with the same fields, of which a method is taken: none of those that are taken depends on its class."""
    fields = [(name, *part) for name, part in _all_fields(cls).items()]
    wanted = [f[:2] if f[2] is dataclasses.MISSING else f for f in fields]
    given: Any = {"init": False, "repr": False, "eq": False, **options}
    named = {"__doc__": "Without one, the signature is asked for."}
    return dataclasses.make_dataclass(cls.__name__, wanted, namespace=named, **given)


def _all_fields(cls: type) -> Own:
    own: Own = vars(cls)["__dataclass_own__"]
    return _fields_of_bases(cls) | own


def _named(cls: type, method: Any) -> Any:
    method.__qualname__, method.__module__ = f"{cls.__qualname__}.{method.__name__}", cls.__module__
    return method


def _init_of(cls: type, frozen: bool) -> Any:
    space: dict[str, Any] = {"_NOT_GIVEN": _NOT_GIVEN}
    given: list[str] = []
    by_name: list[str] = []
    lines: list[str] = []
    for name, (_, part) in _all_fields(cls).items():
        said = part if isinstance(part, dataclasses.Field) else dataclasses.field(default=part)
        value, parameter = name if said.init else f"_default_{name}", name
        if said.default_factory is not dataclasses.MISSING:
            space[f"_default_{name}"] = said.default_factory
            parameter += "=_NOT_GIVEN"
            made = f"_default_{name}()"
            value = f"{made} if {name} is _NOT_GIVEN else {name}" if said.init else made
        elif said.default is not dataclasses.MISSING:
            space[f"_default_{name}"] = said.default
            parameter += f"=_default_{name}"
        elif not said.init:
            continue  # its own code sets it
        if said.init:
            (by_name if said.kw_only is True else given).append(parameter)
        if frozen:  # by the slot's descriptor: a quarter quicker than `object.__setattr__`
            space[f"_set_{name}"] = getattr(cls, name).__set__
        lines.append(f"_set_{name}(self, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    parameters = ", ".join(["self", *given, *(["*", *by_name] if by_name else [])])
    exec(f"def __init__({parameters}):\n " + "\n ".join(lines or ["pass"]), space)
    method = space["__init__"]
    taken = {parameter.partition("=")[0] for parameter in (*given, *by_name)}
    method.__annotations__ = {n: a for n, (a, _) in _all_fields(cls).items() if n in taken} | {"return": None}
    return _named(cls, method)


class _NotGiven:
    def __repr__(self) -> str:
        return "<factory>"


_NOT_GIVEN = _NotGiven()


def _refuse_to_set(self: object, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for f, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, f.name, value)
