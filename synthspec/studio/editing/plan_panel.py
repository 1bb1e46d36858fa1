"""What stands beside the text: the plan with its figures, pairs of parameters, prompts as they will be sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from synthspec.dataset.cells import json_text, plain
from synthspec.diagnostics.errors import SynthspecError
from synthspec.generation.estimates.plan_report import PlanReport, report_plan
from synthspec.generation.prompt_drafts import DraftedMessage, PromptDraft, draft_combination
from synthspec.languages.expressions.evaluation.columns import unpack
from synthspec.planning.drawing import DrawFault
from synthspec.planning.pairs import MOST_VALUES, pair_grid
from synthspec.planning.plan import Plan, build_plan
from synthspec.planning.shares import ParameterReport
from synthspec.planning.shown import row_in_short
from synthspec.sources import Table
from synthspec.spec import Choice, Spec

COUNTED = 20_000  # combinations looked at
FIRST = 12  # combinations listed at once
MOST_PARAMETERS = 60
LONGEST = 2_000  # characters of a value
MOST_NUMBERS = 12  # different whole numbers that are shown one by one


class NoPlan(SynthspecError):
    """A plan that cannot be made, or not read here."""


class PlanPanel:
    """The plan of one text, read by the panels.

    Raises (all methods):
        NoPlan: a draw has nothing to give.
    """

    def __init__(self, spec: Spec, tables: Mapping[str, Table]) -> None:
        try:
            self._plan: Plan = build_plan(spec, tables)
        except (DrawFault, ValueError) as e:
            raise NoPlan(str(e), getattr(e, "help", "")) from None
        self._tables = tables

    def figures(self) -> dict[str, Any]:
        """Rows, calls, tokens and cost, from where to where; the shares of each parameter; which have a grid."""
        try:
            report = report_plan(self._plan, self._tables, COUNTED)
        except (DrawFault, ValueError) as e:
            raise NoPlan(str(e), getattr(e, "help", "")) from None
        spec = self._plan.spec
        lists = [p.name for p in spec.parameters if isinstance(p.draw, Choice)]
        return {
            "rows": None if spec.open_ended else report.rows,
            "combinations": list(report.combinations_needed),
            "planned": report.combinations,
            "strategy": report.strategy,
            "space": None if report.space is None else str(report.space),
            "excluded": report.excluded,
            "counted": report.counted,
            "pairs": None if report.pairs is None else asdict(report.pairs),
            "covering": report.covering,
            "correlations": [asdict(c) for c in report.correlations],
            "parameters": [_parameter(p, report.counted) for p in report.parameters[:MOST_PARAMETERS]],
            "more_parameters": max(0, len(report.parameters) - MOST_PARAMETERS),
            "unused": list(report.unused),
            "sides": list(dict.fromkeys([*lists, *(p.name for p in report.parameters if _is_side(p))])),
            "lists": lists,
            "endless": list(report.endless),
            "unbounded": list(report.unbounded),
            "bound_note": report.bound_note,
            **_use(report),
        }

    def combinations(self, start: int) -> dict[str, Any]:
        """Some combinations from a place on, with all their values."""
        start = max(0, min(start, len(self._plan) - 1))
        end = min(len(self._plan), start + FIRST)
        try:
            found = [{k: value_text(v) for k, v in c.items()} for c in self._plan.combinations(start, end)]
        except DrawFault as e:
            raise NoPlan(str(e), e.help) from None
        return {"start": start, "total": len(self._plan), "combinations": found}

    def grid(self, first: str, second: str) -> dict[str, Any] | None:
        """How often each pair of values of two parameters comes; None where one has too many values."""
        known = {d.name for d in self._plan.draws}
        if not {first, second} <= known:
            raise NoPlan(f"there is no parameter '{first if first not in known else second}'")
        try:
            grid = pair_grid(self._plan, first, second, COUNTED)
        except DrawFault as e:
            raise NoPlan(str(e), e.help) from None
        if grid is None:
            return None
        return {
            "names": grid.names,
            "values": [[value_text(v) for v in side] for side in grid.values],
            "counts": grid.counts,
            "never": grid.never,
            "counted": grid.counted,
            "empty": grid.empty,
            "cut": grid.cut,
        }

    def prompts(self, index: int, wanted: Mapping[str, str]) -> dict[str, Any]:
        """Every call of a combination as it is sent: that of a number, or the first one with these values."""
        found = self._find(wanted) if wanted else max(0, min(index, len(self._plan) - 1))
        if found is None:
            return {"index": None, "total": len(self._plan), "looked_at": min(len(self._plan), COUNTED)}
        try:
            drafts = draft_combination(self._plan, self._tables, found)
        except DrawFault as e:
            raise NoPlan(str(e), e.help) from None
        return {
            "index": found,
            "total": len(self._plan),
            "values": {k: value_text(v) for k, v in drafts.values.items()},
            "computed": {k: value_text(v) for k, v in drafts.computed.items()},
            "prompts": [_prompt(d) for d in drafts.prompts],
        }

    def choices(self) -> dict[str, list[str]]:
        """The values that a person may ask for, of each list that is short enough."""
        lists = ((p.name, p.draw) for p in self._plan.spec.parameters if isinstance(p.draw, Choice))
        return {n: list(dict.fromkeys(map(value_text, d.values))) for n, d in lists if len(d.values) <= MOST_VALUES}

    def _find(self, wanted: Mapping[str, str]) -> int | None:
        """The first combination that has these values."""
        try:
            columns = self._plan.columns(0, min(len(self._plan), COUNTED))
        except DrawFault as e:
            raise NoPlan(str(e), e.help) from None
        unknown = next((n for n in wanted if n not in columns), None)
        if unknown is not None:
            raise NoPlan(f"there is no parameter '{unknown}'")
        rows = zip(*(unpack(columns[n]) for n in wanted), strict=True)
        asked = tuple(wanted.values())
        return next((i for i, row in enumerate(rows) if tuple(map(value_text, row)) == asked), None)


def value_text(value: Any) -> str:
    """A value for a reader; of lists their JSON, of maps their values, the name first.

    >>> value_text("calm"), value_text(2.0), value_text(None), value_text([1]), value_text({"a": 1, "name": "one"})
    ('calm', '2', 'null', '[1]', 'one: a 1')
    """
    if isinstance(value, str):
        text = value
    elif isinstance(value, dict):
        text = row_in_short(value)
    elif isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        text = str(int(value))
    else:
        text = json_text(plain(value), compact=False)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _parameter(report: ParameterReport, counted: int) -> dict[str, Any]:
    """A parameter for a reader; whole numbers of which there are many different are told by their quantiles alone."""
    values, quantiles = report.values, report.quantiles
    if report.kind == "whole numbers" and len(values) > MOST_NUMBERS:
        drawn = np.repeat([v.value for v in values], [v.count for v in values])
        at = {"min": drawn.min(), "max": drawn.max(), "mean": drawn.mean(), "median": np.median(drawn)}
        values, quantiles = (), {name: float(number) for name, number in at.items()}
    return {
        "name": report.name,
        "kind": report.kind,
        "distinct": report.distinct,
        "quantiles": quantiles,
        "values": [
            {"value": value_text(v.value), "asked": v.share, "count": v.count, "reached": v.count / max(1, counted)}
            for v in values
        ],
    }


def _is_side(report: ParameterReport) -> bool:
    return bool(report.values) and len(report.values) <= MOST_VALUES


def _use(report: PlanReport) -> dict[str, Any]:
    """Calls, tokens and money: of each prompt, and of all, at least, at most and at worst."""

    def span(least: Mapping[str, Any], most: Mapping[str, Any]) -> dict[str, Any]:
        return {k: [least[k], most[k]] for k in ("calls", "prompt_tokens", "completion_tokens", "cost")}

    return {
        "prompts": [
            {"name": p.name, "backend": p.backend, **span(asdict(p.least or p), asdict(p))} for p in report.prompts
        ],
        "expected": span(report.least, report.expected),
        "worst": dict(report.worst),
        "rounds": None if report.rounds is None else asdict(report.rounds),
    }


def _prompt(draft: PromptDraft) -> dict[str, Any]:
    shape = draft.constraint
    kinds = {"json_schema": shape.json_schema, "regex": shape.regex, "grammar": shape.grammar}
    held = next(({"kind": kind, "value": value} for kind, value in kinds.items() if value is not None), None)
    return {
        "prompt": draft.prompt,
        "endpoint": draft.endpoint,
        "backend": draft.backend.rstrip(":"),
        "settings": plain(dict(draft.settings)),
        "calls": None if draft.calls is None else [draft.calls.least, draft.calls.most],
        "messages": list(map(_message, draft.messages)),
        "missing": list(draft.missing),
        "notes": list(draft.notes),
        "constraint": held,
        "constrained": draft.constrained,
        "tools": [
            {"name": t.name, "description": t.description, "parameters": plain(t.parameters)} for t in draft.tools
        ],
        "rows": draft.rows,
        "raw": draft.raw,
        "fault": draft.fault,
    }


def _message(message: DraftedMessage) -> dict[str, Any]:
    pieces: Iterator[list[Any]] = ([p.text, p.unknown] for p in message.pieces)
    return {
        "role": message.role,
        "pieces": list(pieces),
        "derived": message.derived,
        "pictures": list(message.pictures),
    }
