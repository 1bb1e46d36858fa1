"""A studio for tests: its application without a network, a server of its own, and pages of a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from starlette.testclient import TestClient

from studio.editor_pages import EDIT, opened
from studio.serving import OWN, PORT, served
from synthspec.studio.application import make_app
from synthspec.studio.context import Studio
from synthspec.studio.security import Door

CHROMIUM = shutil.which("chromium")
BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"wide": (1280, 860), "narrow": (390, 844)}
SPEC = """\
synthspec: 1
name: calls
description: Short calls to a help desk.
rows: 12
parameters:
  mood: [calm, cross, hurried]
  topic: [bill, meter]
prompts:
  call: {user: "Write what a {{ mood }} caller says about the {{ topic }}.", writes: [call]}
fields:
  mood: {value: mood}
  topic: {value: topic}
  call: {type: string, words: {min: 3, max: 60}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one spec, `calls.yaml`."""
    (tmp_path / "calls.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


@pytest.fixture
def studio(folder: Path) -> Studio:
    """A studio over `folder`, which is also where datasets are built."""
    return Studio(folder, Door(PORT), home=folder)


@pytest.fixture
def stranger(studio: Studio) -> Iterator[TestClient]:
    """A browser that was never let in."""
    with TestClient(make_app(studio), base_url=OWN, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(stranger: TestClient, studio: Studio) -> TestClient:
    """A browser that was let in, whose changes come from the studio's own pages."""
    stranger.get(studio.door.address, headers={"sec-fetch-site": "none"})
    stranger.headers["origin"] = OWN
    return stranger


@pytest.fixture
def browser() -> Iterator[Any]:
    """A Chromium for one test, skipped where there is none. While Playwright is open, an event loop counts as running in
    its thread, so it is closed before another test can ask for a loop of its own."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium here")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=BROWSER)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages: `open_page(studio, "/spec/a.yaml/run", size="narrow", theme="dark")`. What a page says is wrong on
    its console ends the test."""
    contexts, wrong = [], []

    def open_(studio: Studio, path: str = "/", *, size: str = "wide", theme: str = "light") -> Any:
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" and "violates" in m.text else None)
        page.goto(studio.door.address)
        if path != "/":
            page.goto(f"http://127.0.0.1:{studio.door.port}{path}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not wrong, wrong


@pytest.fixture
def page(open_page: Callable[..., Any], folder: Path) -> Iterator[Any]:
    """A page of a real browser at the specs of `folder`."""
    with served(folder) as studio:
        yield open_page(studio)


@pytest.fixture
def serving(folder: Path) -> Iterator[Studio]:
    """The folder's studio, served to a browser."""
    with served(folder) as studio:
        yield studio


@pytest.fixture
def editor(serving: Studio, open_page: Callable[..., Any]) -> Any:
    """The editor of `calls.yaml`, its plan there."""
    return opened(open_page(serving, EDIT))
