"""Whatever the file, `check` ends with diagnostics and status 1, never with a traceback."""

from __future__ import annotations

import cProfile
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from depth import quarter, rest_slow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.diagnostics import Diagnostic, has_errors
from synthspec.diagnostics.render import render_github, render_json, render_sarif, render_text

SPECS = Path(__file__).parent.parent / "specs"
SHIPPED = {p.name: p.read_text(encoding="utf-8") for p in sorted(SPECS.glob("*.yaml"))}


def check(path: Path, status: int = 1) -> list[tuple[str, int]]:
    """The codes and lines that the compiler reports; the command must agree with it."""
    found = compile_spec(path).diagnostics
    for form in ("text", "json"):
        result = CliRunner().invoke(cli, ["check", str(path), "--format", form], catch_exceptions=False)
        assert result.exit_code == status == (1 if has_errors(found) else 0), result.output
        assert "Traceback" not in result.output
    return [(d.code, d.span.line) for d in found]


def check_text(folder: Path, text: str | bytes) -> list[tuple[str, int]]:
    path = folder / "spec.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return check(path)


# --- files that are no spec


def test_missing(tmp_path: Path) -> None:
    assert check(tmp_path / "none.yaml") == [("E101", 1)]
    (tmp_path / "reviews.yaml").touch()
    (fault,) = compile_spec(tmp_path / "reveiws.yaml").diagnostics
    assert "reviews.yaml" in fault.help


def test_folder(tmp_path: Path) -> None:
    assert check(tmp_path) == [("E101", 1)]


def test_device() -> None:
    assert check(Path("/dev/null")) == [("E101", 1)]


def test_impossible_names(tmp_path: Path) -> None:
    assert check(tmp_path / ("x" * 5_000 + ".yaml")) == [("E101", 1)]
    assert [d.code for d in compile_spec(Path("a\0b.yaml")).diagnostics] == ["E101"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("synthspec: 1\n", encoding="utf-8")
    path.chmod(0)
    assert check(path) == [("E101", 1)]


def test_unreadable_by_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("synthspec: 1\n", encoding="utf-8")

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    (fault,) = compile_spec(path).diagnostics
    assert fault.code == "E101" and "permission denied" in fault.message


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "E110"),
        (b"\n\n  \n", "E110"),
        (b"# only this\n", "E110"),
        (b"\xef\xbb\xbf", "E110"),
        (b"---\n...\n", None),
        (b"\0\1\2\3", "E103"),
        (b"\x89PNG\r\n\x1a\n\0\0", "E103"),
        ("synthspec: 1\n".encode("utf-16"), "E103"),
        ("synthspec: 1\n".encode("utf-16-be"), "E103"),
        ("synthspec: 1\n".encode("utf-32"), "E103"),
        ("synthspec: 1\ndescription: señal\n".encode("latin-1"), "E103"),
        (b"synthspec: 1\nname: \xed\xa0\x80\n", "E103"),
        (b"- synthspec: 1\n", "E201"),
        (b"synthspec\n", "E201"),
        (b"12\n", "E201"),
        (b"null\n", "E201"),
        (b"synthspec: 1\n\x07: 2\n", "E111"),
        (b"synthspec: 1\nname: \x1b[31m\n", "E111"),
        (b"%YAML 3.0\n---\nsynthspec: 1\n", "E111"),
        (b"{" * 10_000, "E115"),
        (b"[" * 100_000, "E115"),
        (b"a: " * 50_000, "E111"),
        (b"'" * 99_999, "E111"),
        (b"&a " * 1_000, "E111"),
        (b"!" * 10_000, None),
        (b"? " * 10_000, None),
        (b"- " * 100_000, "E115"),
        (b"{" + b"x: {" * 30 + b"}" * 31, None),
    ],
)
def test_text_that_is_no_spec(data: bytes, code: str | None, tmp_path: Path) -> None:
    found = check_text(tmp_path, data)
    assert found and (code is None or found[0][0] == code), found


def test_windows_line_ends_and_a_byte_order_mark_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xef\xbb\xbfsynthspec: 1\r\nrows: 3\r\n")
    assert check(path, status=0) == []


@pytest.mark.parametrize("size", [500_000, pytest.param(1_900_000, marks=pytest.mark.slow)])
def test_megabytes_of_noise(tmp_path: Path, size: int) -> None:
    dice = random.Random(1)
    assert check_text(tmp_path, dice.randbytes(5 * size))[0][0] == "E102"
    assert check_text(tmp_path, "".join(dice.choices("ab:-[]{}'\"\n #&*!|>%@", k=size)))[0][0].startswith("E1")


