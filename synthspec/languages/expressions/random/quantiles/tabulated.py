"""A slow inverse distribution function with constant arguments, tabulated: the same numbers, several times faster.

Each octave of min(u, 1 - u) is cut into equal pieces, and in each the inverse is a polynomial through Chebyshev's
points. What is drawn is rounded to 12 digits later (`digits`): wherever the polynomial is not certain to round as the
function itself does, the function is asked. So a table changes no number, only the time it takes.
"""

# Those of NumPy operators differ between its versions.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from synthspec.languages.expressions.random.quantiles.digits import rounded, rounded_surely
from synthspec.languages.expressions.random.quantiles.families import Array, in_pieces

_BITS = 4  # pieces of an octave, as a power of two
_OCTAVES = 24  # of min(u, 1 - u), from 1/2 down; beyond, the function is asked
_POINTS = 9
_SURE = 4e-14  # how far the polynomial may be from the function, of its value
_ENOUGH = 0.9  # share of the pieces that must hold

Inverse = Callable[..., Array]


def tabulated(inverse: Inverse, u: Array, *arguments: Array) -> Array:
    """inverse(u, *arguments) rounded to 12 digits, u of one axis; through a table where the arguments are scalars."""
    if any(np.ndim(a) for a in arguments):
        return rounded(inverse(u, *arguments))
    table = _table(inverse, *(float(a) for a in arguments))
    if table is None:
        return rounded(inverse(u, *arguments))
    return in_pieces(lambda piece: _looked_up(table, inverse, piece, *arguments), u)


def _looked_up(table: Array, inverse: Inverse, u: Array, *arguments: Array) -> Array:
    upper = u >= 0.5
    near = np.where(upper, 1 - u, u).view(np.int64)
    place = (near >> (52 - _BITS)) - (((1023 - 1) << _BITS) - (_OCTAVES << _BITS))
    pieces = table.shape[1] // 2
    far = (place < 0) | (place >= pieces)
    place = np.where(far, 0, place) + pieces * upper
    inside = (near & ((1 << (52 - _BITS)) - 1)) * (2.0 ** (_BITS - 51)) - 1
    found = table[_POINTS - 1].take(place)
    for degree in range(_POINTS - 2, -1, -1):
        found *= inside
        found += table[degree].take(place)
    found, sure = rounded_surely(found, _SURE)
    unsure = np.flatnonzero(~sure | far | (table[_POINTS].take(place) == 0))
    found[unsure] = rounded(inverse(u[unsure], *arguments))
    return found


@lru_cache(maxsize=32)
def _table(inverse: Inverse, *arguments: float) -> Array | None:
    """Coefficients in t of [-1, 1], and whether they hold: shape (points + 1, pieces of both sides).

    None where they do not in enough of the pieces. That hangs on the arguments alone, never on how much is read.
    """
    angles = np.cos((np.arange(_POINTS) + 0.5) * np.pi / _POINTS)
    pieces = np.arange(_OCTAVES << _BITS)
    octave, piece = pieces >> _BITS, pieces & ((1 << _BITS) - 1)
    least = np.ldexp(1.0 + piece / (1 << _BITS), octave - 1 - _OCTAVES)
    width = np.ldexp(1.0 / (1 << _BITS), octave - 1 - _OCTAVES)
    tried = np.concatenate([angles, (angles[1:] + angles[:-1]) / 2, [-1.0, 1 - 1e-9]])
    out = np.zeros((2, len(pieces), _POINTS + 1))
    for side in (0, 1):
        near = least[:, None] + width[:, None] * (tried + 1) / 2
        points = 1 - near if side else near
        near = 1 - points if side else near  # what is left of them near 1
        powers = ((near - least[:, None]) / width[:, None] * 2 - 1)[:, :, None] ** np.arange(_POINTS)
        exact = inverse(points, *(np.asarray(a) for a in arguments))
        with np.errstate(all="ignore"):
            coefficients = np.linalg.solve(powers[:, :_POINTS], exact[:, :_POINTS, None])
            off = np.abs((powers @ coefficients)[:, :, 0] - exact) / np.abs(exact)
        out[side, :, :_POINTS] = coefficients[:, :, 0]
        out[side, :, -1] = np.nan_to_num(off.max(axis=1), nan=1.0) < _SURE / 4
    if out[:, :, -1].mean() < _ENOUGH:
        return None
    return np.ascontiguousarray(out.reshape(-1, _POINTS + 1).T)
