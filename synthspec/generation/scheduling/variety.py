"""Keeping rows varied while they are made: recent texts to avoid, and a watch for a model that only repeats itself."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.spec import Choice, Spec
from synthspec.spec.rounds import LAG
from synthspec.spec.used_names import used_names

WINDOW = 200  # verdicts the watch looks back on
FEWEST = 50  # verdicts before it speaks
SATURATED = 0.8  # share of repeats among them from which a model has nothing new to say
DRY = 6  # repeats in a row after which a combination is called dry
SKETCH = 1 << 23  # bits that phrases are marked in: one megabyte, whatever the number of rows
FULLEST = 0.5  # share of them that may be set before nothing more is said
_WORD = re.compile(r"\w+")


def listed_names(spec: Spec) -> tuple[str, ...]:
    """The parameters in use that have listed values: what makes two rows be of one combination."""
    used = used_names(spec)
    return tuple(p.name for p in spec.parameters if isinstance(p.draw, Choice) and p.name in used)


def mark_of(names: Sequence[str], combination: Mapping[str, Any]) -> str:
    """A combination's listed values, for people and as a key."""
    return ", ".join(f"{n}={combination.get(n)}" for n in names)


class Recent:
    """The texts kept for each combination of listed values, in plan order."""

    def __init__(self, last: int) -> None:
        self.last = last
        self._chains: dict[str, Chain] = {}

    def join(self, mark: str) -> tuple[Chain, int]:
        """Take the next place among a combination's rows. Called in plan order."""
        chain = self._chains.setdefault(mark, Chain(self.last))
        chain.joined += 1
        return chain, chain.joined - 1


class Chain:
    """One combination's rows, by their place."""

    def __init__(self, last: int) -> None:
        self.joined = 0
        self._last = last
        self._done = 0  # all places before this one are finished
        self._early: dict[int, list[str]] = {}
        self._fresh: deque[tuple[int, list[str]]] = deque()  # the texts of the last places that are finished

    def before(self, place: int) -> list[str] | None:
        """The most recent texts that a place may know of, oldest first: those of places at least `LAG` before it.
        None while these are not all finished."""
        if self._done <= place - LAG:
            return None
        known = [t for at, texts in self._fresh if at <= place - LAG for t in texts]
        return known[-self._last :]

    def finish(self, place: int, texts: list[str]) -> None:
        """What a place came to."""
        self._early[place] = texts
        while self._done in self._early:
            self._fresh.append((self._done, self._early.pop(self._done)))
            self._done += 1
        while self._fresh and sum(len(texts) for _, texts in list(self._fresh)[1:-LAG]) >= self._last:
            self._fresh.popleft()  # enough younger texts are known to every place to come


class Watch:
    """Counts repeats, over the last verdicts and by combination, and how much of each row is new."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.dry: Counter[str] = Counter()  # combinations that ran dry, and their repeats
        self._fields = fields
        self._verdicts: deque[bool] = deque(maxlen=WINDOW)
        self._in_a_row: Counter[str] = Counter()
        self._marked = bytearray(SKETCH // 8)
        self._set = 0
        self._new: deque[float] = deque(maxlen=WINDOW)

    def repeated(self, mark: str) -> None:
        """A row was like one before it."""
        self._verdicts.append(True)
        self._in_a_row[mark] += 1
        if self._in_a_row[mark] >= DRY:
            self.dry[mark] += DRY if self._in_a_row[mark] == DRY else 1

    def kept(self, mark: str, row: Mapping[str, Any], *, looks: bool = True) -> None:
        """A row was new. Its phrases are only looked at where that is asked for."""
        self._verdicts.append(False)
        self._in_a_row.pop(mark, None)
        if looks and self._set < FULLEST * SKETCH:
            self._look_at(" ".join(str(row.get(f) or "") for f in self._fields))

    def _look_at(self, text: str) -> None:
        """Count the phrases that were not seen before, by a sketch: only ever shown, it decides nothing."""
        words = _WORD.findall(text.casefold())
        grams = set(map(hash, zip(words, words[1:], words[2:], strict=False)))
        marked, new = self._marked, 0
        for gram in grams:
            place = gram % SKETCH
            if not marked[place >> 3] & (1 << (place & 7)):
                marked[place >> 3] |= 1 << (place & 7)
                new += 1
        self._set += new
        if grams:
            self._new.append(new / len(grams))

    @property
    def new_share(self) -> float | None:
        """Share of three-word phrases, over the last rows, that no row before had (0 to 1); None where not known."""
        return sum(self._new) / len(self._new) if self._new and self._set < FULLEST * SKETCH else None

    @property
    def saturated(self) -> bool:
        """Whether nearly all of the last rows repeat earlier ones."""
        return len(self._verdicts) >= FEWEST and sum(self._verdicts) >= SATURATED * len(self._verdicts)


def elsewhere(seed: int, slot: int, index: int, attempt: int) -> int:
    """An earlier combination to move a row to: a function of its place alone."""
    text = f"{seed}/{slot}/{attempt}/elsewhere"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") % max(1, index)
