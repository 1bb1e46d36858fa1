"""Plots as inline SVG: a curve, a histogram, a matrix, a scale. Colours and fonts are the page's (page.css)."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from synthspec.evaluation.report.numbers import format_value

WIDTH, HEIGHT = 320, 132
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 10, 22
NAME = 32  # characters of a class beside a matrix; the table behind it has them all


def curve_range(values: Sequence[float], unit: str) -> tuple[float, float]:
    """Where the axis of a curve begins and ends: at zero, unless that would flatten what there is to see."""
    low, high = min(values), max(values)
    slack = max(high - low, abs(high) * 0.1, 1e-9) * 0.12
    floor = 0.0 if low >= 0 and low - slack < high * 0.4 else low - slack
    ceiling = max(high + slack, floor + max(abs(high) * 0.1, 1e-6))
    if unit != "number" and high <= 1:
        ceiling = min(1.0, max(ceiling, floor + 0.05))
    return floor, ceiling


def axis_note(values: Sequence[float], unit: str) -> str:
    """Where a curve's axis begins, where that is not at zero; else nothing."""
    floor = curve_range(values, unit)[0]
    return "" if floor == 0 else f"The axis begins at {format_value(floor, unit)}, not at zero."


def curve_plot(at: Sequence[int], values: Sequence[float], unit: str, label: str) -> Markup:
    """A line over row index. The scale never magnifies a change below a tenth of the figure."""
    floor, ceiling = curve_range(values, unit)
    span = max(at[-1] - at[0], 1)
    x = [LEFT + (a - at[0]) / span * (WIDTH - LEFT - RIGHT) for a in at]
    y = [_height((v - floor) / (ceiling - floor)) for v in values]
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    base = HEIGHT - BOTTOM
    dots = "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.4">'
        f"<title>around row {i + 1:,}: {format_value(v, unit)}</title></circle>"
        for a, b, i, v in zip(x, y, at, values, strict=True)
    )
    area = f'<polygon class="area" points="{x[0]:.1f},{base} {line} {x[-1]:.1f},{base}"/>' if floor == 0 else ""
    marks = _level(floor, base, unit) + _level(ceiling, TOP, unit)
    ends = _text(LEFT, HEIGHT - 6, f"row {at[0] + 1:,}", "start") + _text(
        WIDTH - RIGHT, HEIGHT - 6, f"row {at[-1] + 1:,}", "end"
    )
    return _svg(WIDTH, HEIGHT, f'{marks}{area}<polyline class="line" points="{line}"/>{dots}{ends}', label)


def histogram_plot(
    starts: Sequence[int], step: int, shares: Sequence[float], original: Sequence[float] | None, label: str
) -> Markup:
    """Bars for the dataset, an outline for the original."""
    ceiling = max([*shares, *(original or ()), 1e-9])
    width = (WIDTH - LEFT - RIGHT) / len(shares)
    base = HEIGHT - BOTTOM
    bars = "".join(
        f'<rect class="bar" x="{LEFT + i * width + 0.75:.1f}" y="{_height(s / ceiling):.1f}"'
        f' width="{max(width - 1.5, 1):.1f}" height="{base - _height(s / ceiling):.1f}">'
        f"<title>{span_of(starts[i], step)}: {format_value(s, 'share')}</title></rect>"
        for i, s in enumerate(shares)
    )
    outline = ""
    if original is not None:
        points = [f"{LEFT},{base}"]
        for i, s in enumerate(original):
            top = _height(s / ceiling)
            points += [f"{LEFT + i * width:.1f},{top:.1f}", f"{LEFT + (i + 1) * width:.1f},{top:.1f}"]
        outline = f'<polyline class="original" points="{" ".join(points)} {WIDTH - RIGHT},{base}"/>'
    marks = _level(0, base, "share") + _level(ceiling, TOP, "share")
    last = starts[-1] + step - 1
    ends = _text(LEFT, HEIGHT - 6, f"{starts[0]:,}", "start") + _text(
        WIDTH - RIGHT, HEIGHT - 6, f"{last:,} words", "end"
    )
    return _svg(WIDTH, HEIGHT, f"{marks}{bars}{outline}{ends}", label)


def matrix_plot(classes: Sequence[str], confusion: Sequence[Sequence[int]], label: str) -> Markup:
    """Rows are the true labels, columns what the classifier said; a cell is as dark as its share of the row."""
    cell = 38 if len(classes) <= 8 else 26 if len(classes) <= 14 else 16
    names = [c if len(c) <= NAME else f"{c[: NAME // 2 - 1]}…{c[-NAME // 2 :]}" for c in classes]
    left = 14 + round(6.6 * max(map(len, names)))
    turn = max(map(len, names)) * 6.6 > cell
    top = 36 + (round(4.4 * max(map(len, names))) if turn else 0)
    parts = [_text(left, 11, "predicted from the text →", "start")]
    for i, name in enumerate(names):
        x, y = left + (i + 0.5) * cell, top + (i + 0.5) * cell
        turned = f' transform="rotate(-42 {x:.0f} {top - 6})"' if turn else ""
        anchor = "start" if turned else "middle"
        parts.append(f'<text x="{x:.0f}" y="{top - 6}" text-anchor="{anchor}"{turned}>{escape(name)}</text>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{escape(name)}</text>')
    for i, row in enumerate(confusion):
        total = max(sum(row), 1)
        for j, count in enumerate(row):
            share = count / total
            parts.append(_cell(left + j * cell, top + i * cell, cell, share, i == j,
                               f"{classes[i]}, taken for {classes[j]}: {count:,} of {total:,}"))  # fmt: skip
    width = left + cell * len(classes) + round(4.4 * len(names[-1])) + 8
    return _svg(width, top + cell * len(classes) + 4, "".join(parts), label, fixed=True)


