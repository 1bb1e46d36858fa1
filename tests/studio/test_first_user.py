"""A first-time user's way with nothing but the page: data dropped, a spec, a preview, a build, and back again."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback

from studio.serving import is_wider_than_its_window, kept_port, served, soon, violations

pytestmark = pytest.mark.slow

REVIEWS = "rating;product;review\n" + "".join(
    f'{1 + i % 5};{("kettle", "lamp", "tent")[i % 3]};"The {("kettle", "lamp", "tent")[i % 3]} came {("early", "late", "broken", "well packed")[i % 4]}, and after {2 + i} weeks I would {("buy it again", "send it back", "give it away")[i % 3]} without a second thought."\n'
    for i in range(90)
)
DONE = re.compile("Complete|Incomplete|Could not")
JUDGED = """\
synthspec: 1
name: judged
rows: 2000
limits: {{concurrency: 2, attempts: 3}}
parameters: {{mood: [calm, cross]}}
prompts: {{call: {{user: "Write what a {{{{ mood }}}} caller says.", writes: [call]}}}}
fields: {{mood: {{value: mood}}, call: {{type: string, words: {{min: 3, max: 60}}, rejects: ['<script>']}}}}
backend: {{provider: openai, model: loop, base_url: "{url}"}}
"""


def at_run(page: Any, studio: Any, spec: str) -> None:
    page.goto(f"http://127.0.0.1:{studio.door.port}/spec/{spec}/run")
    page.locator("#build:enabled").wait_for()


def test_from_a_table_to_a_dataset(open_page: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    table = tmp_path / "shop reviews.csv"
    table.write_bytes(REVIEWS.encode("cp1252"))
    with served(tmp_path / "mine") as studio:
        page = open_page(studio)
        soon(page, lambda: page.get_by_text("There is no spec in this folder yet.").is_visible())
        page.locator("#file").set_input_files(str(table))
        page.locator("#name-form:visible").wait_for()
        soon(page, lambda: page.get_by_label("Values are separated by").input_value() == ";")
        soon(page, lambda: page.get_by_text("90 rows, 3 columns.", exact=True).is_visible())
        assert violations(page) == [] and not is_wider_than_its_window(page)
        soon(page, lambda: page.get_by_label("Its name").input_value() == "shop_reviews")
        page.get_by_role("button", name="Make the spec").click()
        page.wait_for_url("**/spec/shop_reviews.yaml/**")
        at_run(page, studio, "shop_reviews.yaml")
        soon(page, lambda: "free of charge" in page.locator("#told").inner_text())
        page.get_by_role("button", name="Preview").click()
        page.locator("#run-title", has_text="Preview").wait_for()
        page.locator("#state", has_text=DONE).wait_for()
        soon(page, lambda: page.locator("#rows-list > li").count() == 3)
        page.locator("#build:enabled").wait_for()
        page.get_by_label("Rows").first.fill("12")
        page.get_by_role("button", name="Build 12 rows").click()
        page.locator("#run-title", has_text="Build").wait_for()
        page.reload()  # the page goes, the run does not
        page.locator("#run-title", has_text="Build").wait_for()
        page.locator("#state", has_text="Complete").wait_for()
        assert violations(page) == []
        page.locator("#rows-list summary").first.click()
        soon(page, lambda: "review" in page.locator(".row-body").first.inner_text())
        page.goto(f"http://127.0.0.1:{studio.door.port}/")
        page.get_by_text("12 rows built").wait_for()
    made = tmp_path / "mine" / "build" / "shop_reviews"
    assert len(list(made.glob("*.csv"))) == 1


def focused(page: Any) -> str:
    """What a screen reader would say of what has the focus, roughly."""
    return str(
        page.evaluate(
            """() => {
              const e = document.activeElement;
              if (!e || e === document.body) return "";
              const label = e.getAttribute("aria-label") || e.labels?.[0]?.innerText || e.innerText || e.id;
              return `${e.id} ${label}`.trim().replace(/\\s+/g, " ");
            }"""
        )
    )


def tab_to(page: Any, name: str, most: int = 80) -> None:
    """Press Tab until what has the focus is called so; each stop on the way has a name."""
    for _ in range(most):
        page.keyboard.press("Tab")
        here = focused(page)
        assert here or page.evaluate("document.activeElement === document.body"), "a stop without a name"
        if re.search(name, here):
            return
    raise AssertionError(f"Tab never comes to {name}")


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_the_whole_way_by_keyboard_alone(open_page: Callable[..., Any], tmp_path: Path, size: str) -> None:
    """A table is dropped; a spec, a preview, a build, ten rows reviewed, the reviews applied, two files exported."""
    (tmp_path / "mine").mkdir()
    table = tmp_path / "shop reviews.csv"
    table.write_text(REVIEWS, encoding="utf-8")
    with served(tmp_path / "mine") as studio:
        page = open_page(studio, size=size)
        soon(page, lambda: page.get_by_text("There is no spec in this folder yet.").is_visible())
        tab_to(page, "^file ")
        page.locator("#file").set_input_files(
            str(table)
        )  # the system's own dialog, which no page can be tested through
        page.locator("#name-form:visible").wait_for()
        tab_to(page, "^name ")
        page.keyboard.press("Enter")
        page.wait_for_url("**/spec/shop_reviews.yaml/run")
        page.locator("#build:enabled").wait_for()
        tab_to(page, "^few ")
        page.keyboard.type("2")  # what was there is selected by Tab
        page.get_by_role("button", name="Preview 2 rows").wait_for()
        tab_to(page, "^preview ")
        page.keyboard.press("Enter")
        page.locator("#state", has_text=DONE).wait_for()
        soon(page, lambda: page.locator("#rows-list > li").count() == 2)
        page.locator("#build:enabled").wait_for()
        page.keyboard.press("Control+Home")
        page.locator("#main").focus()
        tab_to(page, "^rows ")
        page.keyboard.type("12")
        page.get_by_role("button", name="Build 12 rows").wait_for()
        page.locator("#build:enabled").wait_for()
        tab_to(page, "^build ")
        page.keyboard.press("Enter")
        page.locator("#run-title", has_text="Build").wait_for()
        page.locator("#state", has_text="Complete").wait_for()
        assert violations(page) == [] and not is_wider_than_its_window(page)
        page.locator("#outcome a", has_text="review").first.wait_for()
        page.locator("#run").evaluate("e => { e.tabIndex = -1; e.focus(); }")
        tab_to(page, "(?i)review")
        page.keyboard.press("Enter")
        page.wait_for_url("**/review*")
        review_ten(page)
        assert violations(page) == [] and not is_wider_than_its_window(page)
        tab_to(page, "^apply ")
        page.keyboard.press("Enter")
        page.get_by_text("Its files are as the reviews have it.").wait_for()
        tab_to(page, "^export ")
        with page.expect_download() as saved:
            page.keyboard.press("Enter")
        reviewed = saved.value.path().read_text(encoding="utf-8-sig")
        assert reviewed.count("Ann") == 10 and "says nothing" in reviewed
        page.goto(f"http://127.0.0.1:{studio.door.port}/spec/shop_reviews.yaml/rows")
        page.locator("#exports:visible").wait_for()
        tab_to(page, "CSV", 200)
        with page.expect_download() as saved:
            page.keyboard.press("Enter")
        rows = saved.value.path().read_text(encoding="utf-8-sig")
    made = (tmp_path / "mine" / "build" / "shop_reviews" / "shop_reviews.csv").read_text(encoding="utf-8")
    assert len(list(csv.DictReader(io.StringIO(made)))) == 11
    states = [row["row.state"] for row in csv.DictReader(io.StringIO(rows))]
    assert sorted(states) == ["kept"] * 11 + ["rejected"]


def review_ten(page: Any) -> None:
    """Nine rows accepted and one rejected, by their keys."""
    page.locator("#row h2", has_text="Row").wait_for()
    soon(page, lambda: focused(page).startswith("who "), "a review says whose it is")
    page.keyboard.type("Ann")
    page.keyboard.press("Enter")
    for number in range(10):
        before = page.locator("#row h2").inner_text()
        page.keyboard.press("r" if number == 4 else "a")
        if number == 4:
            page.locator("dialog[open]").wait_for()
            page.keyboard.type("says nothing")
            page.keyboard.press("Enter")
        soon(page, lambda before=before: page.locator("#row h2").inner_text() != before)
        page.locator("#progress", has_text=f"{number + 1} of ").wait_for()


def reply(body: dict[str, Any], nth: int) -> str:
    """Some replies break a rule, and hold markup that must stay text."""
    said = str(body["messages"])
    if "did not" not in said and "rejected" not in said.lower() and nth % 3 == 0:
        return "<script>document.title='broken'</script> hello there you"
    return f"Good morning <b>there</b>, caller number {abs(hash(said)) % 10_000} {nth}."


def test_a_run_is_paused_stopped_and_found_again(open_page: Callable[..., Any], tmp_path: Path) -> None:
    with Loopback(reply, latency=0.25) as server, served(tmp_path) as studio:
        (tmp_path / "judged.yaml").write_text(JUDGED.format(url=server.url), encoding="utf-8")
        page = open_page(studio, "/spec/judged.yaml/run")
        page.locator("#build:enabled").wait_for()
        soon(page, lambda: page.locator("#backend").input_value() == "ngram")
        page.locator("#backend").select_option("")
        page.locator("#told", has_text="cost unknown").wait_for()
        page.locator("#build:enabled").click()
        page.locator("#rows-list > li").nth(2).wait_for()
        page.get_by_role("button", name="Pause").click()
        page.locator("#state", has_text="Paused").wait_for()
        soon(page, lambda: page.locator("#build").is_disabled())
        page.close()
        again = open_page(studio, "/")
        again.locator(".chip.busy", has_text="paused").wait_for()
        again.locator(".chip.busy").click()
        again.get_by_role("button", name="Go on").click()
        again.locator("#state", has_text="Running").wait_for()
        assert "<script>" not in again.title() and again.title() != "broken"
        again.get_by_role("button", name="Stop").click()
        again.get_by_role("dialog").get_by_role("button", name="Stop").click()
        again.locator("#state", has_text="Stopped").wait_for()
        assert violations(again) == []
        again.locator("#build:enabled").wait_for()
        again.locator("#backend").select_option("")
        again.locator("#rows").fill("5")
        again.get_by_role("button", name="Build 5 rows").click()
        again.locator("#state", has_text=DONE).wait_for()
        assert again.title() != "broken" and again.locator("#rows-list b").count() == 0


def test_a_page_says_what_to_do_when_its_studio_is_gone_or_another(
    open_page: Callable[..., Any], tmp_path: Path
) -> None:
    with Loopback(reply, latency=0.5) as server, kept_port() as port:
        (tmp_path / "judged.yaml").write_text(JUDGED.format(url=server.url), encoding="utf-8")
        with served(tmp_path, port=port) as studio:
            page = open_page(studio, "/spec/judged.yaml/run")
            page.locator("#build:enabled").wait_for()
            page.locator("#backend").select_option("")
            page.locator("#told", has_text="cost unknown").wait_for()
            page.locator("#build:enabled").click()
            page.locator("#rows-list > li").first.wait_for()
        page.locator("#lost", has_text="The studio does not answer").wait_for()
        said = page.locator("#lost").inner_text()
        assert "The run goes on without this page" in said and "synthspec studio" in said
        assert violations(page) == []
        with served(tmp_path, port=port) as again:
            page.locator("#lost", has_text="the studio does not know this browser").wait_for()
            assert "open the address that the terminal shows" in page.locator("#lost").inner_text().lower()
            other = page.context.new_page()
            other.goto(again.door.address)
            page.locator("#state", has_text="Running").wait_for()
            soon(page, lambda: page.locator("#lost").is_hidden())
            page.get_by_role("button", name="Stop").click()
            page.get_by_role("dialog").get_by_role("button", name="Stop").click()
            page.locator("#state", has_text="Stopped").wait_for()


def test_a_wide_table_scrolls_in_its_card(open_page: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    table = tmp_path / "wide.csv"
    names = ";".join(f"a_rather_long_column_{i}" for i in range(14))
    row = ";".join(f"{'unbroken' * 6}_{{}}_{i}" for i in range(14))
    table.write_text(names + "\n" + "".join(row.replace("{}", str(i)) + "\n" for i in range(40)), encoding="utf-8")
    with served(tmp_path / "mine") as studio:
        page = open_page(studio, size="narrow")
        page.locator("#file").set_input_files(str(table))
        page.locator("#name-form:visible").wait_for()
        for each in page.locator("#look summary").all():
            each.click()
        soon(page, lambda: page.locator("#look details[open]").count() == 2)
        assert violations(page) == [] and not is_wider_than_its_window(page)
        page.locator("#name").fill("my data")
        assert page.locator("#name").evaluate("e => !e.checkValidity() && e.title").startswith("letters")


@pytest.mark.parametrize("size", ["wide", "narrow"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_for_everybody(open_page: Callable[..., Any], folder: Path, size: str, theme: str) -> None:
    (folder / "wrong.yaml").write_text("synthspec: 1\nrows: many\n", encoding="utf-8")
    with served(folder) as studio:
        page = open_page(studio, size=size, theme=theme)
        page.locator(".chip.bad").wait_for()
        page.get_by_role("button", name="New spec").click()
        page.locator("#blocks label").first.wait_for()
        assert violations(page) == [] and not is_wider_than_its_window(page)
        page.goto(f"http://127.0.0.1:{studio.door.port}/spec/wrong.yaml/run")
        page.locator(".said-box.bad").wait_for()
        assert violations(page) == [] and not is_wider_than_its_window(page)
