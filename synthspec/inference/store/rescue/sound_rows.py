"""Which rows carved out of a damaged store are what was stored: told by their width and their checksums."""

from __future__ import annotations

from typing import Any

from synthspec.inference.store.derived.rows import (
    CALL_COLUMNS,
    Decayed,
    read_completion,
)
from synthspec.inference.store.derived.stored_request import blob_digest
from synthspec.inference.store.ledger import StrangeTotal, read_total
from synthspec.inference.store.rescue.carve import MISSING
from synthspec.inference.store.schema import (
    meta_checksum,
    upgrade_row,
)

CALL_2, CALL_1, BLOB, META, TOTAL, SEND = len(CALL_COLUMNS) + 1, 14, 3, 3, 8, 9
WIDTHS = frozenset({CALL_2, CALL_1, BLOB, META, TOTAL, SEND})


def is_legible(values: list[Any]) -> bool:
    """Whether the texts of a row that is not what was stored can be read all the same."""
    return values[0] is None and isinstance(values[1], str | bytes) and isinstance(values[13], str | bytes)


def _is_call(values: list[Any]) -> bool:
    if values[0] is not None or MISSING in values[1:15]:
        return False
    try:
        read_completion(values[1:])
    except Decayed:
        return False
    return True


def _is_old_call(values: list[Any]) -> bool:
    key, *_, crc, _, text = values
    if not isinstance(key, str) or len(key) != 32 or MISSING in values[:12] or not isinstance(crc, int):
        return False
    try:
        upgrade_row((*values[:12], text, None, None))
    except Decayed:
        return False
    return all(value is None or isinstance(value, int | float) for value in (*values[2:4], *values[6:11]))


def _is_blob_or_meta(values: list[Any]) -> bool:
    _, second, third = values
    if isinstance(second, bytes):
        return isinstance(third, bytes) and blob_digest(third) == second
    return isinstance(second, str) and isinstance(values[0], str) and meta_checksum(values[0], second) == third


def _is_total(values: list[Any]) -> bool:
    try:
        read_total(values)
    except StrangeTotal:
        return False
    return True


def _is_send(values: list[Any]) -> bool:
    return values[0] is None and values[3] in range(5) and isinstance(values[8], int) and MISSING not in values


ACCEPT = {
    CALL_2: _is_call, CALL_1: _is_old_call, BLOB: _is_blob_or_meta, TOTAL: _is_total, SEND: _is_send,
}  # fmt: skip
