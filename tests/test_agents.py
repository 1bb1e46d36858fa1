"""Sources that run a simulation: who may let them, what they cost, what comes of models that are cruel."""

from __future__ import annotations

import datetime
import enum
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy
import pytest
from click.testing import CliRunner

import synthspec
from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.diagnostics import Diagnostic
from synthspec.sources.kinds import Access, Place, SourceFault
from synthspec.sources.kinds.agents import open_agents
from synthspec.sources.simulation import results
from synthspec.sources.simulation.child.values import Odd, plain
from synthspec.sources.simulation.code import MAX_FILES, read_code
from synthspec.sources.simulation.process import EndedRun, run_model

SPEC = """\
synthspec: 1
rows: 3
seed: 7
sources:
  walk: {{agents: '{file}', steps: {steps}{more}}}
parameters:
  seen: {{from: walk}}
fields:
  step: {{value: seen.step}}
"""
IDLE = """\
class Walk:
    pass
"""
WALK = (Path(__file__).parent / "faults" / "data" / "walk" / "walk.py").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trusted yet; what was run before is kept elsewhere."""
    monkeypatch.setenv("SYNTHSPEC_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("SYNTHSPEC_CACHE", str(tmp_path / "cache"))


def written(folder: Path, model: str = IDLE, *, steps: int = 3, more: str = "", file: str = "model.py:Walk") -> Path:
    """A spec with its model."""
    folder.mkdir(exist_ok=True)
    (folder / "model.py").write_text(model, encoding="utf-8")
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(file=file, steps=steps, more=more), encoding="utf-8")
    return path


def faults(path: Path, *, trust: bool = True, code: str | None = None) -> Diagnostic:
    """The one diagnostic of a spec."""
    (found,) = compile_spec(path, access=Access(trust=trust)).diagnostics
    assert code is None or found.code == code, found
    return found


def opened(folder: Path, model: str, **options: Any) -> list[dict[str, Any]]:
    """The rows of a model."""
    written(folder, model)
    given = {"agents": "model.py:Walk", "steps": 3, **options}
    table = open_agents(given, Place(folder, folder, seed=7, access=Access(trust=True))).table
    return list(table.iterate())


# -- trust -------------------------------------------------------------------------------------------------------------


def test_it_says_exactly_what_would_run(tmp_path: Path) -> None:
    path = written(tmp_path / "a", more=", parameters: {walkers: 4}")
    (path.parent / "parts").mkdir()
    (path.parent / "parts" / "doors.py").write_text("OPEN = True\n", encoding="utf-8")
    found = faults(path, trust=False, code="E820")
    code = read_code("model.py:Walk", Place(path.parent, path.parent))
    assert "Walk(walkers=4) of 'model.py' for 3 steps" in found.message
    assert code.files["model.py"] in found.help
    assert "parts/doors.py" in found.help and "--trust" in found.help
    assert [(Path(r.span.file).name, r.span.line) for r in found.related] == [("model.py", 1), ("doors.py", 1)]
    assert all(code.files[n] in r.message for n, r in zip(("model.py", "parts/doors.py"), found.related, strict=True))


@pytest.mark.parametrize("command", ["check", "plan", "preview", "build", "diff"])
def test_no_command_runs_it_untrusted(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a", f"open({str(tmp_path / 'ran')!r}, 'w').close()\n{IDLE}")
    monkeypatch.chdir(tmp_path)
    both = [str(path)] * (2 if command == "diff" else 1)
    result = CliRunner().invoke(cli, [command, *both])
    assert result.exit_code == 1 and "E820" in result.output
    assert not (tmp_path / "ran").exists()
    result = CliRunner().invoke(cli, [command, *both, "--trust"])
    assert result.exit_code == 1 and "E821" in result.output, "it ran, and is no model"
    assert (tmp_path / "ran").exists()


def test_no_function_runs_it_untrusted(tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    assert synthspec.check(path)[0].code == "E820"
    for function in (synthspec.plan, synthspec.preview, synthspec.build, synthspec.rows):
        with pytest.raises(synthspec.SpecError, match="E820"):
            function(path)
    with pytest.raises(synthspec.SpecError, match="E820"):
        synthspec.diff(path, path)
    assert synthspec.check(path, trust=True)[0].code == "E821"


def test_a_changed_byte_asks_again(tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    part = path.parent / "part.py"
    part.write_text("N = 1\n", encoding="utf-8")
    faults(path, trust=False, code="E820")
    faults(path, trust=True, code="E821")
    faults(path, trust=False, code="E821")  # remembered
    part.write_text("N = 2\n", encoding="utf-8")
    faults(path, trust=False, code="E820")
    part.write_text("N = 1\n", encoding="utf-8")
    faults(path, trust=False, code="E821")
    (path.parent / "new.py").write_text("", encoding="utf-8")
    faults(path, trust=False, code="E820")
    (path.parent / "new.py").rename(path.parent / "not-importable.py")
    faults(path, trust=False, code="E821")
    (tmp_path / "config" / "trusted").unlink()
    faults(path, trust=False, code="E820")


def test_nothing_in_a_spec_gives_trust(tmp_path: Path) -> None:
    path = written(tmp_path / "a", more=", trust: true")
    assert faults(path, trust=False).code == "E202"
    for line in ("trust: true\n", "limits: {trust: true}\n"):
        path = written(tmp_path / "a")
        path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")
        assert {d.code for d in compile_spec(path).diagnostics} == {"E202", "E820"}
    path = written(tmp_path / "a")
    assert {d.code for d in compile_spec(path, {"trust": "true"}).diagnostics} >= {"E820"}
    (path.parent / "other.yaml").write_text("synthspec: 1\nextends: spec.yaml\nname: other\n", encoding="utf-8")
    assert faults(path.parent / "other.yaml", trust=False).code == "E820"


def test_trust_that_cannot_be_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = EndedRun({"how": "done", "steps": 3, "repeats": True, "read": {}, "moments": {}}, "", {"step": [1]})
    monkeypatch.setattr("synthspec.sources.simulation.process.run_model", lambda *_: ended)
    (tmp_path / "config").write_text("", encoding="utf-8")
    path = written(tmp_path / "a")
    faults(path, code="W792")
    faults(path, trust=False, code="E820")


def test_files_outside_are_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(IDLE, encoding="utf-8")
    path = written(tmp_path / "a", file="../outside.py:Walk")
    faults(path, code="E513")
    (tmp_path / "a" / "link.py").symlink_to(tmp_path / "outside.py")
    faults(written(tmp_path / "a", file="link.py:Walk"), code="E513")
    faults(written(tmp_path / "a"), code="E513")  # it may import link.py
    (tmp_path / "a" / "link.py").unlink()
    faults(written(tmp_path / "a", file="none.py:Walk"), code="E511")


def test_too_many_files(tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    for n in range(MAX_FILES):
        (path.parent / f"part{n}.py").write_text("", encoding="utf-8")
    faults(path, code="E828")
    (path.parent / "own").mkdir()
    (path.parent / "model.py").rename(path.parent / "own" / "model.py")
    assert read_code("own/model.py:Walk", Place(path.parent, path.parent)).files.keys() == {"model.py"}


def test_compiled_code_is_not_run(tmp_path: Path) -> None:
    """What lies in `__pycache__` is no part of what was looked at."""
    import py_compile

    path = written(tmp_path / "a", "from part import Walk\n")
    part = path.parent / "part.py"
    part.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n", encoding="utf-8")
    py_compile.compile(str(part), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    part.write_text(IDLE, encoding="utf-8")
    py_compile.compile(str(part), str(path.parent / "bare.pyc"))
    faults(path, code="E821")
    assert not (tmp_path / "ran").exists()
    faults(written(tmp_path / "a", "from bare import Walk\n"), code="E822")


# -- runs that go well -------------------------------------------------------------------------------------------------


def test_a_run_is_seeded_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = WALK.replace("seed=None", "rng=None").replace("seed=seed", "rng=rng")
    rows = opened(tmp_path / "a", model)
    assert [(r["step"], r["agent"], r["type"]) for r in rows] == [(s, a, "Walker") for s in (1, 2, 3) for a in (1, 2)]
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("it ran again"))
    assert opened(tmp_path / "b", model) == rows, "kept, wherever it lies"
    (kept,) = (tmp_path / "cache" / "agents").iterdir()
    whole = kept.read_text(encoding="ascii")
    for broken in (whole[:-9], whole.replace('"step":[1', '"step":[2'), "[]", "{}", ""):
        kept.write_text(broken, encoding="ascii")
        assert results.find_result(kept.stem) is None
    monkeypatch.undo()
    monkeypatch.setenv("SYNTHSPEC_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("SYNTHSPEC_CACHE", str(tmp_path / "other"))
    assert opened(tmp_path / "a", model) == rows, "and made again, the same"


def test_all_that_rows_depend_on_is_in_their_key() -> None:
    job = {"folder": "/a", "file": "m.py", "files": {"m.py": "1"}, "class": "W", "steps": 3, "collect": "agents",
           "parameters": {"n": 1}, "seed": 7}  # fmt: skip
    others = [
        {"files": {"m.py": "2"}},
        {"class": "V"},
        {"steps": 4},
        {"collect": "model"},
        {"parameters": {}},
        {"seed": 8},
    ]
    keys = {results.key_of({**job, **other}) for other in ({}, *others)}
    assert len(keys) == len(others) + 1
    assert results.key_of({**job, "folder": "/b"}) in keys


@pytest.mark.slow
def test_what_a_model_reads_is_part_of_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "start.txt").write_text("5", encoding="utf-8")
    model = WALK.replace("self.place = 0", "self.place = START") + (
        "\n\nfrom pathlib import Path\nSTART = int((Path(__file__).parent / 'start.txt').read_text())\n"
    )
    first = opened(folder, model, steps=1)
    (kept,) = (tmp_path / "cache" / "agents").iterdir()
    assert list(json.loads(kept.read_text(encoding="ascii"))["result"]["read"]) == [str(folder.resolve() / "start.txt")]
    (folder / "start.txt").write_text("900", encoding="utf-8")
    assert abs(opened(folder, model, steps=1)[0]["place"] - first[0]["place"]) > 800


EVERYTHING = """
import datetime, enum, os, random, sys
import mesa, numpy
from parts.doors import OPEN

