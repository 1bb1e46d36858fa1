"""Pages whose studio answers late: what a person does meanwhile is neither lost, nor undone by an answer that is old.

Answers are held until they are let go, so that no test waits for a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import synthspec
from studio.conftest import SPEC
from studio.editor_pages import at, drafted, drafts_in, opened, saved, text_of
from studio.serving import HeldRequests, served, soon, until
from synthspec.studio.context import Studio

pytestmark = pytest.mark.slow
BUILT = """\
synthspec: 1
name: calls
rows: 40
parameters: {size: "integer(10, 99)", mood: [calm, cross]}
fields: {mood: {value: mood}, size: {value: size}}
output: {formats: [csv]}
"""


def question(what: str) -> Callable[[str, Any], bool]:
    return lambda method, body: body["what"] == what


def changed_by_both(page: Any, folder: Path) -> None:
    at(page, "description")
    page.keyboard.type("# mine: ")
    (folder / "calls.yaml").write_text(SPEC.replace("description: Short", "description: Long"), encoding="utf-8")


# --- the text is what was typed


def test_what_is_typed_before_the_three_texts_are_shown_is_in_them(editor: Any, folder: Path) -> None:
    changed_by_both(editor, folder)
    merging = HeldRequests(editor, "**/api/merge/**")
    editor.keyboard.press("Control+s")
    merging.wait()
    at(editor, "rows: 12")
    editor.keyboard.type("# late\n")
    merging.let_go()
    editor.get_by_role("radio", name="Both, your text first").check()
    editor.get_by_role("button", name="Merge both").click()
    text = text_of(editor)
    assert "# late" in text and "# mine: description: Short" in text and "\ndescription: Long" in text


@pytest.mark.parametrize("button", ["Merge both", "Take the one on the disk"])
def test_the_chosen_text_is_there_before_the_dialog_is_gone(editor: Any, folder: Path, button: str) -> None:
    """Keys go to the text as soon as the dialog is closed, and what they write would be replaced."""
    changed_by_both(editor, folder)
    editor.keyboard.press("Control+s")
    editor.get_by_role("radio", name="The file", exact=True).check()
    editor.evaluate(
        """async () => {
          const { EditorView } = await import("/static/vendor/codemirror.js");
          const view = EditorView.findFromDOM(document.querySelector(".cm-editor"));
          const dialog = document.querySelector("dialog.texts");
          new MutationObserver(() => { window.closing ??= view.state.doc.toString(); }).observe(dialog, { attributeFilter: ["open"] });
        }"""
    )
    setting_aside = HeldRequests(editor, "**/api/drafts/**", lambda method, body: method == "PUT")
    editor.get_by_role("button", name=button).click()
    if button == "Merge both":
        assert "\ndescription: Long" in editor.evaluate("window.closing")
        setting_aside.let_go()
        return
    setting_aside.wait()
    at(editor, "rows: 12")
    editor.keyboard.type("# late\n")
    setting_aside.let_go()
    saved(editor)
    assert "# late" not in text_of(editor)
    drafted(folder, "# late")  # with the text that was not taken


def test_a_key_that_saves_is_heard_while_a_draft_is_being_removed(editor: Any, folder: Path) -> None:
    path = folder / "calls.yaml"
    path.unlink()
    editor.evaluate("dispatchEvent(new Event('focus'))")
    until(editor, "document.getElementById('state').textContent === 'The file is gone'")
    removing = HeldRequests(editor, "**/api/drafts/**", lambda method, body: method == "DELETE")
    editor.get_by_role("button", name="Save", exact=True).click()
    editor.get_by_role("button", name="Save it anew").click()
    removing.wait()
    at(editor, "rows: 12")
    editor.keyboard.type("# late\n")
    editor.keyboard.press("Control+s")
    removing.let_go()
    saved(editor)
    soon(editor, lambda: "# late" in path.read_text())


def test_a_draft_that_is_removed_does_not_come_back(editor: Any, folder: Path) -> None:
    storing = HeldRequests(editor, "**/api/drafts/**", lambda method, body: method == "PUT")
    at(editor, "rows: 12")
    editor.keyboard.type("# once\n")
    storing.wait()
    editor.keyboard.press("Control+s")
    saved(editor)
    about_drafts = "**/api/drafts/**"
    with editor.expect_response(about_drafts), editor.expect_response(lambda r: r.request.method == "DELETE"):
        storing.let_go()
    assert drafts_in(folder) == []


def test_a_file_that_comes_back_as_it_was_is_there_again(editor: Any, folder: Path) -> None:
    path = folder / "calls.yaml"
    path.unlink()
    editor.evaluate("dispatchEvent(new Event('focus'))")
    until(editor, "document.getElementById('state').textContent === 'The file is gone'")
    path.write_text(SPEC, encoding="utf-8")
    editor.evaluate("dispatchEvent(new Event('focus'))")
    saved(editor)
    assert editor.locator(".notice.error").count() == 0


# --- what the editor offers is of the text as it is


def test_a_person_who_types_on_is_offered_what_suits_the_text_then(editor: Any) -> None:
    completing = HeldRequests(editor, "**/api/language/**", question("complete"))
    at(editor, "Write what")
    editor.keyboard.type("{{")
    completing.wait()
    editor.keyboard.type(" to")
    completing.let_go()
    soon(editor, lambda: editor.locator(".cm-tooltip-autocomplete li").first.inner_text().startswith("topic"))


def test_where_nothing_could_be_offered_a_person_who_types_on_is_offered_more(editor: Any) -> None:
    first: list[Any] = []

    def answer(route: Any) -> None:
        if not first and route.request.post_data_json["what"] == "complete":
            first.append(route)
        else:
            route.continue_()

    editor.route("**/api/language/**", answer)
    at(editor, "Write what")
    editor.keyboard.type("{{")
    soon(editor, lambda: bool(first))
    editor.keyboard.type(" to")
    first[0].fulfill(json={"items": []})
    soon(editor, lambda: editor.locator(".cm-tooltip-autocomplete li").first.inner_text().startswith("topic"))


def test_a_remedy_of_an_earlier_text_changes_nothing(editor: Any) -> None:
    at(editor, "mood }} caller")
    editor.keyboard.type("o")
    remedy = editor.get_by_role("button", name="write 'mood'")
    remedy.wait_for()
    looking = HeldRequests(editor, "**/api/language/**", question("diagnostics"))
    at(editor, "description")
    editor.keyboard.type("# above\n")
    looking.wait()
    before = text_of(editor)
    remedy.click()
    editor.get_by_text("The text was changed meanwhile").wait_for()
    assert text_of(editor) == before
    looking.let_go()
    until(editor, f"document.getElementById('editor').dataset.seen === '{len(before)}'")
    remedy.click()
    editor.wait_for_selector("#problems-list .fine")
    assert text_of(editor) == before.replace("omood", "mood")


@pytest.mark.parametrize("leave", ["Enter", "Escape"])
def test_a_form_puts_its_part_in_once_or_not_at_all(editor: Any, leave: str) -> None:
    inserting = HeldRequests(editor, "**/api/insert/**")
    editor.get_by_role("button", name="Parameter", exact=True).click()
    editor.get_by_label("Name", exact=True).fill("age")
    editor.get_by_label("Values, one a line").fill("18\n90")
    editor.get_by_role("button", name="Insert", exact=True).focus()
    editor.keyboard.press("Enter")
    inserting.wait()
    editor.keyboard.press(leave)
    if leave == "Enter":
        inserting.wait(2)
    with editor.expect_response("**/api/insert/**"):
        inserting.let_go()
    editor.wait_for_selector("dialog", state="detached")
    editor.wait_for_load_state("networkidle")
    assert text_of(editor).count("age:") == (leave == "Enter")


def test_the_prompt_is_that_of_the_last_choice(editor: Any) -> None:
    editor.get_by_role("tab", name="Prompt").click()
    editor.locator("#prompts .message").first.wait_for()
    prompts = HeldRequests(editor, "**/api/plan/**", question("prompts"))
    editor.locator("#prompts label", has_text="mood").locator("select").select_option(label="cross")
    editor.locator("#prompts label", has_text="topic").locator("select").select_option(label="meter")
    prompts.wait(2)
    prompts.let_go_backwards()
    editor.get_by_text("Write what a cross caller says about the meter.").wait_for()
    editor.wait_for_load_state("networkidle")
    assert editor.get_by_text("Write what a cross caller says about the meter.").count() == 1


def test_a_tab_that_was_duplicated_has_a_name_of_its_own(editor: Any, serving: Studio) -> None:
    """However long the other one takes to answer."""
    name = "sessionStorage.getItem('synthspec tab')"
    mine = editor.evaluate(name)
    slow = editor.context.new_page()
    slow.add_init_script(f"sessionStorage.setItem('synthspec tab', {mine!r})")
    editor.evaluate("setTimeout(() => { const end = Date.now() + 1500; while (Date.now() < end); }, 50)")  # it is busy
    slow.goto(editor.url)
    opened(slow)
    assert slow.evaluate(name) != mine


# --- other pages


@pytest.fixture
def rows(folder: Path, open_page: Callable[..., Any]) -> Iterator[Any]:
    (folder / "calls.yaml").write_text(BUILT, encoding="utf-8")
    synthspec.build(folder / "calls.yaml", out=folder / "build" / "calls")
    with served(folder) as studio:
        page = open_page(studio, "/spec/calls.yaml/rows")
        page.locator("#states button").first.wait_for()
        page.locator(".line button").first.wait_for()
        yield page


def test_a_number_that_is_being_typed_outlives_the_counts_that_come(rows: Any) -> None:
    counting = HeldRequests(rows, "**/api/facets/**")
    rows.get_by_label("size from").fill("50")
    rows.get_by_label("size from").press("Enter")
    counting.wait()
    soon(rows, lambda: "r.size=50.." in rows.url)
    rows.get_by_label("size from").fill("70")
    rows.locator("#facet-lists input").first.evaluate("e => { e.dataset.old = 'yes'; }")
    counting.let_go()
    until(rows, "!document.querySelector('#facet-lists [data-old]')")
    assert rows.get_by_label("size from").input_value() == "70"
    rows.get_by_label("size from").press("Enter")
    soon(rows, lambda: "r.size=70.." in rows.url)


def test_the_row_that_is_shown_is_the_last_that_was_opened(rows: Any) -> None:
    paths = [b.get_attribute("data-path") for b in rows.locator(".line button").all()[:2]]
    telling = HeldRequests(rows, "**/api/row/**")
    for path in paths:
        rows.locator(f'.line button[data-path="{path}"]').click()
    telling.wait(2)
    telling.let_go_backwards()
    rows.locator("#story[open]").wait_for()
    rows.wait_for_load_state("networkidle")
    assert rows.locator("#story-title").inner_text() == f"Row {paths[1]}"
    rows.keyboard.press("Escape")
    soon(rows, lambda: "row=" not in rows.url)
    rows.go_back()
    rows.locator("#story[open]").wait_for()
    rows.go_back()  # to the table: it closes the row, and is no step of its own
    rows.locator("#story:not([open])").wait_for(state="attached")
    rows.go_forward()
    rows.locator("#story[open]").wait_for()


def test_building_blocks_are_offered_once(open_page: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    table = tmp_path / "some.csv"
    table.write_text("a;b\n" + "1;x\n2;y\n" * 20, encoding="utf-8")
    with served(tmp_path / "mine") as studio:
        page = open_page(studio)
        page.locator("#blocks label").first.wait_for(state="attached")
        offering = HeldRequests(page, "**/api/new/offers")
        page.reload()
        offering.wait()
        page.locator("#file").set_input_files(str(table))  # opens the same part of the page again
        soon(page, lambda: page.locator("#look").inner_text() != "")
        offering.let_go()
        page.locator("#name-form:visible").wait_for()
        names = page.locator("#blocks label").all_text_contents()
    assert names and len(names) == len(set(names))
