"""`synthspec studio` itself: its address, and what it says where it cannot start."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from synthspec.cli import cli
from synthspec.extras import install_command


def test_it_prints_its_address_and_ends_by_ctrl_c(folder: Path) -> None:
    command = [sys.executable, "-m", "synthspec", "studio", str(folder), "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            address = running.stdout.readline().split()[-1]
            assert address.startswith("http://127.0.0.1:") and "token=" in address
            with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(address) as answer:
                assert "calls.yaml" in answer.read().decode()
                assert "token" not in answer.url
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)
        finally:
            running.kill()
    assert "Traceback" not in said and "token" not in said
    assert running.returncode in (0, 130)


def test_without_its_packages_it_says_how_to_install_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.extras.is_installed", lambda name: name != "starlette")
    done = CliRunner().invoke(cli, ["studio", str(folder), "--no-open"])
    assert done.exit_code == 2
    assert "the studio needs the package starlette" in done.output and install_command("studio") in done.output


def test_a_port_in_use_and_a_folder_that_is_none_are_named(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = CliRunner().invoke(cli, ["studio", str(folder), "--no-open", "--port", str(port)])
    assert done.exit_code == 2 and f"port {port} is in use" in done.output
    done = CliRunner().invoke(cli, ["studio", str(folder / "none"), "--no-open"])
    assert done.exit_code == 2 and "is not a folder" in done.output
