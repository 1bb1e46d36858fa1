"""Small changes to the code that some test must notice: `python benchmarks/mutants.py --sample 100`.

A mutant is one change in one place: a comparison turned or moved by one, `and` for `or`, a condition denied, a number
one higher, `min` for `max`, a sign, a value not returned, a statement left out. Each is made in a copy of the
repository, and the tests named for its module run there until the first fails. A mutant that no test notices is a rule
that no test holds, or a change that makes no difference: the survivors are listed, to be read.

Runs on Linux and macOS: each mutant is a process of its own, bounded in CPU time.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOADED_ONCE = ("numpy", "scipy.special", "pandas", "pyarrow.parquet", "hypothesis", "aiohttp.web", "jinja2", "regex",
               "lark", "jsonschema", "click.testing", "rich.console", "yaml", "_pytest.assertion.rewrite")  # fmt: skip

MACHINE = ("machine_scripts", "row_machine", "retry_target", "build", "shapes_build", "variety", "latency")
DRIVER = (
    "reorder_buffer",
    "pausing",
    "reorder_levels",
    "variety",
    "fan_out",
    "engine_contract",
    "build",
    "reservations",
    "latency",
    "engine_faults",
)
STORE = ("store", "row_log", "batches_store", "store_system", "damaged_store")
BUDGET = ("limits", "reservations", "build")
FANS = ("fan_out", "row_machine", "latency")
GATHERS = ("candidates", "row_machine", "candidates_shown", "latency")
TALKS = ("dialogue", "tools")
BALANCE = ("rare_weights", "strategies", "plan", "plan_edits", "golden")
TIED = ("plan_shares", "plan_rows", "plan_report")
COVERING = ("covering", "strategies")
PLAN = ("plan", "plan_rows", "plan_report", "plan_edits", "golden")

# The tests that hold a module, the fastest first.
TESTS: dict[str, tuple[str, ...]] = {
    "generation/machine/row_machine": MACHINE,
    "generation/machine/row_turn": MACHINE,
    "generation/machine/program": MACHINE,
    "generation/machine/fan_out": FANS,
    "generation/machine/levels": FANS,
    "generation/machine/rows": FANS,
    "generation/machine/gather": GATHERS,
    "generation/machine/rounds": GATHERS,
    "generation/machine/steps": GATHERS,
    "generation/machine/talk": TALKS,
    "generation/machine/toolbox": TALKS,
    "generation/scheduling/driver": DRIVER,
    "generation/scheduling/reorder_buffer": DRIVER,
    "generation/scheduling/variety": ("variety", "latency", "build"),
    "inference/sending/sender": DRIVER,
    "inference/engines/local": DRIVER,
    "inference/accounting/ledger": BUDGET,
    "inference/accounting/budget": BUDGET,
    "inference/accounting/prices": BUDGET,
    "inference/accounting/token_estimates": BUDGET,
    "inference/sending/governor": ("limits", "servers"),
    "inference/store/__init__": STORE,
    "inference/store/jobs": STORE,
    "inference/store/ledger": STORE,
    "inference/store/derived/rows": STORE,
    "inference/store/derived/row_log": STORE,
    "inference/store/opening": STORE,
    "inference/store/writer": STORE,
    "inference/store/rescue/salvage": STORE,
    "evaluation/gates": ("figures", "build", "funnel"),
    "planning/plan": PLAN,
    "planning/parameters": PLAN,
    "planning/designs/balanced": BALANCE,
    "planning/designs/factorial": BALANCE,
    "planning/designs/pairwise": COVERING,
    "planning/balancing/pfair": BALANCE,
    "planning/balancing/deadlines": BALANCE,
    "planning/balancing/many_levels": BALANCE,
    "planning/balancing/large": BALANCE,
    "planning/balancing/joint": BALANCE,
    "planning/balancing/uneven": BALANCE,
    "planning/constraints/fitting": TIED,
    "planning/constraints/tying": TIED,
    "planning/constraints/rules": ("plan_rows", "plan", "golden"),
    "planning/sampling/tied": TIED,
    "planning/covering/greedy": COVERING,
}

FLIPS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}  # fmt: skip
SIGNS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
BASELINE = 900  # CPU seconds for the tests of a module as it is
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "appendleft": "append",
         "popleft": "pop", "heappop": "list.pop"}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """The change numbered `number` of those that can be made to a module."""

    module: str
    number: int
    line: int
    change: str  # before -> after, in code


class Mutator(ast.NodeTransformer):
    """Visits every place that can be changed and changes the one numbered `wanted`, if any."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted = wanted
        self.found: list[tuple[int, str]] = []

    def _offer(self, node: ast.AST, *changed: ast.AST) -> ast.AST:
        """The node, or what takes its place."""
        taken = node
        for other in changed:
            if len(self.found) == self.wanted:
                taken = ast.copy_location(other, node)
            line = getattr(node, "lineno", 0)
            self.found.append((line, f"{_code(node)} -> {_code(other)}"))
        return taken

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        others = []
        for place, operator in enumerate(node.ops):
            for flip in FLIPS[type(operator)]:
                other = copy.deepcopy(node)
                other.ops[place] = flip()
                others.append(other)
        return self._offer(node, *others)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        other = copy.deepcopy(node)
        other.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        return self._offer(node, other)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return self._offer(node, copy.deepcopy(node.operand)) if isinstance(node.op, ast.Not | ast.USub) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if type(node.op) not in SIGNS or _is_text(node.left) or _is_text(node.right):
            return node
        other = copy.deepcopy(node)
        other.op = SIGNS[type(node.op)]()
        return self._offer(node, other)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        others: list[ast.AST] = [ast.Pass()]
        if type(node.op) in SIGNS:
            other = copy.deepcopy(node)
            other.op = SIGNS[type(node.op)]()
            others.append(other)
        return self._offer(node, *others)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bool):
            return self._offer(node, ast.Constant(not node.value))
        if isinstance(node.value, int):
            return self._offer(node, ast.Constant(node.value + 1))
        if isinstance(node.value, float):
            return self._offer(node, ast.Constant(node.value * 1.1 + 0.01))
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in NAMES:
            other = copy.deepcopy(node)
            other.func = ast.Name(NAMES[node.func.id], ast.Load())
            if node.func.id == "sorted":
                other.keywords = []
            return self._offer(node, other)
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        if node.value is None or (isinstance(node.value, ast.Constant) and node.value.value in (None, True, False)):
            return node
        return self._offer(node, ast.Return(ast.Constant(None)))

    def visit_If(self, node: ast.If) -> ast.AST:
        if _code(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'"):
            return node
        self.generic_visit(node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Constant):
            return node  # a docstring
        self.generic_visit(node)
        return self._offer(node, ast.Pass())

    def visit_Continue(self, node: ast.Continue) -> ast.AST:
        return self._offer(node, ast.Break())

    def visit_Break(self, node: ast.Break) -> ast.AST:
        return self._offer(node, ast.Pass())

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return node  # what a message says is held by tests of messages

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._body(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._body(node)

    def _body(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        """What a function does and the values it has by default; not its types, nor what decorates it."""
        if node.name == "__repr__":
            return node
        node.args.defaults = [self.visit(d) for d in node.args.defaults]
        node.body = [self.visit(statement) for statement in node.body]
        return node


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr | ast.List | ast.Tuple) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))  # fmt: skip


