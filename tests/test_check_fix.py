"""`check --fix` and `check --watch`, the hooks for pre-commit, and the completion of shells."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.shell_completion import BashComplete
from click.testing import CliRunner, Result
from depth import rest_slow

from synthspec.cli import cli
from synthspec.language_service import analyse, fix

ROOT = Path(__file__).parent.parent
FAULTS = sorted(
    p for p in (ROOT / "tests" / "faults").glob("*.yaml") if p.stem[:4] not in ("E114", "E820", "E821", "E823")
)
WRONG = """\
# A comment at the top.
synthspec: 1
rows: "40"   # in quotes
parameters:
  tone: [kind, harsh]   # two of them

prompts:
  note: {user: 'Write, {{ toen }}.', writes: [note]}
fields:
  note: {type: string, words: {min: 3}}
checks:
  - words(note) > 3 && note != tone
backend: gpt-5-mini
"""
RIGHT = (
    WRONG.replace('"40"', "40").replace("toen", "tone").replace("&&", "and").replace("gpt-5-mini", "openai:gpt-5-mini")
)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


@pytest.mark.parametrize(("head", "end"), [(b"", b"\n"), (b"\xef\xbb\xbf", b"\r\n")])
def test_certain_remedies_are_written_and_all_else_stays(head: bytes, end: bytes, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(head + WRONG.encode().replace(b"\n", end))
    path.chmod(0o640)
    done = run("check", "--fix", path)
    assert done.exit_code == 0, done.output
    assert path.read_bytes() == head + RIGHT.encode().replace(b"\n", end)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    fixed = sorted(line.split(": ")[1][:4] for line in done.output.splitlines() if " fixed: " in line)
    assert fixed == ["E204", "E302", "E402", "E601"]
    before = path.stat().st_mtime_ns
    assert "fixed" not in run("check", "--fix", path).output
    assert path.stat().st_mtime_ns == before


def test_what_is_not_certain_is_left_and_told(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    text = WRONG.replace("'Write, {{ toen }}.'", "'Write {{ size }}.'")
    path.write_text(text, encoding="utf-8")
    done = run("check", "--fix", path)
    assert done.exit_code == 1
    assert "'size' is not known here" in done.output
    assert "{{ size }}" in path.read_text(encoding="utf-8")


def test_a_link_stays_a_link_and_mixed_lines_stay(tmp_path: Path) -> None:
    target, link, mixed = tmp_path / "real.yaml", tmp_path / "link.yaml", tmp_path / "mixed.yaml"
    target.write_text(WRONG, encoding="utf-8")
    link.symlink_to(target)
    assert run("check", "--fix", link).exit_code == 0
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == RIGHT
    mixed.write_bytes(WRONG.encode().replace(b"\n", b"\r\n", 3))
    assert "several ways" in run("check", "--fix", mixed).output
    assert mixed.read_bytes() == WRONG.encode().replace(b"\n", b"\r\n", 3)


def test_a_file_that_changes_meanwhile_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(WRONG, encoding="utf-8")
    copy = shutil.copymode
    monkeypatch.setattr(shutil, "copymode", lambda a, b: (copy(a, b), path.write_text("other: 1\n", encoding="utf-8")))
    assert "changed meanwhile" in run("check", "--fix", path).output
    assert path.read_text(encoding="utf-8") == "other: 1\n"
    assert [p.name for p in tmp_path.iterdir()] == ["spec.yaml"]


@pytest.mark.parametrize("path", rest_slow(FAULTS, tuple(range(3, len(FAULTS), 60))), ids=lambda p: p.stem)
def test_no_spec_is_made_worse(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    before = analyse(path, text)
    fixed = fix(before)
    assert bool(fixed.steps) == (fixed.text != text)
    if not fixed.steps:
        return
    after = analyse(path, fixed.text)
    assert after.diagnostics == fixed.left
    if before.diagnostics[0].code >= "E300":  # those below hide what is in them
        errors = [[d for d in a.diagnostics if d.severity == "error"] for a in (before, after)]
        assert len(errors[1]) < len(errors[0]) or len(after.diagnostics) < len(before.diagnostics)
        assert errors[0] or not errors[1]
    assert fix(after).text == fixed.text
    comments = [line.partition("#")[2] for line in text.splitlines() if line.lstrip().startswith("#")]
    assert all(comment in fixed.text for comment in comments)


@pytest.mark.parametrize("words", [("--fix", "--rows", "3"), ("--fix", "--watch")])
def test_what_does_not_go_together_is_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(RIGHT, encoding="utf-8")
    assert run("check", *words, path).exit_code == 2


def test_a_watched_spec_is_checked_again_when_a_file_of_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, data, path = tmp_path / "base.yaml", tmp_path / "rows.csv", tmp_path / "spec.yaml"
    base.write_text("synthspec: 1\nparameters: {mood: [glad, sad]}\n", encoding="utf-8")
    data.write_text("town\nAlba\n", encoding="utf-8")
    path.write_text(
        "synthspec: 1\nextends: base.yaml\nsources: {s: {file: rows.csv}}\n"
        "parameters: {town: {from: s, column: town}}\nfields: {a: {value: mood + town}}\n",
        encoding="utf-8",
    )
    steps = iter([
        lambda: base.write_text("synthspec: 1\nparameters: {mod: [glad, sad]}\n", encoding="utf-8"),
        lambda: base.write_text("synthspec: 1\nparameters: {mood: [glad, sad]}\n ", encoding="utf-8"),
        lambda: data.write_text("city\nAlba\nBari\n", encoding="utf-8"),
        data.unlink,
        lambda: data.write_text("town\nAlba\nBari\nComo\n", encoding="utf-8"),
    ])  # fmt: skip
    clock = [10**18]

    def pass_by(seconds: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()
        clock[0] += 10**9
        for file in (base, data):  # file systems with coarse clocks
            if file.exists():
                os.utime(file, ns=(clock[0], clock[0]))

    monkeypatch.setattr("synthspec.cli.shared.watching.wait", pass_by)
    done = run("check", "--watch", path)
    assert done.exit_code == 130
    told = [line for line in done.output.splitlines() if line.startswith(("error", "1 spec", "interrupted"))]
    assert [t.split(":")[0] for t in told] == [
        "1 spec", "error[E301]", "1 spec", "error[E512]", "error[E511]", "1 spec", "interrupted",
    ]  # fmt: skip


def test_the_hooks_are_a_manifest_and_their_entries_run(tmp_path: Path) -> None:
    manifest = ROOT / ".pre-commit-hooks.yaml"
    hooks = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    path = tmp_path / "spec.yaml"
    for hook in hooks:
        path.write_text(WRONG, encoding="utf-8")
        program, *words = hook["entry"].split()
        assert program == "synthspec"
        assert run(*words, path).exit_code == (0 if "--fix" in words else 1)
    pytest.importorskip("pre_commit")
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(manifest)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "begun", "there"),
    [
        (["explain"], "e30", "E301"),
        (["library"], "to", "tones"),
        (["check"], "spe", "specs"),
        (["check"], "specs/revi", "specs/reviews.yaml"),
        (["plan", "--backend"], "oll", "ollama"),
        (["plan", "--backend"], "openai:gpt-5-m", "openai:gpt-5-mini"),
        (["build", "--engine"], "bat", "batch"),
        ([], "stat", "status"),
    ],
)
def test_shells_complete(words: list[str], begun: str, there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = BashComplete(cli, {}, "synthspec", "_SYNTHSPEC_COMPLETE").get_completions(words, begun)
    assert there in [item.value for item in found]
