"""How often a provider is asked about its batches, and how long it is waited for."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """All in seconds. Batches take minutes to hours: they are asked about ever less often, up to once a minute."""

    first: float = 5.0  # until a batch is asked about again
    most: float = 60.0  # between two questions about one batch, at most
    apart: float = 60.0  # between two listings that show nothing of a batch, before it is taken for absent
    retry: float = 1.0  # before a question that failed is put again, doubling
    most_retry: float = 300.0
    full: float = 60.0  # until a batch is handed in again where the provider has no room for it

    def polls(self) -> Iterator[float]:
        """How long to wait before each question.

        >>> wait = Pace().polls(); [round(next(wait), 1) for _ in range(9)]
        [5.0, 7.5, 11.2, 16.9, 25.3, 38.0, 57.0, 60.0, 60.0]
        """
        wait = self.first
        while True:
            yield wait
            wait = min(self.most, wait * 1.5)

    def retries(self, tries: int, asked: float | None) -> float:
        """How long to wait after so many failures, where the provider `asked` for so much.

        >>> Pace().retries(1, None), Pace().retries(4, None), Pace().retries(1, 30.0), Pace().retries(99, None)
        (1.0, 8.0, 30.0, 300.0)
        """
        return min(self.most_retry, max(self.retry * 2.0 ** min(tries - 1, 16), asked or 0.0))
