"""Functions of the place where an expression stands: `address()`, `index()` and `uuid()`.

They read it under names that a spec cannot declare, which whoever evaluates adds to the row.
"""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.languages.expressions.traversal import walk
from synthspec.languages.expressions.tree import Call, Expression

ADDRESS, INDEX, SEED, FIELD = "@address", "@index", "@seed", "@field"
READS: Mapping[str, tuple[str, ...]] = {
    "address": (ADDRESS,),
    "index": (INDEX,),
    "uuid": (SEED, FIELD, ADDRESS),
}


def placed_calls(expression: Expression) -> tuple[Call, ...]:
    """The calls of an expression whose value hangs on where it stands."""
    return tuple(n for n in walk(expression) if isinstance(n, Call) and n.function in READS)
