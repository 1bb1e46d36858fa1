"""How many rows of each level a plan takes, before any is made: exactly where parameters alone tell it, else from where
to where, and how many calls may be begun beyond the last row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.generation.estimates.dropped import DropTest, early_drops, kept_combinations, most_drawn
from synthspec.generation.estimates.several import GUESS, has_no_end
from synthspec.languages.expressions import compile_row, names_of
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.plan import Plan
from synthspec.spec import Prompt, Spec
from synthspec.spec.fan_outs import asked_at, items_between, rows_of_level

TOLD, MOST_TOLD = 2_000, 20_000  # combinations and rows gone through to count calls that hang on their values
COUNTED = 100_000  # combinations gone through to count the rows of lists that are drawn


@dataclass(frozen=True, slots=True)
class LevelRows:
    """Rows of a level, at least and at most. `beyond`: further ones that may be begun before the last row is there."""

    least: int
    most: int
    beyond: int = 0


def rows_of_levels(plan: Plan, is_dropped: DropTest | None = None) -> tuple[LevelRows, ...]:
    """For each level the rows that the dataset takes; level 0 has the combinations, without those that are dropped."""
    spec = plan.spec
    fans = _fans(spec)
    exact = _counted(plan, fans, is_dropped)
    if exact is not None:
        return exact
    combinations = len(plan)
    if is_dropped is not None:
        wanted = combinations if spec.open_ended else rows_of_level(spec, 0, combinations)[1]
        had = kept_combinations(plan, is_dropped, wanted)
        if spec.open_ended:
            combinations = had.kept
        elif had.kept < wanted:
            return tuple(_share(level, had.kept / wanted) for level in rows_of_levels(plan))
    if spec.open_ended:
        return _of_every_row(spec, fans, combinations)
    found: list[LevelRows] = []
    begun = 0  # rows of the level that there can be, of lists that are as long as is guessed
    for level in range(len(fans) + 1):
        least, most = rows_of_level(spec, level, combinations)
        found.append(LevelRows(min(least, most), most, max(0, begun - most)))
        if level < len(fans):
            each = GUESS if _is_open(spec, fans[level], level) else 0
            begun = max(begun, most) * each if each else begun * max(1, fans[level].rows)
    return tuple(found)


def _of_every_row(spec: Spec, fans: list[Prompt], combinations: int) -> tuple[LevelRows, ...]:
    """The rows that come of these combinations, whatever their number; of lists without an end as is guessed."""
    found = [LevelRows(combinations, combinations)]
    for level, prompt in enumerate(fans):
        least = most = prompt.rows
        if prompt.each is not None and not _makes_rows(prompt, level):
            least = prompt.each.length[0] if prompt.each.length is not None else 0
            most = items_between(spec, prompt.each)[1] or max(least, GUESS)
        found.append(LevelRows(found[-1].least * least, found[-1].most * most))
    return tuple(found)


def may_be_empty(spec: Spec) -> bool:
    """Whether a list that makes rows may have no items, so that further combinations take its place."""
    lists = (p.each for level, p in enumerate(_fans(spec)) if p.each is not None and not _makes_rows(p, level))
    nulls = {f.name for f in spec.fields if f.optional}.union(*(p.writes for p in spec.prompts if p.when is not None))
    return any(e.length is None or e.length[0] == 0 or names_of(e.items) & nulls for e in lists)


def _share(level: LevelRows, share: float) -> LevelRows:
    """So much of it, where there are no more combinations to be had."""
    return LevelRows(int(level.least * share), math.ceil(level.most * share), level.beyond)


def rows_told(
    plan: Plan, levels: Sequence[LevelRows], is_dropped: DropTest | None, level: int
) -> list[Mapping[str, Any]]:
    """The values of the first combinations that are taken, each as often as it makes rows of a level where parameters
    alone tell that."""
    spec, fans = plan.spec, _fans(plan.spec)
    counted, rows, found = is_counted(spec), [0] * (len(fans) + 1), list[Mapping[str, Any]]()
    wanted = levels[0].most
    for values in plan.combinations(0, min(TOLD, most_drawn(plan))):
        if wanted <= 0 or len(found) >= MOST_TOLD:
            break
        if is_dropped is not None and is_dropped(values):
            continue
        wanted -= 1
        before = rows[level]
        if counted:
            _walk(fans, rows, 0, values, spec.rows)
        found += [values] * (rows[level] - before if counted else 1)
    return found


def endless_lists(spec: Spec) -> tuple[str, ...]:
    """The prompts that go over a list of which nothing says how long it is at most."""
    return tuple(p.name for level, p in enumerate(_fans(spec)) if p.each is not None and _is_open(spec, p, level))


def unbounded_prompts(spec: Spec) -> tuple[str, ...]:
    """The prompts of which nothing says how often they are asked at most: they go over a list without an end, or are
    asked for each of the rows that such a list makes of every row of a source."""
    deep = [level for level, p in enumerate(_fans(spec)) if spec.open_ended and _has_no_end(spec, p, level)]
    found = [p for p in spec.asked if p.map is not None and has_no_end(spec, p.map)]
    found += [p for p in spec.asked if deep and asked_at(p) > min(deep)]
    return tuple(dict.fromkeys(p.name for p in spec.asked if p in found))


def bound_note(spec: Spec) -> str:
    """How the calls of such prompts are estimated, for a reader; "" where there are none."""
    names = unbounded_prompts(spec)
    if not names:
        return ""
    mapped = [p.name for p in spec.asked if p.map is not None and has_no_end(spec, p.map)]
    made = [name for name in names if name not in mapped]
    taken = (
        [f"lists of none to {GUESS} items for {', '.join(mapped)} (`minItems` where that is more)"] if mapped else []
    )
    taken += [f"rows of lists of none to {GUESS} items for {', '.join(made)}"] if made else []
    return (
        f"No upper bound is known: nothing says how many items the lists have at most. The figures take "
        f"{' and '.join(taken)}. `maxItems` in the list's field bounds them, and `limits.budget` what is spent."
    )


def _has_no_end(spec: Spec, prompt: Prompt, level: int) -> bool:
    if prompt.each is None or _makes_rows(prompt, level):
        return False
    return items_between(spec, prompt.each)[1] is None


def _is_open(spec: Spec, prompt: Prompt, level: int) -> bool:
    """Whether rows of a list beyond the last may be begun: its length is not known until it is there."""
    return not spec.open_ended and _has_no_end(spec, prompt, level)


def _fans(spec: Spec) -> list[Prompt]:
    """What makes the rows of each level of those above, in order."""
    found: dict[int, Prompt] = {}
    for prompt in spec.prompts:
        if prompt.rows > 1:
            found[prompt.level - 1] = prompt
        if prompt.each is not None:
            found[asked_at(prompt) - 1] = prompt
    return [found[level] for level in sorted(found)]


def _makes_rows(prompt: Prompt, level: int) -> bool:
    """Whether the rows of the next level are those of replies, not the items of a list."""
    return prompt.each is None or asked_at(prompt) - 1 != level


def _counted(plan: Plan, fans: list[Prompt], is_dropped: DropTest | None) -> tuple[LevelRows, ...] | None:
    """The rows of each level where the lists follow from the parameters alone; None where they do not."""
    spec = plan.spec
    if not is_counted(spec):
        return None
    rows = [0] * (len(fans) + 1)
    tried = most_drawn(plan)  # empty lists have further ones drawn
    for values in plan.combinations(0, min(COUNTED, tried)):
        if is_dropped is not None and is_dropped(values):
            continue
        _walk(fans, rows, 0, values, spec.rows)
        if rows[-1] >= spec.rows:
            break
    if rows[-1] < spec.rows and tried > COUNTED:
        return None
    return tuple(LevelRows(count, count) for count in rows)


def is_counted(spec: Spec) -> bool:
    """Whether the lists that make rows, and what is dropped, follow from the parameters alone."""
    parameters, items = {p.name for p in spec.parameters}, set[str]()
    for level, prompt in enumerate(_fans(spec)):
        if prompt.each is None or _makes_rows(prompt, level):
            continue
        if not names_of(prompt.each.items) <= parameters | items:
            return False
        items.add(prompt.each.name)
    early = early_drops(spec)
    return bool(items) and not spec.open_ended and all(c.severity != "drop" or c in early for c in spec.checks)


def _walk(fans: list[Prompt], rows: list[int], level: int, values: Mapping[str, Any], wanted: int) -> None:
    if rows[-1] >= wanted:
        return
    rows[level] += 1
    if level == len(fans):
        return
    prompt = fans[level]
    if prompt.each is None or _makes_rows(prompt, level):
        for _ in range(prompt.rows):
            _walk(fans, rows, level + 1, values, wanted)
        return
    found = compile_row(prompt.each.items)(values)
    for item in found if isinstance(found, list | tuple) else ():
        _walk(fans, rows, level + 1, {**values, prompt.each.name: item}, wanted)