class Mood(enum.Enum):
    GOOD = enum.auto()

class A(mesa.Agent):
    trail = None
    def step(self):
        self.trail = [*(self.trail or []), self.model.steps]
class B(A):
    pass

class Walk(mesa.Model):
    def __init__(self, **parameters):   # takes no seed, and hands none on
        super().__init__()
        A(self), B(self), B(self)
        self.list = []
        self.datacollector = mesa.DataCollector(
            {"draw": lambda m: [m.random.random(), m.rng.random(), random.random(), numpy.random.random()],
             "day": lambda m: datetime.date(2026, 1, m.steps + 1), "environment": lambda m: sorted(os.environ),
             "nan": lambda m: numpy.float64("nan"), "list": "list", "given": lambda m: parameters},
            {"trail": "trail", "mood": lambda a: Mood.GOOD, "n": lambda a: numpy.int32(a.unique_id), "o": lambda a: OPEN},
            {B: {"b": lambda a: True}})
    def step(self):
        print("noise \\x1b[31m" * 9)
        self.list.append(self.steps)
        self.agents.do("step")
        if self.steps == 2:
            self.agents[0].remove()
        self.datacollector.collect(self)
        if self.steps == 3:
            self.running = False
"""


@pytest.mark.slow
def test_rows_of_agents_and_of_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    parts = tmp_path / "a" / "parts"
    parts.mkdir(parents=True)
    (parts / "doors.py").write_text("OPEN = True\n", encoding="utf-8")
    rows = opened(tmp_path / "a", EVERYTHING)
    assert [(r["step"], r["agent"], r["type"], r["b"]) for r in rows] == [
        (1, 1, "A", None), (1, 2, "B", True), (1, 3, "B", True), (2, 2, "B", True), (2, 3, "B", True), (3, 2, "B", True), (3, 3, "B", True),
    ]  # fmt: skip
    assert [r["trail"] for r in rows if r["agent"] == 2] == [[1], [1, 2], [1, 2, 3]], "as it was at each step"
    assert {(r["mood"], r["o"]) for r in rows} == {("GOOD", True)} and all(r["n"] == r["agent"] for r in rows)
    written(tmp_path / "a", EVERYTHING, steps=9)
    options = {
        "agents": "model.py:Walk",
        "steps": 9,
        "collect": "model",
        "parameters": {"n": 1, "day": datetime.date(2026, 1, 1)},
    }
    found = open_agents(options, Place(tmp_path / "a", tmp_path / "a", seed=7, access=Access(trust=True)))
    assert [(n.code, n.key) for n in found.notes] == [("W791", "steps")]
    rows = list(found.table.iterate())
    assert [r["step"] for r in rows] == [1, 2, 3] and found.origin["steps"] == 3
    assert [r["day"] for r in rows] == [datetime.date(2026, 1, n) for n in (2, 3, 4)]
    assert found.table.column_type("day").kind == "date"
    assert (
        rows[0]["list"] == [1]
        and rows[0]["nan"] is None
        and rows[0]["given"] == {"n": 1, "day": "2026-01-01", "seed": 7}
    )
    assert not [n for n in rows[0]["environment"] if "KEY" in n or "SYNTHSPEC" in n]


def test_values() -> None:
    class Level(enum.IntEnum):
        HIGH = 3

    class Word(enum.StrEnum):
        UP = "up"

    kept = [None, True, 3, -1.5, "a", datetime.date(2026, 1, 2), [1, ["b"]], {"a": {"b": None}}]
    for value in kept:
        assert plain(value) == value and type(plain(value)) is type(value)
    made = [(Level.HIGH, 3), (Word.UP, "up"), (numpy.int64(3), 3), (numpy.bool_(True), True), (numpy.str_("a"), "a"),
            (math.nan, None), (numpy.float32("nan"), None), ((1, 2), [1, 2]), (numpy.arange(3), [0, 1, 2]),
            ([datetime.date(2026, 1, 2)], ["2026-01-02"]), ([math.nan], [None]), (numpy.datetime64("NaT"), None)]  # fmt: skip
    for value, expected in made:
        assert plain(value) == expected and type(plain(value)) is type(expected), value
    itself: list[Any] = []
    itself.append(itself)
    for odd in (
        object(),
        {1},
        {1: 2},
        math.inf,
        -numpy.float64("inf"),
        2**64,
        "\ud800",
        1j,
        itself,
        b"a",
        range(3),
        [[1], [object()]],
    ):
        with pytest.raises(Odd):
            plain(odd)


# -- models that are cruel ---------------------------------------------------------------------------------------------

CRUEL = {  # what it does, the diagnostic and a part of its message or help
    "raise ValueError('no ' * 500)": ("E822", "ValueError: no no"),
    "def f(): return f()\nf()": ("E822", "RecursionError"),
    "import not_there_at_all": ("E822", "install what it imports"),
    "class E(BaseException):\n    def __str__(self): raise self\nraise E": ("E822", "cannot be shown"),
    "print('\\x1b]0;title\\x07\\x1b[2Jlast words'); 1 / 0": ("E822", "it printed: last words"),
    "import os; os.fork()": ("E822", "starts no process"),
    "import subprocess; subprocess.run(['true'])": ("E822", "starts no process"),
    "import os; os.system('true')": ("E822", "starts no process"),
    "import socket; socket.create_connection(('127.0.0.1', 9))": ("E822", "makes no connection"),
    "input()": ("E822", "EOFError"),
    "import sys; sys.exit('done')": ("E824", "SystemExit (model.py, line 1)"),
    "import os; os._exit(7)": ("E824", "exit status 7"),
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": ("E824", "SIGSEGV"),
    "import os, signal; os.killpg(0, signal.SIGKILL)": ("E824", "SIGKILL"),
    "import os; [os.close(n) for n in range(3)]; os._exit(0)": ("E824", "exit status 0"),
    "x = bytearray(2**36)": ("E827", "memory"),
    "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()": ("E821", "not a Mesa model"),
    "import atexit, time; atexit.register(time.sleep, 99)": ("E821", "not a Mesa model"),
    "import sys; sys.stdout.write('x' * 10_000_000); sys.stdout = None; raise KeyboardInterrupt": ("E822", "KeyboardInterrupt"),
    "def Walk(): pass": ("E821", "not a Mesa model"),
    "Walk = 5": ("E821", "not a Mesa model"),
    "import os, json\nhome = os.path.dirname(os.getcwd())\nopen(home + '/ended.json', 'w').write('{\"how\": 1}'); os._exit(0)": ("E824", "no rows that can be read"),
    "import os, json\nhome = os.path.dirname(os.getcwd())\nopen(home + '/ended.json', 'w').write('['); os._exit(0)": ("E824", "no rows that can be read"),
    "open('/etc/hostname', 'w' if False else 'r').close(); open('big', 'wb').truncate(2**40)": ("E822", "File too large"),
}  # fmt: skip


@pytest.mark.parametrize(
    "number", [n if n % 4 == 0 else pytest.param(n, marks=pytest.mark.slow) for n in range(len(CRUEL))]
)
def test_cruel_models(number: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model, (code, said) = list(CRUEL.items())[number]
    ending = "" if "Walk" in model else f"\n{IDLE}"
    found = faults(written(tmp_path / "a", model + ending), code=code)
    assert said in f"{found.message} {found.help}", found
    assert len(found.message) < 300 and "\n" not in found.message + found.help
    assert capfd.readouterr() == ("", ""), "its prints are no part of ours"
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["model.py", "spec.yaml"]


UNFIT = {  # what takes the place of a line of a model, the diagnostic, a part of its message; and what mends it
    "E825-none": ("self.datacollector", "self.collector", "no data collector"),
    "E825-nothing": ("        self.datacollector.collect(self)\n", "", "collects nothing about its agents"),
    "E825-other": (
        'agent_reporters={"place": "place"}',
        'model_reporters={"n": "steps"}',
        "collects nothing about its agents",
    ),
    "E826-agent": ('{"place": "place"}', '{"place": lambda a: a}', "'place' gives a Walker, at step 1"),
    "E826-taken": ('{"place"', '{"type"', "named 'type'"),
    "E826-number": ('{"place"', "{7", "is no text"),
    "E822-step": (
        "self.place += ",
        "self.place += 1 / 0 + ",
        "ZeroDivisionError: division by zero (model.py, line 15)",
    ),
    "E821-argument": ("walkers=2,", "walkers,", "'walkers'"),
}


MENDED = {"E825": "self.datacollector", "E826": "", "E821": "`parameters`", "E822": "correct the model"}


@pytest.mark.slow
@pytest.mark.parametrize("name", UNFIT)
def test_models_that_give_no_rows(name: str, tmp_path: Path) -> None:
    old, new, said = UNFIT[name]
    assert old in WALK
    found = faults(written(tmp_path / "a", WALK.replace(old, new)), code=name[:4])
    assert said in found.message and found.help
    assert MENDED.get(name[:4], "") in found.help


@pytest.mark.slow
def test_what_their_remedies_say_is_right(tmp_path: Path) -> None:
    model = WALK.replace('agent_reporters={"place": "place"}', 'model_reporters={"n": "steps"}')
    found = faults(written(tmp_path / "a", model), code="E825")
    assert "`collect: model`" in found.help
    path = written(tmp_path / "a", model, more=", collect: model")
    assert not compile_spec(path, access=Access(trust=True)).diagnostics
    stops = WALK.replace('self.agents.shuffle_do("step")', "self.running = self.steps < 2")
    found = faults(written(tmp_path / "a", stops), code="W791")
    assert "`steps: 2`" in found.help
    assert not compile_spec(written(tmp_path / "a", stops, steps=2), access=Access(trust=True)).diagnostics


@pytest.mark.slow
def test_too_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.sources.simulation.process.MAX_ROWS", 5)
    faults(written(tmp_path / "a", WALK), code="E827")
    assert not compile_spec(written(tmp_path / "a", WALK, steps=2), access=Access(trust=True)).diagnostics, (
        "fewer steps"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "drawn", ["__import__('time').time_ns()", "__import__('os').urandom(3).hex()", "__import__('numpy').random.default_rng().random()", "list({object() for _ in range(9)}) < [] or id(self) % 9973"]
)  # fmt: skip
def test_a_model_that_is_not_seeded_is_told(drawn: str, tmp_path: Path) -> None:
    model = WALK.replace("self.random.choice([-1, 1])", "0").replace("self.place += 0", f"self.place = {drawn}")
    path = written(tmp_path / "a", model.replace("list({object() for _ in range(9)}) < [] or ", ""))
    assert [d.code for d in compile_spec(path, access=Access(trust=True)).diagnostics] == ["W790"]
    again = compile_spec(path).tables["walk"]
    assert list(again.iterate()) == list(compile_spec(path).tables["walk"].iterate()), "one run is kept"
    assert [d.code for d in compile_spec(path).diagnostics] == ["W790"]


def left(folder: Path) -> list[int]:
    """Processes that have this folder in their command."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in command:
                found.append(int(entry.name))
    return found


