"""Verbalized Sampling: ask for several answers with their probabilities, and draw one, favouring the unlikely.

After Zhang et al., "Verbalized Sampling", arXiv 2510.01171: a model asked for one answer gives its most typical
one; asked for a distribution it shows what else it knows.
"""

from __future__ import annotations

import hashlib
import re

from synthspec.lazy_dataclass import dataclass

LEAST_WEIGHT = 0.05
_MARK = re.compile(
    r"^[ \t>*#]*=+[ \t]*\**answer[ \t]+\d+[ \t]*(?:[(:,–-]+[ \t]*)?(?:probability[ \t:=]*)?([\d.]+[ \t]*%?)?[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One of several answers. `probability` (0 to 1) is the model's own word; None where it gave none."""

    text: str
    probability: float | None


def instructions(count: int) -> str:
    """What a prompt says to be answered several times at once."""
    return (
        f"Give {count} different answers to this, each complete in itself. Before each, write a line\n"
        "=== answer 1 (probability 0.40) ===\n"
        "with its number, and the share of all answers you might give that would be like it. "
        "Let some of them be unusual ones. Each answer has this form:"
    )


def split_answers(text: str) -> tuple[Answer, ...]:
    """The answers of a reply; the whole reply where it marks none."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return (Answer(text, None),)
    ends = [m.start() for m in marks[1:]] + [len(text)]
    found = [Answer(text[m.end() : end].strip("\n"), _probability(m[1])) for m, end in zip(marks, ends, strict=True)]
    return tuple(a for a in found if a.text.strip()) or (Answer(text, None),)


def choose_answer(text: str, key: str, cut_off: bool = False) -> str:
    """One answer of a reply, drawn by the request's key alone; each weighs one less its probability.

    The last answer of a reply that was cut off is left out where there is another.
    """
    answers = split_answers(text)
    if cut_off and len(answers) > 1:
        answers = answers[:-1]
    weights = [max(LEAST_WEIGHT, 1 - (a.probability if a.probability is not None else 0.5)) for a in answers]
    at = int.from_bytes(hashlib.blake2b(f"{key} verbalized".encode(), digest_size=8).digest(), "big") / 2**64
    at *= sum(weights)
    for answer, weight in zip(answers, weights, strict=True):
        at -= weight
        if at < 0:
            return answer.text
    return answers[-1].text


def _probability(said: str | None) -> float | None:
    if not said:
        return None
    number = said.replace("%", "").strip(" .")
    try:
        value = float(number) / (100 if "%" in said or float(number) > 1 else 1)
    except ValueError:
        return None
    return min(max(value, 0.0), 1.0)
