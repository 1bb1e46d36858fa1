"""A finished dataset shown: on one line, and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthspec.dataset.manifest import FUNNEL
from synthspec.diagnostics.html import heading, note, page, table
from synthspec.generation.built_dataset import Dataset

ROWS = 5
COLUMNS = 10
REASONS = 5  # rules named


def dataset_title(dataset: Dataset) -> str:
    """`reviews: 38 of 40 rows in build/reviews`."""
    funnel = dataset.manifest["funnel"]
    return f"{dataset.name}: {funnel['kept']:,} of {funnel['planned']:,} rows in {dataset.folder}"


def cost_text(cost: float | None) -> str:
    """US dollars; what is not known is said to be.

    >>> cost_text(None), cost_text(0.0), cost_text(0.25)
    ('unknown', 'nothing to pay', '$0.2500')
    """
    if cost is None:
        return "unknown"
    return f"${cost:,.4f}" if cost else "nothing to pay"


def dataset_html(dataset: Dataset) -> str:
    """The dataset as a small piece of HTML: rows, funnel, cost."""
    columns = dataset.columns[:COLUMNS]
    parts = [heading(dataset_title(dataset), f"stopped: {dataset.reason}" if dataset.reason else "")]
    if dataset.rows:
        parts.append(table(columns, ([row.get(c) for c in columns] for row in dataset.rows[:ROWS])))
        hidden = len(dataset.columns) - len(columns)
        left = len(dataset.rows) - min(ROWS, len(dataset.rows))
        if left or hidden:
            parts.append(note(f"and {left:,} more rows{f', {hidden} more columns' if hidden else ''}: dataset.frame"))
    parts.append(table((), _facts(dataset.manifest)))
    parts += [note(f"gate {'passed' if g.holds else 'failed'}: {g.text}") for g in dataset.gates]
    if dataset.kept_instead is not None:
        kept = dataset.kept_instead["funnel"]["kept"]
        parts.append(note(f"{dataset.folder.parent} still contains the {kept:,} rows of an earlier build"))
    return page(*parts)


def _facts(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    funnel, run = manifest["funnel"], manifest["run"]
    yield "funnel", " → ".join(f"{funnel[step]:,} {step}" for step in FUNNEL)
    if "dropped" in manifest:
        yield "dropped", ", ".join(f"{rule} {count:,}" for rule, count in manifest["dropped"].items())
    rejections = sorted(manifest["rejections"].items(), key=lambda r: -r[1])[:REASONS]
    if rejections:
        yield "rejected on the way", ", ".join(f"{rule} {count:,}" for rule, count in rejections)
    yield "calls", f"{run['calls']:,} made, {run['reused']:,} cached"
    yield "cost", f"{cost_text(run['cost'])} in this run; all completions: {cost_text(manifest['cost'])}"