def _code(node: ast.AST) -> str:
    return " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())


def source_of(folder: Path, module: str) -> Path:
    return folder / "synthspec" / f"{module}.py"


def mutants_of(module: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its text."""
    mutator = Mutator()
    mutator.visit(ast.parse(source_of(ROOT, module).read_text(encoding="utf-8")))
    for number, (line, change) in enumerate(mutator.found):
        yield Mutant(module, number, line, change)


def mutated(mutant: Mutant) -> str:
    """The text of its module with the change made."""
    tree = ast.parse(source_of(ROOT, mutant.module).read_text(encoding="utf-8"))
    changed = Mutator(mutant.number).visit(tree)
    return ast.unparse(ast.fix_missing_locations(changed)) + "\n"


def copied(folder: Path) -> None:
    """The files of the repository, those not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def tried(folder: Path, tests: tuple[str, ...], seconds: int, said: Path) -> tuple[str, float]:
    """What the tests come to in the copy: passed, failed or timeout; and CPU seconds, those of children aside."""
    child = os.fork()
    if child == 0:
        _run_tests(folder, tests, seconds, said)
    started = time.monotonic()
    while True:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - started > 20 * seconds:  # it waits for what never comes
            os.killpg(child, signal.SIGKILL)
            _, status, used = os.wait4(child, 0)
            break
        time.sleep(0.02)
    with_children = used.ru_utime + used.ru_stime
    if os.WIFSIGNALED(status):
        return "timeout", with_children
    return ("passed" if os.WEXITSTATUS(status) == 0 else "failed"), with_children


def _run_tests(folder: Path, tests: tuple[str, ...], seconds: int, said: Path) -> None:
    """In a process of its own, which does not return."""
    os.setsid()
    sys.dont_write_bytecode = seconds != BASELINE
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    os.chdir(folder)
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)
    import pytest

    code = 1
    try:
        code = pytest.main(
            [
                "-x",
                "-q",
                "--no-header",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:randomly",
                "-p",
                "no:xdist",
                *(f"tests/test_{name}.py" for name in tests),
            ]
        )
    finally:
        sys.stdout.flush()
        os._exit(int(code))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, help="mutants to try, drawn evenly over the modules (all of them)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--modules", default="", help="only modules whose path holds this")
    parser.add_argument("--list", action="store_true", help="show the mutants that would be tried, and try none")
    options = parser.parse_args()
    chosen = sampled([m for m in TESTS if options.modules in m], options.sample, options.seed)
    if options.list:
        for mutant in chosen:
            print(f"{mutant.module}:{mutant.line}  {mutant.change}")
        return
    for name in LOADED_ONCE:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        results: list[tuple[Mutant, str]] = []
        with contextlib.suppress(KeyboardInterrupt):  # shows what was tried so far
            try_all(chosen, Path(name), results)
    show(results)


