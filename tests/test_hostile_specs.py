"""Specs of hostile sizes are checked in a process of bounded memory and CPU time: a status and a sentence, no traceback."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from depth import one_in, rest_slow
from forked_commands import run_forked

ROOT = Path(__file__).parent.parent
MEMORY = 1_500_000_000  # bytes of address space
SECONDS = 60  # of CPU
FIELDS = "fields:\n  t: {type: string, words: {min: 1}}\n"
PROMPT = "prompts:\n  t: {user: Write a title.}\n"


def run(
    arguments: list[str], folder: Path, memory: int = MEMORY, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    names = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", **(variables or {})}
    command = [sys.executable, "-m", "synthspec", *arguments]
    return subprocess.run(command, cwd=folder, env=os.environ | names, capture_output=True, preexec_fn=limits)


def is_sound(done: subprocess.CompletedProcess[bytes], allowed: tuple[int, ...] = (0, 1, 2)) -> None:
    said = (done.stdout + done.stderr)[-3_000:].decode("utf-8", "replace")
    assert done.returncode in allowed, (done.returncode, said)
    assert b"Traceback" not in done.stdout + done.stderr, said


def parameters(count: int, draw: random.Random) -> str:
    kinds = ["[a, b, c]", "{values: {x: 3, y: 1}}", "uniform(0, 1)", "normal(5, 1)", "{regex: '[a-z]{3}'}"]
    return "parameters:\n" + "".join(f"  p{i}: {draw.choice(kinds)}\n" for i in range(count))


def chain(count: int, draw: random.Random) -> str:
    backwards = draw.random() < 0.5
    lines = [f"  v{i}: {{value: {'words(t)' if i == 0 else f'v{i - 1} + 1'}}}\n" for i in range(count)]
    return PROMPT + FIELDS + "".join(reversed(lines) if backwards else lines)


def depth(count: int, draw: random.Random) -> str:
    opened, closed = draw.choice([("[", "]"), ("{a: ", "}"), ("(", ")"), ("not ", "")])
    nested = opened * count + "1" + closed * count
    return PROMPT + FIELDS + draw.choice([f"tags: {nested}\n", f"checks:\n  - '{nested} > 0'\n"])


def expansion(count: int, draw: random.Random) -> str:
    wide = draw.randint(2, 12)
    lines = ["tags: &a0 [x]\n", "sources:\n"]
    for i in range(1, min(count, 200)):
        lines.append(f"  s{i}:\n    rows: &a{i} [{', '.join([f'*a{i - 1}'] * wide)}]\n")
    return "".join(lines) + PROMPT + FIELDS


def names(count: int, draw: random.Random) -> str:
    long = draw.choice("abc_é") * count
    return f"parameters:\n  {long}: [1, 2]\nplan: {{exclude: ['{long}x == 1']}}\n" + PROMPT + FIELDS


def exclusions(count: int, draw: random.Random) -> str:
    lists = draw.randint(2, 12)
    head = "parameters:\n" + "".join(f"  p{i}: [1, 2, 3, 4]\n" for i in range(lists)) + "plan:\n  exclude:\n"
    rules = [
        f"    - p{draw.randrange(lists)} == {draw.randint(1, 4)} and p{draw.randrange(lists)} == 1\n"
        for _ in range(count)
    ]
    return head + "".join(rules) + PROMPT + FIELDS


def templates(count: int, draw: random.Random) -> str:
    body = draw.choice(
        ["{{ p0 }} ", "{% if p0 %}x{% endif %} ", "{{ nothing }} ", "{% set a = a ~ a %}", "{% for i in [1, 2] %}"]
    )
    return parameters(3, draw) + f'prompts:\n  t: {{user: "{body * count}"}}\n' + FIELDS


def unknown(count: int, draw: random.Random) -> str:
    return PROMPT + FIELDS + "checks:\n" + "".join(f"  - nobody{i} == 'x'\n" for i in range(count))


def many(count: int, draw: random.Random) -> str:
    return parameters(count, draw) + PROMPT + FIELDS


MADE = {f.__name__: f for f in (chain, depth, expansion, names, exclusions, templates, unknown, many)}


def spec(kind: str, seed: int, largest: int) -> str:
    draw = random.Random(f"{kind}/{seed}")
    return "synthspec: 1\nrows: 20\n" + MADE[kind](int(10 ** draw.uniform(1, largest)), draw)


@pytest.mark.parametrize("kind", one_in(2, MADE))
def test_a_hostile_spec_gets_a_status(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "spec.yaml").write_text(spec(kind, 0, 2), encoding="utf-8")
    limits = {"RLIMIT_AS": MEMORY, "RLIMIT_CPU": SECONDS}
    done = run_forked(folder, "check", "spec.yaml", environment=dict(os.environ), root=ROOT, limits=limits)
    is_sound(subprocess.CompletedProcess([], done.returncode, done.stdout.encode(), done.stderr.encode()))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("kind", MADE)
def test_hostile_specs_of_any_size_get_a_status(kind: str, seed: int, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(spec(kind, seed, 4), encoding="utf-8")
    is_sound(run(["check", "spec.yaml"], tmp_path))


SMALL = "synthspec: 1\nrows: 2\nparameters: {p: [1, 2]}\nprompts: {t: {user: 'Title {{ p }}'}}\nfields: {t: {type: string}}\n"


@pytest.mark.parametrize(
    "command",
    rest_slow([["build", "--out", "a4é"], ["plan", "--out", "a4é.csv"], ["build", "--out", "日本"]], (2,)),
)
def test_names_beyond_ascii_where_the_locale_has_none(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SMALL, encoding="utf-8")
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    is_sound(run([command[0], "spec.yaml", *command[1:]], tmp_path, 4 * MEMORY, locale), (0, 1, 2, 3))


@pytest.mark.parametrize(
    ("kilobytes", "command"),
    rest_slow(
        [(k, c) for k in (200_000, 600_000) for c in (["check"], ["plan"], ["preview"], ["build", "--out", "out"])],
        (3,),
    ),
)
def test_little_memory_is_a_sentence(command: list[str], kilobytes: int, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SMALL, encoding="utf-8")
    done = run([command[0], "spec.yaml", *command[1:]], tmp_path, kilobytes * 1024)
    is_sound(done, (0, 1, 2, 3))
    if done.returncode:
        assert 0 < len((done.stdout + done.stderr).strip().splitlines()) <= 4
