"""What a run keeps of its batches: each batch as it is known, where its files are, and the sign to leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import field
from pathlib import Path

from synthspec.inference.batches import Remote, custom_id_of
from synthspec.inference.batches.pace import Pace
from synthspec.inference.batches.rounds import BatchAddress
from synthspec.inference.store.batches import Batches, StoredBatch
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import BackendFault, Request

FOLDER = "batches"  # in the build folder: requests and results of batches that are under way


class Left(Exception):
    """The batch stays where it is; `reason` says why, "" where somebody asked for that."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider did not take it, or turned it down as a whole: nothing is charged. `full`: it may take fewer."""

    fault: BackendFault
    full: bool = False


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider has nothing of it."""


@dataclass(slots=True)
class Batch:
    """A batch of ours. `fresh`: this process made it, so what it was not told to do was not done."""

    intent: str
    place: BatchAddress
    route: str
    keys: set[str]  # of its requests, those that are not settled
    created: float  # Unix time
    state: str = "intent"
    remote_id: str | None = None
    file_id: str | None = None
    count: int = 0
    fresh: bool = False
    remote: Remote | None = None  # as it was last told of
    disproved: set[str] = field(default_factory=set)  # batches of the provider that were taken for it
    shown: int = 0  # times that it was looked for and not listed
    cancels: bool = False  # whether no more of it is wanted
    fault: str = ""  # of the last question about it, which is asked again


class Desk:
    """What every batch of a run needs: the notes, the folder of files, the pace, and the sign to leave."""

    def __init__(self, notes: Batches, folder: Path, pace: Pace, tell: Callable[[Batch], None]) -> None:
        self.notes, self.folder, self.pace, self.tell = notes, folder, pace, tell
        self.leaving = asyncio.Event()
        self.held: dict[str, str] = {}  # by remote name, the suspect that takes it for its own until that is proven
        self.turn = asyncio.Event()  # set when a batch comes to its end
        self.idle: Callable[[Batch], None] = lambda batch: None  # told after each question that changed nothing

    def lines(self, intent: str) -> Path:
        """The file of requests."""
        return self.folder / f"{intent}.requests.jsonl"

    def results(self, intent: str) -> Path:
        """The file of results."""
        return self.folder / f"{intent}.results.jsonl"

    async def sleep(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            Left: it is time to go.
        """
        try:
            await asyncio.wait_for(self.leaving.wait(), seconds)
        except TimeoutError:
            return
        raise Left

    async def wait_for_turn(self) -> None:
        """Wait until a batch came to its end, or it is time to go, or to try again."""
        self.turn.clear()
        waits = [asyncio.ensure_future(event.wait()) for event in (self.turn, self.leaving)]
        try:
            await asyncio.wait(waits, timeout=self.pace.full, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def batch_again(stored: StoredBatch, place: BatchAddress, keys: set[str]) -> Batch:
    """A batch that an earlier run began, with the keys of its calls that are not settled."""
    names = stored.remote_id, stored.file_id
    return Batch(stored.intent, place, "", keys, stored.created, stored.state, *names, stored.count)


def write_requests(batch: Batch, requests: list[Request], path: Path) -> None:
    """The file of requests of a batch.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for request in requests:
            file.write(batch.place.service.line(custom_id_of(batch.intent, request.key), request) + b"\n")


def sweep_files(folder: Path, under_way: AbstractSet[str]) -> None:
    """Remove the files of batches that are not under way any more, and the folder with the last of them."""
    if not folder.is_dir():
        return
    for path in folder.glob("*.jsonl*"):
        if path.name.partition(".")[0] not in under_way:
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def discard_requests(batch: Batch) -> None:
    """Remove the file of requests at the provider; where that fails it does no harm."""
    if batch.file_id is None:
        return
    try:
        batch.place.service.discard(batch.intent, batch.file_id)
    except (BackendFault, OSError):
        return
