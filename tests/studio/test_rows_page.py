"""The table of rows, a row's history, and the review page: what the studio answers, and what a person does with it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import synthspec
from studio.serving import is_wider_than_its_window, served, soon, until, violations
from synthspec.inference.store.derived.row_histories import read_histories
from synthspec.inference.store.derived.row_views import kept_rows
from synthspec.inference.store.reviews import Reviews, read_reviews

SPEC = """\
synthspec: 1
name: calls
rows: 30
parameters:
  mood: [calm, cross, hurried]
  topic: [bill, meter]
prompts:
  call: {user: "Write what a {{ mood }} caller says about the {{ topic }}.", writes: [call]}
fields:
  mood: {value: mood}
  call: {type: string, words: {min: 9, max: 60}}
  size: {value: len(call)}
checks: [{that: size > 45}]
novelty: {near_duplicates: {fields: [call], similarity: 0.7}}
limits: {attempts: 6}
output: {formats: [csv, jsonl], split: {train: 0.7, test: 0.3}}
backend: {provider: ngram, model: en}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a spec whose dataset is built."""
    (tmp_path / "calls.yaml").write_text(SPEC, encoding="utf-8")
    synthspec.build(tmp_path / "calls.yaml", out=tmp_path / "build" / "calls")
    return tmp_path


def ask(client: TestClient, address: str, **more: Any) -> Any:
    """The answer once the rows are indexed."""
    until = time.monotonic() + 60
    while True:
        answer = client.get(f"/api/{address}", **more)
        if answer.status_code != 202 or time.monotonic() > until:
            assert answer.status_code == 200, answer.text
            return answer.json()


def say(client: TestClient, *said: dict[str, Any], reviewer: str = "ana") -> Any:
    return client.post("/api/review/calls.yaml", json={"reviewer": reviewer, "said": list(said)})


def test_rows_are_filtered_searched_and_counted(client: TestClient, folder: Path) -> None:
    rows = list(kept_rows(folder / "build" / "calls"))
    every = ask(client, "rows/calls.yaml")
    assert [r["path"] for r in every["rows"] if r["state"] == "kept"] == [r.path for r in rows]
    assert every["fields"] == ["mood", "call", "size"]
    assert [r["path"] for r in ask(client, "rows/calls.yaml?from=5&n=3")["rows"]] == [
        r["path"] for r in every["rows"][5:8]
    ]
    cross = ask(client, "rows/calls.yaml?f.mood=cross&f.mood=calm&state=kept")
    assert [r["path"] for r in cross["rows"]] == [r.path for r in rows if r.values["mood"] in ("cross", "calm")]
    word = next(w for w in rows[4].values["call"].split() if w.isalpha() and len(w) > 4)
    found = ask(client, f"rows/calls.yaml?q={word}")
    assert rows[4].path in [r["path"] for r in found["rows"]]
    assert all(word.lower()[:4] in r["values"]["call"].lower() for r in found["rows"])
    phrase = " ".join(rows[4].values["call"].split()[1:4])
    assert rows[4].path in [r["path"] for r in ask(client, "rows/calls.yaml", params={"q": f'"{phrase}"'})["rows"]]
    assert ask(client, "rows/calls.yaml?q=%22)%20OR%20%27*")["total"] == 0
    assert ask(client, "rows/calls.yaml?f.nothing=x")["total"] == 0
    back = ask(client, "rows/calls.yaml?sort=-")
    assert [r["path"] for r in back["rows"]] == [r["path"] for r in every["rows"]][::-1]
    counts = ask(client, "facets/calls.yaml")
    assert {s["state"]: s["rows"] for s in counts["states"]}["kept"] == len(rows)
    assert {f["value"]: f["rows"] for f in counts["facets"]["topic"]} == {"bill": 15, "meter": 15}
    rule = counts["rules"][0]
    assert ask(client, "rows/calls.yaml", params={"rule": rule["value"]})["total"] == rule["rows"]
    retried = ask(client, "rows/calls.yaml?sort=tries&n=1")["rows"][0]["path"]
    assert len(ask(client, f"row/calls.yaml?path={retried}")["tries"]) >= 1


def test_a_row_tells_how_it_came_about_and_where_it_is(client: TestClient, folder: Path) -> None:
    built = folder / "build" / "calls"
    found = 0
    for row in kept_rows(built):
        story = ask(client, f"row/calls.yaml?path={row.path}")
        used = [c for c in story["calls"] if c["used"]]
        assert used and used[-1]["reply"]
        assert len(story["calls"]) == len(story["tries"]) + 1
        for before, after in zip(story["calls"], story["calls"][1:], strict=False):
            assert before["reasons"], before
            assert any(before["reasons"][0] in m["text"] for m in after["messages"])  # what the model was told
        for place in story["places"]:
            found += 1
            lines = (built / place["file"]).read_text().split("\n")
            assert str(row.values["call"]) in lines[place["line"] - 1].replace('""', '"') or '"' in row.values["call"]
        assert {p["file"].partition(".")[2] for p in story["places"]} == {"csv", "jsonl"}
    assert found == 60
    assert client.get("/api/row/calls.yaml?path=999").status_code == 404


def test_a_rejected_attempt_stands_beside_the_row_that_it_was_too_like(client: TestClient, folder: Path) -> None:
    kept, compared = {r.path: r for r in kept_rows(folder / "build" / "calls")}, 0
    ask(client, "rows/calls.yaml?q=the")  # the index of words is there
    for path in kept:
        story = ask(client, f"row/calls.yaml?path={path}")
        rejected = [c for c in story["calls"] if any("too much like" in r for r in c["reasons"])]
        assert [n["attempt"] for n in story["near"]] == [c["attempt"] for c in rejected]
        for near in story["near"]:
            compared += 1
            other = kept[near["path"]]
            assert other.id < kept[path].id
            assert near["text"] == other.values["call"]
            words = {w.lower() for w in near["text"].split()}
            assert near["share"] > 0.6
            assert len(words & {w.lower() for w in near["reply"].split()}) / len(words) > 0.6
        assert story["repeats"] is False, "the row itself is like no other"
    assert compared


def test_the_words_of_a_check_say_nothing_of_other_rows(client: TestClient, tmp_path: Path) -> None:
    """A rule between rows is told from others by a field, whatever a spec's own messages say."""
    checks = "checks: [{that: size > 45, message: 'not unique: the same length as a note'}]"
    spec = SPEC.replace("checks: [{that: size > 45}]", checks).replace("words: {min: 9", "words: {min: 3")
    spec = "".join(line for line in spec.splitlines(keepends=True) if not line.startswith("novelty:"))
    (tmp_path / "calls.yaml").write_text(spec, encoding="utf-8")
    synthspec.build(tmp_path / "calls.yaml", out=tmp_path / "build" / "calls")
    retried = ask(client, "rows/calls.yaml?sort=tries&n=1")["rows"][0]["path"]
    story = ask(client, f"row/calls.yaml?path={retried}")
    assert any("not unique" in reason for call in story["calls"] for reason in call["reasons"])
    assert story["near"] == []
    assert not any(call["like_row"] for call in story["calls"])


