"""W774: rules and checks that every one of the first combinations breaks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import synthspec

HEAD = "synthspec: 1\nname: s\nrows: 100\nparameters: {n: 'integer(1, 9)', mood: [good, bad]}\n"


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("fields: {n: {value: n, minimum: 100}}", ["n: must be at least 100"]),
        ("fields: {m: {value: n * 2}, t: {value: \"concat('a', text(m))\", pattern: '^b'}}", ["t: must match ^b"]),
        ("fields: {m: {value: n}}\nchecks: [m > 1000, m < 100]", ["`m > 1000` does not hold"]),
        ("fields: {m: {value: n}}\nchecks: [{that: m > 1000, severity: warn}, {that: m > 1000, severity: drop}]",
         ["every row is dropped: the rule `m > 1000` does not hold"]),
        ("fields: {m: {value: n, maximum: 2}}", []),  # some rows keep it
        ("fields: {m: {value: n, maximum: 8}}\nchecks: [\"mood == 'good' or m > 2\"]", []),
        ("fields: {m: {value: 'if n > 0 then null else 1', minimum: 5, optional: true}}", []),
        ("fields: {i: {value: index(), minimum: 1000}}", []),  # hangs on the row's place
        ("prompts: {p: {user: 'A {{ mood }} text.', writes: [t]}}\n"
         "fields: {t: {type: string}, c: {value: len(t), maximum: -1}}", []),  # hangs on what a model writes
        ("prompts: {p: {user: 'A {{ mood }} text.', writes: [t]}}\n"
         "fields: {t: {type: string}, c: {value: n, maximum: -1}}", ["c: must be at most -1"]),
    ],
)  # fmt: skip
def test_what_no_row_keeps(rest: str, says: list[str]) -> None:
    found = [d.message for d in synthspec.check(f"{HEAD}{rest}\n") if d.code == "W774"]
    assert len(found) == len(says) and all(s in f for s, f in zip(says, found, strict=True)), found


def test_a_spec_without_such_rules_loads_no_plan(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(f"{HEAD}fields: {{m: {{value: n * 2}}}}\n", encoding="utf-8")
    script = "import sys; from synthspec.compiler import compile_spec; from pathlib import Path; compile_spec(Path('s.yaml')); print('numpy' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == "False"
