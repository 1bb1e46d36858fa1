"""A plot of what each run of a build took, as SVG: two panels above one another, over the calls stored when a run began."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

WIDE, HIGH, LEFT, TOP = 640, 150, 70, 30  # of a panel, and what is left of and above it


def draw_runs(
    stored: Sequence[int],
    panels: Sequence[tuple[str, Sequence[float]]],
    path: Path,
    across: str = "calls stored when the run began",
) -> None:
    """Write a panel for each title, with its values over `stored`; `across` names what that is."""
    height = len(panels) * (HIGH + 2 * TOP) + TOP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE + LEFT + 30} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDE + LEFT + 30}" height="{height}" fill="white"/>',
    ]
    for number, (title, values) in enumerate(panels):
        lines += _panel(title, stored, values, TOP + number * (HIGH + 2 * TOP), across)
    path.write_text("\n".join([*lines, "</svg>", ""]), encoding="utf-8")


def _panel(title: str, stored: Sequence[int], values: Sequence[float], top: int, across: str) -> Iterator[str]:
    most, right = _ceiling(max(values)), max(*stored, 1)
    yield f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{title}</text>'
    for part in (0.0, 0.5, 1.0):
        y = top + HIGH * (1 - part)
        yield f'<line x1="{LEFT}" x2="{LEFT + WIDE}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ccc"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{most * part:,.4g}</text>'
        x = LEFT + WIDE * part
        yield f'<text x="{x:.0f}" y="{top + HIGH + 16}" text-anchor="middle">{right * part:,.0f}</text>'
    for calls, value in zip(stored, values, strict=True):
        x, y = LEFT + WIDE * calls / right, top + HIGH * (1 - value / most)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="#2a6fb0"/>'
    yield f'<text x="{LEFT + WIDE}" y="{top + HIGH + 30}" text-anchor="end">{across}</text>'


def _ceiling(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    step = 1e-6
    while True:
        for times in (1, 2, 5):
            if value <= times * step:
                return times * step
        step *= 10