@pytest.mark.parametrize("noted", [True, False])
def test_rows_of_a_folder_that_kept_reasons_alone(client: TestClient, folder: Path, noted: bool) -> None:
    """What an earlier version wrote: reasons without their rules, which the notes of its build have, where it kept
    such."""
    path = folder / "build" / "calls" / "rows.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as log, log:
        for number, place, text in log.execute("SELECT id, seq, reasons FROM tries").fetchall():
            reasons = json.dumps([reason for _, _, reason, _ in json.loads(text)])
            log.execute("UPDATE tries SET reasons = ? WHERE id = ? AND seq = ?", (reasons, number, place))
        if not noted:
            log.execute("DELETE FROM settled")
    failed = [attempt for h in read_histories(folder / "build" / "calls") for attempt in h.failed]
    assert failed
    assert all(attempt.reasons for attempt in failed)
    rules = {rule["value"] for rule in ask(client, "facets/calls.yaml")["rules"]}
    stories = [ask(client, f"row/calls.yaml?path={r['path']}") for r in ask(client, "rows/calls.yaml")["rows"]]
    assert any(story["near"] for story in stories) is noted
    reasons = {reason for story in stories for attempt in story["tries"] for reason in attempt["reasons"]}
    if noted:
        assert "near_duplicates(call)" in rules
    else:
        assert {reason[:80] for reason in reasons} == rules


