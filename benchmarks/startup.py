"""CPU time of the commands a person waits for: `--help`, and `check` of every shipped spec and of a long one.

    python benchmarks/startup.py [--runs 5]

Whole processes, user and system time, the least of several runs; compiled modules are cached, as after an install.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
GOALS = {"--help": 0.150, "long": 2.0}  # seconds of CPU
CHECK = 0.400


def long_spec(lines: int = 2_000) -> str:
    """A spec of about so many lines, every part of the language in it, without a fault."""
    text = ["synthspec: 1", "name: long", "rows: 100", "parameters:"]
    count = -(-lines // 17)
    for i in range(count):
        text += [
            f"  topic_{i}:",
            "    values:",
            *(f"      value {v} of {i}: {v + 1}" for v in range(4)),
            f"  figure_{i}: round(clip(normal({i + 1}, 14), 0, 950), 1)",
            f"  mood_{i}: {{given: topic_{i}, cases: {{value 0 of {i}: [calm, glad]}}, else: [angry]}}",
        ]
    text += ["prompts:"]
    for i in range(count):
        text += [
            f"  prompt_{i}:",
            "    user: |",
            f"      Write about {{{{ topic_{i} }}}} in a {{{{ mood_{i} }}}} tone.",
            f"      Quote {{{{ figure_{i} | round(1) }}}} exactly.",
            f"    writes: [text_{i}]",
        ]
    text += ["fields:"]
    for i in range(count):
        text += [
            f"  text_{i}: {{type: string, words: {{min: 3, max: 90}}, pattern: '^[A-Z].{{{i % 7 + 1},}}'}}",
            f"  length_{i}: {{value: words(text_{i})}}",
        ]
    text += ["checks:"]
    for i in range(count):
        text += [f"  - words(text_{i}) > 3 and not (text_{i} matches 'value {i}\\b')", f"  - length_{i} < 80"]
    return "\n".join(text) + "\n"


def cpu_of(arguments: list[str], cache: str, runs: int) -> float:
    """The least CPU time, in seconds, of `python -m synthspec` with these arguments."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "synthspec", *arguments]
    spent = []
    for run in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, env=environment, check=False, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        if run:  # the first fills the cache
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        long = Path(folder) / "long.yaml"
        long.write_text(long_spec(), encoding="utf-8")
        lines = len(long_spec().splitlines())
        rows = [("synthspec --help", ["--help"], GOALS["--help"])]
        rows += [
            (f"check {p.name}", ["check", "--trust", str(p)], CHECK) for p in sorted((ROOT / "specs").glob("*.yaml"))
        ]
        rows += [(f"check of {lines:,} lines", ["check", str(long)], GOALS["long"])]
        print("| command | CPU, ms | goal, ms |\n|---|---:|---:|")
        for name, arguments, goal in rows:
            spent = cpu_of(arguments, str(Path(folder) / "cache"), runs)
            print(f"| `{name}` | {spent * 1000:.0f} | {goal * 1000:.0f} |", flush=True)


if __name__ == "__main__":
    main()
