"""What a report's header says of a dataset: where it comes from, as far as its manifest tells."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any

from synthspec.evaluation.report.build_figures import build_figures, gates_of
from synthspec.evaluation.report.measure import Report
from synthspec.evaluation.report.numbers import format_value
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class About:
    """A description, and pairs of a name and what is said."""

    description: str
    facts: tuple[tuple[str, str], ...]


def about_of(report: Report) -> About:
    """The header of a dataset's report."""
    manifest = report.corpus.manifest
    description = (manifest or {}).get("description")
    return About(description if isinstance(description, str) else "", tuple(_facts(report)))


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    corpus, manifest = report.corpus, report.corpus.manifest
    yield "Rows", f"{corpus.total:,}"
    if manifest is not None:
        yield from _of_build(manifest)
    if report.against is not None:
        yield "Beside", f"{report.against.name}, {report.against.total:,} rows"
    yield "Text", ", ".join(corpus.texts) or "none"
    if corpus.labels:
        yield "Labels", ", ".join(corpus.labels)


def _of_build(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    created = _date(_within(manifest, "run", "created"))
    if created:
        yield "Made", created
    yield "Model", build_figures(manifest)["backend"] or "none"
    reported = _within(manifest, "backend", "reported")
    if isinstance(reported, list) and reported and all(isinstance(r, str) for r in reported):
        named = {n for k in ("provider", "model") for n in str(_within(manifest, "backend", k) or "").split(", ")}
        others = [r for r in reported if r not in named]
        if others:
            yield "Model as reported", ", ".join(others)
    yield "Licence", str(manifest.get("license") or "none stated")
    file, digest = _within(manifest, "spec", "file"), _within(manifest, "spec", "digest")
    said = " ".join(str(p) for p in (file, f"({str(digest)[:12]})" if digest else "") if p)
    if said:
        yield "Spec", said
    if manifest.get("seed") is not None:
        yield "Seed", str(manifest["seed"])
    version = _within(manifest, "versions", "synthspec")
    if version:
        yield "Compiler", f"synthspec {version}"


def _within(manifest: Mapping[str, Any], part: str, key: str) -> Any:
    found = manifest.get(part)
    return found.get(key) if isinstance(found, Mapping) else None


def _date(text: Any) -> str:
    """A moment as a person reads it.

    >>> _date("2026-01-02T03:04:05+00:00"), _date("soon")
    ('2 January 2026, 03:04 UTC', '')
    """
    try:
        moment = datetime.datetime.fromisoformat(str(text)).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return ""
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}, {moment:%H:%M} UTC"


_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def gate_lines(manifest: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Each gate, whether it holds, and the figures that it read."""
    figures = (manifest or {}).get("metrics")
    known = {n: v for n, v in figures.items() if isinstance(v, int | float)} if isinstance(figures, dict) else {}
    return [{"gate": gate, "holds": holds, "figures": _read(gate, known)} for gate, holds in gates_of(manifest).items()]


def _read(gate: str, known: Mapping[str, float]) -> str:
    """The figures that a gate names, as far as they are known."""
    named = [n for n in dict.fromkeys(re.findall(r"[^\W\d]\w*", gate)) if n in known]
    return ", ".join(f"{n} {format_value(known[n])}" for n in named) or "not known"
