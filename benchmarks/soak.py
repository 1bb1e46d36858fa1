"""What a long build costs: memory a row, with and without near duplicates; a rebuild with nothing to do; taking up a
build that was killed.

    python benchmarks/soak.py [--rows 20000 40000] [--words 30] [--anew] [--keep DIR]

Rows of two prompts, the second of which reads the field of the first, against a server in its own process on
127.0.0.1. Whole processes; CPU and memory are the operating system's own account of each. Bytes a row are the
difference in peak memory between the largest and the smallest build, divided by the difference in rows. A build that is
killed (SIGKILL) in the middle is built again and interrupted once its first new call is stored.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mock_server import mock_server

ROOT = Path(__file__).parent.parent

SPEC = """
synthspec: 1
name: soak
rows: {rows}
parameters:
  topic: [parcels, charges, passwords, screens, sizes, signals, coupons, refunds, repairs, returns]
  number: floor(uniform(0, 1000000000))
prompts:
  ask:
    system: You write questions that callers put to a support desk.
    user: Write one question about {{{{ topic }}}}, the one of number {{{{ number }}}}.
    writes: [question]
{reply}
fields:
  topic: {{value: topic}}
  question: {{type: string, words: {{min: 1, max: 500}}}}
{answer}
{novelty}
backend: {{provider: openai, model: loop, base_url: {url}, max_tokens: 256}}
limits: {{concurrency: 64}}
"""
REPLY = """
  reply:
    user: "Answer this question about {{ topic }}: {{ question }}"
    writes: [answer]
"""
ANSWER = "  answer: {type: string, words: {min: 1, max: 500}}"
NEAR = "novelty: {near_duplicates: {fields: [answer], similarity: 0.8}}"


@dataclass(frozen=True)
class Cost:
    """One finished process: seconds of CPU, peak resident memory in bytes, its exit status."""

    cpu: float
    memory: int
    status: int


class Soak:
    """One build folder, and the builds that are made in it."""

    def __init__(self, folder: Path, url: str, rows: int, novelty: str, prompts: int = 2) -> None:
        folder.mkdir(parents=True)
        self.folder, self.rows, self.prompts = folder, rows, prompts
        self.spec = folder / "soak.yaml"
        reply, answer = (REPLY, ANSWER) if prompts > 1 else ("", "")
        text = SPEC.format(rows=rows, url=url, novelty=novelty, reply=reply, answer=answer)
        self.spec.write_text(text, encoding="utf-8")

    @property
    def calls(self) -> int:
        """Of a build of which no reply is rejected."""
        return self.prompts * self.rows

    def store_size(self) -> int:
        """Bytes of the finished store of completions."""
        return (self.folder / "out" / "run.sqlite").stat().st_size

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "synthspec", "build", str(self.spec), "--out", str(self.folder / "out")]
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        where = {**os.environ, "PYTHONPATH": path}
        return subprocess.Popen(
            [*command, "--quiet", *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=where
        )

    def build(self, *options: str, ends: tuple[int, ...] = (0, 3)) -> Cost:
        process = self.start(*options)
        cost = wait(process)
        if cost.status not in ends:
            raise SystemExit(f"a build ended with {cost.status}")
        return cost

    def completions(self) -> int:
        """In its store, as far as it is written."""
        try:
            with closing(sqlite3.connect(f"file:{self.folder / 'out' / 'run.sqlite'}?mode=ro", uri=True)) as store:
                return int(store.execute("SELECT stored FROM totals WHERE what = 'settled'").fetchone()[0])
        except sqlite3.Error:  # not made yet
            return 0

    def end_at(self, completions: int, by: signal.Signals) -> Cost:
        """A build that is ended once so many completions are stored."""
        process = self.start()
        while runs(process) and self.completions() < completions:
            time.sleep(0.02)
        os.kill(process.pid, by)  # a Popen's own method would take the account of one that has ended
        return wait(process)


@contextmanager
def build_folder(keep: Path | None = None) -> Iterator[Path]:
    """A folder for builds: this one, or where it is None one of its own that is removed in the end."""
    folder = keep or Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        yield folder
    finally:
        if keep is None:
            shutil.rmtree(folder)


def runs(process: subprocess.Popen[str]) -> bool:
    """Whether it has not ended; unlike `poll`, this leaves the account of a process that has to `wait`."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def wait(process: subprocess.Popen[str]) -> Cost:
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if said and process.returncode not in (0, 130, -signal.SIGKILL):
        print(said.strip(), file=sys.stderr)
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, process.returncode)


def measure_builds(base: Path, url: str, sizes: list[int], title: str, novelty: str) -> Soak:
    """Builds of each size; the last of them, to be built again."""
    soaks = [Soak(base / f"{title.split()[0]}-{rows}", url, rows, novelty) for rows in sizes]
    costs = []
    for soak in soaks:
        costs.append(soak.build())
        tell(title, soak.rows, costs[-1], f", {1000 * costs[-1].cpu / soak.rows:.3f} ms a row")
    if len(sizes) > 1:
        slope = (costs[-1].memory - costs[0].memory) / (sizes[-1] - sizes[0])
        print(f"{title:24} {slope:8.0f} bytes a row", flush=True)
    return soaks[-1]


def measure_rebuild(soak: Soak, anew: bool) -> None:
    tell("nothing to do", soak.rows, soak.build())
    if anew:
        tell("the same, --no-cache", soak.rows, soak.build("--no-cache"))


def measure_resume(base: Path, url: str, rows: int) -> None:
    soak = Soak(base / "killed", url, rows, NEAR)
    soak.end_at(rows, signal.SIGKILL)
    made = soak.completions()
    tell(f"killed at {made:,} calls", rows, soak.end_at(made + 1, signal.SIGINT))


def tell(title: str, rows: int, cost: Cost, more: str = "") -> None:
    print(f"{title:24} {rows:>8,} rows: {cost.cpu:6.1f} s CPU, {cost.memory / 1e6:6.1f} MB{more}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 40_000])
    parser.add_argument("--words", type=int, default=30, help="of every reply")
    parser.add_argument("--anew", action="store_true", help="also build again with --no-cache")
    parser.add_argument("--keep", type=Path, help="a folder to leave the builds in")
    options = parser.parse_args()
    with build_folder(options.keep) as base, mock_server(words=options.words) as url:
        measure_builds(base, url, options.rows, "no rule between rows", "")
        last = measure_builds(base, url, options.rows, "near_duplicates", NEAR)
        measure_rebuild(last, options.anew)
        measure_resume(base, url, options.rows[-1])


if __name__ == "__main__":
    main()