def test_a_review_is_checked_noted_and_taken_back(client: TestClient, folder: Path) -> None:
    built = folder / "build" / "calls"
    rows = list(kept_rows(built))
    assert say(client, {"path": rows[0].path, "verb": "accept", "digest": rows[0].digest}).status_code == 200
    refused = say(client, {"path": rows[1].path, "verb": "accept"}, {"path": rows[2].path, "verb": "reject"})
    assert refused.status_code == 422 and "say why" in refused.json()["error"]
    assert say(client, {"path": rows[1].path, "verb": "accept", "digest": "0" * 32}).status_code == 422
    assert say(client, {"path": rows[1].path, "verb": "accept"}, reviewer="").status_code == 422
    assert len(read_reviews(built)) == 1
    check = client.post(
        "/api/review-edit/calls.yaml", json={"path": rows[1].path, "texts": {"call": "too short"}}
    ).json()
    assert check["faults"]
    text = "this is a text that has more than nine words in it, and is long enough"
    check = client.post("/api/review-edit/calls.yaml", json={"path": rows[1].path, "texts": {"call": text}}).json()
    assert check["faults"] == [] and check["values"]["size"] == len(text)
    assert say(client, {"path": rows[1].path, "verb": "edit", "patch": check["patch"]}).status_code == 200
    say(client, {"path": rows[2].path, "verb": "reject", "reason": "dull"}, reviewer="ben")
    assert [r["path"] for r in ask(client, "rows/calls.yaml?state=rejected")["rows"]] == [rows[2].path]
    assert ask(client, "rows/calls.yaml?mark=none")["total"] == len(rows) - 3
    assert ask(client, "rows/calls.yaml")["reviewed"] is True
    assert client.get("/api/review/calls.yaml").json()["undoable"] == ["ana", "ben"]
    first = ask(client, f"rows/calls.yaml?mark=none&after={rows[3].path}&n=1")["rows"][0]["path"]
    assert first == rows[4].path
    done = client.post("/api/review-undo/calls.yaml", json={"reviewer": "ben"}).json()
    assert done["path"] == rows[2].path
    assert client.post("/api/review-undo/calls.yaml", json={"reviewer": "ben"}).status_code == 409
    assert client.get("/api/review/calls.yaml").json()["undoable"] == ["ana"]
    answer = client.get("/api/review-export/calls.yaml?all=1")
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert "attachment" in answer.headers["content-disposition"]
    assert len(lines) == len(rows) + 1 and sum(bool(line["verb"]) for line in lines) == 3
    assert ask(client, f"review-alike/calls.yaml?path={rows[0].path}")["rows"] is not None
    assert client.get("/api/review/calls.yaml").json()["reviewed"] == 2


def test_without_a_dataset_the_pages_say_so(client: TestClient, folder: Path) -> None:
    (folder / "other.yaml").write_text(SPEC.replace("name: calls", "name: other"), encoding="utf-8")
    (folder / "wrong.yaml").write_text("synthspec: 1\nname: [", encoding="utf-8")
    for page in ("rows", "review"):
        assert client.get(f"/spec/other.yaml/{page}").status_code == 200
    assert client.get("/api/rows/other.yaml").status_code == 404
    assert client.get("/api/rows/wrong.yaml").status_code == 422
    assert client.get("/api/review/other.yaml").status_code == 422


def test_rows_of_a_first_build_are_shown_as_they_come(client: TestClient, folder: Path) -> None:
    built, stage = folder / "build" / "calls", folder / "build" / "calls" / ".next" / "files"
    stage.mkdir(parents=True)
    (built / "rows.sqlite").rename(stage / "rows.sqlite")
    answer = ask(client, "rows/calls.yaml")
    assert answer["building"] and len(answer["rows"]) == answer["total"] >= 30
    assert client.get("/api/rows/calls.yaml?state=kept").status_code == 409


# --- in a browser


LOOKS = [(size, theme) for size in ("wide", "narrow") for theme in ("light", "dark")]


@pytest.mark.slow
@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_the_pages_are_accessible_in_every_look(
    folder: Path, open_page: Callable[..., Any], size: str, theme: str
) -> None:
    rows = list(kept_rows(folder / "build" / "calls"))
    with Reviews(folder / "build" / "calls") as reviews:
        reviews.add(rows[1].path, rows[1].digest, "ben", "reject", "It answers another question.")
        reviews.add(
            rows[2].path, rows[2].digest, "ben", "edit", "", {"call": "a text that a person wrote instead of it"}
        )
        reviews.add(rows[3].path, rows[3].digest, "ana", "accept")
        reviews.add(rows[3].path, rows[3].digest, "ben", "accept")
    with served(folder) as studio:
        page = open_page(studio, "/spec/calls.yaml/rows", size=size, theme=theme)
        page.wait_for_selector(".line button")
        page.wait_for_selector("#states button")
        assert not is_wider_than_its_window(page) and violations(page) == []
        page.locator(".line button").nth(2).click()
        page.wait_for_selector(".call")
        assert not is_wider_than_its_window(page) and violations(page) == []
        page.goto(f"http://127.0.0.1:{studio.door.port}/spec/calls.yaml/review")
        page.wait_for_selector(".value-list")
        assert not is_wider_than_its_window(page) and violations(page) == []
        page.fill("#who", "ana")
        page.locator("#who").press("Enter")
        page.keyboard.press("e")
        page.wait_for_selector("textarea[data-field=call]")
        assert not is_wider_than_its_window(page) and violations(page) == []


