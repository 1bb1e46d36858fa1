"""One run of a model after its job, and a short second one beside it."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import json
import os
import random
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .endings import Ending, told
from .guard import digests_of, guard, limit_resources, watch_parent
from .loading import Finder, prepare
from .rows import CollectedRows, Collecting

REPEATED = 25  # steps of the second run


def run(job: Mapping[str, Any], rows: CollectedRows, steps: int) -> dict[str, Any]:
    """Run the model for so many steps, or to its own end.

    Raises:
        Ending: it gives no rows.
    """
    folder, file = Path(job["folder"]), job["file"]
    seed = int(job["seed"])
    random.seed(seed)
    finder = Finder(folder, job["files"])
    sys.meta_path.insert(0, finder)
    name = file.removesuffix(".py")
    spec = finder.spec(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    spec.loader.exec_module(module)
    cls = getattr(module, job["class"], None)
    if cls is None:
        raise Ending("no class", known=[n for n in vars(module) if isinstance(getattr(module, n), type)])
    if "mesa" not in sys.modules or not (inspect.isclass(cls) and issubclass(cls, sys.modules["mesa"].Model)):
        raise Ending("no model")
    mesa = sys.modules["mesa"]
    collecting = Collecting(cls, job["collect"], rows)
    collecting.install(mesa.DataCollector)
    given = _arguments(cls, job["parameters"], seed, mesa.Model)
    model: Any = cls(**given)
    if not issubclass(type(model), cls):
        raise Ending("no model")
    made = 0  # which a model cannot set back
    while model.running and made < steps:
        model.step()
        made += 1
    collector = getattr(model, "datacollector", None)
    if not isinstance(collector, mesa.DataCollector):
        raise Ending("no collector")
    if not rows.count:
        raise Ending("nothing")
    return {"how": "done", "steps": made, "mesa": mesa.__version__}


def _arguments(cls: Any, parameters: Mapping[str, Any], seed: int, base: Any) -> dict[str, Any]:
    """What the class is called with. A model that passes no seed on to Mesa gets it there.

    Raises:
        Ending: it cannot be called so.
    """
    signature = inspect.signature(cls)
    given = dict(parameters)
    takes = signature.parameters
    if not {"seed", "rng"} & given.keys():
        forwards = any(p.kind is p.VAR_KEYWORD for p in takes.values())
        name = next((n for n in ("seed", "rng") if n in takes), "seed" if forwards else None)
        given.update({} if name is None else {name: seed})
    try:
        signature.bind(**given)
    except TypeError as e:
        known = [n for n, p in takes.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        strange = next((n for n in parameters if n not in takes), "")
        raise Ending("parameters", message=str(e), known=known, strange=strange) from None
    original = base.__init__

    def seeded(self: Any, *args: Any, seed: Any = None, rng: Any = None, **kwargs: Any) -> None:
        if seed is None and rng is None:
            seed = default
        original(self, *args, seed=seed, rng=rng, **kwargs)

    default = seed
    base.__init__ = seeded
    numpy = sys.modules.get("numpy")
    random.seed(seed)
    if numpy is not None:
        numpy.random.seed(seed % 2**32)
    return given


def begin(job: Mapping[str, Any], home: Path, name: str, steps: int) -> dict[str, Any]:
    """One run with its rows in a file of this name, and how it ended."""
    first = ("step", "agent", "type") if job["collect"] == "agents" else ("step",)
    rows = CollectedRows(home / name, first, job["max_rows"], job["max_values"], job["max_bytes"])
    try:
        ended = run(job, rows, steps)
    except BaseException as e:  # another's code: whatever it raises is told
        ended = told(e, job)
    try:
        return {**ended, "moments": rows.close(), "names": list(rows.names), "rows": rows.count}
    except OSError:
        return {"how": "much"}


def run_again(job: Mapping[str, Any], home: Path) -> int:
    """A fork that runs the first steps once more, with its memory laid out otherwise; its process, 0 for none."""
    if not hasattr(os, "fork"):
        return 0
    process = os.fork()
    if process:
        return process
    ballast = [bytes(n % 509) for n in range(20_011)]  # so that addresses differ, and with them the order of sets
    guard(home, {}, Path(job["folder"]), job["files"])
    ended = begin(job, home, "again.jsonl", min(int(job["steps"]), REPEATED))
    os._exit(0 if ended["how"] == "done" and ballast else 1)


def is_repeated(process: int, home: Path) -> bool | None:
    """Whether the short run gave what the long one began with; None where that is not known."""
    end = time.monotonic() + 10
    done, status = 0, 0
    while process and not done and time.monotonic() < end:
        done, status = os.waitpid(process, os.WNOHANG)
        time.sleep(0 if done else 0.01)
    if not done or status:
        return None
    with (home / "again.jsonl").open(encoding="ascii") as again, (home / "rows.jsonl").open(encoding="ascii") as rows:
        return all(line == other for line, other in zip(again, rows, strict=False))


def main(home: Path) -> None:
    """Run the job of a folder."""
    job = json.loads((home / "job.json").read_text(encoding="utf-8"))
    limit_resources(job["memory"], 2 * job["max_bytes"])
    with contextlib.suppress(OSError):  # told when the file is loaded
        prepare(Path(job["folder"]), job["files"])
    again = run_again(job, home) if job["repeat"] else 0
    if hasattr(os, "killpg"):
        parent = (os.getppid(), job["timeout"])
        threading.Thread(target=watch_parent, args=parent, daemon=True).start()
    read: dict[str, None] = {}
    guard(home, read, Path(job["folder"]), job["files"])
    ended = begin(job, home, "rows.jsonl", int(job["steps"]))
    if ended["how"] == "done":
        ended["repeats"] = is_repeated(again, home)
        ended["read"] = digests_of(read)
    with contextlib.suppress(Exception):  # the model may have put anything there
        sys.stdout.flush()
    temporary = home / "ended.tmp"
    temporary.write_text(json.dumps(ended), encoding="utf-8")
    temporary.replace(home / "ended.json")
    os._exit(0)  # whatever threads are left