def test_versions(tmp_path: Path) -> None:
    for version in ("0", "2", "1.5", "'1'", "one", "[1]", "null", "true"):
        assert check_text(tmp_path, f"synthspec: {version}\n") == [("E205", 1)], version


def test_links_and_loops(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    (outside / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    (outside / "secret.yaml").write_text("synthspec: 1\n", encoding="utf-8")
    (home / "link.csv").symlink_to(outside / "secret.csv")
    (home / "link.yaml").symlink_to(outside / "secret.yaml")
    (home / "folder").symlink_to(outside)
    (home / "loop.csv").symlink_to(home / "loop.csv")
    (home / "loop.yaml").symlink_to(home / "loop.yaml")
    (home / "round").symlink_to(home)
    (home / "own.csv").write_text("a\n1\n", encoding="utf-8")
    for file in ("link.csv", "folder/secret.csv", "../outside/secret.csv", "round/../../outside/secret.csv"):
        assert check_text(home, f"synthspec: 1\nsources: {{s: {{file: {file}}}}}\n") == [("E513", 2)], file
    for file in ("loop.csv", "none.csv", "."):
        assert check_text(home, f"synthspec: 1\nsources: {{s: {{file: {file}}}}}\n")[0][0] in ("E511", "E513"), file
    for file in ("link.yaml", "folder/secret.yaml", "../outside/secret.yaml"):
        assert check_text(home, f"synthspec: 1\nextends: {file}\n") == [("E121", 2)], file
    assert check_text(home, "synthspec: 1\nextends: loop.yaml\n")[0][0] in ("E120", "E121")
    assert check_text(home, "synthspec: 1\nextends: ./\n") == [("E120", 2)]
    assert check(home / "loop.yaml")[0][0] == "E101"
    (home / "spec.yaml").write_text("synthspec: 1\nsources: {s: {file: round/round/own.csv}}\n", encoding="utf-8")
    assert check(home / "spec.yaml", status=0) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.csv", b""), ("bytes.csv", b"\0\xff\xfe"), ("ragged.csv", b"a,b\n1\n"), ("twice.csv", b"a,a\n1,2\n"),
        ("quote.csv", b'a\n"x\n'), ("list.json", b"[1, 2]"), ("map.json", b"{}"), ("half.json", b'[{"a": 1'),
        ("lines.jsonl", b'{"a": 1}\n[2]\n'), ("text.parquet", b"PAR1"), ("empty.parquet", b""), ("x.xlsx", b"PK"),
        ("deep.json", b"[" * 100_000),
    ],
)  # fmt: skip
def test_data_that_cannot_be_read(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert check_text(tmp_path, f"synthspec: 1\nsources:\n  s: {{file: {name}}}\n")[0][0] in ("E511", "E514")


@pytest.mark.parametrize("count", [49, 60])
def test_many_files(count: int, tmp_path: Path) -> None:
    for i in range(count):
        (tmp_path / f"p{i}.yaml").write_text("synthspec: 1\n", encoding="utf-8")
    text = f"synthspec: 1\nextends: [{', '.join(f'p{i}.yaml' for i in range(count))}]\n"
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    assert {c for c, _ in check(tmp_path / "spec.yaml", status=int(count > 49))} == ({"E122"} if count > 49 else set())


# --- values of every wrong kind in every place

WRONG = ["", "null", "true", "12", "-1.5", ".nan", ".inf", "text", "''", "[]", "[1]", "[null]", "[[x]]", "{}", "{a: b}",
         "{a: {b: [c]}}", "2024-01-31", "'{{ x }}'", "'1 +'", "'(?P<'", "1e400", "[a, {b: c}]", "'\u0000'"]  # fmt: skip
EVERY = """\
synthspec: 1
name: every
description: Every key.
license: MIT
tags: [a]
rows: 5
seed: 1
repair: true
sources:
  s: {rows: [{call: x, n: 1}, {call: y, n: 2}], columns: {n: m}}
parameters:
  a: [x, y]
  b: {values: {u: 1, v: 2}}
  c: {values: [1, 2], weights: [1, 2]}
  d: round(normal(3, 1))
  e: {pattern: '[A-Z]'}
  f: {from: s, column: call, where: row.m > 0, replacement: true}
  g: {given: a, cases: {x: [1]}, else: 'poisson(2)'}
  h: {faker: city, locale: en_US, arguments: {}}
plan: {strategy: balanced, strength: 2, over: [a], exclude: [a == 'x' and b == 'u'], correlate: [{between: [c, d], rank: 0.1}]}
prompts:
  p:
    system: System {{ a }}
    user: User {{ b }} {{ c }} {{ d }} {{ e }} {{ f }} {{ g }} {{ h }}
    writes: [t, n]
    format: json
    rows: 1
    examples: {from: s, rows: 1, where: row.m > 0}
    when: a == 'x'
    instructions: none
    verbalize: 1
    backend: {provider: ngram}
fields:
  t: {type: string, description: D, words: {min: 1, max: 9}, sentences: 1, rejects: [zz], clean: [strip, {replace: a, with: b}], optional: true, pattern: '.', minLength: 1, maxLength: 99, title: T, examples: [x]}
  n: {type: integer, minimum: 1, maximum: 9, multipleOf: 1, enum: [1, 2], optional: true}
  v: {value: words(t)}
checks: [v < 99, {that: n < 9, message: M, severity: warn, retry: p}]
novelty: {unique: [t], near_duplicates: {fields: [t], similarity: 0.5}, no_copies: {from: s, fields: [t]}, avoid: {last: 2, fields: [t]}, on_saturation: stop}
gates: [acceptance > 0.1]
output: {formats: [csv], partition_by: n, split: {a: 1, b: 1}, stratify: n, columns: [t, n], shape: table}
backend: {provider: openai, model: m, base_url: u, temperature: 0.5, top_p: 0.5, max_tokens: 9, stop: [x], prices: {prompt: 1, completion: 2}}
limits: {budget: 1, tokens: 1, requests: 1, minutes: 1, concurrency: 1, attempts: 1, timeout: 1, requests_per_minute: 1, tokens_per_minute: 1}
"""


def places_in(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(p for k, v in below for p in places_in(v, (*path, k)))]


def replaced(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = replaced(data[path[0]], path[1:], value)
    return copy


@pytest.mark.slow
@pytest.mark.parametrize(("count", "start"), [(1, 1), *((len(WRONG), n) for n in (1, 2, 3))])
def test_every_value_of_every_wrong_kind(count: int, start: int, tmp_path: Path) -> None:
    data = yaml.safe_load(EVERY.replace("no_copies: {from: s, fields: [t]}", "no_copies: {from: s, fields: [call]}"))
    dice = random.Random(7)
    path = tmp_path / "spec.yaml"
    for place in places_in(data)[start::3]:
        marked = yaml.safe_dump(replaced(data, place, "@@@"), sort_keys=False, width=1000)
        for wrong in dice.sample(WRONG, count):
            text = marked.replace("'@@@'", wrong)
            path.write_text(text, encoding="utf-8")
            compiled = compile_spec(path)  # must not raise
            assert_sound(compiled.diagnostics, path, text)


# --- mutations of the shipped specs


def assert_sound(found: tuple[Diagnostic, ...], path: Path, text: str) -> None:
    """Every place lies in the file it names, and every form can be printed."""
    texts = {str(path): text}
    for d in found:
        for span in (d.span, *(r.span for r in d.related)):
            if span.file not in texts:
                texts[span.file] = Path(span.file).read_text(encoding="utf-8")
            lines = texts[span.file].replace("\r\n", "\n").replace("\r", "\n").split("\n")
            assert 1 <= span.line <= span.end_line <= len(lines) + 1, (d, len(lines))
            line = lines[span.line - 1] if span.line <= len(lines) else ""
            assert 1 <= span.column <= len(line) + 1, (d, line)
        assert d.message and "\n" not in d.message, d
    for form in (render_text(found), render_json(found), render_github(found), render_sarif(found, {}, "1")):
        assert isinstance(form, str)


Mutation = Callable[[list[str], random.Random], None]


def _delete(lines: list[str], dice: random.Random) -> None:
    del lines[dice.randrange(len(lines))]


def _duplicate(lines: list[str], dice: random.Random) -> None:
    at = dice.randrange(len(lines))
    lines.insert(dice.randrange(len(lines)), lines[at])


def _swap(lines: list[str], dice: random.Random) -> None:
    a, b = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]


def _indent(lines: list[str], dice: random.Random) -> None:
    at = dice.randrange(len(lines))
    lines[at] = dice.choice(["  ", " ", "\t", "    "]) + lines[at] if dice.random() < 0.5 else lines[at].lstrip()


def _replace_value(lines: list[str], dice: random.Random) -> None:
    at = dice.choice([i for i, line in enumerate(lines) if ": " in line] or [0])
    key, _, _ = lines[at].partition(": ")
    lines[at] = f"{key}: {dice.choice(WRONG)}"


def _insert(lines: list[str], dice: random.Random) -> None:
    at = dice.randrange(len(lines))
    column = dice.randrange(len(lines[at]) + 1)
    noise = "".join(
        dice.choices("{}[]()%'\"\\:,#&*!|>@`~?-=+/ \t\u00e9\u6f22\u2028\x85\ufeff\x07$^._0aZ", k=dice.randint(1, 4))
    )
    lines[at] = lines[at][:column] + noise + lines[at][column:]


def _truncate(lines: list[str], dice: random.Random) -> None:
    del lines[dice.randrange(1, len(lines) + 1) :]
    lines[-1] = lines[-1][: dice.randrange(len(lines[-1]) + 1)]


def _misspell(lines: list[str], dice: random.Random) -> None:
    at = dice.choice([i for i, line in enumerate(lines) if line.strip()] or [0])
    if lines[at]:
        column = dice.randrange(len(lines[at]))
        lines[at] = lines[at][:column] + dice.choice("abcxyz_1") + lines[at][column + 1 :]


MUTATIONS: tuple[Mutation, ...] = (
    _delete, _duplicate, _swap, _indent, _replace_value, _insert, _truncate, _misspell,
)  # fmt: skip


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mutants")
    for name in ("data", "factory"):
        shutil.copytree(SPECS / name, folder / name)
    return folder


def check_mutant(folder: Path, name: str, seed: int) -> None:
    dice = random.Random(seed)
    lines = SHIPPED[name].split("\n")
    for _ in range(dice.randint(1, 3)):
        if lines:
            dice.choice(MUTATIONS)(lines, dice)
    text = "\n".join(lines)
    path = folder / "mutant.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    found = compile_spec(path).diagnostics
    assert_sound(found, path, text)
    if seed % 10 == 0:
        result = CliRunner().invoke(cli, ["check", str(path)], catch_exceptions=False)
        assert result.exit_code == int(has_errors(found)) and "Traceback" not in result.output


@settings(max_examples=quarter(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(SHIPPED)), st.integers(0, 10**9))
def test_mutants(workshop: Path, name: str, seed: int) -> None:
    check_mutant(workshop, name, seed)


@pytest.mark.slow
@settings(max_examples=3_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(SHIPPED)), st.integers(0, 10**9))
def test_many_mutants(workshop: Path, name: str, seed: int) -> None:
    check_mutant(workshop, name, seed)


