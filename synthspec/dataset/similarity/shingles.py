"""Text as a set of shingles: its words and its pairs of neighbouring words, each a 32-bit hash.

Two texts are as alike as their sets: |A and B| / |A or B| (Jaccard). Words alone would take a reshuffled text
for the same one; pairs alone would make one changed word in ten look like a fifth. One changed word in forty
leaves 0.93, in twenty 0.86, in ten 0.73.

Words are compared in normal form: NFKC, case folded, punctuation and spaces dropped. Symbols (`+ = $ %`,
emoji) count as words, and so does each letter of a script that writes no spaces. A text of more than `MOST`
different shingles is stood for by those of the `MOST` smallest hashes, an even sample of it (a bottom-k
sketch: Broder, "On the resemblance and containment of documents", 1997). Of two texts that long the samples are as
alike as the texts, give or take 0.02, where these are of one length; where one is longer, its sample is drawn
thinner and they seem less alike than they are, so that a near duplicate may pass. Shorter texts are compared as
they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.random.splitmix64 import GOLDEN, MIX, finalized
from synthspec.lazy_dataclass import dataclass

Array = NDArray[Any]

MOST = 4_096  # that many shingles have texts of some 2,000 words
CHUNK = 5_000
CHUNK_SHINGLES = 1 << 15
_VOCABULARY_MOST = 200_000

# Latin, Greek, Cyrillic and their punctuation: no marks, spaces between words; here `re` is thrice as fast.
_PLAIN = "\0-\u024f\u0370-\u03ff\u0400-\u0482\u048a-\u04ff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf"
_NOT_PLAIN = re.compile(f"[^{_PLAIN}]")


@cache
def _any_word() -> Any:
    """A word of any writing."""
    import regex

    return regex.compile(
        r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
        r"|[\p{L}\p{M}\p{N}]+|[\p{Sm}\p{Sc}\p{So}#%]"
    )


@cache
def _plain_word() -> re.Pattern[str]:
    """A word of a plain text."""
    symbols = "".join(
        re.escape(chr(c))
        for c in range(0x20C0)
        if unicodedata.category(chr(c)) in ("Sm", "Sc", "So") and not _NOT_PLAIN.match(chr(c))
    )
    return re.compile(rf"[^\W_]+|[#%{symbols}]")


def words_of(text: str) -> list[str]:
    """The text's words in normal form.

    >>> words_of("It's  FINE – isn't it? 5€")
    ['it', 's', 'fine', 'isn', 't', 'it', '5', '€']
    """
    if text.isascii():
        return _plain_word().findall(text.lower())
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    pattern = _any_word() if _NOT_PLAIN.search(text) else _plain_word()
    words: list[str] = pattern.findall(text)
    return words


def normal_form(text: str) -> str:
    """The text as `unique` compares it: its words, or itself where it has none.

    >>> normal_form(" Hello,   WORLD!! "), normal_form("?!")
    ('hello world', '?!')
    """
    return " ".join(words_of(text)) or text.strip()


class _WordHashes(dict[str, int]):
    """Words to 64-bit hashes, the same in every process."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _VOCABULARY_MOST:
            self.clear()
        value = self[word] = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
        return value


_HASHES = _WordHashes()


def word_hashes(words: Sequence[str]) -> Array:
    """A 64-bit hash for each word."""
    return np.fromiter(map(_HASHES.__getitem__, words), dtype=np.uint64, count=len(words))


def scrambled(values: Array) -> Array:
    """64-bit integers so mixed that every bit depends on every bit (splitmix64, Steele et al. 2014)."""
    mixed: Array = finalized(values + GOLDEN)
    return mixed


@dataclass(frozen=True, slots=True)
class Sets:
    """Shingle sets one after another: set `i` is `flat[starts[i]:starts[i + 1]]`, sorted, without repeats."""

    flat: Array  # uint32
    starts: Array  # int64, one more than there are sets

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> Array:
        return self.flat[self.starts[index] : self.starts[index + 1]]

    def chunks(self, size: int) -> Iterator[tuple[int, Sets]]:
        """Parts of at most `size` sets and about `CHUNK_SHINGLES` shingles, each with the index of its first."""
        at = 0
        while at < len(self):
            full = int(np.searchsorted(self.starts, self.starts[at] + CHUNK_SHINGLES))
            starts = self.starts[at : min(max(full, at + 1), at + size, len(self)) + 1]
            yield at, Sets(self.flat[starts[0] : starts[-1]], starts - starts[0])
            at += len(starts) - 1


def shingle_set(texts: Sequence[str]) -> Array:
    """The set of one row, given the texts of its fields; pairs do not run from one field to the next."""
    parts: list[Array] = [np.empty(0, np.uint64)]
    for field, text in enumerate(texts):
        words = word_hashes(words_of(text)) + np.array([field], np.uint64) * MIX  # of arrays: they wrap around
        parts += [words, words[:-1] * GOLDEN + words[1:]]
    hashes = (np.concatenate(parts) >> np.uint64(32)).astype(np.uint32)
    hashes.sort()
    return hashes[np.concatenate([[True], hashes[1:] != hashes[:-1]])][:MOST] if len(hashes) else hashes


def shingle_sets(rows: Sequence[Sequence[str]]) -> Sets:
    """The set of each row."""
    parts = [_sets_of(rows[at : at + CHUNK]) for at in range(0, len(rows), CHUNK)]
    if not parts:
        return Sets(np.empty(0, np.uint32), np.zeros(1, np.int64))
    sizes = np.concatenate([np.diff(p.starts) for p in parts])
    return Sets(np.concatenate([p.flat for p in parts]), np.concatenate([[0], np.cumsum(sizes)]))


def _sets_of(rows: Sequence[Sequence[str]]) -> Sets:
    words: list[str] = []
    lengths: list[int] = []  # words of each text
    owners: list[tuple[int, int]] = []  # row and field of each text
    for row, texts in enumerate(rows):
        for field, text in enumerate(texts):
            found = words_of(text)
            words += found
            lengths.append(len(found))
            owners.append((row, field))
    text_of = np.repeat(np.arange(len(lengths)), lengths)
    owned = np.array(owners, dtype=np.uint64).reshape(-1, 2)
    row_of = owned[:, 0][text_of] << np.uint64(32)
    singles = word_hashes(words) + (owned[:, 1] * MIX)[text_of]
    together = text_of[1:] == text_of[:-1]
    pairs = (singles[:-1] * GOLDEN + singles[1:])[together]
    keys = np.concatenate(
        [row_of | singles >> np.uint64(32), row_of[1:][together] | pairs >> np.uint64(32)],
    )
    keys.sort()
    if len(keys):
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    return _cut(keys, len(rows))


def _cut(keys: Array, count: int) -> Sets:
    """Sorted `row << 32 | hash` as sets, each of at most `MOST`."""
    starts = np.searchsorted(keys, np.arange(count + 1, dtype=np.uint64) << np.uint64(32)).astype(np.int64)
    sizes = np.diff(starts)
    if len(sizes) and sizes.max() > MOST:
        keys = keys[np.arange(len(keys)) - np.repeat(starts[:-1], sizes) < MOST]
        starts = np.concatenate([[0], np.cumsum(np.minimum(sizes, MOST))])
    return Sets(keys.astype(np.uint32), starts)
