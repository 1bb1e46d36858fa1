"""The contract of a function of expressions: what every `Function` must do. `docs/extending.md` shows its use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from synthspec.languages.expressions.evaluation.values import FAULTS
from synthspec.languages.expressions.functions.signatures import REQUIRED, Function
from synthspec.languages.expressions.types import Type

Example = tuple[tuple[Any, ...], Any]  # arguments, and what they give
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, 0.5, float("nan"), float("inf"), "", " ", "text", "😀\n", "\0", "x" * 5000,
    [], [None], ["a", 1], {}, {"a": 1}, date(2024, 2, 29), datetime(2024, 2, 29, 12), time(23, 59),
)  # fmt: skip
_KINDS: dict[str, tuple[type, ...]] = {
    "integer": (int,), "number": (int, float), "text": (str,), "boolean": (bool,), "list": (list,), "map": (dict,),
    "date": (date,), "datetime": (datetime,), "time": (time,), "any": (object,),
}  # fmt: skip


class FunctionContract:
    """Subclass it, set `function` and `examples`, and let pytest collect it."""

    function: Function
    examples: Sequence[Example] = ()  # at least one

    def test_describes_itself(self) -> None:
        """It has a name that expressions can write, a type for each parameter and for its value, and a summary."""
        entry = self.function
        assert isinstance(entry, Function), "make it with synthspec.languages.expressions.function(…)"
        assert entry.name.isidentifier()
        assert entry.signature.startswith(f"{entry.name}(")
        assert entry.summary
        assert "\n" not in entry.summary
        assert isinstance(entry.result, Type) or callable(entry.result)
        assert all(p.name.isidentifier() and p.types for p in entry.parameters)
        given = [p.default is REQUIRED for p in entry.parameters if not p.repeated]
        assert given == sorted(given, reverse=True), "parameters with a default come last"

    def test_gives_what_the_examples_say(self) -> None:
        """The same for the same arguments, again and again, and of the type that it names."""
        assert self.examples, "give at least one example"
        for arguments, wanted in self.examples:
            first, second = self.function.apply(*arguments), self.function.apply(*arguments)
            assert first == wanted, f"{self.function.name}{arguments!r} is {first!r}, not {wanted!r}"
            assert first == second, "another value for the same arguments"
            if first is not None and isinstance(self.function.result, Type):
                kinds = _KINDS.get(self.function.result.kind, (object,))
                assert isinstance(first, kinds), f"{first!r} is no {self.function.result}"

    def test_leaves_its_arguments_as_they_were(self) -> None:
        """Lists and maps are the row's own."""
        from copy import deepcopy

        for arguments, _ in self.examples:
            before = deepcopy(arguments)
            self.function.apply(*arguments)
            assert arguments == before

    def test_has_no_value_or_no_error(self) -> None:
        """Of strange arguments of the right types it gives a value, null, or one of the errors that mean null."""
        for arguments, _ in self.examples:
            for place in range(len(arguments)):
                for odd in self.odd_of(place):
                    given = (*arguments[:place], odd, *arguments[place + 1 :])
                    try:
                        self.function.apply(*given)
                    except FAULTS:
                        continue
                    except Exception as e:
                        raise AssertionError(f"{self.function.name}{given!r:.200} raised {type(e).__name__}") from e

    def odd_of(self, place: int) -> list[Any]:
        """Strange values that may come as this argument; null only where the function wants to be called with it."""
        parameter = self.function.parameters[min(place, len(self.function.parameters) - 1)]
        kinds = tuple(kind for each in parameter.types for kind in _KINDS[each.kind])
        fitting = [odd for odd in ODD if isinstance(odd, kinds) and (bool in kinds or not isinstance(odd, bool))]
        nulls = [odd for odd in ODD if odd is None and self.function.nulls]
        return nulls + [odd for odd in fitting if odd is not None]

    def test_works_on_columns(self) -> None:
        """Where it has `columns`, whole arrays of numbers give what single values give, or NotImplemented."""
        import numpy as np

        if self.function.columns is None:
            return
        for arguments, wanted in self.examples:
            if all(isinstance(a, int | float) and not isinstance(a, bool) for a in arguments):
                given = [np.array([a, a]) for a in arguments]
                found = self.function.columns(*given)
                assert found is NotImplemented or list(np.asarray(found)) == [wanted, wanted]
