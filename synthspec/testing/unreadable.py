"""What every plug-in that reads does with what it cannot read."""

from __future__ import annotations

from collections.abc import Callable

from synthspec.sources import TableFault

_CUTS = 12


def check_refused(read: Callable[[], object], what: str) -> TableFault:
    """That reading `what` ends in a TableFault with a message of one line; the fault."""
    try:
        read()
    except TableFault as fault:
        assert str(fault)
        assert "\n" not in str(fault)
        return fault
    raise AssertionError(f"{what} was read")


def broken(data: bytes) -> list[bytes]:
    """A file cut off in twelve places, at its very beginning too, and bytes that are of no kind."""
    ends = sorted({len(data) * i // _CUTS for i in range(_CUTS)})
    return [*(data[:end] for end in ends), b"\xff\xfe\x00\x01" * 9, bytes(range(256))]
