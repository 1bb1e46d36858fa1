"""One batch on its way: intent → uploaded → submitted → running → ended → fetched, each step noted before the next.

    intent      what it will hold is noted; nothing of it is at the provider but, perhaps, a file
    uploaded    its submission may have begun: the one step that is charged for
    suspect     nobody knows whether it was submitted: it is looked for, and only what proves to be it is taken
    submitted, running, cancelling, ended    as the provider tells
    fetched     its results are in a file of ours
    committed   every call of it is settled;   absent    the provider has nothing of it, and nothing was charged

The noted state is at or before the real one, so that whatever a crash leaves is found again and nothing is paid twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from synthspec.inference.batches import Remote
from synthspec.inference.batches.clients import NotFound
from synthspec.inference.batches.desk import Absent, Batch, Desk, Left, Refused
from synthspec.inference.batches.results import Results, fetch_results, read_results
from synthspec.spec.messages import FAULT_RULES, BackendFault, FaultKind

T = TypeVar("T")
TRIES = 8  # of what was not begun yet, before its calls are given back
LONG_TRIES = 40  # of asking for what is under way: hours
_LATER = (FaultKind.RATE_LIMITED, FaultKind.OVERLOADED)


class Lifecycle:
    """Takes one batch from the state that it is in to its results."""

    def __init__(self, desk: Desk, batch: Batch, known: set[str]) -> None:
        self._desk, self._batch, self._known = desk, batch, known  # known: the remote names of all batches of ours
        self._service = batch.place.service

    async def run(self) -> Results | Refused | Absent:
        """Its results, or why there are none.

        Raises:
            Left: it goes on another time, from the state it is in.
            BackendFault: the provider cannot be asked about it.
            StoreFault, OSError: what is new cannot be kept.
        """
        batch = self._batch
        while True:
            match batch.state:
                case "intent" if not batch.fresh:
                    return await self._forget()
                case "intent":
                    if (refused := await self._upload()) is not None:
                        return refused
                case "uploaded" if batch.fresh:
                    if (refused := await self._submit()) is not None:
                        return refused
                case "uploaded":
                    await self._note(state="suspect")
                case "suspect" if batch.remote_id is None:
                    if not await self._look():
                        return await self._forget()
                case "fetched":
                    if (results := await self._read()) is not None:
                        return results
                case "ended":
                    await self._fetch(batch.remote or await self._poll())
                case _:
                    if (refused := await self._await_end()) is not None:
                        return refused

    async def _note(self, **changes: str | float | None) -> None:
        batch = self._batch
        for name in ("state", "remote_id", "file_id"):
            if name in changes:
                setattr(batch, name, changes[name])
        await self._desk.notes.update(batch.intent, **changes)
        batch.fault = ""
        self._desk.tell(batch)

    async def _upload(self) -> Refused | None:
        intent = self._batch.intent
        try:
            file_id = await self._trying(TRIES, lambda: self._service.upload(intent, self._desk.lines(intent)))
        except BackendFault as fault:
            return await self._refuse(self._without_batches(fault))
        await self._note(state="uploaded", file_id=file_id)
        return None

    async def _submit(self) -> Refused | None:
        """Hand it in. Where nobody can say whether that was done, it is a suspect from here on."""
        batch, tries = self._batch, 0
        while True:
            try:
                remote = await asyncio.to_thread(
                    self._service.submit, batch.intent, batch.route, self._desk.lines(batch.intent), batch.file_id
                )
            except BackendFault as fault:
                if fault.sent != "no":
                    batch.fresh = False
                    return None
                tries += 1
                rule = FAULT_RULES[fault.kind]
                if not rule.retry or tries >= TRIES:
                    large = fault.kind is FaultKind.TOO_LONG
                    return await self._refuse(self._without_batches(fault), full=large or fault.kind in _LATER)
                await self._ask_again(tries, fault)
                continue
            batch.remote = remote
            self._known.add(batch.place.named(remote.id))
            await self._note(state="submitted", remote_id=remote.id)
            return None

    def _without_batches(self, fault: BackendFault) -> BackendFault:
        """Of a server that does not know the path, what that means."""
        if not isinstance(fault, NotFound):
            return fault
        return BackendFault(fault.kind, f"the server has no batches: {fault.message}. Build with --engine local")

    async def _look(self) -> bool:
        """Look for a batch that may have been submitted; False once two listings, apart in time, show nothing of it."""
        batch = self._batch
        listed = await self._asking(lambda: self._service.find(batch.intent, batch.count, batch.created))
        others = self._known | batch.disproved
        fits = [r for r in listed if r.state != "failed" and batch.place.named(r.id) not in others]
        free = [r for r in fits if self._desk.held.get(batch.place.named(r.id), batch.intent) == batch.intent]
        if free:
            await self._take(free[0])
            return True
        batch.shown += not fits  # one that another suspect holds may turn out to be this one's
        if batch.shown >= 2:
            return False
        await self._desk.sleep(self._desk.pace.apart)
        return True

    async def _take(self, remote: Remote) -> None:
        """Go on with this one; where that it is ours is not sure, as a suspect."""
        name = self._batch.place.named(remote.id)
        if self._service.proves:
            self._known.add(name)
        else:
            self._desk.held[name] = self._batch.intent
        await self._note(state="submitted" if self._service.proves else "suspect", remote_id=remote.id)

    async def _poll(self) -> Remote:
        batch = self._batch
        remote_id = batch.remote_id or ""
        batch.remote = await self._asking(lambda: self._service.poll(remote_id))
        return batch.remote

    async def _await_end(self) -> Refused | None:
        """Ask about it until it ends."""
        batch = self._batch
        for wait in self._desk.pace.polls():
            remote = await self._poll()
            if remote.state == "ended":
                if batch.state == "suspect":
                    await self._fetch(remote)
                else:
                    await self._note(state="ended")
                return None
            if remote.state == "failed":
                said = remote.said or "it does not say why"
                fault = BackendFault(remote.kind, f"{batch.place.provider} turned the batch down: {said}", sent="no")
                return await self._refuse(fault, full=remote.kind in _LATER)
            if batch.cancels and remote.state == "running":
                await self._cancel(remote.id)
                remote = replace(remote, state="cancelling")
            state = batch.state if batch.state in ("suspect", remote.state) else remote.state
            await self._note(state=state, last_poll=time.time())
            self._desk.idle(batch)
            await self._desk.sleep(wait)
        raise AssertionError

    async def _cancel(self, remote_id: str) -> None:
        """Ask the provider for no more of it."""
        await self._asking(lambda: self._service.cancel(remote_id))

    async def _fetch(self, remote: Remote) -> None:
        """Bring the results into a file of ours; of a suspect, see whether they are its own."""
        batch, path = self._batch, self._desk.results(self._batch.intent)
        await self._asking(lambda: fetch_results(self._service, remote, path))
        if batch.state == "suspect":
            found = await asyncio.to_thread(read_results, self._service, path, batch.intent, batch.keys)
            self._desk.held.pop(batch.place.named(remote.id), None)
            if not found.ours:
                path.unlink(missing_ok=True)
                batch.disproved.add(batch.place.named(remote.id))
                await self._note(remote_id=None)
                return
            self._known.add(batch.place.named(remote.id))
        await self._note(state="fetched")

    async def _read(self) -> Results | None:
        """The results in the file; None where it is gone, and they are fetched again."""
        batch, path = self._batch, self._desk.results(self._batch.intent)
        try:
            return await asyncio.to_thread(read_results, self._service, path, batch.intent, batch.keys)
        except FileNotFoundError:
            await self._note(state="ended")
            return None

    async def _refuse(self, fault: BackendFault, *, full: bool = False) -> Refused:
        fault.sent = "no"
        await self._clear()
        return Refused(fault, full)

    async def _forget(self) -> Absent:
        await self._clear()
        return Absent()

    async def _clear(self) -> None:
        """Remove what was uploaded of a batch that is not at the provider; where that fails it does no harm."""
        batch = self._batch
        try:
            await asyncio.to_thread(self._service.discard, batch.intent, batch.file_id)
        except (BackendFault, OSError):
            return

    async def _asking(self, ask: Callable[[], T]) -> T:
        """Ask about what is under way, for as long as there is hope.

        Raises:
            Left: the provider knows nothing of it, though it was told there.
            BackendFault: it cannot be asked.
        """
        batch = self._batch
        try:
            return await self._trying(LONG_TRIES, ask)
        except NotFound as gone:
            name = batch.remote_id or f"of {batch.count:,} requests"
            raise Left(
                f"the batch {batch.intent} ({name}) cannot be asked for at {batch.place.provider}: {gone.message}. "
                f"Build again to ask once more, or give it up with `synthspec status DIR --forget {batch.intent}`: "
                "its calls are then paid for again"
            ) from None

    async def _trying(self, most: int, work: Callable[[], T]) -> T:
        tries = 0
        while True:
            try:
                return await asyncio.to_thread(work)
            except BackendFault as fault:
                tries += 1
                gone = isinstance(fault, NotFound) and tries >= 3 and most == LONG_TRIES
                if tries >= most or gone or not (FAULT_RULES[fault.kind].retry or isinstance(fault, NotFound)):
                    raise
                if isinstance(fault, NotFound) and most == TRIES:
                    raise
                await self._ask_again(tries, fault)

    async def _ask_again(self, tries: int, fault: BackendFault) -> None:
        """Say why a question failed, and wait until it is asked again."""
        self._batch.fault = fault.message
        self._desk.tell(self._batch)
        await self._desk.sleep(self._desk.pace.retries(tries, fault.retry_after))
