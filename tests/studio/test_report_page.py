"""The report in the studio: made once for each dataset, by a process of its own, and shown in a frame."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from starlette.testclient import TestClient

import synthspec
from studio.serving import is_wider_than_its_window, served, soon, until, violations
from synthspec.evaluation.corpus.corpus import corpus_of
from synthspec.evaluation.report.measure import measure
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
        soon(page, lambda: frame.locator("text=All 24 rows asked for are there").count() == 1)
        until(page, "document.getElementById('paper').clientHeight > 1500")
        assert not is_wider_than_its_window(page)
        dark = frame.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 22, 23)"
        assert dark == (theme == "dark")
        assert violations(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_a_phrase_shows_its_rows(browser: Any, tmp_path: Path, width: int) -> None:
    """A click on a phrase leaves the rows that hold it, with the words marked; a link opens a row."""
    draw = random.Random(6)
    words = ["".join(draw.choices("abcdefghiklmnoprst", k=5)) for _ in range(300)]
    rows = [{"text": " ".join(draw.choices(words, k=20))} for _ in range(80)]
    for i in range(0, 80, 8):
        rows[i]["text"] += f"; At the END, of <b>the</b> day: {words[i]}"
    rows[9] = rows[17] = {"text": rows[1]["text"]}
    file = tmp_path / "report.html"
    file.write_text(measure(corpus_of("d", rows)).html(), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    button = page.locator("button.phrase", has_text="At the END, of <b>the</b>")
    button.first.click()
    soon(page, lambda: page.locator("#rows details.row:not([hidden])").count() == 10)
    soon(page, lambda: page.locator("mark").first.inner_text().startswith("At the END"))
    soon(page, lambda: button.first.get_attribute("aria-pressed") == "true")
    page.get_by_role("button", name="Show all").click()
    soon(page, lambda: page.locator("mark").count() == 0 and page.locator("#rows details.row[hidden]").count() == 0)
    page.locator("a.rowlink").first.click()
    soon(page, lambda: page.locator("#row-10").get_attribute("open") is not None)
    assert not is_wider_than_its_window(page) and violations_of_file(page) == []
    assert [u for u in asked if not u.startswith(("file:", "data:"))] == []
    context.close()


def violations_of_file(page: Any) -> list[str]:
    """As `violations`, for a page whose policy lets no other script in."""
    source = page.url
    context = page.context.browser.new_context(viewport=page.viewport_size, bypass_csp=True)
    other = context.new_page()
    other.goto(source)
    found = violations(other)
    context.close()
    return found
