"""Faults of an expression: what is wrong, at which of its characters, and how to fix it."""

from __future__ import annotations

from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Offsets are characters of the expression's own text, end exclusive."""

    code: str
    message: str
    start: int
    end: int
    help: str = ""
