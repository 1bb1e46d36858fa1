"""The report in the studio: made once for each dataset, by a process of its own, and shown in a frame."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from starlette.testclient import TestClient

import synthspec
from studio.serving import is_wider_than_its_window, served, violations
from synthspec.studio import made_pages
from synthspec.studio.context import Studio


def build(folder: Path, name: str = "calls", seed: int = 1, **more: Any) -> Path:
    made = folder / "build" / name
    made.mkdir(parents=True, exist_ok=True)
    (made / "manifest.json").write_text(json.dumps({"manifest": 1, "name": name, "seed": seed, **more}))
    return made


class Processes:
    """Stands for the processes that make pages; each waits until it is let go."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.go = threading.Event()
        self.go.set()
        self.fails = ""

    def run(self, command: list[str], **_: Any) -> CompletedProcess[bytes]:
        self.commands.append(command)
        assert self.go.wait(30)
        out = Path(command[command.index("--out") + 1])
        out.write_text("<!doctype html><title>d</title>", encoding="utf-8")
        return CompletedProcess(command, 1 if self.fails else 0, b"", self.fails.encode())


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    found = Processes()
    monkeypatch.setattr(made_pages.subprocess, "run", found.run)
    return found


def wait(client: TestClient, address: str) -> dict[str, Any]:
    """The state of a page once it is no longer being made."""
    for thread in threading.enumerate():
        if thread.name.startswith("Thread-") and thread.daemon and "_make" in thread.name:
            thread.join(30)
    found: dict[str, Any] = client.get(address).json()
    return found


def test_a_report_is_made_once_for_each_dataset(client: TestClient, folder: Path, processes: Processes) -> None:
    address = "/api/report/calls.yaml"
    assert client.get(address).json() == {"state": "none"}
    assert client.post(address, json={}).status_code == 404
    build(folder)
    assert client.get(address).json()["state"] == "absent"
    processes.go.clear()
    first = client.post(address, json={}).json()
    assert first["state"] == client.post(address, json={}).json()["state"] == client.get(address).json()["state"]
    assert first["state"] == "making"
    processes.go.set()
    assert wait(client, address)["state"] == "ready" and len(processes.commands) == 1
    assert client.post(address, json={}).json()["state"] == "ready" and len(processes.commands) == 1
    build(folder, seed=2)
    assert client.get(address).json()["state"] == "absent"  # another dataset, another report
    client.post(address, json={})
    assert wait(client, address)["state"] == "ready" and len(processes.commands) == 2
    assert client.get(address).json()["key"] != first["key"]


def test_a_report_has_a_policy_of_its_own(client: TestClient, folder: Path, processes: Processes) -> None:
    build(folder)
    key = client.post("/api/report/calls.yaml", json={}).json()["key"]
    wait(client, "/api/report/calls.yaml")
    found = client.get("/spec/calls.yaml/report/page", params={"key": key})
    policy = found.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy and "unsafe" not in policy
    assert found.headers["x-frame-options"] == "SAMEORIGIN" and "content-disposition" not in found.headers
    given = client.get("/spec/calls.yaml/report/page", params={"key": key, "download": "1"})
    assert 'attachment; filename="calls-report.html"' in given.headers["content-disposition"]
    for wrong in ("", "../../calls", "0" * 32, key.upper(), f"{key}x"):
        assert client.get("/spec/calls.yaml/report/page", params={"key": wrong}).status_code == 404


def test_a_failure_is_told_and_can_be_tried_again(client: TestClient, folder: Path, processes: Processes) -> None:
    build(folder)
    processes.fails = "error: the rows cannot be read"
    client.post("/api/report/calls.yaml", json={})
    found = wait(client, "/api/report/calls.yaml")
    assert found["state"] == "failed" and "cannot be read" in found["message"]
    processes.fails = ""
    client.post("/api/report/calls.yaml", json={})
    assert wait(client, "/api/report/calls.yaml")["state"] == "ready"


def test_an_incomplete_build_has_a_report_where_nothing_better_stands(
    client: TestClient, folder: Path, processes: Processes
) -> None:
    incomplete = build(folder, "calls/incomplete")
    found = client.post("/api/report/calls.yaml", json={}).json()
    assert found["incomplete"] and wait(client, "/api/report/calls.yaml")["state"] == "ready"
    assert processes.commands[0][5] == str(incomplete)
    build(folder)
    assert not client.get("/api/report/calls.yaml").json()["incomplete"]


def test_old_pages_go(studio: Studio, processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_pages, "MOST_KEPT", 2)
    pages = made_pages.MadePages(studio)
    for key in "abcd":
        pages._make(key, ["report"])
    assert len([key for key in "abcd" if pages.file(key).is_file()]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("size", "theme"), [("wide", "light"), ("narrow", "dark")])
def test_a_report_in_a_browser(open_page: Any, folder: Path, size: str, theme: str) -> None:
    spec = (folder / "calls.yaml").read_text(encoding="utf-8").replace("rows: 12", "rows: 24")
    (folder / "calls.yaml").write_text(spec.split("prompts:")[0] + "fields: {mood: {value: mood}}\n", encoding="utf-8")
    synthspec.build(folder / "calls.yaml", out=folder / "build/calls")
    with served(folder) as studio:
        page = open_page(studio, "/spec/calls.yaml/report", size=size, theme=theme)
        page.frame_locator("#paper").get_by_role("heading", name="Verdict").wait_for()
        frame = page.frames[-1]
        assert frame.locator("text=All 24 rows asked for are there").count() == 1
        page.wait_for_function("document.getElementById('paper').clientHeight > 1500")
        assert not is_wider_than_its_window(page)
        dark = frame.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 22, 23)"
        assert dark == (theme == "dark")
        assert violations(page) == []
