"""Options of the test suite, and how it runs.

The whole suite runs on every processor, a part of it in one process. Where processors are few, one process more runs
than there are, since tests wait for a fifth of their time: for time-outs, commands and the disk. Property tests draw the same examples in every
run, so that no run fails by luck, a quarter of them in the default run and all among the slow tests; `--search` draws
others. Hypothesis draws from the constants of every module that is loaded, which differ with the tests that ran before
in the same process: only `--search` lets it.

The tests keep the processors busy as it is, so BLAS takes one thread: on small matrices its threads wait for each
other for ten times the work. The processes of the suite, and commands that tests start, compile a module once a run,
also where Python is told to keep none: pytest rewrites the assertions of every test module, which takes as long as all
else before the first test, so each process begins with another part of the modules and finds the rest done. What a person has trusted and cached is no part of a run: it has folders of its own. A shell without a person
starts what runs in its background with Ctrl-C ignored, which its children inherit: tests that interrupt commands would
wait for ever, so it is put back.
"""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import depth
import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy is loaded

settings.register_profile("same", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("deep", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, print_blob=True)

DEFAULT = "not slow"  # as in pyproject.toml
MOST_PROCESSES = 8
FEW_PROCESSORS = 4  # so many or fewer get one process more than they are
_MODULES = "SYNTHSPEC_TESTS_MODULES"  # the folder of modules that commands compile


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(20_000, 20, 20)  # as builds do: next to nothing that tests make lies in cycles
    search, deep = config.getoption("--search"), config.option.markexpr != DEFAULT
    depth.run_deep(search or deep)
    settings.load_profile("search" if search else "deep" if deep else "same")
    if not search:
        providers._get_local_constants = providers.Constants
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for name in ("SYNTHSPEC_CONFIG", "SYNTHSPEC_CACHE", _MODULES):
            os.environ[name] = tempfile.mkdtemp(prefix="synthspec-tests-")
            config.add_cleanup(partial(shutil.rmtree, os.environ[name], ignore_errors=True))
    alone = not getattr(config.option, "numprocesses", None)
    if os.environ.get("PYTHONDONTWRITEBYTECODE") and ("PYTEST_XDIST_WORKER" in os.environ or alone):
        # Of commands alone: where modules are kept elsewhere, those of packages are compiled anew.
        del os.environ["PYTHONDONTWRITEBYTECODE"]
        os.environ.setdefault("PYTHONPYCACHEPREFIX", os.environ[_MODULES])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Properties are among the slow tests too, there with all of their examples."""
    if config.option.markexpr == "slow":
        for item in items:
            if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
                item.add_marker("slow")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """What is collected stays to the end: that it need not be looked through again and again saves a 20th of the time."""
    gc.disable()
    try:
        worker = getattr(session.config, "workerinput", {"whole": False})
        if worker["whole"]:
            _import_from_own_place(int(worker["workerid"].removeprefix("gw")) / worker["workercount"])
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["whole"] = node.config.args_source is pytest.Config.ArgsSource.TESTPATHS


def _import_from_own_place(share: float) -> None:
    """Import the test modules, beginning after this share of them."""
    names = [path.stem for path in sorted(Path(__file__).parent.glob("test_*.py"))]
    first = int(share * len(names))
    keep = _KeepTestModules()
    sys.meta_path.insert(0, keep)
    try:
        for name in names[first:] + names[:first]:
            with suppress(Exception, pytest.skip.Exception):  # told when it is collected
                importlib.import_module(name)
    finally:
        sys.meta_path.remove(keep)
        keep.find_spec("")


class _KeepTestModules:
    """Finds no module, but says of each whether it is kept once it is compiled: those of tests, where Python keeps none."""

    def __init__(self) -> None:
        self.none, self.prefix = sys.dont_write_bytecode, sys.pycache_prefix

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        keep = self.none and name.startswith("test_")
        sys.dont_write_bytecode = self.none and not keep
        sys.pycache_prefix = os.environ[_MODULES] if keep else self.prefix


def pytest_unconfigure() -> None:
    gc.unfreeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-golden",
        action="store_true",
        help="write the files under tests/golden again from what the code does now; read the diff before you commit it",
    )
    parser.addoption("--search", action="store_true", help="let property tests draw new examples")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Spread the whole suite over the processors; whoever names files, or says how, has it so."""
    chosen = getattr(config.option, "numprocesses", "no pytest-xdist")
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and "PYTEST_XDIST_WORKER" not in os.environ
    by_hand = config.option.usepdb or config.option.capture == "no" or config.option.collectonly
    here = processors()
    processes = min(here + (here <= FEW_PROCESSORS), MOST_PROCESSES)
    if chosen is None and whole and not by_hand and here > 1:
        config.option.numprocesses = processes
        config.option.dist = "loadgroup" if config.option.markexpr == "slow" else "worksteal"


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not hasattr(session.config, "workerinput"):
        reporter.write_line(said(session.config))


def said(config: pytest.Config) -> str:
    """What this run is, in a line."""
    processes = getattr(config.option, "numprocesses", None) or 1
    where = f"in {processes} processes" if processes > 1 else "in one process"
    if config.option.markexpr == DEFAULT:
        return f"All tests but the slow ones, {where}. The slow ones take about half an hour: pytest -m slow. Everything: pytest -m ''"
    if config.option.markexpr == "slow":
        return f"The slow tests alone, {where}."
    return f"Tests {where}."


@pytest.fixture
def rewrite_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are written rather than compared."""
    return bool(request.config.getoption("--rewrite-golden"))
