"""What all pages share, in a real browser: colours, sizes, the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.serving import is_wider_than_its_window, served, soon, violations

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("size", ["wide", "narrow"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_first_page_is_for_everybody(open_page: Callable[..., Any], folder: Path, size: str, theme: str) -> None:
    with served(folder) as studio:
        page = open_page(studio, size=size, theme=theme)
        page.get_by_role("heading", name="Specs").wait_for()
        page.wait_for_load_state("networkidle")
        assert "token" not in page.url
        assert violations(page) == []
        assert not is_wider_than_its_window(page)


def test_colours_are_chosen_and_stay_chosen(page: Any) -> None:
    dark = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(dark)
    button = page.get_by_role("button", name="Colours")
    button.click()
    button.click()
    assert button.get_attribute("aria-label") == "Colours: dark"
    soon(page, lambda: page.evaluate(dark) != before)
    page.reload()
    soon(page, lambda: page.get_by_role("button", name="Colours").get_attribute("aria-label") == "Colours: dark")


def test_the_keyboard_reaches_the_content_at_once(page: Any) -> None:
    page.keyboard.press("Tab")
    soon(page, lambda: page.evaluate("document.activeElement.textContent") == "Skip to the content")
    page.keyboard.press("Enter")
    soon(page, lambda: page.evaluate("document.activeElement.id") == "main")


def test_a_page_that_is_not_there_says_so(open_page: Callable[..., Any], folder: Path) -> None:
    with served(folder) as studio:
        page = open_page(studio, "/spec/missing.yaml/nothing")
        soon(page, lambda: page.get_by_role("link", name="Open the specs").is_visible())
        assert violations(page) == []
