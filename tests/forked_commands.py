"""The command in a process of its own, forked from one that has its modules loaded: loading takes most of a second.

For tests of many commands that look at what a command prints and writes. Where loading itself, signals or the
environment are tested, start Python. A platform that cannot fork starts Python here too.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

LOADED = ("jinja2.sandbox", "jsonschema", "lark", "numpy", "scipy.special", "scipy.sparse", "pandas", "pyarrow.parquet",
          "regex", "rich.console", "yaml", "aiohttp", "xml.sax.saxutils", "synthspec.evaluation.metrics.metric",
          "synthspec.evaluation.gates", "synthspec.inference.transport.keys", "synthspec.cli.check", "synthspec.cli.plan", "synthspec.cli.build", "synthspec.cli.report",
          "synthspec.generation.build", "synthspec.generation.estimates", "synthspec.generation.monitoring",
          "synthspec.diagnostics.render", "synthspec.inference.backends.ngram", "synthspec.sources.joined_table",
          "synthspec.formats.csv", "scipy.sparse.linalg", "synthspec.compiler")  # fmt: skip
_SERVER = """
import gc, importlib, json, os, resource, runpy, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from synthspec import plugins
assert not plugins._entries.cache_info().currsize, "what is installed is read by each command"
gc.freeze()  # else each process copies every page by looking through it
asked = os.fdopen(os.dup(0))
for line in asked:
    folder, path, arguments, environment, limits = json.loads(line)
    child = os.fork()
    if child == 0:
        asked.close()
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        for number, name in ((0, os.devnull), (1, path + ".out"), (2, path + ".err")):
            opened = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(opened, number)
            os.close(opened)
        for kind, most in limits.items():
            resource.setrlimit(getattr(resource, kind), (most, most))
        sys.path[0] = folder
        importlib.invalidate_caches()
        sys.argv = ["synthspec", *arguments]
        runpy.run_module("synthspec", run_name="__main__", alter_sys=True)
        break
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@cache
def _server(path: str) -> subprocess.Popen[str]:
    """The process that forks; it ends with this one."""
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, *LOADED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"},
    )  # fmt: skip
    atexit.register(_close, server)
    return server


def _close(server: subprocess.Popen[str]) -> None:
    with server:
        assert server.stdin is not None
        server.stdin.close()


def run_forked(
    folder: Path, *arguments: str, environment: dict[str, str], root: Path, limits: dict[str, int] | None = None
) -> subprocess.CompletedProcess[str]:
    """`python -m synthspec` with these arguments, in a folder that is the first place where Python looks for modules.

    `limits` are those of the module `resource` by name, such as `RLIMIT_CPU`.
    """
    if not hasattr(os, "fork"):
        return subprocess.run([sys.executable, "-m", "synthspec", *arguments], cwd=folder, capture_output=True, text=True,
                              env={**environment, "PYTHONPATH": f"{folder}{os.pathsep}{root}"}, check=False)  # fmt: skip
    server = _server(str(root))
    assert server.stdin is not None and server.stdout is not None
    told = folder.parent / f"{folder.name}-told"
    server.stdin.write(json.dumps([str(folder), str(told), arguments, environment, limits or {}]) + "\n")
    server.stdin.flush()
    status = int(server.stdout.readline())
    said = [Path(f"{told}.{kind}").read_text(encoding="utf-8", errors="replace") for kind in ("out", "err")]
    return subprocess.CompletedProcess(list(arguments), status, *said)
