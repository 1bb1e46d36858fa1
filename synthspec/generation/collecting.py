"""How often Python looks for unreachable cycles: rarely, for we make many objects and next to none in cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = (20_000, 20, 20)  # `gc` thresholds
LOADING = (200_000, 20, 20)  # the same while modules are loaded, of which nearly all stays: five searches less, 31 ms


class _Builds:
    """Builds that run in this process, and the thresholds there were before the first of them."""

    running = 0
    before = gc.get_threshold()


def collect_rarely() -> None:
    """For the rest of a process of ours: hardly at all until `all_is_loaded`."""
    gc.set_threshold(*LOADING)


def all_is_loaded() -> None:
    """What there is now in a process of ours stays to its end, and is not looked through any more."""
    if gc.get_threshold() == LOADING:
        gc.freeze()
        gc.set_threshold(*RARELY)


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """While a build runs; of several at a time, until the last of them ends."""
    if not _Builds.running:
        all_is_loaded()
        _Builds.before = gc.get_threshold()
        gc.set_threshold(*RARELY)
    _Builds.running += 1
    try:
        yield
    finally:
        _Builds.running -= 1
        if not _Builds.running:
            gc.set_threshold(*_Builds.before)
