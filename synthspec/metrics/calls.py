"""What a build's store, manifest and quarantine say: calls, tokens, cost, latency, retries, rows given, rows lost."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

MOST_LOST = 5_000  # quarantined rows read in full
_SECTION = re.compile(r"(?m)^\s*\[([^\[\]\n]{1,60})\]")
_QUESTION = re.compile(r"(?mi)^\W*Q(?:uestion)?\W*\d*\W*:")


@dataclass(slots=True)
class _Prompt:
    calls: int = 0
    retries: int = 0
    cut: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    latency: list[float] = field(default_factory=list)
    asked: int = 0
    given: int = 0
    counted: int = 0


def call_figures(folder: Path) -> list[dict[str, Any]]:
    """For each prompt its calls, repeats, tokens, cost, latency, rows given of those asked; empty without a store."""
    found: dict[str, _Prompt] = {}
    for prompt, attempt, finish, used, cost, latency, request, text in _stored(folder):
        entry = found.setdefault(prompt, _Prompt())
        entry.calls += 1
        entry.retries += attempt > 1
        entry.cut += finish == "length"
        entry.prompt_tokens += used[0]
        entry.completion_tokens += used[1]
        entry.cost += cost
        entry.latency.append(latency)
        asked = _rows_asked(request)
        given = rows_given(text)
        if given is not None and asked > 1:
            entry.counted += 1
            entry.asked += asked
            entry.given += min(asked, given)
    return [_figures(name, entry) for name, entry in sorted(found.items())]


def _figures(name: str, entry: _Prompt) -> dict[str, Any]:
    latency = np.array(entry.latency)
    return {
        "prompt": name,
        "calls": entry.calls,
        "asked_again": entry.retries,
        "cut_off": entry.cut,
        "prompt_tokens": entry.prompt_tokens,
        "completion_tokens": entry.completion_tokens,
        "cost": entry.cost,
        "latency_median": float(np.median(latency)),
        "latency_p95": float(np.quantile(latency, 0.95)),
        "count_accuracy": entry.given / entry.asked if entry.asked else None,
        "completions_counted": entry.counted,
    }


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


def _rows_asked(request: str) -> int:
    found = re.search(r'"rows":(\d+)', request)
    return int(found[1]) if found else 1


def _stored(folder: Path) -> Iterator[tuple[str, int, str, tuple[int, int], float, float, str, str]]:
    path = folder / "run.sqlite"
    if not path.is_file():
        return
    query = """SELECT prompt, attempt, finish, prompt_tokens, completion_tokens, cost, latency,
        substr(request, instr(request, '"rows":'), 20), text FROM calls"""
    try:
        with connect_store(folder) as connection:
            for prompt, attempt, finish, asked, given, cost, latency, request, text in connection.execute(query):
                body = text if isinstance(text, str) else bytes(text or b"").decode("utf-8", "replace")
                used = (int(asked or 0), int(given or 0))
                figures = (float(cost or 0), float(latency or 0))
                yield str(prompt), int(attempt or 1), str(finish), used, *figures, str(request), body
    except sqlite3.Error:
        return  # damaged, or not ours: what could be read has been given


def connect_store(folder: Path) -> closing[sqlite3.Connection]:
    """The store of a build folder, to read from; a build may be running."""
    path = (folder / "run.sqlite").resolve()
    return closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True))


def read_quarantine(folder: Path, most: int = MOST_LOST) -> tuple[list[Mapping[str, Any]], int]:
    """Rows that are missing, at most so many in full, and how many there are in all."""
    path = folder / "quarantine.jsonl"
    entries: list[Mapping[str, Any]] = []
    count = 0
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                count += bool(line.strip())
                if len(entries) >= most or not line.strip():
                    continue
                try:
                    entry = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(entry, dict):
                    entries.append(entry)
    return entries, count
