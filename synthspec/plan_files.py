"""Combinations to a file, streamed: any number of them in little memory."""

from __future__ import annotations

from pathlib import Path

from synthspec.diagnostics import did_you_mean
from synthspec.expressions.columns import unpack
from synthspec.planner import Plan
from synthspec.plugins import find_plugin, is_plugin, plugin_names
from synthspec.writers import Column

CHUNK = 20_000


def write_combinations(plan: Plan, path: Path) -> int:
    """Write every combination of a plan; the file appears whole or not at all. Returns how many.

    Raises:
        ValueError: no writer has the file's extension.
        OSError: it cannot be written.
    """
    extension = path.suffix.lstrip(".").lower()
    if not is_plugin("writers", extension):
        raise ValueError(f"no writer for '.{extension}' files; {did_you_mean(extension, plugin_names('writers'))}")
    columns = tuple(Column(p.name, p.type) for p in plan.spec.parameters)
    temporary = path.with_name(f".{path.name}.part")
    writer = find_plugin("writers", extension).open_writer(temporary, columns)
    try:
        for start in range(0, len(plan), CHUNK):
            stop = min(start + CHUNK, len(plan))
            lists = {n: unpack(c) for n, c in plan.columns(start, stop).items()}
            names = list(lists)
            writer.write([dict(zip(names, row, strict=True)) for row in zip(*lists.values(), strict=True)])
        writer.close()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return len(plan)
