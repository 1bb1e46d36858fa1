"""No text of a provider, a model or a file reaches a terminal with characters that it obeys."""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from loopback import Loopback
from test_build import calls_spec

from synthspec.cli import cli
from synthspec.cli.shared.echo import open_console
from synthspec.diagnostics.terminal import one_line, visible, visible_json

CLI = Path(__file__).parent.parent / "synthspec" / "cli"
UNSAFE = {
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
}
EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[1A \x9b31m\u202egnp\u2066 \x08\x08\rover \x7f\x00"
any_text = st.text(st.characters(exclude_categories=[]) | st.sampled_from(sorted(UNSAFE)))


@given(any_text)
def test_what_is_shown_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    assert not (UNSAFE - {"\n", "\t"}) & set(visible(text))
    assert not UNSAFE & set(one_line(text))
    visible(text).encode()
    one_line(text).encode()


@given(st.recursive(any_text | st.integers() | st.none(), lambda v: st.lists(v) | st.dictionaries(any_text, v)))
def test_json_means_the_same(value: Any) -> None:
    shown = visible_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert not (UNSAFE - {"\n"}) & set(shown)
    assert json.loads(shown) == json.loads(json.dumps(value))


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("40 €", "نص عربي", "👩‍👩‍👧 a\u200dfamily", "tab\tand\nline", "می‌خواهم", "a\u00adb", "ÅÄÖ"):
        assert visible(text) == text


def test_every_command_prints_by_way_of_echo() -> None:
    """`click.echo`, `print` and a console of rich's own are for `echo.py` alone."""
    for path in sorted(CLI.rglob("*.py")):
        if path.name == "echo.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("click.echo", "click.secho", "print", "Console", "sys.stdout.write",
                                      "sys.stderr.write"), f"{path.name}:{node.lineno} prints by {called}"  # fmt: skip


@pytest.mark.parametrize("colour", [True, False])
def test_a_console_keeps_its_own_colours_only(colour: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.table import Table
    from rich.text import Text

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console = open_console(no_color=not colour)
    console.file = io.StringIO()
    table = Table(EVIL)
    table.add_row(EVIL, Text(EVIL, style="red"))
    for what in (EVIL, Text(EVIL, style="bold"), table):
        console.print(what)
    console.rule(EVIL)
    shown = console.file.getvalue()
    for bad in ("\x1b]", "\x1b[2J", "\x1b[1A", "\x9b", "\u202e", "\u2066", "\x08", "\rover", "\x7f", "\x00"):
        assert bad not in shown
    assert "\x1b[" in shown or not colour


def _clean(output: str) -> None:
    assert not (UNSAFE - {"\n"}) & set(output), ascii(output)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_models_text_is_shown_harmless(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In previews of rows, of completions and of what was wrong with them, in reports, comparisons and differences."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORCE_COLOR", "")
    with Loopback(
        reply=lambda body, nth: f"{EVIL} a call of many words {len(body['messages'])}" if nth % 2 else EVIL
    ) as server:
        path = calls_spec(tmp_path, server.url, rows=6)
        for command in (["preview", "--rows", "3"], ["build"], ["build", "--rows", "5"], ["check"], ["plan"]):
            done = CliRunner().invoke(cli, [command[0], str(path), *command[1:], "--format", form] if command[0] != "build"
                                      else [command[0], str(path), *command[1:]])  # fmt: skip
            assert not done.exception or isinstance(done.exception, SystemExit), done.output
            _clean(done.output)
        for arguments in (["report", "build/calls"], ["compare", "build/calls", "build/calls"]):
            done = CliRunner().invoke(cli, [*arguments, "--format", form])
            _clean(done.output)


@pytest.mark.parametrize("fault", ["400", "401", "429", "500", "cut"])
def test_a_providers_error_is_shown_harmless(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    class Evil(Loopback):
        async def _fail(self, request: Any, fault: str, body: Any, nth: int) -> Any:
            from aiohttp import web

            if fault == "cut":
                return web.Response(body=f'{{"choices": "{EVIL}', content_type="application/json")
            text = json.dumps({"error": {"message": EVIL}}, ensure_ascii=False)
            return web.Response(text=text, status=int(fault), headers={"Retry-After": "0"})

    with Evil(faults={fault: 1.0}) as server:
        path = calls_spec(tmp_path, server.url, rows=2)
        path.write_text(path.read_text().replace("concurrency: 8", "concurrency: 8, minutes: 0.02"))
        for command in ("preview", "build"):
            done = CliRunner().invoke(cli, [command, str(path)])
            assert done.exit_code == 3, done.output
            _clean(done.output)
    for kept in (tmp_path / "build").rglob("*.jsonl"):
        kept.read_text(encoding="utf-8")


def test_names_of_files_and_specs_are_shown_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2Jb.yaml"
    path.write_text(
        "synthspec: 1\nname: x\nrows: 2\nfields: {a: {value: nothing\u202e}}\n\x9b31m: 1\n", encoding="utf-8"
    )
    for form in ("text", "json", "github", "sarif"):
        done = CliRunner().invoke(cli, ["check", str(path), "--format", form])
        assert done.exit_code == 1
        _clean(done.output)
    for arguments in (
        ["report", str(path)],
        ["build", str(tmp_path / "no\x1b[2J")],
        ["push", str(path), "--repo", "a/b"],
    ):
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code != 0
        _clean(done.output)


@pytest.mark.parametrize("command", ["check", "plan", "preview", "build"])
def test_markup_in_a_spec_is_text(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What rich takes for a tag is neither obeyed (a link, a colour) nor an error (a tag that closes nothing)."""
    monkeypatch.chdir(tmp_path)
    tag = "[/x] [link=http://evil.example]click [red]"
    with Loopback(reply=lambda body, nth: f"{tag} call of some words") as server:
        path = calls_spec(tmp_path, server.url, rows=3)
        text = (
            path.read_text().replace("calm, cross, glad", f"'{tag}', cross").replace("model: loop", f"model: '{tag}'")
        )
        path.write_text(text.replace("Write a call", "Write a [/y] call"))
        done = CliRunner().invoke(cli, [command, str(path)])
    assert done.exception is None, done.exception
    assert done.exit_code == 0
    if command in ("plan", "preview"):
        assert "[/x] [link=http://evil.example]click" in " ".join(done.output.split())
