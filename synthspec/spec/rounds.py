"""How many rounds a build takes where calls go in rounds: all that is ready, then what hangs on the replies of that."""

from __future__ import annotations

import math
from collections.abc import Mapping

from synthspec.languages.expressions.tree import Expression, Literal
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Choice, Dialogue, Prompt, Spec
from synthspec.spec.fan_outs import rows_per_combination
from synthspec.spec.used_names import used_names

LAG = 4  # rows of one combination of listed values whose texts a later row does not know yet: so many go in one round
MANY = 20  # rounds, each of which may take a day


@dataclass(frozen=True, slots=True)
class BatchRounds:
    """Rounds one after the other: where nothing is rejected, and with every attempt used. None: nobody can tell."""

    least: int
    most: int | None
    chained: int = 1  # how often rows wait for texts of rows before them (`novelty.avoid`)


def rounds_of(spec: Spec) -> BatchRounds:
    """The rounds of a spec: as deep as its prompts hang on each other, by attempts.

    Where prompts read texts of earlier rows, `LAG` rows of each combination of listed values go in one round.
    """
    depths = {prompt.name: _depth(spec, prompt) for prompt in spec.prompts}
    by_name = {prompt.name: prompt for prompt in spec.prompts}
    least = max((_path(name, by_name, {n: d[0] for n, d in depths.items()}, {}) for name in by_name), default=0)
    most: int | None = None
    if all(d[1] is not None for d in depths.values()):
        tries = {n: (d[1] or 0) * spec.limits.attempts * by_name[n].rows for n, d in depths.items()}
        most = max((_path(name, by_name, tries, {}) for name in by_name), default=0)
    chained = _chained(spec)
    return BatchRounds(least * chained, None if most is None else most * chained, chained)


def _path(name: str, prompts: Mapping[str, Prompt], depth: Mapping[str, int], known: dict[str, int]) -> int:
    """Rounds until a prompt has its reply."""
    if name not in known:
        before = [_path(n, prompts, depth, known) for n in prompts[name].needs if n in prompts]
        known[name] = depth[name] + max(before, default=0)
    return known[name]


def _depth(spec: Spec, prompt: Prompt) -> tuple[int, int | None]:
    """Rounds that a prompt itself takes, at least and at most."""
    if not prompt.is_asked:
        return 0, 0
    if prompt.dialogue is not None:
        return _of_a_talk(spec, prompt.dialogue)
    if prompt.repeat is not None:
        times = _number(prompt.repeat.times)
        most = prompt.repeat.most or times
        least = 1 if prompt.repeat.until is not None or times is None else times
        return max(1, least), most
    return 1, 1


def _of_a_talk(spec: Spec, talk: Dialogue) -> tuple[int, int | None]:
    """A round for each turn; before it a speaker with tools may call them, and a prompt that plays one answer."""
    tools = sum(1 for speaker in talk.speakers if speaker.tools is not None)
    least, most = _number(talk.minimum), _number(talk.maximum)
    between = 2 if spec.players else 1
    turns = len(talk.speakers) + tools * spec.limits.tool_rounds * between
    return max(1, least or 1) * len(talk.speakers), None if most is None else max(1, most) * turns


def _number(expression: Expression) -> int | None:
    value = expression.value if isinstance(expression, Literal) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _chained(spec: Spec) -> int:
    """How often rows wait for others: those of one combination of listed values, so many at once."""
    if spec.novelty.avoid is None:
        return 1
    used = used_names(spec)
    listed = math.prod(len(p.draw.values) for p in spec.parameters if isinstance(p.draw, Choice) and p.name in used)
    combinations = math.ceil(spec.rows / max(1, rows_per_combination(spec)))
    return max(1, math.ceil(math.ceil(combinations / max(1, listed)) / LAG))
