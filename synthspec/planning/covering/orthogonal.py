"""Covering arrays from finite fields, where nothing is excluded.

`field_array`: Bush, "Orthogonal arrays of index unity" (1952): polynomials of degree below t at every element
of GF(q), and their leading coefficient: q**t rows, q + 1 columns, every t-tuple once.

`hyperoval`: Bush (1952) again: where the order is a power of two, the middle coefficient of a polynomial of degree
two is one column more.

`fused`: Colbourn, Keri, Rivas Soriano and Schlage-Puchta, "Covering and radius-covering arrays" (2010): q - 1
levels, q + 1 columns, q**2 - 2 rows.

`widened`: Williams, "Determination of test configurations for pair-wise interaction coverage" (2000): n rows
and k columns become n + q**2 - q rows and q k + 1 columns.

`two_levels`: Kleitman and Spencer, "Families of k-independent sets" (1973): the fewest rows there can be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, product
from math import comb

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.covering.greedy import INACTIVE

Array = NDArray[np.int64]
_LARGEST = 128


def arrays(sizes: Sequence[int], strength: int) -> Iterator[Array]:
    """Covering arrays of `sizes` levels, shape (rows, factors), INACTIVE where any level will do."""
    most, many = max(sizes), len(sizes)
    if strength == 2 and many == 3:
        yield _fit(latin(most), sizes)
    if strength == 2 and most == 2:
        yield two_levels(many)
        return
    for order in range(most, min(2 * most, _LARGEST) + 1):
        power = prime_power(order)
        if power is None:
            continue
        if many == order + 2 and strength == 3 and power[0] == 2:
            yield _fit(hyperoval(order), sizes)
        if many <= order + 1 and strength <= order:
            yield _fit(field_array(order, strength), sizes)
        if many <= order + 1 and strength == 2 and order == most + 1:
            yield _fit(fused(order), sizes)
        if strength == 2 and many > order + 1:
            yield _fit(widened(order, many), sizes)
        if order > most:
            return


def _fit(array: Array, sizes: Sequence[int]) -> Array:
    """The first columns, without levels that factors do not have, and rows left with one or none."""
    out: Array = array[:, : len(sizes)].copy()
    out[out >= np.array(sizes)] = INACTIVE
    kept: Array = out[(out != INACTIVE).sum(axis=1) > 1]
    return kept


def two_levels(columns: int) -> Array:
    """Two levels, strength 2, in the fewest rows: a 0 on top, then another half of the rows for the ones."""
    rows = 4
    while comb(rows - 1, (rows + 1) // 2) < columns:
        rows += 1
    out = np.zeros((rows, columns), dtype=np.int64)
    for column, ones in zip(range(columns), combinations(range(1, rows), (rows + 1) // 2), strict=False):
        out[list(ones), column] = 1
    return out


def latin(order: int) -> Array:
    """Levels 0..order-1, order**2 rows, 3 columns, strength 2, for any order: a + b modulo order beside a and
    b.
    """
    first, second = np.divmod(np.arange(order * order, dtype=np.int64), order)
    return np.stack([first, second, (first + second) % order], axis=1)


def field_array(order: int, strength: int) -> Array:
    """Levels 0..order-1; order**strength rows, order + 1 columns, each tuple of `strength` columns once."""
    add, times = field(order)
    rows = np.array(list(product(range(order), repeat=strength)), dtype=np.int64)
    columns = []
    for element in range(order):
        value = rows[:, 0]
        for degree in range(1, strength):
            value = add[times[value, element], rows[:, degree]]
        columns.append(value)
    return np.stack([*columns, rows[:, 0]], axis=1)


def hyperoval(order: int) -> Array:
    """Levels 0..order-1 of a power of two; order**3 rows, order + 2 columns, each triple of columns once."""
    middle = np.array(list(product(range(order), repeat=3)), dtype=np.int64)[:, 1]
    return np.concatenate([field_array(order, 3), middle[:, None]], axis=1)


def fused(order: int) -> Array:
    """order - 1 levels, order + 1 columns, strength 2, order**2 - 2 rows.

    Rename levels so that one row is the last level throughout and drop it; every other row has that level
    once. Drop a second row too: written in place of the last level, column by column, its levels meet one
    another.
    """
    array = field_array(order, 2)
    last = order - 1
    first = array[0]
    array = (array - first + last) % order
    second, rest = array[1], array[2:]
    second = np.where(second == last, 0, second)
    return np.where(rest == last, second, rest)


def widened(order: int, columns: int) -> Array:
    """Levels 0..order-1, at least `columns` columns, strength 2, from `field_array` by repeated widening.

    No more columns are made than are of use: with all of them a hundred lists of a hundred values take gigabytes.
    """
    square = field_array(order, 2)
    extra = square[order:]
    array = square
    while array.shape[1] < columns:
        if columns <= order * array.shape[1]:
            array = array[:, : -(-columns // order)]
        wide = np.repeat(array, order, axis=1)
        below = np.tile(extra[:, :order], (1, array.shape[1]))
        top = np.concatenate([wide, np.zeros((len(wide), 1), dtype=np.int64)], axis=1)
        array = np.concatenate([top, np.concatenate([below, extra[:, order:]], axis=1)])
    return array


@lru_cache(maxsize=16)
def field(order: int) -> tuple[Array, Array]:
    """Addition and multiplication tables of GF(order); an element is the number its coefficients spell."""
    power = prime_power(order)
    if power is None:
        raise ValueError(f"there is no field of {order} elements")
    prime, degree = power
    digits = np.array(list(product(range(prime), repeat=degree)), dtype=np.int64)
    weights = prime ** np.arange(degree - 1, -1, -1)
    add = ((digits[:, None] + digits) % prime) @ weights
    for tail in digits:
        times = _products(digits, tail, prime) @ weights
        if (np.sort(times[1:], axis=1)[:, 1:] > np.sort(times[1:], axis=1)[:, :-1]).all():
            return add, times
    raise AssertionError("an irreducible polynomial always exists")


def _products(digits: Array, tail: Array, prime: int) -> Array:
    """All products of polynomials modulo x**degree - tail, coefficients highest first."""
    degree = digits.shape[1]
    out = np.zeros((len(digits), len(digits), degree), dtype=np.int64)
    for place in range(degree):
        carry = out[:, :, :1]
        out = np.concatenate([out[:, :, 1:], np.zeros_like(carry)], axis=2) + carry * tail
        out = (out + digits[:, None, place : place + 1] * digits) % prime
    return out


def prime_power(order: int) -> tuple[int, int] | None:
    """(prime, exponent) of a prime power, else None."""
    prime = next((p for p in range(2, order + 1) if order % p == 0), 0)
    degree = 0
    while prime and order % prime == 0:
        order //= prime
        degree += 1
    return (prime, degree) if order == 1 and degree else None
