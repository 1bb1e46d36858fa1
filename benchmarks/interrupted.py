"""Builds that are interrupted again and again, and very large plans: whether all that they take grows in proportion.

    python benchmarks/interrupted.py [--rows 100000] [--runs 1 10 100] [--prompts 2] [--planned 10000000] [--words 30] [--plot runs.svg]

For each number of runs one dataset is built, Ctrl-C ending every run but the last once its share of the calls is stored. Of each run:
calls in the store when it ended, CPU, peak memory. Over all runs but the last, CPU is fitted as a line of the calls that were in the
store when a run began: what 1,000 of them cost to take up, and by how much of its CPU the worst run is off that line. All datasets must be the same in every byte. Then the largest plan: a build that is
ended after 2,000 calls, beside the same with a thousandth of the rows.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import signal
import time
from pathlib import Path

import numpy as np
from mock_server import mock_server
from run_plot import draw_runs
from soak import Cost, Soak, build_folder, tell


def interrupted(soak: Soak, runs: int, plot: Path | None, until: float) -> bool:
    """Build in so many runs, and tell what each took; whether the dataset was finished by that time."""
    ended: list[tuple[int, Cost]] = []
    for run in range(1, runs):
        if time.monotonic() > until:
            print(f"{run - 1} of {runs} runs were made in the time", flush=True)
            _tell_fit([*ended, ended[-1]])
            if plot is not None:
                _draw(ended, plot)
            return False
        cost = soak.end_at(soak.calls * run // runs, signal.SIGINT)
        ended.append((soak.completions(), cost))
    ended.append((soak.calls, soak.build()))
    shown = {round(n * (runs - 1) / 9) for n in range(10)}
    for run, (stored, cost) in enumerate(ended):
        if run in shown:
            tell(f"run {run + 1} of {runs}", soak.rows, cost, f", {stored:,} calls stored")
    total = sum(cost.cpu for _, cost in ended)
    size = soak.store_size() / soak.calls
    print(
        f"{runs} runs: {1000 * total / soak.rows:.3f} ms of CPU a row in all, {size:.0f} bytes of store a call",
        flush=True,
    )
    if runs > 4:
        _tell_fit(ended)
        if plot is not None:
            _draw(ended[:-1], plot)
    tell("nothing to do", soak.rows, soak.build())
    return True


def _tell_fit(ended: list[tuple[int, Cost]]) -> None:
    """Runs make the same number of calls, but for a few: what differs is how many are stored before."""
    stored = np.array([0, *(calls for calls, _ in ended[:-1])], dtype=float)
    cpu = np.array([cost.cpu for _, cost in ended[:-1]])
    memory = np.array([cost.memory for _, cost in ended[:-1]])
    more, first = np.polyfit(stored[:-1] / 1000, cpu, 1)
    off = np.abs(first + more * stored[:-1] / 1000 - cpu) / cpu
    print(f"CPU of a run: {first:.2f} s, and {more * 1000:.0f} ms for 1,000 calls stored before; the worst run is {off.max():.0%} off, "
          f"the median {np.median(off):.0%}", flush=True)  # fmt: skip
    slope = np.polyfit(stored[1:], memory, 1)[0]
    print(
        f"peak memory: {memory.min() / 1e6:.0f} to {memory.max() / 1e6:.0f} MB, {slope:.0f} bytes a stored call",
        flush=True,
    )


def _draw(ended: list[tuple[int, Cost]], plot: Path) -> None:
    """All runs but the last, which makes what is left of the calls."""
    began = [0, *(stored for stored, _ in ended[:-1])]
    panels = (
        ("CPU of a run, s", [c.cpu for _, c in ended]),
        ("peak memory of a run, MB", [c.memory / 1e6 for _, c in ended]),
    )
    draw_runs(began, panels, plot)


def digest(soak: Soak) -> str:
    """Of the rows as they were written."""
    (file,) = (soak.folder / "out").glob("soak.*")
    with file.open("rb") as rows:
        return hashlib.file_digest(rows, "sha256").hexdigest()


def planned(base: Path, url: str, most: int) -> None:
    for rows in (most // 1000, most):
        soak = Soak(base / f"planned-{rows}", url, rows, "")
        tell("ended after 2,000 calls", rows, soak.end_at(2_000, signal.SIGINT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--prompts", type=int, choices=[1, 2], default=2, help="of every row")
    parser.add_argument("--planned", type=int, default=10_000_000)
    parser.add_argument("--words", type=int, default=30, help="of every reply")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="begin no run after so long, and tell of those made"
    )
    parser.add_argument("--plot", type=Path, help="an SVG file for CPU and memory of the runs of the largest number")
    options = parser.parse_args()
    with build_folder() as base, mock_server(words=options.words) as url:
        if options.planned:
            planned(base, url, options.planned)
        found = set()
        until = time.monotonic() + 60 * options.minutes
        for runs in options.runs:
            soak = Soak(base / f"runs-{runs}", url, options.rows, "", options.prompts)
            if interrupted(soak, runs, options.plot if runs == max(options.runs) else None, until):
                found.add(digest(soak))
        if len(options.runs) > 1 and found:
            print("the same rows in every byte" if len(found) == 1 else "THE ROWS DIFFER")


if __name__ == "__main__":
    main()
