"""What a draw is made of."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.spec import Draw, GivenDraw, ListDraw


def draws_inside(draw: Draw) -> Iterator[Draw]:
    """A draw, and all that its items or cases are drawn by."""
    yield draw
    if isinstance(draw, ListDraw):
        yield from draws_inside(draw.item)
    if isinstance(draw, GivenDraw):
        for _, inner in draw.cases:
            yield from draws_inside(inner)
        if draw.otherwise is not None:
            yield from draws_inside(draw.otherwise)
