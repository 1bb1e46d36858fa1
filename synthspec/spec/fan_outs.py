"""How many rows come of one combination: what prompts with `rows` and `each` make of it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from synthspec.languages.expressions.tree import Expression, Name
from synthspec.spec import Check, Choice, Draw, Each, ListDraw, Novelty, Prompt, SourceDraw, Spec

SUBSTITUTES = 3  # how often a row that cannot be had is tried under other values


def rows_per_combination(spec: Spec) -> int:
    """Rows of the dataset that are expected of one combination: of a list without `minItems`, one."""
    return math.prod(
        p.rows * (items_expected(spec, p.each.items)[0] if p.each is not None else 1) for p in spec.prompts
    )


def items_expected(spec: Spec, items: Expression) -> tuple[int, int | None]:
    """How many items a list has at least, and at most (None where nothing says), as far as its field's rules tell."""
    if isinstance(items, Name):
        drawn = next((p.draw for p in spec.parameters if p.name == items.name), None)
        if drawn is not None:
            return 1, _longest(drawn)
        field = next((f for f in spec.fields if f.name == items.name), None)
        if field is not None and isinstance(field.schema, Mapping):
            least, most = field.schema.get("minItems"), field.schema.get("maxItems")
            longest = [n for n in (most, _most_replies(spec, items.name)) if isinstance(n, int)]
            return max(1, least if isinstance(least, int) else 1), max(1, min(longest)) if longest else None
    return 1, None


def items_between(spec: Spec, each: Each) -> tuple[int, int | None]:
    """The same of a list that a prompt goes over, which its type may bound where no field does."""
    least, most = items_expected(spec, each.items)
    if most is None and each.length is not None and each.length[1] is not None:
        most = max(least, each.length[1])
    return least, most


def _most_replies(spec: Spec, name: str) -> int | None:
    """How many items a field has at most that lists a prompt's samples, or what its rounds wrote."""
    writer = next((p for p in spec.prompts if name in p.writes), None)
    if writer is None:
        return None
    if writer.repeat is not None and name in writer.repeat.collect:
        return writer.repeat.most
    return writer.samples


def _longest(draw: Draw) -> int | None:
    """How many items a list that a parameter draws has at most; 1 at least, as of any list."""
    match draw:
        case ListDraw(most=most):
            return max(1, most)
        case SourceDraw(rows=rows) if rows is not None:
            return rows
        case Choice(values) if all(isinstance(value, list | tuple) for value in values):
            return max(1, *map(len, values))
    return None


def asked_at(prompt: Prompt) -> int:
    """The level of the rows for which a prompt is asked: with several `rows`, that above what it writes. With `each`
    it is the level of the items."""
    return prompt.level - (1 if prompt.rows > 1 else 0)


def rules_above(spec: Spec) -> bool:
    """Whether rules between rows are about rows above the last fan-out."""
    written = {name: prompt.level for prompt in spec.prompts for name in prompt.writes}
    read = [written[name] for name in novelty_fields(spec.novelty) if name in written]
    return bool(read) and max(read) < max(prompt.level for prompt in spec.prompts)


def novelty_fields(novelty: Novelty) -> frozenset[str]:
    """The fields that rules between rows read."""
    rules = (novelty.near_duplicates, novelty.semantic, novelty.no_copies, novelty.decontaminate)
    return frozenset(novelty.unique).union(*(rule.fields for rule in rules if rule is not None))


def shared_level(spec: Spec) -> int | None:
    """The level from which rows of the dataset share what was written for them; None where each has its own."""
    last = max((prompt.level for prompt in spec.prompts), default=0)
    return min((prompt.level for prompt in spec.prompts if prompt.level < last), default=None)


MOST_COMBINATIONS = 10  # times the planned, unless `limits.combinations` says otherwise


def rows_of_level(spec: Spec, level: int, combinations: int) -> tuple[int, int]:
    """How many rows of a level the dataset takes, at least and at most; a list that has no `maxItems` may give all.

    Where every row of a source is gone through, a list counts as its `minItems`, one where it has none.
    """
    fans = _fans(spec)
    if spec.open_ended:
        above = fans[:level]
        fewest, most = math.prod(least for least, _ in above), math.prod(most or least for least, most in above)
        return combinations * fewest, combinations * most
    below = fans[level:]
    most = -(-spec.rows // math.prod(least for least, _ in below))
    if any(greatest is None for _, greatest in below):
        return 1, most
    return -(-spec.rows // math.prod(greatest or 1 for _, greatest in below)), most


def most_tried(spec: Spec, combinations: int, early: Collection[Check] = ()) -> float:
    """How many times as much as planned is asked for at worst, where rows are dropped or replaced; `early` checks drop
    them before anything is asked."""
    drops = (check for check in spec.checks if check.severity == "drop" and check not in early)
    dropped = next(drops, None) is not None and not spec.open_ended
    limit = (spec.limits.combinations or MOST_COMBINATIONS * combinations) / max(1, combinations) if dropped else 1.0
    return max(1.0, limit) * (1 + SUBSTITUTES if spec.on_missing == "replace" else 1)


def _fans(spec: Spec) -> list[tuple[int, int | None]]:
    """The fan-outs in their order: how many rows each makes of one, at least and at most."""
    found: dict[int, tuple[int, int | None]] = {}
    for prompt in spec.prompts:
        if prompt.rows > 1:
            found[prompt.level - 1] = prompt.rows, prompt.rows
        if prompt.each is not None:
            found[asked_at(prompt) - 1] = items_between(spec, prompt.each)
    return [found[level] for level in sorted(found)]
