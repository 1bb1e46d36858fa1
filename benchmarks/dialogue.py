"""What a dialogue costs: CPU of the client for each call, over HTTP, by the length of the talks.

    python benchmarks/dialogue.py [--rows 1000] [--turns 6] [--long 200]

Two speakers in turn, 64 calls in flight, replies of 30 words from a server of its own process on 127.0.0.1. CPU is the
operating system's account of each finished build, less that of a build of one row of one exchange. Beside it a bare
client (`benchmarks/engine.py`) that sends requests of one message: what HTTP costs on this machine at this moment.
Then one talk of each of several lengths: a request carries the whole talk, so its text, and that alone, may make a call
of a longer talk dearer.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from engine import bare, measure
from mock_server import mock_server

SPEC = """
synthspec: 1
name: talks
rows: {rows}
parameters:
  problem: [late parcel, double charge, lost password, broken screen, wrong size, no signal, expired coupon]
  number: floor(uniform(0, 1000000000))
prompts:
  talk:
    writes: [talk]
    turns: {turns}
    dialogue:
      Customer: {{as: user, system: "You called a support desk about a {{{{ problem }}}}, number {{{{ number }}}}."}}
      Agent: {{as: assistant, system: "You answer calls at a support desk, briefly."}}
fields:
  talk: {{type: messages, words: {{min: 1, max: 500}}}}
backend: {{provider: openai, model: loop, base_url: {url}, max_tokens: 256}}
limits: {{concurrency: 64}}
"""


def build(url: str, rows: int, turns: int) -> float:
    """Seconds of CPU of one build."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "talks.yaml"
        spec.write_text(SPEC.format(rows=rows, url=url, turns=turns), encoding="utf-8")
        return measure([sys.executable, "-m", "synthspec", "build", str(spec), "--out", f"{folder}/out", "--quiet"]).cpu


def tell(title: str, calls: int, seconds: float) -> None:
    print(f"{title:36} {calls:>7,} {seconds:8.2f} {1000 * seconds / calls:11.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--turns", type=int, default=6, help="exchanges of each talk")
    parser.add_argument("--long", type=int, default=200, help="exchanges of the longest talk (at most 200)")
    options = parser.parse_args()
    with mock_server(words=30) as url:
        start, calls = build(url, 1, 1), options.rows * options.turns * 2
        print(f"{'workload':36} {'calls':>7} {'CPU s':>8} {'CPU ms/call':>11}")
        least = bare(url, 1, 64).cpu
        tell("a bare client", calls, bare(url, calls, 64).cpu - least)
        title = f"{options.rows:,} talks of {options.turns} exchanges"
        tell(title, calls, build(url, options.rows, options.turns) - start)
        for turns in sorted({max(1, options.long // 8), max(1, options.long // 4), options.long // 2, options.long}):
            rows = max(1, 4 * options.long // turns)
            tell(f"{rows} talks of {turns} exchanges", 2 * rows * turns, build(url, rows, turns) - start)


if __name__ == "__main__":
    main()
