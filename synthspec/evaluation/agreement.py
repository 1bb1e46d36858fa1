"""How far two people who judged the same rows agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of the rows that both judged. `kappa` is Cohen's (-1 to 1), None where it is not defined: no row was judged by
    both, or each of them gave one and the same verdict to every row."""

    rows: int
    agreed: int
    kappa: float | None

    @property
    def share(self) -> float | None:
        """Of the rows on which they agree (0 to 1); None where there are none."""
        return self.agreed / self.rows if self.rows else None


def agreement_of(pairs: Iterable[tuple[str, str]]) -> Agreement:
    """From the two verdicts of each row: kappa = (p_o - p_e) / (1 - p_e), where p_o is the share of rows on which both
    agree, and p_e the share that chance would give two people with their frequencies of each verdict (J. Cohen, "A
    coefficient of agreement for nominal scales", Educational and Psychological Measurement 20, 1960, equation 1).

    >>> found = agreement_of([("accept", "accept")] * 20 + [("accept", "reject")] * 5
    ...     + [("reject", "accept")] * 10 + [("reject", "reject")] * 15)
    >>> found.rows, found.share, round(found.kappa, 3)
    (50, 0.7, 0.4)
    """
    counts = Counter(pairs)
    rows = counts.total()
    agreed = sum(n for (one, other), n in counts.items() if one == other)
    first, second = Counter[str](), Counter[str]()
    for (one, other), n in counts.items():
        first[one] += n
        second[other] += n
    by_chance = sum(first[verdict] * second[verdict] for verdict in first)  # of rows * rows
    if rows * rows == by_chance:
        return Agreement(rows, agreed, None)
    return Agreement(rows, agreed, (agreed * rows - by_chance) / (rows * rows - by_chance))
