"""A build's store is not searched for keys that it cannot hold, and finds all that it holds."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from test_store import completion_of, key_of, put, request_of, run

from synthspec.inference.store import Store
from synthspec.inference.store.known_keys import KnownKeys

ODD = (
    "",
    "x",
    "-12345",
    "0x1234",
    " 12_34",
    "a" * 6,
    "ABCDEF" * 8,
    "\u0661\u0662\u0663\u0664\u0665\u0666",
    "kéy",
    "f" * 31,
)


def _store(held: list[bytes | str]) -> sqlite3.Connection:
    store = sqlite3.connect(":memory:")
    store.execute("CREATE TABLE completions (key BLOB UNIQUE)")
    store.executemany("INSERT INTO completions VALUES (?)", [(key,) for key in held])
    return store


@pytest.mark.parametrize("seed", range(20))
def test_every_key_that_is_stored_may_be_there(seed: int) -> None:
    draw = Random(seed)
    before = {draw.randbytes(16) for _ in range(draw.choice([1, 63, 1023, 1024, 1025, 3000]))}
    odd = draw.sample(ODD, draw.randrange(len(ODD)))
    known = KnownKeys(len(before) + len(odd))
    with _store([*before, *odd]) as store:
        later = []
        for _ in range(200):
            known.missed(store)
            if draw.random() < 0.5:
                later.append(draw.choice([draw.randbytes(16).hex(), draw.choice(ODD)]))
                known.add(later[-1])
    assert all(known.may_hold(key) for key in (*(key.hex() for key in before), *odd, *later))
    others = [draw.randbytes(16).hex() for _ in range(500)]
    assert sum(map(known.may_hold, others)) < 25  # the keys were read, and the marks are few


def test_keys_are_read_only_after_searches_in_vain_that_cost_as_much() -> None:
    known = KnownKeys(640)
    with _store([b"0" * 16]) as store:
        for _ in range(10):
            known.missed(store)
            assert known.may_hold("0" * 32)
            assert known.may_hold("1" * 32)
        known.missed(store)
    assert not known.may_hold("1" * 32)
    assert known.may_hold((b"0" * 16).hex())


def test_a_store_that_cannot_be_read_is_searched_for_every_key() -> None:
    known = KnownKeys(1)
    with sqlite3.connect(":memory:") as empty:
        for _ in range(3):
            known.missed(empty)
    assert known.may_hold("1" * 32)


def test_a_store_finds_what_it_held_and_what_it_was_given(tmp_path: Path) -> None:
    odd = "not a key of ours"
    with Store.open(tmp_path) as store:
        run(put(store, *range(0, 300, 2)))
        assert [store.get(key_of(n)) is not None for n in range(300)] == [n % 2 == 0 for n in range(300)]
    with Store.open(tmp_path) as store:
        for _ in range(2):
            assert [store.get(key_of(n)) is not None for n in range(300)] == [n % 2 == 0 for n in range(300)]
        run(put(store, *range(1, 300, 2)))
        request, completion = request_of(1), completion_of(1)
        assert store.get(odd) is None
        run(store.put(replace(request, key=odd), replace(completion, key=odd)))
        assert store.get(odd) is not None
        assert all(store.get(key_of(n)) is not None for n in range(300))
