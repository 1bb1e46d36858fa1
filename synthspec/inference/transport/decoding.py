"""Choosing the next token of each text in a batch: held to a constraint, by temperature and top_p, from a seed.

Given to `generate` as a logits processor. It chooses for itself and leaves that token alone possible, so that a
text's tokens depend on its own seed and not on what shares its batch.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import field
from typing import Any

import llguidance

from synthspec.inference.transport.guided import lark_of_regex
from synthspec.inference.transport.sdk import load
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import Constraint


@dataclass(slots=True)
class Writing:
    """One text being written."""

    seed: int
    temperature: float
    top_p: float
    matcher: Any = None  # llguidance.LLMatcher, or None where anything goes
    done: bool = False
    count: int = 0  # tokens written, the end included
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)


def matcher_for(constraint: Constraint, tokenizer: Any) -> Any:
    """What holds a text to its constraint; None where there is none, or llguidance has no words for it."""
    grammars = llguidance.LLMatcher
    if constraint.json_schema is not None:
        grammar = grammars.grammar_from_json_schema(json.dumps(constraint.json_schema))
    elif constraint.regex is not None:
        grammar = grammars.grammar_from_lark(lark_of_regex(constraint.regex))
    elif constraint.grammar is not None:
        grammar = grammars.grammar_from_lark(constraint.grammar)
    else:
        return None
    matcher = llguidance.LLMatcher(tokenizer, grammar, log_level=0)
    return None if matcher.is_error() else matcher


class TokenChooser:
    """The logits processor of one batch. `ends` are the tokens that end a text."""

    def __init__(self, texts: Sequence[Writing], ends: Sequence[int], deadline: float, stop: threading.Event) -> None:
        self._torch = load("torch", "transformers", "transformers")
        self._texts = texts
        self._ends = frozenset(ends)
        self._end = ends[0]
        self._deadline = deadline  # of time.monotonic
        self._stop = stop

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores of batch x vocabulary, with all but the chosen token of each text ruled out."""
        torch = self._torch
        self._mask(scores)
        late = self._stop.is_set() or time.monotonic() > self._deadline
        chosen = [
            self._end if late or text.done else self._choose(text, scores[i]) for i, text in enumerate(self._texts)
        ]
        picked = torch.tensor(chosen, device=scores.device).unsqueeze(1)
        return torch.full_like(scores, float("-inf")).scatter_(1, picked, 0.0)

    def _mask(self, scores: Any) -> None:
        torch = self._torch
        held = [i for i, text in enumerate(self._texts) if text.matcher is not None and not text.done]
        if not held:
            return
        words = (scores.shape[1] + 31) // 32
        bits = torch.zeros((len(held), words), dtype=torch.int32)
        for row, i in enumerate(held):
            self._texts[i].matcher.unsafe_compute_mask_ptr(bits[row].data_ptr(), 4 * words)
        spread = (bits.to(scores.device).unsqueeze(2) >> torch.arange(32, device=scores.device)) & 1
        allowed = spread.bool().view(len(held), -1)[:, : scores.shape[1]]
        index = torch.tensor(held, device=scores.device)
        scores[index] = scores[index].masked_fill(~allowed, float("-inf"))

    def _choose(self, text: Writing, scores: Any) -> int:
        stopped = text.matcher is not None and text.matcher.is_stopped()
        token = self._end if stopped else self._sample(text, scores)
        text.count += 1
        text.done = token in self._ends
        if text.matcher is not None and not text.done:
            text.matcher.consume_token(token)
            if text.matcher.is_error():
                text.matcher = None
        return token

    def _sample(self, text: Writing, scores: Any) -> int:
        torch = self._torch
        if text.temperature <= 0:
            return int(scores.argmax())
        chances = torch.softmax(scores.float() / text.temperature, dim=-1)
        ranked = None
        if text.top_p < 1:
            chances, ranked = chances.sort(descending=True)
            before = chances.cumsum(0) - chances
            chances = chances.masked_fill(before >= text.top_p, 0.0)
        sums = chances.double().cumsum(0)
        at = int(
            torch.searchsorted(
                sums,
                torch.tensor(text.dice.random() * float(sums[-1]), device=sums.device, dtype=sums.dtype),
                right=True,
            )
        )
        at = min(at, len(sums) - 1)
        return int(ranked[at]) if ranked is not None else at
