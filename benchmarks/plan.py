"""The command `synthspec plan --out`: combinations a CPU second of the whole process, and its peak memory.

    python benchmarks/plan.py [--rows 2000000] [--formats parquet,csv,jsonl] [--strategies random,balanced,factorial]

Five lists, one normal and one gamma parameter, all written. CPU seconds are user and system time of the process,
its start included; compiled modules are cached, as after an install. Beside it: the same draws with NumPy's own generator, with no seed by row, no balance and no file.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SPEC = """
synthspec: 1
parameters:
  attitude: [calm, hostile, anxious, chatty, curt]
  length: [short, medium, long]
  problem: {values: {parcel: 3, charge: 2, password: 2, screen: 1, size: 1, signal: 1, coupon: 1, part: 1, booking: 1}}
  solved: {values: {'yes': 7, 'no': 3}}
  manner: [formal, casual, terse, warm]
  age: normal(52, 14)
  wait: gamma(4, 5)
fields:
"""
NAMES = ("attitude", "length", "problem", "solved", "manner", "age", "wait")


def run_command(spec: Path, out: Path, rows: int) -> tuple[float, float]:
    """CPU seconds and peak megabytes of one `synthspec plan --out`, as the operating system counts them."""
    command = [sys.executable, "-m", "synthspec", "plan", str(spec), "--out", str(out), "--set", f"rows={rows}", "-q"]
    cache = {**os.environ, "PYTHONPYCACHEPREFIX": str(out.parent / "modules")}
    cache.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(command, env=cache)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the command failed with status {status}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return used.ru_utime + used.ru_stime, used.ru_maxrss / unit


def numpy_alone(rows: int) -> float:
    """CPU seconds of the same draws with NumPy's default generator."""
    began = time.process_time()
    draw = np.random.default_rng(0)
    for values, weights in (
        (5, None),
        (3, None),
        (9, np.array([3, 2, 2, 1, 1, 1, 1, 1, 1]) / 13),
        (2, [0.7, 0.3]),
        (4, None),
    ):
        labels = np.array([f"value {i}" for i in range(values)], dtype=object)
        labels[draw.choice(values, rows, p=weights)]
    draw.normal(52, 14, rows)
    draw.gamma(4, 5, rows)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--formats", default="parquet")
    parser.add_argument("--strategies", default="random,balanced,factorial")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"{options.rows:,} combinations of five lists, a normal and a gamma parameter\n")
        print(f"{'strategy':12}{'format':10}{'CPU seconds':>12}{'rows/s':>14}{'peak MB':>10}")
        for strategy in options.strategies.split(","):
            spec = Path(folder) / f"{strategy}.yaml"
            fields = "".join(f"  {name}: {{value: {name}}}\n" for name in NAMES)
            spec.write_text(f"{SPEC}{fields}plan: {{strategy: {strategy}}}\nrows: 1\n", encoding="utf-8")
            run_command(spec, Path(folder) / "plan.parquet", 1)
            for extension in options.formats.split(","):
                seconds, memory = run_command(spec, Path(folder) / f"plan.{extension}", options.rows)
                print(f"{strategy:12}{extension:10}{seconds:12.2f}{options.rows / seconds:14,.0f}{memory:10,.0f}")
        print(
            f"\n{'NumPy alone, no file':22}{(seconds := numpy_alone(options.rows)):12.2f}{options.rows / seconds:14,.0f}"
        )


if __name__ == "__main__":
    main()
