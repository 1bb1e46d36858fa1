"""The calls behind the rows of a build, prompt by prompt: how many, how long, what they took, what they gave.

Counted whether they come from the store or are paid for now; so they are those of its rows, whatever else its folder
holds.
"""

from __future__ import annotations

import csv
import io
import json
import re
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from typing import Any

import numpy as np

from synthspec.inference.accounting.counters import CallFigures
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import Completion, Request

_SECTION = re.compile(r"(?m)^\s*\[([^\[\]\n]{1,60})\]")
_QUESTION = re.compile(r"(?mi)^\W*Q(?:uestion)?\W*\d*\W*:")


@dataclass(slots=True)
class _Prompt:
    calls: int = 0
    retries: int = 0
    cut: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unmeasured: int = 0
    cost: float = 0.0
    unpriced: int = 0
    latency: array[float] = field(default_factory=lambda: array("f"))
    asked: int = 0
    given: int = 0
    counted: int = 0


@dataclass(slots=True)
class CallTally:
    """Every completion of a dataset, by prompt."""

    prompts: dict[str, _Prompt] = field(default_factory=dict)

    def count(self, call: CallFigures) -> None:
        """One completion more."""
        entry = self.prompts.get(call.prompt)
        if entry is None:
            entry = self.prompts[call.prompt] = _Prompt()
        entry.calls += 1
        entry.retries += call.attempt > 1
        entry.cut += call.finish == "length"
        entry.prompt_tokens += call.prompt_tokens or 0
        entry.completion_tokens += call.completion_tokens or 0
        entry.unmeasured += call.prompt_tokens is None or call.completion_tokens is None
        entry.cost += call.cost or 0.0
        entry.unpriced += call.cost is None
        entry.latency.append(call.latency)
        if call.given is not None:
            entry.counted += 1
            entry.asked += call.asked
            entry.given += min(call.asked, call.given)

    def figures(self) -> list[dict[str, Any]]:
        """The figures of each prompt that are the same whenever the build is made; null is not known."""
        return [
            {
                "prompt": name,
                "calls": p.calls,
                "asked_again": p.retries,
                "cut_off": p.cut,
                "prompt_tokens": p.prompt_tokens,
                "completion_tokens": p.completion_tokens,
                "calls_of_unknown_tokens": p.unmeasured,
                "cost": None if p.unpriced else round(p.cost, 9),
                "count_accuracy": p.given / p.asked if p.asked else None,
                "completions_counted": p.counted,
            }
            for name, p in sorted(self.prompts.items())
        ]

    def latencies(self) -> dict[str, dict[str, float]]:
        """Seconds a call took, prompt by prompt: the median, and what 95 in a hundred stay under."""
        return {name: _latency(p.latency) for name, p in sorted(self.prompts.items())}


_NUMBER = (int, float)
_SAID: Mapping[str, tuple[type, ...]] = {
    "prompt": (str,),
    "cost": (*_NUMBER, type(None)),
    "count_accuracy": (*_NUMBER, type(None)),
    **dict.fromkeys(("calls", "asked_again", "cut_off", "prompt_tokens", "completion_tokens"), (int,)),
    **dict.fromkeys(("calls_of_unknown_tokens", "completions_counted"), (int,)),
}


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def said_calls(manifest: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The figures of each prompt as a manifest tells them, latencies too; none where it tells none."""
    entries = (manifest or {}).get("prompts")
    run = (manifest or {}).get("run")
    latencies = run.get("latency") if isinstance(run, Mapping) else None
    found = []
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, Mapping) or not all(_fits(entry.get(n), kinds) for n, kinds in _SAID.items()):
            continue
        waits = latencies.get(entry["prompt"]) if isinstance(latencies, Mapping) else None
        waits = waits if isinstance(waits, Mapping) else {}
        found.append({**entry, "latency_median": waits.get("median"), "latency_p95": waits.get("p95")})
    return found


def _latency(waits: array[float]) -> dict[str, float]:
    ordered = np.sort(np.frombuffer(waits, np.float32))  # a list of them would be the largest thing a long build holds
    last = len(ordered) - 1
    middle = (float(ordered[last // 2]) + float(ordered[(last + 1) // 2])) / 2
    return {"median": round(middle, 4), "p95": round(float(ordered[round(last * 0.95)]), 4)}


def figures_of(request: Request, completion: Completion) -> CallFigures:
    """What is counted of a completion."""
    reply, usage = completion.reply, completion.reply.usage
    return CallFigures(
        request.prompt,
        request.attempt,
        reply.model,
        reply.finish,
        usage.prompt_tokens,
        usage.completion_tokens,
        completion.cost,
        completion.latency,
        request.rows,
        rows_given(reply.text) if request.rows > 1 else None,
    )


def rows_given(text: str) -> int | None:
    """How many rows a completion holds, told from its form alone; None where that cannot be told.

    >>> rows_given('a,b\\n1,2\\n3,4'), rows_given('[{"a": 1}, {"a": 2}]'), rows_given('[q] x\\n[a] y\\n[q] z\\n[a] w')
    (2, 2, 2)
    """
    plain = re.sub(r"(?m)^```\w*\s*$", "", text).strip()
    counted = _json_rows(plain)
    if counted is not None:
        return counted
    sections = Counter(_SECTION.findall(plain))
    if sections:
        return max(sections.values())
    questions = len(_QUESTION.findall(plain))
    if questions:
        return questions
    try:
        widths = Counter(len(line) for line in csv.reader(io.StringIO(plain, newline="")) if len(line) > 1)
    except csv.Error:
        return None
    most = widths.most_common(1)
    return most[0][1] - 1 if most and most[0][1] > 1 else None


def _json_rows(text: str) -> int | None:
    if text[:1] not in "[{":
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        lines = [t for t in text.splitlines() if t.strip().startswith("{") and t.strip().endswith(("}", "},"))]
        return len(lines) or None
    if isinstance(value, dict):
        lists = [v for v in value.values() if isinstance(v, list)]
        return len(lists[0]) if len(lists) == 1 else 1
    return len(value) if isinstance(value, list) else None
