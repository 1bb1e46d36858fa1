"""A small model with one, two or three things wrong with it: rows, or one diagnostic; never a traceback."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from synthspec.compiler import compile_spec
from synthspec.sources.kinds import Access

WALK = (Path(__file__).parent / "faults" / "data" / "walk" / "walk.py").read_text(encoding="utf-8")
STEP = '"""All go one step."""'
PROPERTY = """class Walk(mesa.Model):
    @property
    def datacollector(self): raise KeyError('gone')
    @datacollector.setter
    def datacollector(self, value): pass
"""
META = "class Meta(type):\n    def __call__(cls, *a, **k): return 5\nclass Walk(mesa.Model, metaclass=Meta):"
EQUAL = "    def __eq__(self, other): return True\n    __hash__ = None\n    def step(self):\n"
SWALLOW = "        try:\n            self.datacollector.collect(self)\n        except Exception: pass\n"
NESTED = '"place": lambda a: __import__("functools").reduce(lambda x, _: [x], range(5000), 1)'
CHANGES: dict[str, tuple[str, str]] = {  # what is replaced, and by what
    "no model": ("mesa.Model", "object"),
    "agents set": ("super().__init__(seed=seed)", "super().__init__(seed=seed); self.agents = []"),
    "steps set back": (STEP, "self.steps = 0"),
    "no super": ("super().__init__(seed=seed)", "pass"),
    "collects at once": ('"place"})', '"place"}); self.datacollector.collect(self)'),
    "a reporter more": (STEP, "self.datacollector.agent_reporters['x'] = lambda a: self.steps"),
    "a reporter renamed": (STEP, "self.datacollector.agent_reporters[f'x{self.steps}'] = lambda a: 1"),
    "swallows": ("        self.datacollector.collect(self)\n", SWALLOW),
    "an object": ('"place": "place"', '"place": lambda a: object()'),
    "ends with null": (STEP, "self.running = None"),
    "strange number": ("self.place = 0", "self.place = 0; self.unique_id = object()"),
    "agents are equal": ("    def step(self):\n", EQUAL),
    "long texts": ("self.place += ", "self.place = 'x' * 1000000 or "),
    "large numbers": ("self.place += ", "self.place = 10**40 + "),
    "name with escapes": ('{"place"', '{"a\\nb\\x1b[31m"'),
    "name without letters": ('{"place"', '{""'),
    "nobody left": (STEP, "self.remove_all_agents()"),
    "gives something else": ("class Walk(mesa.Model):", META),
    "a property": ("class Walk(mesa.Model):", PROPERTY),
    "deep lists": ('"place": "place"', NESTED),
    "another kind of argument": ("walkers=2", "walkers='two'"),
    "mesa is another": ('"""Walkers on a line."""', "import sys; sys.modules['mesa'] = 3"),
    "no random": ("super().__init__(seed=seed)", "super().__init__(); self.random = None"),
}
EXPECTED = {
    "steps set back": [], "collects at once": [], "long texts": [], "name with escapes": [], "swallows": [],
    "no model": ["E821"], "gives something else": ["E821"], "an object": ["E826"], "a reporter renamed": ["E826"],
    "deep lists": ["E826"], "large numbers": ["E826"], "nobody left": ["E825"], "ends with null": ["W791"],
    "a property": ["E822"], "no super": ["E822"],
}  # fmt: skip


def found(folder: Path, names: tuple[str, ...]) -> list[str]:
    """The codes of a spec whose model has these changes."""
    text = WALK
    for name in names:
        text = text.replace(*CHANGES[name], 1)
    (folder / "model.py").write_text(text, encoding="utf-8")
    path = folder / "spec.yaml"
    source = "sources:\n  w: {agents: 'model.py:Walk', steps: 3, timeout: 60}\n"
    path.write_text(
        f"synthspec: 1\nrows: 2\n{source}parameters: {{s: {{from: w}}}}\nfields: {{step: {{value: s.step}}}}\n"
    )
    compiled = compile_spec(path, access=Access(trust=True))
    for fault in compiled.diagnostics:
        assert fault.help and "\n" not in fault.message + fault.help and len(fault.message) < 300
    assert compiled.ok == bool(compiled.tables)
    return [d.code for d in compiled.diagnostics]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHSPEC_CACHE", str(tmp_path / "cache"))


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_one_thing_wrong(name: str, tmp_path: Path) -> None:
    codes = found(tmp_path, (name,))
    assert all(c[:3] in ("E82", "W79") for c in codes), codes
    assert codes == EXPECTED.get(name, codes)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_several_things_wrong(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    codes = found(tmp_path, tuple(dice.sample(list(CHANGES), dice.randint(2, 3))))
    assert len(codes) <= 2, codes
