"""One long build, seen while it runs: whether CPU and memory grow in proportion to the calls that are stored.

    python benchmarks/long_run.py [--rows 1000000] [--prompts 1] [--words 30] [--samples 100] [--until CALLS] [--plot run.svg] [--keep DIR]

So often as asked, at equal steps of the calls stored: CPU of the process so far and its resident memory, from /proc (Linux).
CPU is fitted as a line of the calls: what 1,000 of them cost, how far the worst step is off that line, and what a call of the last quarter
costs beside one of the first. With `--until` the build is ended (Ctrl-C) once so many calls are stored; then it is taken up
until its first new call, and what follows is done with the rows that were made. That is: the build with nothing to do, the same in
other formats (which is what writing the dataset costs), and the same with its rows judged anew.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mock_server import mock_server
from run_plot import draw_runs
from soak import Cost, Soak, build_folder, runs, tell, wait

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Sample:
    """A build in the middle of its work: calls stored, seconds of CPU so far, resident bytes."""

    calls: int
    cpu: float
    memory: int


def watch(soak: Soak, samples: int, until: int) -> tuple[list[Sample], Cost]:
    """Build, and look at the process at equal steps of the calls stored; end it at so many."""
    process = soak.start()
    seen: list[Sample] = []
    calls = 0
    while runs(process) and calls < until:
        calls = soak.completions()
        if calls >= soak.calls * (len(seen) + 1) / samples:
            seen.append(Sample(calls, *_usage(process.pid)))
        time.sleep(0.05)
    if runs(process) and calls < soak.calls:
        os.kill(process.pid, signal.SIGINT)
    return seen, wait(process)


def _usage(process: int) -> tuple[float, int]:
    """CPU and resident memory of a process that runs."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    resident = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return (int(fields[11]) + int(fields[12])) / TICK, resident * PAGE


def tell_growth(seen: list[Sample]) -> None:
    calls = np.array([s.calls for s in seen], dtype=float)
    cpu = np.array([s.cpu for s in seen])
    memory = np.array([s.memory for s in seen], dtype=float)
    each, first = np.polyfit(calls, cpu, 1)
    off = np.abs(first + each * calls - cpu) / cpu
    quarter = len(seen) // 4
    begin, end = (np.polyfit(calls[part], cpu[part], 1)[0] for part in (slice(quarter), slice(-quarter, None)))
    print(f"CPU: {first:.2f} s, and {each * 1e6:.0f} us a call; the worst sample is {off.max():.1%} off; a call of the last quarter "
          f"takes {end / begin:.2f} of one of the first", flush=True)  # fmt: skip
    late = len(seen) // 10
    slope = np.polyfit(calls[late:], memory[late:], 1)[0]
    print(f"memory: {memory[late] / 1e6:.1f} MB at {calls[late]:,.0f} calls, {memory[-1] / 1e6:.1f} MB at {calls[-1]:,.0f}, "
          f"{slope:.1f} bytes a call", flush=True)  # fmt: skip


def tell_sizes(soak: Soak) -> None:
    out = soak.folder / "out"
    for path in sorted(out.rglob("*")):
        size = path.stat().st_size
        if path.is_file() and size > soak.rows:
            print(f"{path.relative_to(out)}: {size / 1e6:,.1f} MB, {size / soak.rows:,.0f} bytes a row", flush=True)


def take_up(soak: Soak) -> None:
    """Go on until the first new call; then only the rows that are made are wanted."""
    made = soak.completions()
    tell(f"taken up at {made:,} calls", soak.rows, soak.end_at(made + 1, signal.SIGINT))
    soak.rows = made // soak.prompts // 1000 * 1000
    tell("fewer rows, all made", soak.rows, soak.build("--rows", str(soak.rows)))


def rebuild(soak: Soak) -> None:
    rows = ("--rows", str(soak.rows))
    tell("nothing to do", soak.rows, soak.build(*rows))
    tell_sizes(soak)
    for kind in ("jsonl", "parquet"):
        tell(f"nothing to do, as {kind}", soak.rows, soak.build(*rows, "--set", f"output.formats=[{kind}]"))
    tell("the same, --no-cache", soak.rows, soak.build(*rows, "--no-cache"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--prompts", type=int, choices=[1, 2], default=1, help="of every row")
    parser.add_argument("--words", type=int, default=30, help="of every reply")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--until", type=int, default=sys.maxsize, help="end the build at so many calls")
    parser.add_argument("--plot", type=Path, help="an SVG file for CPU and memory over the calls stored")
    parser.add_argument("--keep", type=Path, help="a folder to leave the build in")
    options = parser.parse_args()
    with build_folder(options.keep) as base, mock_server(words=options.words) as url:
        soak = Soak(base / "long", url, options.rows, "", options.prompts)
        seen, cost = watch(soak, options.samples, options.until)
        tell("one run", soak.rows, cost, f", {1000 * cost.cpu / (soak.completions() / soak.prompts):.3f} ms a row made")
        tell_growth(seen)
        if options.plot is not None:
            panels = (
                ("CPU of the build so far, s", [s.cpu for s in seen]),
                ("resident memory, MB", [s.memory / 1e6 for s in seen]),
            )
            draw_runs([s.calls for s in seen], panels, options.plot, "calls stored")
        if soak.completions() < soak.calls:
            take_up(soak)
        rebuild(soak)


if __name__ == "__main__":
    main()