GRANDCHILD = """
import ctypes, time
if ctypes.CDLL(None).fork() == 0:
    time.sleep(60)
while True:
    pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes")
def test_nothing_goes_on_after_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", f"UTC+0-{tmp_path.name}")
    path = written(tmp_path / "a", GRANDCHILD + IDLE, more=", timeout: 0.4")
    begun = time.monotonic()
    found = faults(path, code="E823")
    assert "0.4 s" in found.message and time.monotonic() - begun < 200
    assert not left(Path(f"UTC+0-{tmp_path.name}"))


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes")
@pytest.mark.parametrize("sent", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
def test_interrupted_it_leaves_nothing(sent: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C on the command line, and the end of the one who waits by a signal that nobody can catch."""
    assert signal.getsignal(signal.SIGINT) != signal.SIG_IGN, "which a command inherits, as of a shell's background"
    path = written(tmp_path / "a", f"open({str(tmp_path / 'begun')!r}, 'w').close()\nwhile True: pass\n{IDLE}")
    mark = f"UTC+0-{tmp_path.name}"
    command = [sys.executable, "-m", "synthspec", "check", str(path), "--trust"]
    process = subprocess.Popen(command, env={**os.environ, "TZ": mark}, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    while not (tmp_path / "begun").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(sent)
    out, err = process.communicate()
    assert process.returncode == (130 if sent == signal.SIGINT else -sent)
    assert b"Traceback" not in out + err
    end = time.monotonic() + 300
    while left(Path(mark)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not left(Path(mark))


def test_garbage_for_rows_is_refused(tmp_path: Path) -> None:
    """Whatever a model writes over its rows."""
    ended = {
        "how": "done",
        "steps": 1,
        "repeats": True,
        "read": {},
        "moments": {},
        "names": ["step"],
        "rows": 1,
    }
    for told, rows in (
        (ended, "[1, 2]\n"),
        (ended, "[1]\n[2]\n"),
        (ended, "{\n"),
        ({**ended, "names": 5}, "[1]\n"),
        ({}, ""),
        (ended, None),
    ):
        code = f"import os, pathlib\nhome = pathlib.Path.cwd().parent\n(home / 'ended.json').write_text({json.dumps(told)!r})\n"
        code += (
            f"(home / 'rows.jsonl').write_text({rows!r})\n" if rows is not None else "(home / 'rows.jsonl').unlink()\n"
        )
        written(tmp_path / "a", f"{code}os._exit(0)\n{IDLE}")
        with pytest.raises(SourceFault) as fault:
            open_agents(
                {"agents": "model.py:Walk", "steps": 1},
                Place(tmp_path / "a", tmp_path / "a", access=Access(trust=True)),
            )
        assert fault.value.code == "E824", (told, rows)


def test_changed_between_looking_and_running(tmp_path: Path) -> None:
    written(tmp_path / "a")
    job = {"folder": str(tmp_path / "a"), "file": "model.py", "files": {"model.py": "0" * 64}, "class": "Walk", "steps": 1,
           "collect": "agents", "parameters": {}, "seed": 0}  # fmt: skip
    assert run_model(job, 20).about["how"] == "changed"


@pytest.mark.slow
def test_answers_of_the_shipped_spec_are_figures_of_the_run(tmp_path: Path) -> None:
    """The factory is run here by itself, and every answer holds its figure and no other."""
    specs = Path(__file__).parent.parent / "specs"
    code = "import sys, json, model\nf = model.Factory(crews=2, room=40, seed=11)\n"
    code += "while f.steps < 1440: f.step()\nd = f.datacollector.get_agenttype_vars_dataframe(model.Machine)\nprint(d.to_json(orient='records'))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=specs / "factory", capture_output=True, text=True, check=True
    )
    log = {(r["hour"], r["machine"]): r for r in json.loads(ran.stdout)}
    assert len(log) == 24 * 11
    dataset = synthspec.build(specs / "factory_agents.yaml", out=tmp_path / "out", trust=True)
    rows = dataset.frame.to_dict("records")
    assert dataset.status == 0 and len(rows) == 200
    for row in rows:
        own = log[row["hour"], row["machine"]]
        twin = next(
            r
            for r in log.values()
            if r["hour"] == own["hour"]
            and r["kind"] == own["kind"]
            and f". {r['machine']}: {r['made']} parts" in row["log"]
            and r is not own
        )
        right = {"output": own["made"], "downtime": own["down"], "waiting": own["starved"],
                 "share": round(own["working"] * 100 / 60), "lead": abs(own["made"] - twin["made"])}[row["topic"]]  # fmt: skip
        assert row["value"] == right
        said = row["answer"].replace(row["machine"], "").split()
        assert {int(w) for w in said if w.isdigit()} == {right}, row
