"""Batches and reviews in the store: what is pending stays pending, what people said is never written over."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from depth import quarter
from hypothesis import given, settings
from hypothesis import strategies as st
from test_store import completion_of, fault_of, key_of, request_of

from synthspec.inference.store import Spent, Store
from synthspec.inference.store.batches import STATES, Batches
from synthspec.inference.store.reviews import Reviews, read_reviews


async def submit(store: Store, intent: str, *numbers: int) -> None:
    sends = [await store.reserve(key_of(n), 1.0, 10, batch=intent) for n in numbers]
    await Batches(store).begin(intent, "openai", "/v1/chat/completions", sends)


def test_a_pending_batch_is_not_booked_as_lost(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        asyncio.run(submit(store, "a1", 1, 2, 3))
        asyncio.run(store.reserve(key_of(9), 1.0, 10))
        asyncio.run(Batches(store).update("a1", state="submitted", remote_id="batch_7"))
    with Store.open(tmp_path) as store:
        assert store.spent() == Spent(4.0, 0, 40, 4)
        (batch,) = Batches(store).pending()
        assert (batch.intent, batch.state, batch.remote_id, batch.count) == ("a1", "submitted", "batch_7", 3)
        assert [key for key, _ in Batches(store).items("a1")] == [key_of(1), key_of(2), key_of(3)]
        assert [s.key.hex() for s in Batches(store).sends("a1") if isinstance(s.key, bytes)] == [
            key_of(1), key_of(2), key_of(3),
        ]  # fmt: skip
        assert asyncio.run(store.put(request_of(1), completion_of(1)))  # what it sent is settled by its key
        asyncio.run(store.release(Batches(store).sends("a1")[0]))
        assert store.spent() == Spent(0.25 + 1.0 + 1.0, 10, 5 + 10 + 10, 3)
        asyncio.run(Batches(store).update("a1", state="committed"))
    with Store.open(tmp_path) as store:
        assert Batches(store).pending() == []
        assert store.spent() == Spent(0.25 + 1.0 + 1.0, 10, 5 + 10 + 10, 3)
        assert store.open_sends() == []


@settings(max_examples=quarter(20), deadline=None)
@given(st.lists(st.sampled_from(STATES), max_size=6))
def test_what_was_set_aside_for_a_batch_counts_in_every_state(
    tmp_path_factory: pytest.TempPathFactory, states: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("batch")
    with Store.open(folder) as store:
        asyncio.run(submit(store, "a1", 1, 2))
    for state in states:
        with Store.open(folder) as store:
            asyncio.run(Batches(store).update("a1", state=state))
            assert store.spent().requests == 2
        with Store.open(folder) as store:
            assert store.spent() == Spent(2.0, 0, 20, 2)


def test_an_intent_is_noted_once(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        asyncio.run(submit(store, "a1", 1))
        fault_of(lambda: asyncio.run(submit(store, "a1", 2)))
        assert len(Batches(store).items("a1")) == 1
        with pytest.raises(ValueError, match="no colour"):
            asyncio.run(Batches(store).update("a1", colour="red"))
        with pytest.raises(ValueError, match="no lost"):
            asyncio.run(Batches(store).update("a1", state="lost"))


def test_reviews_are_laid_over_rows_and_can_be_undone(tmp_path: Path) -> None:
    with Reviews(tmp_path) as reviews, Store.open(tmp_path):  # beside a build
        first = reviews.add("17", "d1", "ana", "reject", "too short")
        second = reviews.add("17.3", "d2", "ben", "edit", patch={"text": "better"})
        third = reviews.add("17", "d1", "ben", "accept")
        assert reviews.last_of("ben") == third
        assert reviews.undo(third, "ana")
        assert not reviews.undo(third, "ana")
        assert not reviews.undo(99, "ana")
    with Reviews(tmp_path) as reviews:
        assert [r.id for r in reviews.iterate()] == [first, second, third]
        assert [r.undone_by for r in reviews.iterate()] == [None, None, "ana"]
        assert reviews.last_of("ben") == second
        assert [(r.path, r.verb) for r in read_reviews(tmp_path)] == [("17", "reject"), ("17.3", "edit")]
        with pytest.raises(ValueError, match="praise"):
            reviews.add("1", "d", "ana", "praise")


def test_two_people_review_at_once(tmp_path: Path) -> None:
    with Reviews(tmp_path) as one, Reviews(tmp_path) as two:
        for n in range(10):
            (one, two)[n % 2].add(str(n), "d", "ana", "accept")
        assert one.count() == two.count() == (10, 0)


def test_damaged_reviews_are_told_and_kept(tmp_path: Path) -> None:
    with Reviews(tmp_path) as reviews:
        for n in range(200):
            reviews.add(str(n), "d", "ana", "edit", "because " * 20, {"text": "x"})
    path = tmp_path / "reviews.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:8192] + bytes(8192) + content[16384:])
    with Reviews(tmp_path) as reviews:
        fault = fault_of(lambda: list(reviews.iterate()))
    assert "no review is written over" in fault.help
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 9")
    database.close()
    assert "newer" in fault_of(lambda: Reviews(tmp_path)).message
