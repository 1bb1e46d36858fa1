"""`synthspec new --from` of tables drawn at random: whatever stands in them, the spec is sound and builds."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from synthspec.cli import cli
from synthspec.compiler import compile_spec

Dice = random.Random
WORDS = "lorem ipsum dolor sit amet consectetur the of and to in".split()

VALUES: list[Callable[[Dice], Any]] = [
    lambda d: d.randrange(5),
    lambda d: d.gauss(0, 1),
    lambda d: round(d.gauss(50, 9), 1),
    lambda d: d.choice(["a", "b", "c d"]),
    lambda d: d.choice([True, False]),
    lambda d: f"{d.randrange(10**6):06d}",
    lambda d: f"{d.choice('ABC')}-{d.randrange(99)}",
    lambda d: " ".join(d.choice(WORDS) for _ in range(d.randrange(1, 30))),
    lambda d: f"2024-{d.randrange(1, 13):02d}-{d.randrange(1, 28):02d}",
    lambda d: f"{d.randrange(1, 28)}/{d.randrange(1, 13)}/2023 {d.randrange(24)}:{d.randrange(60):02d}",
    lambda d: d.choice([None, 1]),
    lambda d: d.choice(["yes", "no", "null", "~", "1e5", "0x1f", "-", "true", ": x", "{a}", "[b", "#c", "'q", '"r']),
    lambda d: d.choice([1, 2.5, "x", None, True]),
    lambda d: d.random() * 1e-12,
    lambda d: d.randrange(10**17),
    lambda d: [d.choice("xyz") for _ in range(d.randrange(4))],
    lambda d: {"k": d.randrange(9), "v w": d.choice(["p", "q"])},
    lambda d: {"k": d.choice([None, {"z": 1}])},
    lambda d: f"{d.randrange(24):02d}:{d.randrange(60):02d}",
    lambda d: d.choice(["Ann Lee", "Bob Ray"]),
    lambda d: f"u{d.randrange(999)}@x.test",
    lambda d: 0 if d.random() < 0.7 else d.expovariate(0.01),
    lambda d: "日本語のテキスト" * d.randrange(1, 4),
    lambda d: "a\nb\tc",
    lambda d: "\\d+ 'x' \"y\"",
    lambda d: 1e150 * d.random(),
    lambda d: d.choice([10**30, -(10**25)]),
    lambda d: f"{d.randrange(1000)}%",
    lambda d: d.choice([-1, 1]) * 10 ** d.uniform(-8, 8),
]
HEADERS = [*"id name date if row A a é text min sample value rows index given 1 examples note no yes null true".split(),
           *"random prompt user write sample_missing date_missing x_y".split(), "", "x y"]  # fmt: skip


def table(dice: Dice) -> list[dict[str, Any]]:
    """Rows of one to eight columns, each with values of one kind, some of them missing."""
    headers = dice.sample(HEADERS, dice.randrange(1, 9))
    kinds = {h: dice.choice(VALUES) for h in headers}
    missing = {h: dice.choice([0, 0, 0, 0.1, 0.5, 0.95]) for h in headers}
    rows = dice.choice([1, 2, 3, 5, 9, 25, 60, 150])
    return [{h: None if dice.random() < missing[h] else kinds[h](dice) for h in headers} for _ in range(rows)]


def look_at(seed: int, folder: Path) -> None:
    (folder / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in table(random.Random(seed))))
    made = CliRunner().invoke(cli, ["new", "spec", "--from", str(folder / "data.jsonl"), "--out", str(folder)])
    if made.exit_code:
        assert isinstance(made.exception, SystemExit), made.exception
        assert "every value of the file is missing" in made.stderr
        return
    assert [d.message for d in compile_spec(folder / "spec.yaml").diagnostics] == []
    built = ["build", str(folder / "spec.yaml"), "--out", str(folder / "out"), "--set", "rows=20", "-q"]
    done = CliRunner().invoke(cli, built)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("seed", range(3))
def test_any_table_gives_a_sound_spec(seed: int, tmp_path: Path) -> None:
    look_at(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 250))
def test_many_tables_give_sound_specs(seed: int, tmp_path: Path) -> None:
    look_at(seed, tmp_path)