def scale_plot(value: float, floor: float | None, label: str) -> Markup:
    """A share on a scale from 0 to 1; a tick where it would be were nothing wrong."""
    width = 200
    at = 4 + min(max(value, 0), 1) * (width - 8)
    tick = ""
    if floor is not None:
        place = 4 + min(max(floor, 0), 1) * (width - 8)
        tick = f'<line class="floor" x1="{place:.1f}" x2="{place:.1f}" y1="1" y2="13"><title>floor</title></line>'
    return _svg(width, 14, f"{_track(width)}{_reach(4, at)}{tick}{_dot(at)}", label)


def interval_range(intervals: Sequence[tuple[float, float, float] | None], unit: str = "number") -> tuple[float, float]:
    """Where the scale of intervals begins and ends: at zero where that is near, no share beyond 1."""
    known = [i for i in intervals if i is not None]
    low, high = min(i[1] for i in known), max(i[2] for i in known)
    span = (high - low) or max(abs(high) * 0.1, 0.05)
    begin = 0.0 if low >= 0 and low - span * 0.06 < high * 0.4 else low - span * 0.06
    end = high + span * 0.06 if high > low else high + span
    return begin, 1.0 if unit != "number" and high <= 1 < end else end


def interval_plot(intervals: Sequence[tuple[float, float, float] | None], unit: str = "number") -> list[Markup]:
    """One small plot each of a value and its interval, all on one scale."""
    low, high = interval_range(intervals, unit)
    span = high - low
    width = 150

    def place(v: float) -> float:
        return 4 + (v - low) / span * (width - 8)

    found = []
    for each in intervals:
        body = _track(width)
        if each is not None:
            value, begin, end = map(place, each)
            body += _reach(begin, end) + _dot(value)
        found.append(_svg(width, 14, body))
    return found


def bar_plot(share: float, lost: float = 0.0, mark: float | None = None) -> Markup:
    """A bar from zero, of the width of its place; what was lost after it, and a tick at `mark`. Shares of the width."""
    share, lost = min(max(share, 0.0), 1.0), min(max(lost, 0.0), 1.0)
    body = f'<rect class="track" width="200" height="10"/><rect class="fill" width="{share * 200:.1f}" height="10"/>'
    if lost:
        body += f'<rect class="gone" x="{share * 200:.1f}" width="{min(lost, 1 - share) * 200:.1f}" height="10"/>'
    if mark is not None:
        body += f'<rect class="mark" x="{min(max(mark, 0.0), 1.0) * 198:.1f}" width="2" height="10"/>'
    plot = f'<svg class="barline" viewBox="0 0 200 10" preserveAspectRatio="none" aria-hidden="true">{body}</svg>'
    return Markup(plot)


def _cell(x: float, y: float, size: int, share: float, right: bool, told: str) -> str:
    opacity = 0.04 + 0.48 * share  # so that ink can be read on it, by day and by night
    kind = "right" if right else "wrong"
    text = ""
    if size >= 26 and share >= 0.005:
        bold = " strong" if share > 0.5 else ""
        place = f'x="{x + size / 2:.0f}" y="{y + size / 2 + 4:.0f}"'
        text = f'<text class="count{bold}" {place} text-anchor="middle">{share * 100:.0f}</text>'
    return (
        f'<g><rect class="cell {kind}" x="{x + 1:.0f}" y="{y + 1:.0f}" width="{size - 2}" height="{size - 2}" rx="3"'
        f' fill-opacity="{opacity:.2f}"><title>{escape(told)}</title></rect>{text}</g>'
    )


def _track(width: float) -> str:
    return f'<line class="track" x1="4" x2="{width - 4}" y1="7" y2="7"/>'


def _reach(begin: float, end: float) -> str:
    return f'<line class="reach" x1="{begin:.1f}" x2="{end:.1f}" y1="7" y2="7"/>'


def _dot(at: float) -> str:
    return f'<circle cx="{at:.1f}" cy="7" r="4"/>'


def span_of(start: int, step: int) -> str:
    """The words that a bar of a histogram stands for."""
    return f"{start} words" if step == 1 else f"{start} to {start + step - 1} words"


def _height(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)


def _level(value: float, y: float, unit: str) -> str:
    line = f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return line + _text(LEFT - 6, y + 4, format_value(value, unit), "end")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: float, height: float, body: str, label: str = "", fixed: bool = False) -> Markup:
    """With a label a picture that is read out by it; without, one whose figure stands beside it."""
    size = f' width="{width:.0f}" height="{height:.0f}"' if fixed else ""
    name = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(f'<svg viewBox="0 0 {width:.0f} {height:.0f}"{size} {name}>{body}</svg>')