@settings(max_examples=quarter(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_anything(workshop: Path, data: str | bytes) -> None:
    path = workshop / "anything.yaml"
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    path.write_bytes(raw)
    found = compile_spec(path).diagnostics
    assert has_errors(found) or raw.lstrip(b"\xef\xbb\xbf").startswith(b"synthspec")
    render_text(found)


def _chain(length: int) -> str:
    rest = "".join(f"  f{i}: {{value: f{i - 1} + 1}}\n" for i in range(length - 1, 0, -1))
    return f"prompts: {{p: {{user: x}}}}\nfields:\n{rest}  f0: {{type: integer}}\n"


def _prompts(length: int) -> str:
    prompts = "".join(f"  p{i}: {{user: 'x {{{{ f{i - 1} }}}}', writes: [f{i}]}}\n" for i in range(1, length))
    fields = "".join(f"  f{i}: {{type: integer}}\n" for i in range(length))
    return f"prompts:\n  p0: {{user: x, writes: [f0]}}\n{prompts}fields:\n{fields}"


def _cases(length: int) -> str:
    cases = "".join(f"      v{i}: [x, y{i}]\n" for i in range(length))
    values = ", ".join(f"v{i}" for i in range(length))
    drawn = f"parameters:\n  a: [{values}]\n  b:\n    given: a\n    cases:\n{cases}"
    return f"{drawn}prompts: {{p: {{user: '{{{{ b }}}}'}}}}\n{TAIL}"


def _unknown(length: int) -> str:
    checks = "".join(f"  - g{i} > 1\n" for i in range(length))
    fields = "".join(f"  f{i}: {{type: integer}}\n" for i in range(length))
    return f"prompts: {{p: {{user: x}}}}\nfields:\n{fields}checks:\n{checks}"


TAIL = "fields: {t: {type: string, words: 5}}\n"


@pytest.mark.parametrize("make", rest_slow([_chain, _prompts, _cases, _unknown], (2,)))
def test_checking_takes_time_in_proportion(make: Callable[[int], str], tmp_path: Path) -> None:
    """Twice as long a spec takes about twice the calls of Python's functions, which no load of the machine changes."""

    def calls(length: int) -> int:
        path = tmp_path / f"{length}.yaml"
        path.write_text(f"synthspec: 1\n{make(length)}", encoding="utf-8")
        profile = cProfile.Profile()
        profile.enable()
        compile_spec(path)
        profile.disable()
        return sum(entry.callcount for entry in profile.getstats())

    calls(20)
    few, many = calls(75), calls(300)
    assert many < 4 * few * 1.5
