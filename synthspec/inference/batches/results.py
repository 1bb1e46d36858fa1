"""The results of a batch, in a file of ours: which line answers which request, and what in it belongs to none."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import field
from pathlib import Path

from synthspec.inference.batches import BatchService, Remote, key_in
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import BackendFault, Reply


@dataclass(slots=True)
class Results:
    """What a batch gave. The first line about a request counts, as the first completion of a key does."""

    answers: dict[str, Reply | BackendFault | None] = field(default_factory=dict)  # by key; None: not come to
    ours: int = 0  # lines that name this batch
    unknown: int = 0  # lines that name a request it does not have, or another batch's
    twice: int = 0
    unread: int = 0  # lines that cannot be read


def fetch_results(service: BatchService, remote: Remote, path: Path) -> None:
    """Write the results of a batch that ended to a file: whole on the disk, or not there.

    Raises:
        BackendFault: they cannot be had.
        OSError: the file cannot be written.
    """
    beside = path.with_name(f"{path.name}.part")
    with beside.open("wb") as file:
        service.fetch(remote, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read_results(service: BatchService, path: Path, intent: str, keys: Collection[str]) -> Results:
    """The answers in such a file to the requests of these keys, read line by line.

    Raises:
        OSError: it cannot be read.
    """
    found = Results()
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                _take(found, service, line, intent, keys)
    return found


def _take(found: Results, service: BatchService, line: bytes, intent: str, keys: Collection[str]) -> None:
    try:
        custom_id, result = service.read(line)
    except ValueError:
        found.unread += 1
        return
    key = key_in(intent, custom_id)
    if key is None or key not in keys:
        found.ours += key is not None
        found.unknown += 1
        return
    found.ours += 1
    if key in found.answers:
        found.twice += 1
        if isinstance(found.answers[key], Reply) or not isinstance(result, Reply):
            return
    found.answers[key] = result