def sampled(modules: list[str], count: int | None, seed: int) -> list[Mutant]:
    """So many mutants, as many of each module as its share of all, at least one."""
    every = {module: list(mutants_of(module)) for module in modules}
    if count is None:
        return [m for mutants in every.values() for m in mutants]
    whole = sum(map(len, every.values()))
    chance = random.Random(seed)
    chosen = []
    for mutants in every.values():
        share = min(len(mutants), max(1, round(count * len(mutants) / whole)))
        chosen += sorted(chance.sample(mutants, share), key=lambda m: m.number)
    return chosen


def try_all(chosen: list[Mutant], work: Path, results: list[tuple[Mutant, str]]) -> None:
    folder, said = work / "copy", work / "said.txt"
    copied(folder)
    cost: dict[tuple[str, ...], int] = {}
    for mutant in chosen:
        tests = TESTS[mutant.module]
        if tests not in cost:
            outcome, seconds = tried(folder, tests, BASELINE, said)
            if outcome != "passed":
                sys.exit(
                    f"the tests do not pass as it is: {' '.join(tests)}\n{said.read_text(errors='replace')[-3000:]}"
                )
            cost[tests] = int(3 * seconds) + 20
        path = source_of(folder, mutant.module)
        whole = path.read_text(encoding="utf-8")
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()  # it is told from the text by time and size alone
        path.write_text(mutated(mutant), encoding="utf-8")
        try:
            outcome, _ = tried(folder, tests, cost[tests], said)
        finally:
            path.write_text(whole, encoding="utf-8")
        outcome = {"passed": "survived", "failed": "killed"}.get(outcome, outcome)
        results.append((mutant, outcome))
        print(f"{outcome:9} {mutant.module}:{mutant.line}  {mutant.change[:150]}", flush=True)


def show(results: list[tuple[Mutant, str]]) -> None:
    counts: dict[str, Counter[str]] = {}
    for mutant, outcome in results:
        counts.setdefault(mutant.module, Counter())[outcome] += 1
    print("\n| module | mutants | killed | timeout | survived |\n|---|---|---|---|---|")
    for module, found in counts.items():
        print(f"| {module} | {found.total()} | {found['killed']} | {found['timeout']} | {found['survived']} |")
    whole = Counter(outcome for _, outcome in results)
    caught = whole["killed"] + whole["timeout"]
    print(f"| all | {len(results)} | {whole['killed']} | {whole['timeout']} | {whole['survived']} |")
    print(f"\n{caught} of {len(results)} noticed ({caught / max(1, len(results)):.1%})")


if __name__ == "__main__":
    main()
