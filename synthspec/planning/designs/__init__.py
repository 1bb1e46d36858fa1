"""Strategies: each supplies the uniform numbers from which the rows of a plan are drawn (`planning/design.py`).

A new strategy is one module with the names `SUMMARY`, a line for people, and `STRATEGY`, a class whose
constructor takes a `Design` and which has the two methods of `Strategy`. Built-in modules are found by their
name, others by an entry point of the group ``synthspec.strategies``, read only when no built-in has the name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from synthspec.planning.design import Design, Dimension, Floats, Levels, Permitted, Requirement, Strategy, Tied
from synthspec.plugins import find_plugin, is_built_in
from synthspec.plugins.guarding import guarded

__all__ = ["Design", "Dimension", "Floats", "Levels", "Permitted", "Requirement", "Strategy", "Tied", "find_strategy"]


def find_strategy(name: str) -> Callable[[Design], Strategy]:
    """The class of strategy `name`: the `STRATEGY` of the plug-in module of that name.

    Raises:
        LookupError: nothing of that name is built in or installed.
    """
    made = cast(Callable[[Design], Strategy], find_plugin("strategies", name).STRATEGY)
    if is_built_in("strategies", name):
        return made
    return lambda design: guarded("strategies", name, guarded("strategies", name, made)(design))
