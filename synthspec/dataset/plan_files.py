"""Combinations to a file, streamed: any number of them in little memory."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path

from synthspec.dataset.atomic_files import replacing
from synthspec.dataset.writers import Column, ColumnWriter, find_opener
from synthspec.dataset.writers._columnar import Coded
from synthspec.diagnostics import did_you_mean
from synthspec.planning.plan import Plan
from synthspec.plugins import is_plugin, plugin_names

CHUNK = 1 << 17


def write_combinations(plan: Plan, path: Path) -> int:
    """Write every combination of a plan; the file appears whole or not at all. Returns how many.

    Raises:
        ValueError: no writer has the file's extension.
        OSError: it cannot be written.
    """
    extension = path.suffix.lstrip(".").lower()
    if not is_plugin("writers", extension):
        what = f"no writer for '.{extension}' files" if extension else f"'{path}' does not say what kind of file it is"
        raise ValueError(f"{what}; {did_you_mean(extension, plugin_names('writers'))}")
    columns = tuple(Column(p.name, p.type) for p in plan.spec.parameters)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        writer = find_opener(extension)(beside, columns)
        if isinstance(writer, ColumnWriter) and columns:
            _write_columns(plan, writer)
        else:
            for start in range(0, len(plan), CHUNK):
                writer.write(list(plan.combinations(start, min(start + CHUNK, len(plan)))))
        writer.close()
    return len(plan)


def _write_columns(plan: Plan, writer: ColumnWriter) -> None:
    """Column by column, a list of texts by the places of its values."""
    coded, listed = _coded(plan)
    for start in range(0, len(plan), CHUNK):
        drawn = coded.columns(start, min(start + CHUNK, len(plan)))
        writer.write_columns({n: Coded(c, listed[n]) if n in listed else c for n, c in drawn.items()})


def _coded(plan: Plan) -> tuple[Plan, dict[str, tuple[str, ...]]]:
    """The plan, drawing places for values of the lists of texts that nothing else of it reads; and these lists."""
    read = frozenset[str]().union(*(d.reads for d in plan.draws), *(r.reads for r in plan.rules))
    listed = {d.name: d.listed for d in plan.draws if d.listed is not None and d.name not in read}
    view = copy(plan)
    view.draws = tuple(replace(d, values=listed[d.name].places) if d.name in listed else d for d in plan.draws)
    return view, {n: of.values for n, of in listed.items()}
