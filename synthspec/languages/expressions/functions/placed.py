"""Functions of the place where an expression stands: `address()`, `index()` and `uuid()`.

They read it under names that a spec cannot declare, which whoever evaluates adds to the row.
"""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.languages.expressions.traversal import PLACED, walk
from synthspec.languages.expressions.tree import Expression, FunctionCall

ADDRESS, INDEX, SEED, FIELD = "@address", "@index", "@seed", "@field"
READS: Mapping[str, tuple[str, ...]] = {
    "address": (ADDRESS,),
    "index": (INDEX,),
    "uuid": (SEED, FIELD, ADDRESS),
}


def uuid(seed: int, field: str, address: str) -> str:
    """The same UUID for the same seed, field and address.

    >>> uuid(0, "id", "17.3")
    'cb5e2bb2-65eb-5e79-b524-f5f533aba1d2'
    """
    from uuid import NAMESPACE_URL, uuid5

    return str(uuid5(NAMESPACE_URL, f"synthspec:{seed}/{field}/{address}"))


def placed_calls(expression: Expression) -> tuple[FunctionCall, ...]:
    """The calls of an expression whose value hangs on where it stands."""
    return tuple(n for n in walk(expression) if isinstance(n, FunctionCall) and n.function in PLACED)
