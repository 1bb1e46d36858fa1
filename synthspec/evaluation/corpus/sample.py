"""An even sample of what passes: every second, fourth, eighth … item, so that memory stays bounded."""

from __future__ import annotations

from dataclasses import field
from typing import Generic, TypeVar

from synthspec.lazy_dataclass import dataclass

T = TypeVar("T")
MOST_ROWS = 50_000  # rows kept in memory


@dataclass(slots=True)
class EvenSample(Generic[T]):
    """Every `stride`-th of all items; the stride doubles when there are too many."""

    most: int = MOST_ROWS
    stride: int = 1
    seen: int = 0
    items: list[T] = field(default_factory=list)

    def add(self, item: T) -> None:
        """One item more."""
        if self.seen % self.stride == 0:
            self.items.append(item)
            if len(self.items) > self.most:
                self.items = self.items[::2]
                self.stride *= 2
        self.seen += 1
