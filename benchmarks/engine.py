"""What a build costs beside a bare client: CPU for each row, rows a second, memory.

    python benchmarks/engine.py [--rows 2000] [--large 200000]

Whole processes against a server of its own process on 127.0.0.1; CPU and memory are the operating system's own
account of each finished process. A build's CPU is taken less that of a build of one row. The bare client is
aiohttp with the same messages, nothing checked, nothing stored. Figures hold as ratios within one run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mock_server import mock_server

ROOT = Path(__file__).parent.parent

SPEC = """
synthspec: 1
name: work
rows: {rows}
parameters:
  attitude: [calm, hostile, anxious, chatty, curt]
  conversation: [short, medium, long]
  problem: [late parcel, double charge, lost password, broken screen, wrong size, no signal, expired coupon]
  solved: [solved, not solved]
  manner: [formal, casual, terse, warm]
prompts:
  call:
    system: You write realistic transcripts of phone calls to a support desk.
    user: >-
      Write one {{{{ conversation }}}} phone call between a caller and an agent. The caller is {{{{ attitude }}}}.
      The reason for the call: {{{{ problem }}}}. At the end the matter is {{{{ solved }}}}. The agent speaks in a
      {{{{ manner }}}} manner. Give the transcript only, no preamble and no names.
    writes: [call]
fields:
  attitude: {{value: attitude}}
  call: {{type: string, words: {{min: 1, max: 500}}}}
backend: {{provider: openai, model: loop, base_url: {url}, max_tokens: 256}}
limits: {{concurrency: {concurrency}}}
"""

BARE = """
import asyncio, json, sys
import aiohttp
url, rows, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
async def main():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        todo = iter(range(rows))
        async def lane():
            for i in todo:
                body = {"model": "loop", "max_tokens": 256, "messages": [{"role": "user", "content": "Write one " + "word " * 60 + str(i)}]}
                async with session.post(url + "/chat/completions", json=body) as reply:
                    json.loads(await reply.read())["choices"][0]["message"]["content"]
        await asyncio.gather(*(lane() for _ in range(concurrency)))
asyncio.run(main())
"""


@dataclass(frozen=True)
class Cost:
    """One finished process: seconds of wall and CPU, peak resident memory in MB."""

    wall: float
    cpu: float
    memory: float


def measure(command: list[str]) -> Cost:
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}\n{said}")
    memory = usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)
    return Cost(time.monotonic() - began, usage.ru_utime + usage.ru_stime, memory)


def build(url: str, rows: int, concurrency: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "work.yaml"
        spec.write_text(SPEC.format(rows=rows, url=url, concurrency=concurrency), encoding="utf-8")
        return measure([sys.executable, "-m", "synthspec", "build", str(spec), "--out", f"{folder}/out", "--quiet"])


def bare(url: str, rows: int, concurrency: int) -> Cost:
    return measure([sys.executable, "-c", BARE, url, str(rows), str(concurrency)])


def compare(title: str, rows: int, concurrency: int, latency: float) -> None:
    with mock_server(latency=latency) as url:
        start, start_bare = build(url, 1, concurrency), bare(url, 1, concurrency)
        ours, theirs = build(url, rows, concurrency), bare(url, rows, concurrency)
    for name, whole, least in (("synthspec build", ours, start), ("bare aiohttp", theirs, start_bare)):
        per_row = (whole.cpu - least.cpu) / rows * 1000
        rate = rows / max(whole.wall - least.wall, 1e-9)
        print(f"{title:34} {name:16} {per_row:9.2f} {rate:9.0f} {whole.memory:8.0f} {whole.wall:7.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--large", type=int, default=0, help="also build so many rows, for memory")
    options = parser.parse_args()
    print(f"{'workload':34} {'client':16} {'CPU ms/row':>9} {'rows/s':>9} {'MB peak':>8} {'wall s':>7}")
    compare(f"{options.rows} rows, 64 in flight", options.rows, 64, 0.0)
    compare(f"{options.rows} rows, 64 in flight, 200 ms", options.rows, 64, 0.2)
    compare(f"{options.rows} rows, 1000 in flight, 200 ms", options.rows, 1000, 0.2)
    if options.large:
        compare(f"{options.large} rows, 64 in flight", options.large, 64, 0.0)


if __name__ == "__main__":
    main()
