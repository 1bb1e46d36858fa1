"""A dataclass whose methods are compiled late behaves as the standard library's in all that can be seen."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest

from synthspec.lazy_dataclass import dataclass

NAMES = ("a", "b", "c", "self_", "values", "type", "f")


def random_class(dice: random.Random, make: Any, base: type, options: dict[str, bool]) -> type:
    """A class of random fields, by either decorator: the same of the same dice."""
    names = dice.sample(NAMES, dice.randint(0, 5))
    space: dict[str, Any] = {"__annotations__": dict.fromkeys(names, "int"), "__module__": __name__}
    inherited = dataclasses.is_dataclass(base) and any(
        f.default is not dataclasses.MISSING for f in dataclasses.fields(base)
    )
    for i, name in enumerate(names):
        kind = dice.choice(["plain", "default", "factory", "compare", "kw", "not given"])
        if kind == "plain" and (inherited or any(n in space for n in names[:i])):
            kind = "default"
        if kind == "default":
            space[name] = dice.choice([3, None, "x", (1, 2)])
        elif kind == "factory":
            space[name] = dataclasses.field(default_factory=list)
        elif kind == "compare":
            space[name] = dataclasses.field(default=4, compare=False, repr=False)
        elif kind == "kw":
            space[name] = dataclasses.field(kw_only=True)
        elif kind == "not given":
            space[name] = dataclasses.field(init=False, default=7)
    if dice.random() < 0.2:
        space["__repr__"] = lambda self: "mine"
    if dice.random() < 0.2:
        space["__eq__"] = lambda self, other: True
    if dice.random() < 0.2:
        space["__hash__"] = lambda self: 5
    if dice.random() < 0.2:
        space["__post_init__"] = lambda self: self.a
    return make(**options)(type("C", (base,), space))  # type: ignore[no-any-return]


def outcome(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except Exception as e:
        return type(e), str(e)


def seen_of(cls: type, dice: random.Random) -> list[Any]:
    """All that can be seen of a class and of some instances."""
    found: list[Any] = []
    names = [f.name for f in dataclasses.fields(cls)]
    instances = []
    for _ in range(6):
        given = tuple(dice.choice([1, 2, None]) for _ in range(dice.randint(0, len(names))))
        wanted = dice.sample([*names, "other"], dice.randint(0, min(2, len(names))))
        named = {n: 8 for n in wanted if n not in names[: len(given)]}
        made = outcome(lambda given=given, named=named: cls(*given, **named))  # type: ignore[misc]
        if isinstance(made, cls):
            instances.append(made)
        else:
            found.append(made)
    for one in instances:
        found += [
            outcome(lambda one=one: repr(one)),
            outcome(lambda one=one: [hash(one) == hash(o) for o in instances]),
            outcome(lambda one=one: [one == o for o in instances]),
        ]  # type: ignore[misc]
        found += [outcome(lambda one=one: dataclasses.astuple(one)), outcome(lambda one=one: dataclasses.asdict(one))]  # type: ignore[misc]
        found.append(outcome(lambda one=one: dataclasses.astuple(copy.copy(one))))  # type: ignore[misc]
        found.append(outcome(lambda one=one: dataclasses.astuple(copy.deepcopy(one))))  # type: ignore[misc]
        changed = dict.fromkeys(dice.sample(names, min(1, len(names))), 9)
        found.append(outcome(lambda one=one, c=changed: dataclasses.astuple(dataclasses.replace(one, **c))))  # type: ignore[misc]
        for name in names[:2]:
            found.append(outcome(lambda one=one, name=name: setattr(one, name, 3)))  # type: ignore[misc]
            found.append(outcome(lambda one=one, name=name: delattr(one, name)))  # type: ignore[misc]
    found += [cls.__match_args__, str(inspect.signature(cls)), cls.__slots__, cls.__hash__ is None, cls.__qualname__]  # type: ignore[attr-defined]
    found += [
        [(f.name, f.type, f.init, f.compare, f.kw_only) for f in dataclasses.fields(cls)],
        cls.__init__.__qualname__,
    ]
    return found


@pytest.mark.parametrize("seed", range(60))
def test_it_behaves_as_the_standard_librarys(seed: int) -> None:
    options = {"slots": True, "frozen": seed % 3 > 0, "eq": seed % 5 > 0}
    seen = []
    for make in (dataclasses.dataclass, dataclass):
        dice = random.Random(seed)
        try:
            first = random_class(dice, make, object, options)
            second = random_class(dice, make, first, options) if dice.random() < 0.5 else first
        except TypeError:  # fields without a default after one that has one: no class by either
            assert make is dataclasses.dataclass
            return
        seen.append([*seen_of(second, dice), *seen_of(first, dice)])
    assert seen[0] == seen[1]


@dataclass(frozen=True, slots=True)
class Kept:
    """For pickles: named in a module."""

    a: int
    b: list[int] = dataclasses.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Further(Kept):
    c: str = "c"


def test_what_is_pickled_comes_back() -> None:
    for one in (Kept(1), Kept(2, [3]), Further(1, [2], "d")):
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            back = pickle.loads(pickle.dumps(one, protocol))
            assert back == one and type(back) is type(one) and back is not one


@pytest.mark.skipif(dataclass is dataclasses.dataclass, reason="this Python does without")
def test_methods_are_compiled_when_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = 0

    def counting(*given: Any, **more: Any) -> Any:
        nonlocal compiled
        compiled += 1
        return make(*given, **more)

    make = dataclasses.make_dataclass
    monkeypatch.setattr(dataclasses, "make_dataclass", counting)

    @dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 0

    one = Point(1)
    assert compiled == 0 and (one.x, one.y) == (1, 0)
    assert [one == Point(1, 0) for _ in range(5)] == [True] * 5
    assert compiled == 1


def test_a_subclass_of_the_standard_librarys_and_the_other_way_round() -> None:
    @dataclass(frozen=True, slots=True)
    class Ours:
        a: int

    @dataclasses.dataclass(frozen=True, slots=True)
    class Theirs(Ours):
        b: int = 2

    @dataclass(frozen=True, slots=True)
    class Last(Theirs):
        c: int = 3

    assert repr(Last(1)).endswith("Last(a=1, b=2, c=3)") and Last(1) == Last(1, 2, 3) != Last(1, 2, 4)
    assert Last.__slots__ == ("c",) and Theirs.__slots__ == ("b",)


@pytest.mark.parametrize(
    "options", [{}, {"frozen": True}, {"slots": True, "order": True}, {"slots": True, "kw_only": True}]
)
def test_what_is_unusual_is_left_to_the_standard_library(options: dict[str, bool]) -> None:
    @dataclass(**options)
    class Point:
        x: int

    assert Point(x=1) == Point(x=1) and ("__lt__" in vars(Point)) == options.get("order", False)
    assert "__dataclass_own__" not in vars(Point)
