"""The batch engine: calls collected, handed to their provider's batches a round at a time, at half the price.

A round is all that is ready when nothing more is; what a batch may hold splits it. Batches outlive the process: each is
noted in the store with what is set aside for its calls before anything is handed in, and whoever builds again, days
later, goes on from there (`inference/batches/lifecycle.py`). A call whose key waits in a batch is not sent; it gets the
answer of that batch.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from synthspec.inference.batches import INTENT
from synthspec.inference.batches.desk import (
    FOLDER,
    Absent,
    Batch,
    Desk,
    Left,
    Refused,
    batch_again,
    discard_requests,
    sweep_files,
    write_requests,
)
from synthspec.inference.batches.lifecycle import Lifecycle
from synthspec.inference.batches.opening import reopen_place
from synthspec.inference.batches.pace import Pace
from synthspec.inference.batches.results import Results
from synthspec.inference.batches.rounds import BatchAddress, PlannedBatch, TooLarge, remote_name, split_round
from synthspec.inference.batches.servers import BatchServers
from synthspec.inference.batches.waiting import WaitingCalls
from synthspec.inference.engines import Call, Done, How
from synthspec.inference.events import BatchMoved
from synthspec.inference.store import Store
from synthspec.inference.store.batches import Batches, StoredBatch
from synthspec.inference.store.derived.rows import key_text
from synthspec.spec.messages import BackendFault, FaultKind

PENDING = "batches are running at the provider: build again to resume"
ROOM = 1 << 20  # calls that may be collected for an endpoint


class BatchEngine:
    """Rounds of batches. `places` are the servers of each endpoint, over which its calls are spread; `reopen` gives the
    place of a batch that is at none of them."""

    durable = True

    def __init__(
        self,
        places: Mapping[str, Sequence[BatchAddress]],
        store: Store,
        folder: Path,
        *,
        waits: bool = True,
        pace: Pace | None = None,
        tell: Callable[[Any], None] = lambda event: None,
        reopen: Callable[[StoredBatch], BatchAddress] = reopen_place,
    ) -> None:
        self._servers, self._store, self._waits = BatchServers(places), store, waits
        self._notes = Batches(store)
        self._tell, self._reopen = tell, reopen
        self._desk = Desk(self._notes, folder / FOLDER, pace or Pace(), self._moved)
        self._desk.idle = self._is_idle
        self._waiting = WaitingCalls()
        self._collected: dict[int, Call] = {}  # by send
        self._most: dict[str, int] = {}  # requests that a place took at most, where it took fewer than it might
        self._done: list[Done] = []
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed: How | None = None
        self._reason = ""  # why all is left
        self._error: BaseException | None = None
        self._flushed = False
        self._idle: set[str] = set()  # batches that were asked about, and are not done
        self._intents, known = self._notes.known()
        self._known = {remote_name(endpoint, remote) for endpoint, remote in known}
        self._begun = False

    # --- what an engine does

    def room(self, endpoint: str) -> int:
        """Rounds are as large as they come."""
        return ROOM

    async def submit(self, calls: Sequence[Call]) -> None:
        """Collect calls; those that wait in a batch already get its answer."""
        if self._closed is not None:
            self._done += [Done(c.send, None) for c in calls]
            self._news.set()
            return
        await self._take_up()
        ready = []
        for call in calls:
            done = self._waiting.answered(call)
            if done is not None:
                ready.append(done)
            elif not self._waiting.claim(call):
                self._collected[call.send] = call
        if ready:
            self._answer(ready)

    def hold(self, held: bool) -> None:
        """Nothing: a round is handed in when it is flushed, and the driver flushes none while it is paused."""

    async def flush(self) -> None:
        """Hand in what was collected. None waits for its `not_before`: batches take longer than any such wait, and
        calls that wait would go in batches of their own."""
        if self._done or self._closed is not None:
            return
        await self._take_up()
        await self._commit_settled()
        self._flushed = True
        due = [c for c in self._collected.values() if not self._waiting.is_in_a_batch(c)]
        for call in due:
            del self._collected[call.send]
        for made in split_round(self._servers.spread(due, self._waiting.batches.values()), self._most):
            if isinstance(made, TooLarge):
                said = f"a request of {made.size:,} bytes is larger than a batch may be"
                self._answer([Done(made.call.send, BackendFault(FaultKind.TOO_LONG, said, sent="no"))])
            else:
                await self._begin(made)
        self._leave_if_idle()

    async def results(self) -> AsyncIterator[Sequence[Done]]:
        while self._done or self._tasks or self._closed is None or self._error is not None:
            await self._news.wait()
            self._news.clear()
            if self._done:
                done, self._done = self._done, []
                yield done
            elif self._error is not None:
                raise self._error

    async def close(self, how: How) -> None:
        self._closed = how
        collected, self._collected = self._collected, {}
        if how != "cancel":
            self._answer([Done(send, None) for send in collected])
        if how == "leave":
            self._desk.leaving.set()
        if how == "cancel":
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._news.set()

    async def settled(self) -> None:
        """Note the batches of which every call is settled, and remove their files; close what was opened for them."""
        await self._commit_settled()
        reserved = self._notes.reserved()
        for stored in self._notes.pending():  # those too that nothing of this run asked for
            if stored.intent not in reserved and stored.intent not in self._waiting.batches:
                await self._notes.update(stored.intent, state="committed")
        sweep_files(self._desk.folder, {batch.intent for batch in self._notes.pending()})
        places = self._servers.by_label()
        places |= {batch.place.label: batch.place for batch in self._waiting.batches.values()}
        for place in places.values():
            await asyncio.to_thread(place.service.close)

    # --- batches

    async def _take_up(self) -> None:
        """Go on with the batches that earlier runs left."""
        if self._begun:
            return
        self._begun = True
        places = self._servers.by_label()
        reserved = self._notes.reserved()
        for stored in self._notes.pending():
            keys = {key_text(send.key) for send in reserved.get(stored.intent, ())}
            place = places.get(stored.endpoint) or self._reopen(stored)
            places[place.label] = place
            batch = batch_again(stored, place, keys)
            self._waiting.add(batch)
            if batch.state == "suspect" and batch.remote_id is not None:
                self._desk.held[place.named(batch.remote_id)] = batch.intent
            if keys:
                self._carry(batch)

    async def _begin(self, parcel: PlannedBatch) -> None:
        """A new batch: noted, with what is set aside for its calls, before anything of it leaves."""
        intent = secrets.token_hex(INTENT // 2)
        while intent in self._intents:
            intent = secrets.token_hex(INTENT // 2)
        self._intents.add(intent)
        calls = {call.request.key: call for call in parcel.calls}
        for call in parcel.calls:
            if calls[call.request.key] is not call:  # of two calls of one key the second goes with a later round
                self._collected[call.send] = call
        place = parcel.place
        worst = [(key, call.cost, call.tokens) for key, call in calls.items()]
        await self._notes.reserve(intent, place.provider, place.label, worst)
        batch = Batch(intent, place, parcel.route, set(calls), time.time(), count=len(calls), fresh=True)
        self._waiting.add(batch, calls)
        await asyncio.to_thread(write_requests, batch, [c.request for c in calls.values()], self._desk.lines(intent))
        self._moved(batch)
        self._carry(batch)

    def _carry(self, batch: Batch) -> None:
        task = asyncio.get_running_loop().create_task(self._follow(batch))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = self._error or error
        self._news.set()

    async def _follow(self, batch: Batch) -> None:
        try:
            outcome = await Lifecycle(self._desk, batch, self._known).run()
        except Left as left:
            self._leave(batch, left.reason or self._reason or PENDING)
        except BackendFault as fault:
            self._leave(batch, f"{batch.place.provider}: {fault.message}")
        else:
            match outcome:
                case Results():
                    await self._deliver(batch, outcome)
                case Refused():
                    await self._give_back(batch, outcome.fault, outcome.full)
                case Absent():
                    await self._give_back(batch, None, False)
        finally:
            self._idle.discard(batch.intent)
            self._desk.turn.set()

    def _leave(self, batch: Batch, reason: str) -> None:
        self._answer(self._waiting.leave(batch, reason))

    async def _deliver(self, batch: Batch, results: Results) -> None:
        """Answer the calls of a batch. What did not come is free."""
        await self._release(batch, {key for key in batch.keys if results.answers.get(key) is None})
        done = self._waiting.deliver(batch, results.answers)
        self._moved(batch, results)
        self._answer(done)

    async def _give_back(self, batch: Batch, fault: BackendFault | None, full: bool) -> None:
        """Nothing of a batch is at the provider: its calls are as if they had not been sent.

        Where the provider has no room, it is waited for, and a round may hold half as many.
        """
        if full and batch.fresh and batch.count > 1:
            await self._wait_for_room(batch)
            fault = None
        if fault is not None and self._servers.turned_away(batch.place):
            fault = None
        await self._release(batch, batch.keys)
        await self._notes.update(batch.intent, state="absent")
        batch.state = "absent"
        self._drop(batch)
        done = self._waiting.give_back(batch, fault)
        self._moved(batch)
        self._answer(done)

    async def _wait_for_room(self, batch: Batch) -> None:
        """Until another batch of the place ends; where there is none, it takes fewer requests at once."""
        states = ("submitted", "running", "cancelling")
        others = [b for b in self._waiting.batches.values() if b.place.label == batch.place.label and b.state in states]
        if any(b is not batch for b in others):
            await self._desk.wait_for_turn()
        else:
            self._most[batch.place.label] = max(1, batch.count // 2)

    async def _release(self, batch: Batch, keys: AbstractSet[str]) -> None:
        """What is set aside for these calls is free again."""
        sends = [send for send in self._notes.sends(batch.intent) if key_text(send.key) in keys] if keys else []
        await asyncio.gather(*(self._store.release(send) for send in sends))

    async def _commit_settled(self) -> None:
        """Note every batch of this run of which all calls are settled."""
        fetched = [b for b in self._waiting.batches.values() if b.state == "fetched" or not b.keys]
        reserved = self._notes.reserved() if fetched else {}
        for batch in fetched:
            if batch.intent in reserved:
                continue
            await self._notes.update(batch.intent, state="committed")
            batch.state = "committed"
            await asyncio.to_thread(discard_requests, batch)
            self._drop(batch)
            self._moved(batch)

    def _drop(self, batch: Batch) -> None:
        self._waiting.batches.pop(batch.intent, None)
        sweep_files(self._desk.folder, self._waiting.batches.keys())

    # --- waiting

    def _answer(self, done: Sequence[Done]) -> None:
        if done and self._closed != "cancel":
            self._done.extend(done)
            self._flushed = False
        self._news.set()

    def _is_idle(self, batch: Batch) -> None:
        self._idle.add(batch.intent)
        self._leave_if_idle()

    def _leave_if_idle(self) -> None:
        """Where nobody waits: leave once every batch was asked about and nothing more is ready."""
        under_way = {b.intent for b in self._waiting.batches.values() if self._waiting.is_claimed(b)}
        if self._waits or not self._flushed or self._done or not under_way or under_way - self._idle:
            return
        self._reason = PENDING
        self._desk.leaving.set()

    def _moved(self, batch: Batch, results: Results | None = None) -> None:
        remote = batch.remote
        done = remote.done if remote is not None else None
        strange = results.unknown + results.unread + results.twice if results is not None else 0
        self._tell(
            BatchMoved(
                batch.intent, batch.place.provider, batch.state, batch.count, done, batch.created, strange, batch.fault
            )
        )