EVIL = """\
synthspec: 1
name: talks
rows: 2
sources: {talks: {rows: [{a: "<img src=x onerror=document.title='owned'>"}, {a: "<script>document.title='owned'</script>"}]}}
parameters: {said: {from: talks, column: a}}
prompts:
  note: {user: "{{ said }}", writes: [note]}
fields:
  talk: {value: "[{role: 'user', content: said}, {role: 'assistant', content: '<b>no</b>'}]", type: messages}
  said: {value: said}
  note: {type: string}
output: {formats: [jsonl]}
backend: {provider: ngram, model: en}
"""


@pytest.mark.slow
def test_the_same_is_said_of_all_rows_that_are_alike(folder: Path, open_page: Callable[..., Any]) -> None:
    alike = SPEC.replace("name: calls", "name: alike").replace(
        "  size: {value: len(call)}",
        "  size: {value: len(call)}\n  same: {value: \"'these are the very same words in each and every row of it, and there are so many that any two of them must be alike, '+ mood\"}",
    )
    novelty = "novelty: {near_duplicates: {fields: [call], similarity: 0.7}}"
    (folder / "alike.yaml").write_text(alike.replace(novelty, "novelty: {unique: [same, call]}"), encoding="utf-8")
    synthspec.build(folder / "alike.yaml", out=folder / "build" / "alike")
    with served(folder) as studio:
        page = open_page(studio, "/spec/alike.yaml/review")
        page.wait_for_selector(".value-list")
        page.fill("#who", "ana")
        page.locator("#who").press("Enter")
        page.keyboard.press("l")
        page.wait_for_selector("dialog .alike input")
        assert violations(page) == []
        count = page.locator("dialog .alike input").count()
        page.locator("dialog button[value=yes]").click()
        assert page.locator("#reason").evaluate("e => !e.validity.valid"), "a rejection has a reason"
        page.select_option("#alike-verb", "retry")
        assert page.locator("#reason").evaluate("e => e.required")
        page.select_option("#alike-verb", "accept")
        assert not page.locator("#reason").evaluate("e => e.required")
        page.select_option("#alike-verb", "reject")
        page.fill("#reason", "They are all the same.")
        page.locator("dialog button[value=yes]").click()
        until(page, f"document.querySelector('#progress').textContent.startsWith('{count} of 30')")
    assert {r.verb for r in read_reviews(folder / "build" / "alike")} == {"reject"}


@pytest.mark.slow
def test_what_a_dataset_says_is_never_markup(folder: Path, open_page: Callable[..., Any]) -> None:
    (folder / "talks.yaml").write_text(EVIL, encoding="utf-8")
    synthspec.build(folder / "talks.yaml", out=folder / "build" / "talks")
    with served(folder) as studio:
        page = open_page(studio, "/spec/talks.yaml/rows?row=0")
        page.wait_for_selector("#story[open] .call")
        soon(page, lambda: page.locator(".talk li.assistant .words", has_text="<b>no</b>").count() == 1)
        soon(page, lambda: page.locator(".talk li.user .words", has_text="<").count() >= 1)
        page.goto(f"http://127.0.0.1:{studio.door.port}/spec/talks.yaml/review")
        page.wait_for_selector(".value-list .talk")
        assert page.locator("main b, main img, main script, dialog img").count() == 0
        assert "owned" not in page.title()


@pytest.mark.slow
def test_rows_are_filtered_and_opened_and_the_address_keeps_it(folder: Path, open_page: Callable[..., Any]) -> None:
    with served(folder) as studio:
        page = open_page(studio, "/spec/calls.yaml/rows")
        page.get_by_label("cross").check()
        until(page, "document.querySelector('#total').textContent.startsWith('10 rows')")
        soon(page, lambda: "f.mood=cross" in page.url)
        page.reload()
        until(page, "document.querySelector('#total').textContent.startsWith('10 rows')")
        page.locator(".line button").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#story[open] .call")
        title = page.locator("#story-title").inner_text()
        page.get_by_role("button", name="Next").click()
        until(page, f"document.querySelector('#story-title').textContent !== {json.dumps(title)}")
        page.keyboard.press("Escape")
        page.wait_for_selector("#story:not([open])", state="attached")
        soon(page, lambda: "row=" not in page.url)
        page.go_back()
        page.wait_for_selector("#story[open]")
        page.keyboard.press("Escape")
        soon(page, lambda: "row=" not in page.url)
        page.get_by_role("button", name="Clear filters").click()
        until(page, "!document.querySelector('#total').textContent.includes('like that')")
        page.fill("#q", "nothingislikethat")
        page.wait_for_selector(".nothing")


