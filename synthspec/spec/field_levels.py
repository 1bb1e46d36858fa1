"""The level of each field: how many fan-outs lie above its value. A level's rows have paths of `level + 1` numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from graphlib import TopologicalSorter

from synthspec.languages.expressions import names_of
from synthspec.spec import Field, Prompt


def field_levels(fields: Iterable[Field], prompts: Iterable[Prompt], parameters: Collection[str]) -> Mapping[str, int]:
    """By name, 0 left out. A field that a prompt writes has the prompt's level, a computed one the deepest of what
    it reads; parameters and fields that follow from them alone have level 0."""
    levels: dict[str, int] = {}
    for prompt in prompts:
        levels.update(dict.fromkeys(prompt.writes, prompt.level))
        if prompt.each is not None:
            levels[prompt.each.name] = prompt.level - (1 if prompt.rows > 1 else 0)
    reads = {f.name: names_of(f.value) - set(parameters) for f in fields if f.value is not None}
    graph = {name: [r for r in reads[name] if r in reads and r != name] for name in reads}
    for name in TopologicalSorter(graph).static_order():
        levels[name] = max((levels.get(read, 0) for read in reads[name]), default=0)
    return {name: level for name, level in levels.items() if level}
