"""The names that an expression or template may read, without copying them for each one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synthspec.languages.expressions.types import Type


class Scope(Mapping[str, Type]):
    """Maps of names, the first that has a name decides; those hidden, or of no form a name may have, are not there."""

    __slots__ = ("_names", "hidden", "layers")

    def __init__(self, *layers: Mapping[str, Type], hidden: frozenset[str] = frozenset()) -> None:
        self.layers = layers
        self.hidden = hidden
        self._names: tuple[str, ...] | None = None  # the layers of a scope gain no name once it is made

    def __getitem__(self, name: str) -> Type:
        if name not in self.hidden and name.isidentifier():
            for layer in self.layers:
                if name in layer:
                    return layer[name]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        if self._names is None:
            names = dict.fromkeys(name for layer in self.layers for name in layer)
            self._names = tuple(n for n in names if n not in self.hidden and n.isidentifier())
        return iter(self._names)

    def __len__(self) -> int:
        iter(self)
        return len(self._names or ())