@pytest.mark.slow
def test_back_goes_back_and_a_name_is_asked_for(folder: Path, open_page: Callable[..., Any]) -> None:
    rows = list(kept_rows(folder / "build" / "calls"))
    with served(folder) as studio:
        page = open_page(studio, "/spec/calls.yaml/review")

        def at(n: int) -> None:
            until(page, f"document.querySelector('#row h2')?.textContent === 'Row {rows[n].path}'")

        at(0)
        until(page, "document.activeElement.id === 'who'")
        soon(
            page,
            lambda: (
                page.locator("button[data-key=u]").is_disabled() and page.locator("button[data-key=k]").is_disabled()
            ),
        )
        page.locator("#row").focus()
        page.keyboard.press("a")
        page.locator("#who-hint").wait_for()
        soon(page, lambda: page.evaluate("document.activeElement.id") == "row")
        page.locator("#who").fill("ana")
        page.keyboard.press("Enter")
        assert page.locator("#who-hint").is_hidden()
        for n in range(4):
            at(n)
            page.keyboard.press("a")
        for n in (4, 3, 2):
            at(n)
            page.keyboard.press("u" if n > 2 else "k")
        at(1)
        page.keyboard.press("f")
        page.wait_for_selector("#reason")
        page.keyboard.type("a street?")
        page.keyboard.press("Enter")
        until(page, "document.querySelector('#progress').textContent.endsWith('; 1 flagged, 1 with a note')")


@pytest.mark.slow
def test_ten_rows_are_reviewed_by_keyboard_alone(folder: Path, open_page: Callable[..., Any]) -> None:
    built = folder / "build" / "calls"
    rows = list(kept_rows(built))
    with served(folder) as studio:
        page = open_page(studio, "/spec/calls.yaml/review")

        def at(n: int) -> None:
            until(page, f"document.querySelector('#row h2')?.textContent === 'Row {rows[n].path}'")

        at(0)
        page.locator("#who").focus()
        page.keyboard.type("ana")
        page.keyboard.press("Enter")
        for n in range(6):
            at(n)
            page.keyboard.press("a")
        at(6)
        page.keyboard.press("r")
        page.wait_for_selector("#reason")
        page.keyboard.type("It is dull.")
        page.keyboard.press("Enter")
        at(7)
        page.keyboard.press("e")
        area = page.locator("textarea[data-field=call]")
        area.fill("too short")
        page.wait_for_selector("#faults p")
        soon(page, lambda: page.locator("#save").is_disabled())
        area.fill("this is a text that has more than nine words in it, and is long enough")
        until(page, "!document.querySelector('#save').disabled")
        page.keyboard.press("Control+Enter")
        at(8)
        page.keyboard.press("g")
        page.wait_for_selector("#reason")
        page.keyboard.type("name the street")
        page.keyboard.press("Enter")
        at(9)
        page.keyboard.press("a")
        at(10)
        until(page, "document.querySelector('#progress').textContent.startsWith('10 of 30')")
        page.keyboard.press("u")
        at(9)
        page.keyboard.press("a")
        at(10)
        with page.expect_download() as download:
            page.get_by_role("link", name="Export").click()
        text = Path(download.value.path()).read_text()
        assert sum(bool(line["verb"]) for line in csv.DictReader(io.StringIO(text))) == 11  # one was taken back
        with Reviews(built) as reviews:
            retry = next(r for r in reviews.iterate() if r.verb == "retry")
            reviews.undo(retry.id, "ana")
        page.reload()
        until(page, "document.querySelector('#apply') && !document.querySelector('#apply').disabled")
        page.locator("#apply").click()
        until(page, "document.querySelector('#after').textContent.includes('are as the reviews have it')")
        kept = [
            json.loads(x)["call"]
            for p in built.glob("*.jsonl")
            for x in p.read_text().splitlines()
            if "lost_at" not in x
        ]
        assert rows[6].values["call"] not in kept and any(k.startswith("this is a text that") for k in kept)
