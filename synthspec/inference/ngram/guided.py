"""A walk that a regular expression holds, token by token: llguidance says what may follow, the corpus what does.

The vocabulary is the corpus's own tokens, then every single byte, so that anything the pattern asks for can be
written. Slow beside a plain walk (about 5 ms a text): for patterns that plain walks do not meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from synthspec.inference.ngram.corpus import TextCorpus
from synthspec.inference.ngram.dice import Dice

LONGEST = 600  # tokens
PROBES = 12  # positions tried for the next token before single bytes are
READABLE = range(32, 127)


class TokenVocabulary:
    """What llguidance asks of a tokenizer."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.tokens = [w.encode("utf-8", "replace") for w in words] + [bytes([b]) for b in range(256)] + [b""]
        self.eos_token_id = len(self.tokens) - 1
        self.bos_token_id = None
        self.special_token_ids = [self.eos_token_id]
        self._bytes = len(words)

    def __call__(self, text: bytes) -> list[int]:
        return [self._bytes + b for b in text]


class Guide:
    """Writes texts of a corpus that match a pattern."""

    def __init__(self, corpus: TextCorpus, pattern: str) -> None:
        from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

        self.corpus = corpus
        self.vocabulary = TokenVocabulary(corpus.words)
        tokenizer = LLTokenizer(TokenizerWrapper(self.vocabulary))
        self._start = LLMatcher(tokenizer, LLMatcher.grammar_from_regex(whole(pattern)), log_level=0)
        self.usable = not self._start.is_error()

    def write(self, first: int, target: int, dice: Dice) -> str:
        """A text of about `target` words that begins as row `first` does where it may; "" where none comes about."""
        matcher, corpus = self._start.deep_copy(), self.corpus
        written: list[bytes] = []
        here, words = corpus.opening[first] - 1, 0
        for _ in range(LONGEST):
            mask = matcher.compute_bitmask()
            token, following = self._next(mask, here, not written, dice)
            over = words >= target and (here < 0 or corpus.stops[here] or words > 2 * target)
            if matcher.is_accepting() and (token < 0 or over or (here >= 0 and written and corpus.last[here])):
                return b"".join(written).decode("utf-8", "replace")
            if token < 0 or not matcher.consume_token(token):
                return ""
            here = following
            written.append(self.vocabulary.tokens[token])
            words += written[-1][:1] == b" "
        return ""

    def _next(self, mask: bytes, position: int, opening: bool, dice: Dice) -> tuple[int, int]:
        """The next token and its position; position -1 for a single byte, token -1 where nothing may follow."""
        corpus, count = self.corpus, len(self.corpus.words)
        for candidate in self._candidates(position, opening, dice):
            token = corpus.token[candidate]
            if _allowed(mask, token):
                return token, candidate
        bytes_allowed = [b for b in range(256) if _allowed(mask, count + b)]
        pool = [b for b in bytes_allowed if b in READABLE] or bytes_allowed
        return (count + dice.pick(pool), -1) if pool else (-1, -1)

    def _candidates(self, position: int, opening: bool, dice: Dice) -> Iterator[int]:
        corpus = self.corpus
        if opening:
            yield position + 1
            for _ in range(PROBES):
                yield corpus.opening[dice.pick(corpus.rows)]
        elif position >= 0:
            for skipped in range(min(3, corpus.rest[position])):
                yield position + 1 + skipped
            for order in corpus.orders:
                low, count = order.low[position], order.high[position] - order.low[position]
                for _ in range(min(count, PROBES)):
                    yield order.members[low + dice.below(count)] + 1
        for _ in range(2 * PROBES):
            chosen = dice.below(len(corpus.token))
            if corpus.begins[chosen] and corpus.words[corpus.token[chosen]][0] == " ":
                yield chosen


def _allowed(mask: bytes, token: int) -> bool:
    return bool(mask[token >> 3] >> (token & 7) & 1)


def whole(pattern: str) -> str:
    """The pattern as one for the whole text: what is not anchored may have anything around it."""
    begin = re.match(r"(?:\^|\\A)", pattern)
    finish = re.search(r"(?<!\\)(?:\\\\)*(\$|\\Z)\Z", pattern)
    body = pattern[begin.end() if begin else 0 : finish.start(1) if finish else len(pattern)]
    return ("" if begin else r"[^\n]*") + f"(?:{body})" + ("" if finish else r"[^\n]*")


def make_guide(corpus: TextCorpus, pattern: str) -> Guide | None:
    """A guide, if llguidance takes the pattern: it knows no look-around, no anchor inside, no backreference."""
    try:
        guide: Any = Guide(corpus, pattern)
    except (ImportError, ValueError, RuntimeError):
        return None
    return guide if guide.usable else None
