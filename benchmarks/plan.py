"""Combinations a second and memory, beside NumPy's own generator and, where installed, allpairspy.

    python benchmarks/plan.py [--rows 1000000] [--stream 10000000]
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import synthspec
from synthspec.plan_files import write_combinations

SPEC = """
synthspec: 1
rows: 1000
parameters:
  attitude: [calm, hostile, anxious, chatty, curt]
  length: [short, medium, long]
  problem: {{values: {{parcel: 3, charge: 2, password: 2, screen: 1, size: 1, signal: 1, coupon: 1, part: 1, booking: 1}}}}
  solved: {{values: {{'yes': 7, 'no': 3}}}}
  manner: [formal, casual, terse, warm]
  age: normal(52, 14)
  wait: exponential(8)
plan: {{strategy: {strategy}}}
fields: {{attitude: {{value: attitude}}}}
"""
CHUNK = 100_000


def timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def numpy_alone(rows: int) -> None:
    """The same draws with NumPy's default generator: no seed by row, no balance, no exclusions."""
    draw = np.random.default_rng(0)
    for values, weights in ((5, None), (3, None), (9, np.array([3, 2, 2, 1, 1, 1, 1, 1, 1]) / 13), (2, [0.7, 0.3]), (4, None)):
        labels = np.array([f"value {i}" for i in range(values)], dtype=object)
        labels[draw.choice(values, rows, p=weights)]
    draw.normal(52, 14, rows)
    draw.exponential(8, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--stream", type=int, default=0, help="also stream so many combinations to Parquet")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plans = {}
        for strategy in ("random", "balanced", "factorial"):
            path = Path(folder) / f"{strategy}.yaml"
            path.write_text(SPEC.format(strategy=strategy), encoding="utf-8")
            plans[strategy] = synthspec.plan(path)
        print(f"{'five listed and two continuous parameters':52} {'rows/s':>12}")
        for strategy, plan in plans.items():
            plan.columns(0, 1000)

            def read(plan: synthspec.Plan = plan) -> None:
                for start in range(0, options.rows, CHUNK):
                    plan.columns(start, start + CHUNK)

            print(f"{'synthspec, ' + strategy:52} {options.rows / timed(read):12,.0f}")
        print(f"{'NumPy generator alone':52} {options.rows / timed(lambda: numpy_alone(options.rows)):12,.0f}")
        for strategy, plan in plans.items():
            print(f"{strategy + ': combination 10**9 alone, ms':52} {timed(lambda plan=plan: plan[10**9]) * 1000:12.1f}")
        if options.stream:
            path = Path(folder) / "stream.yaml"
            path.write_text(SPEC.format(strategy="random").replace("rows: 1000", f"rows: {options.stream}"), encoding="utf-8")
            seconds = timed(lambda: write_combinations(synthspec.plan(path), Path(folder) / "plan.parquet"))
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)
            print(f"{'random, streamed to Parquet':52} {options.stream / seconds:12,.0f}")
            print(f"{'peak memory of this process, MB':52} {memory:12,.0f}")


if __name__ == "__main__":
    main()
