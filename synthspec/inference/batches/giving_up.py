"""Ending batches of a folder without its spec: cancelled, with what they have fetched; or forgotten, as if lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from synthspec.inference.batches.desk import FOLDER, Batch, Desk, Left, batch_again, sweep_files
from synthspec.inference.batches.lifecycle import Lifecycle
from synthspec.inference.batches.opening import reopen_place
from synthspec.inference.batches.pace import Pace
from synthspec.inference.batches.results import Results
from synthspec.inference.batches.rounds import remote_name
from synthspec.inference.store import Store
from synthspec.inference.store.batches import Batches, StoredBatch
from synthspec.inference.store.derived.rows import key_text
from synthspec.inference.store.ledger import Send
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import BackendFault


@dataclass(frozen=True, slots=True)
class BatchStanding:
    """A batch under way, as its folder knows it. `open` of its calls are not settled, and set aside so much."""

    batch: StoredBatch
    open: int
    cost: float  # US dollars
    tokens: int

    @property
    def age(self) -> float:
        """Seconds since it was begun."""
        return max(0.0, time.time() - self.batch.created)


@dataclass(frozen=True, slots=True)
class BatchEnding:
    """What became of a batch that was to end: so many answers are fetched, or `why` it could not be ended."""

    intent: str
    answers: int = 0
    why: str = ""


def standing_batches(store: Store) -> list[BatchStanding]:
    """The batches of a folder under way, the oldest first.

    Raises:
        StoreFault: they cannot be read.
    """
    notes = Batches(store)
    if not store.read("SELECT 1 FROM sqlite_master WHERE name = 'batches'"):
        return []  # a store of version 0.1
    reserved = notes.reserved()
    found = []
    for batch in notes.pending():
        sends = reserved.get(batch.intent, [])
        if not sends:
            continue  # every call is settled
        found.append(BatchStanding(batch, len(sends), sum(s.cost for s in sends), sum(s.tokens for s in sends)))
    return found


async def cancel_batches(
    store: Store, folder: Path, pace: Pace | None = None, tell: Callable[[Batch], None] = lambda batch: None
) -> list[BatchEnding]:
    """Cancel every batch under way, wait until each has ended, and fetch the answers that it has.

    The answers stay in the folder: the next build stores and uses them, and asks for the rest. What has no answer is
    not charged for.

    Raises:
        StoreFault, OSError: what came cannot be kept.
    """
    notes = Batches(store)
    desk = Desk(notes, folder / FOLDER, pace or Pace(), tell)
    reserved, known = notes.reserved(), {remote_name(*one) for one in notes.known()[1]}
    held = [b for b in notes.pending() if b.state == "suspect" and b.remote_id is not None]
    desk.held |= {remote_name(b.endpoint, str(b.remote_id)): b.intent for b in held}
    jobs = [_cancel(desk, store, stored, reserved.get(stored.intent, []), known) for stored in notes.pending()]
    return list(await asyncio.gather(*jobs))


async def _cancel(desk: Desk, store: Store, stored: StoredBatch, sends: Sequence[Send], known: set[str]) -> BatchEnding:
    place = await asyncio.to_thread(reopen_place, stored)
    keys = {key_text(send.key) for send in sends}
    batch = batch_again(stored, place, keys)
    batch.cancels = True
    try:
        outcome = await Lifecycle(desk, batch, known).run() if keys else Results()
    except Left as left:
        return BatchEnding(stored.intent, why=left.reason)
    except BackendFault as fault:
        return BatchEnding(stored.intent, why=fault.message)
    finally:
        await asyncio.to_thread(place.service.close)
    answered = set()
    if isinstance(outcome, Results):
        answered = {key for key, answer in outcome.answers.items() if answer is not None}
    await asyncio.gather(*(store.release(send) for send in sends if key_text(send.key) not in answered))
    if not answered:
        state = "committed" if isinstance(outcome, Results) else "absent"
        await desk.notes.update(stored.intent, state=state)
        sweep_files(desk.folder, {b.intent for b in desk.notes.pending()})
    return BatchEnding(stored.intent, len(answered))


async def forget_batch(store: Store, folder: Path, intent: str) -> int:
    """Give a batch up: what it may have cost counts as spent, and its calls are made again. How many those are.

    Raises:
        LookupError: no batch of this name is under way.
        StoreFault: it cannot be noted.
    """
    notes = Batches(store)
    stored = next((b for b in notes.pending() if b.intent == intent), None)
    if stored is None:
        raise LookupError(intent)
    sends = notes.sends(intent)
    nothing_left = stored.state == "intent"  # nothing of it was handed in
    await asyncio.gather(*(store.release(send) if nothing_left else store.lose(send, "forgotten") for send in sends))
    await notes.update(intent, state="absent")
    sweep_files(folder / FOLDER, {batch.intent for batch in notes.pending()})
    return len(sends)
