"""Why a build ended before its last row, as far as what to do next depends on it."""

from __future__ import annotations

from enum import StrEnum


class EarlyStop(StrEnum):
    """What kind of end a build came to that did not go through to its last row, and so what helps."""

    RESUMABLE = "resumable"  # a limit, the provider, a person: build again
    ALL_TRIED = "all tried"  # no combination is left that could make a row
    SATURATED = "saturated"  # the model only repeats itself


ONLY_REPEATS = "the model only repeats itself (novelty.on_saturation: stop)"


def too_few(rows: int, wanted: int, combinations: int, dropped: int) -> str:
    """The reason of a build whose combinations came to fewer rows than its spec asks for."""
    said = f"{rows:,} of {wanted:,} rows after {combinations:,} combinations (limits.combinations)"
    if not rows and not dropped:
        return f"{said}; every list that makes rows was empty"
    return f"{said}; {dropped:,} were dropped" if dropped else said
