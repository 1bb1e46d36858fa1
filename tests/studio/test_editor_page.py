"""The editor page in a real browser: what a person types, sees, clicks and does not lose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.conftest import SPEC
from studio.editor_pages import EDIT, at, drafted, drafts_in, opened, saved, text_of
from studio.serving import is_wider_than_its_window, soon, until, violations
from synthspec.studio.context import Studio

pytestmark = pytest.mark.slow


def test_an_error_is_shown_where_it_is_and_mended_by_a_click(editor: Any, folder: Path) -> None:
    at(editor, "mood }} caller")
    editor.keyboard.type("o")
    editor.wait_for_selector(".cm-lintRange-error")
    soon(editor, lambda: "omood" in editor.locator(".cm-lintRange-error").first.inner_text())
    item = editor.locator("#problems-list li")
    assert "omood" in item.inner_text() and "line 9" in item.inner_text()
    editor.get_by_role("button", name="write 'mood'").click()
    editor.wait_for_selector("#problems-list .fine")
    assert text_of(editor).rstrip("\n") == SPEC.rstrip("\n")
    saved(editor)
    editor.keyboard.press("Control+z")
    assert "omood" in text_of(editor)


def test_a_parameter_is_completed_inside_a_template(editor: Any) -> None:
    at(editor, "Write what")
    editor.keyboard.type("{{ to")
    editor.wait_for_selector(".cm-tooltip-autocomplete li")
    soon(editor, lambda: editor.locator(".cm-tooltip-autocomplete li").first.inner_text().startswith("topic"))
    editor.locator(".cm-tooltip-autocomplete li").first.click()
    assert "{{ topic" in text_of(editor).split("user")[1].split("Write what")[0]


def test_saving_keeps_comments_line_ends_and_the_mark(
    serving: Studio, folder: Path, open_page: Callable[..., Any]
) -> None:
    raw = b"\xef\xbb\xbf" + ("# first\n" + SPEC + "# last, \u00e4 \U0001f4a1\n").replace("\n", "\r\n").encode()
    (folder / "calls.yaml").write_bytes(raw)
    page = opened(open_page(serving, EDIT))
    at(page, "rows: 12")
    page.keyboard.press("End")
    page.keyboard.type("0")
    page.keyboard.press("Control+s")
    saved(page)
    assert (folder / "calls.yaml").read_bytes() == raw.replace(b"rows: 12\r\n", b"rows: 120\r\n")


def edited_both(page: Any, folder: Path, mine: str, theirs: str) -> None:
    at(page, "description")
    page.keyboard.type(mine)
    until(page, "document.getElementById('state').textContent === 'Not saved'")
    (folder / "calls.yaml").write_text(theirs, encoding="utf-8")
    page.keyboard.press("Control+s")
    page.wait_for_selector("dialog.texts[open]")


def test_a_conflict_shows_three_texts_and_merges_what_can_be(editor: Any, folder: Path) -> None:
    edited_both(editor, folder, "# mine\n", SPEC + "# theirs\n")
    soon(editor, lambda: editor.locator("dialog .differences section").count() == 2)
    assert editor.locator("dialog .differences h3").all_inner_texts() == ["Changed in your text", "Changed in the file"]
    marked = editor.locator("dialog .differences .line.is").all_inner_texts()
    assert len(marked) == 2 and "# mine" in marked[0] and "# theirs" in marked[1]
    assert "prompts:" not in editor.locator("dialog .differences").inner_text()  # what is alike is left out
    editor.locator("dialog summary").click()
    shown = editor.locator("dialog .three pre").all_inner_texts()
    assert "# mine" in shown[0] and "# theirs" in shown[1] and "# mine" not in shown[2] and "# theirs" not in shown[2]
    assert violations(editor) == []
    editor.get_by_role("button", name="Merge both").click()
    assert "# mine" in text_of(editor) and "# theirs" in text_of(editor)
    editor.keyboard.press("Control+s")
    saved(editor)
    assert (folder / "calls.yaml").read_text() == SPEC.replace("description", "# mine\ndescription") + "# theirs\n"


@pytest.mark.parametrize(("theme", "size"), [("light", "wide"), ("dark", "narrow")])
def test_where_both_changed_a_line_a_person_says_by_keyboard_which_stays(
    serving: Studio, open_page: Callable[..., Any], folder: Path, theme: str, size: str
) -> None:
    page = opened(open_page(serving, EDIT, theme=theme, size=size))
    theirs = SPEC.replace("description: Short", "description: Long").replace("bill, meter", "bill, meter, move")
    edited_both(page, folder, "# mine: ", theirs)
    soon(page, lambda: page.locator("dialog .differences section.conflict").count() == 1)
    merge = page.get_by_role("button", name="Merge both")
    assert merge.is_disabled()
    assert violations(page) == [] and not is_wider_than_its_window(page)
    assert "Changed in both" in page.get_by_role("group", name="Changed in both").inner_text()
    page.get_by_role("radio", name="Your text", exact=True).focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    soon(page, merge.is_enabled)
    assert page.get_by_role("radio", name="Both, your text first").is_checked()
    merge.focus()
    page.keyboard.press("Enter")
    wanted = theirs.replace("description: Long", "# mine: description: Short calls to a help desk.\ndescription: Long")
    until(page, "!document.querySelector('dialog[open]')")
    assert text_of(page).rstrip("\n") == wanted.rstrip("\n")
    page.keyboard.press("Control+s")
    saved(page)
    assert (folder / "calls.yaml").read_text() == wanted


def test_taking_the_other_text_loses_nothing(editor: Any, folder: Path) -> None:
    theirs = SPEC.replace("description: Short", "description: Long")
    edited_both(editor, folder, "# mine: ", theirs)
    assert editor.get_by_role("button", name="Merge both").is_disabled()
    editor.get_by_role("button", name="Take the one on the disk").click()
    saved(editor)
    assert text_of(editor).rstrip("\n") == theirs.rstrip("\n") == (folder / "calls.yaml").read_text().rstrip("\n")
    editor.reload()
    editor.get_by_role("button", name="Restore the draft").click()
    assert "# mine: description: Short" in text_of(editor)
    editor.keyboard.press("Control+s")  # what the draft began from is not what is there
    editor.wait_for_selector("dialog.texts[open]")
    editor.get_by_role("button", name="Save mine over it").click()
    saved(editor)
    assert "# mine: description: Short" in (folder / "calls.yaml").read_text()
    editor.reload()
    editor.get_by_role("button", name="Look at it").click()
    soon(editor, lambda: "description: Long" in editor.locator("dialog .differences").inner_text())


def test_a_draft_comes_back_after_a_reload_and_in_another_browser(
    editor: Any, serving: Studio, open_page: Callable[..., Any], folder: Path
) -> None:
    at(editor, "rows: 12")
    editor.keyboard.type("# not saved\n")
    drafted(folder, "# not saved")
    editor.reload()
    editor.get_by_role("button", name="Restore the draft").wait_for()
    assert "# not saved" not in text_of(editor) and (folder / "calls.yaml").read_text() == SPEC
    other = open_page(serving, EDIT)  # as after the browser died
    other.get_by_role("button", name="Restore the draft").click()
    assert "# not saved" in text_of(other)
    other.keyboard.press("Control+s")
    saved(other)
    assert "# not saved" in (folder / "calls.yaml").read_text()
    other.reload()
    opened(other)
    assert other.get_by_role("button", name="Restore the draft").count() == 0


def test_two_tabs_keep_a_draft_each_and_offer_none_of_the_other(editor: Any, serving: Studio, folder: Path) -> None:
    other = editor.context.new_page()
    other.goto(editor.url)
    opened(other)
    name = "sessionStorage.getItem('synthspec tab')"
    other.evaluate(f"sessionStorage.setItem('synthspec tab', {editor.evaluate(name)!r})")  # as of a duplicated tab
    other.reload()
    opened(other)
    until(other, f"{name} !== {editor.evaluate(name)!r}")
    for page, text in ((editor, "# one\n"), (other, "# two\n")):
        at(page, "rows: 12")
        page.keyboard.type(text)
        drafted(folder, text.strip())
    assert len(drafts_in(folder)) == 2
    assert other.get_by_role("button", name="Restore the draft").count() == 0
    other.keyboard.press("Control+s")
    saved(other)
    editor.keyboard.press("Control+s")
    editor.wait_for_selector("dialog.texts[open]")
    soon(editor, lambda: "# two" in editor.locator("dialog .differences .half").nth(1).inner_text())


def test_another_program_changes_deletes_and_locks_the_file(editor: Any, folder: Path) -> None:
    path = folder / "calls.yaml"
    path.write_text(SPEC + "# from elsewhere\n")
    editor.evaluate("dispatchEvent(new Event('focus'))")
    soon(editor, lambda: "# from elsewhere" in text_of(editor))
    path.unlink()
    editor.evaluate("dispatchEvent(new Event('focus'))")
    until(editor, "document.getElementById('state').textContent === 'The file is gone'")
    editor.get_by_role("button", name="Save", exact=True).click()
    editor.get_by_role("button", name="Save it anew").click()
    saved(editor)
    assert path.read_text() == SPEC + "# from elsewhere\n"
    path.chmod(0o444)
    at(editor, "rows: 12")
    editor.keyboard.type("# mine\n")
    editor.keyboard.press("Control+s")
    editor.wait_for_selector(".notice.error")
    assert "only be read" in editor.locator(".notice.error").last.inner_text() and "# mine" not in path.read_text()
    drafted(folder, "# mine")
    editor.reload()
    editor.get_by_role("button", name="Restore the draft").wait_for()


def test_the_prompt_is_shown_for_a_combination_that_a_person_picks(editor: Any) -> None:
    editor.get_by_role("tab", name="Prompt").click()
    editor.locator("#prompts label", has_text="mood").locator("select").select_option(label="cross")
    editor.locator("#prompts label", has_text="topic").locator("select").select_option(label="meter")
    editor.get_by_text("Write what a cross caller says about the meter.").wait_for()
    soon(editor, lambda: "3 to 60 words" in editor.locator("#prompts .derived").inner_text())
    editor.get_by_role("tab", name="Plan").click()
    soon(editor, lambda: editor.locator("#plan table.grid td").count() == 6)
    editor.get_by_role("button", name="Prompts of combination 3").click()
    soon(editor, lambda: editor.locator("#prompts input").input_value() == "3")


IN_SIGHT = """async () => {
  const { EditorView } = await import("/static/vendor/codemirror.js");
  const view = EditorView.findFromDOM(document.querySelector(".cm-editor"));
  const line = view.coordsAtPos(view.state.selection.main.head);
  const box = view.scrollDOM.getBoundingClientRect();
  return Boolean(line && line.top >= box.top - 1 && line.bottom <= box.top + view.scrollDOM.clientHeight + 1);
}"""


def test_the_line_that_is_typed_stays_in_sight(serving: Studio, folder: Path, open_page: Callable[..., Any]) -> None:
    (folder / "calls.yaml").write_text(SPEC + "# more\n" * 80, encoding="utf-8")
    page = opened(open_page(serving, EDIT))
    at(page, "rows: 12")
    page.keyboard.press("Control+End")
    soon(page, lambda: page.evaluate(IN_SIGHT))
    height = page.evaluate("document.querySelector('.cm-scroller').clientHeight")
    page.keyboard.type("wrong: 1\nworse: 2\nworst: 3\nbad: 4")
    page.wait_for_selector("#problems-list li")
    until(page, f"document.querySelector('.cm-scroller').clientHeight < {height}")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    soon(page, lambda: page.evaluate(IN_SIGHT))


def test_parts_are_put_in_by_forms(editor: Any, folder: Path) -> None:
    editor.get_by_role("button", name="Parameter", exact=True).click()
    editor.get_by_label("Name", exact=True).fill("age")
    editor.get_by_label("It is").select_option(label="A whole number between")
    editor.get_by_label("Smallest").fill("90")
    editor.get_by_label("Largest").fill("18")
    editor.get_by_role("button", name="Insert", exact=True).click()
    editor.locator("dialog [role=alert]", has_text="below").wait_for()
    assert violations(editor) == []
    editor.get_by_label("Smallest").fill("18")
    editor.get_by_label("Largest").fill("90")
    editor.get_by_role("button", name="Insert", exact=True).click()
    editor.wait_for_selector("dialog", state="detached")
    assert "  topic: [bill, meter]\n  age: integer(18, 90)\nprompts:" in text_of(editor)
    editor.keyboard.press("Control+s")
    saved(editor)
    assert (folder / "calls.yaml").read_text() == SPEC.replace("meter]\n", "meter]\n  age: integer(18, 90)\n")


def test_a_name_is_found_and_renamed_by_keys_alone(editor: Any) -> None:
    at(editor, "mood }} caller")
    editor.keyboard.press("F12")
    until(editor, "document.querySelector('.cm-activeLine').textContent.includes('mood: [calm')")
    editor.keyboard.press("F2")
    editor.wait_for_selector("dialog[open] input")
    editor.keyboard.type("temper")
    editor.keyboard.press("Enter")
    editor.wait_for_selector("dialog", state="detached")
    text = text_of(editor)
    assert "temper: [calm" in text and "{{ temper }} caller" in text and "value: temper" in text
    editor.wait_for_selector("#problems-list .fine")
    editor.keyboard.press("Shift+F12")
    editor.wait_for_selector("dialog .places")
    editor.keyboard.press("Escape")
    editor.wait_for_selector("dialog", state="detached")
    assert editor.evaluate("document.activeElement.className").startswith("cm-content")


def test_the_whole_page_is_walked_by_keys(editor: Any) -> None:
    """From the start of the page every control is reached, the text is left again, and the focus is always seen."""
    editor.evaluate("document.activeElement.blur()")
    met: list[str] = []
    for _ in range(60):
        editor.keyboard.press("Tab")
        found = editor.evaluate(
            "(e => [e.id || e.dataset.form || e.getAttribute('aria-label') || e.textContent.slice(0, 30), e.className, e.matches(':focus-visible'), e !== document.body])"
            "(document.activeElement)"
        )
        if not found[3]:  # out of the page and in again
            break
        assert found[2] or "cm-content" in found[1], found
        met.append("cm-content" if "cm-content" in found[1] else found[0])
    for wanted in ("parameter", "check", "go-definition", "cm-content", "problems-list", "plan", "tab-plan"):
        assert wanted in met, (wanted, met)
    assert met.index("tab-plan") < met.index("cm-content") < met.index("plan") < len(met) - 1


@pytest.mark.parametrize("size", ["wide", "narrow"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(size: str, theme: str, serving: Studio, open_page: Callable[..., Any]) -> None:
    page = opened(open_page(serving, EDIT, size=size, theme=theme))
    at(page, "mood }} caller")
    page.keyboard.type("oo")
    page.wait_for_selector("#problems-list .remedy", state="attached")
    for tab in page.get_by_role("tab").all():
        if tab.is_visible():
            tab.click()
            assert violations(page) == [], tab.inner_text()
            assert not is_wider_than_its_window(page), tab.inner_text()


def test_markup_in_a_spec_stays_text(serving: Studio, folder: Path, open_page: Callable[..., Any]) -> None:
    evil = "<img src=x onerror=document.title='hit'><b>bold</b>"
    text = SPEC.replace("[calm, cross, hurried]", f'[calm, "{evil}"]').replace("help desk", f"help desk {evil}")
    (folder / "calls.yaml").write_text(
        text.replace("call: {user", "call: {system: '" + evil.replace("'", "''") + "', user")
    )
    page = opened(open_page(serving, EDIT))
    page.get_by_role("tab", name="Prompt").click()
    page.locator("#prompts label", has_text="mood").locator("select").select_option(index=2)
    page.get_by_text(f"Write what a {evil} caller").wait_for()
    at(page, "calls")
    page.keyboard.type("{{ <b>x")
    page.wait_for_selector("#problems-list li")
    assert page.locator("#prompts b, #prompts img, #plan b, #plan img, #problems-list b, .cm-content b").count() == 0
    assert "hit" not in page.title()
