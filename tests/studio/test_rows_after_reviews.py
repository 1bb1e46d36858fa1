"""The table of rows shows, finds, filters and exports rows as their reviews have them, and ranges of their numbers."""

from __future__ import annotations

import csv
import io
import json
import random
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import synthspec
from studio.serving import is_wider_than_its_window, served, soon, violations
from studio.test_rows_page import ask, say, until
from synthspec.compiler import compile_spec
from synthspec.generation.reviewing.editing import open_editor
from synthspec.inference.store.derived.row_views import LoggedRow, kept_rows
from synthspec.inference.store.reviews import Reviews
from synthspec.planning.plan import build_plan

SPEC = """\
synthspec: 1
name: calls
rows: 24
parameters:
  mood: [calm, cross, hurried]
  age: uniform(18, 90)
prompts:
  call: {user: "Write what a {{ mood }} caller of {{ age }} says.", writes: [call, tone]}
fields:
  mood: {value: mood}
  call: {type: string, words: {min: 5, max: 60}}
  tone: {enum: [warm, cold]}
  size: {value: len(call)}
output: {formats: [csv, jsonl]}
backend: {provider: ngram, model: en}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a spec whose dataset is built."""
    (tmp_path / "calls.yaml").write_text(SPEC, encoding="utf-8")
    synthspec.build(tmp_path / "calls.yaml", out=tmp_path / "build" / "calls")
    return tmp_path


@pytest.fixture
def rows(folder: Path) -> list[LoggedRow]:
    return list(kept_rows(folder / "build" / "calls"))


def paths(answer: Any) -> list[str]:
    return [row["path"] for row in answer["rows"]]


NEW = "The zebra told us of a quagga, and of nothing else"


def test_edited_and_rejected_rows_are_found_as_they_are_now(
    client: TestClient, folder: Path, rows: list[LoggedRow]
) -> None:
    edited, left = rows[3], rows[5]
    other = "cold" if edited.values["tone"] == "warm" else "warm"
    word = next(w for w in edited.values["call"].split() if w.isalpha() and len(w) > 4)
    before = ask(client, "facets/calls.yaml")["facets"]["tone"]
    assert edited.path in paths(ask(client, f"rows/calls.yaml?q={word}&n=400"))
    patch = {"call": NEW, "tone": other}
    assert say(client, {"path": edited.path, "verb": "edit", "patch": patch}).status_code == 200
    say(client, {"path": left.path, "verb": "reject", "reason": "of no interest whatsoever"})
    (row,) = ask(client, "rows/calls.yaml?q=quagga")["rows"]
    assert (row["path"], row["values"]["call"], row["values"]["size"]) == (edited.path, NEW, len(NEW))
    assert sorted(row["edited"]) == ["call", "size", "tone"]
    assert edited.path not in paths(ask(client, f"rows/calls.yaml?q={word}&n=400"))
    assert paths(ask(client, "rows/calls.yaml", params={"q": '"no interest whatsoever"'})) == [left.path]
    assert ask(client, f"rows/calls.yaml?q={len(NEW)}&r.size={len(NEW)}..{len(NEW)}")["rows"][0]["path"] == edited.path
    assert edited.path in paths(ask(client, f"rows/calls.yaml?f.tone={other}&n=400"))
    after = {f["value"]: f["rows"] for f in ask(client, "facets/calls.yaml")["facets"]["tone"]}
    assert after[other] == {f["value"]: f["rows"] for f in before}[other] + 1
    (gone,) = ask(client, "rows/calls.yaml?state=rejected")["rows"]
    assert (gone["path"], gone["label"], gone["reason"]) == (left.path, "rejected", "of no interest whatsoever")
    story = ask(client, f"row/calls.yaml?path={edited.path}")
    assert story["changed"] == {"call": NEW, "tone": other, "size": len(NEW)}
    assert story["values"]["call"] == edited.values["call"]
    assert len(story["places"]) == 2  # where it is as it was made, for the reviews are not applied yet
    assert client.post("/api/review-apply/calls.yaml", json={}).status_code == 200
    lines = [(p["file"], p["line"]) for p in ask(client, f"row/calls.yaml?path={edited.path}")["places"]]
    assert len(lines) == 2
    for name, line in lines:
        assert NEW in (folder / "build" / "calls" / name).read_text().splitlines()[line - 1]
    assert ask(client, f"row/calls.yaml?path={left.path}")["places"] == []
    for _ in range(2):
        client.post("/api/review-undo/calls.yaml", json={"reviewer": "ana"})
    assert ask(client, "rows/calls.yaml?q=quagga")["total"] == 0
    assert edited.path in paths(ask(client, f"rows/calls.yaml?q={word}&n=400"))


def test_an_edit_that_its_rules_refuse_takes_the_row_out_with_the_reason(
    client: TestClient, folder: Path, rows: list[LoggedRow]
) -> None:
    with Reviews(folder / "build" / "calls") as reviews:
        reviews.add(rows[1].path, rows[1].digest, "ana", "edit", "", {"call": "two words"})
    (row,) = ask(client, "rows/calls.yaml?state=rejected")["rows"]
    assert row["path"] == rows[1].path
    assert row["reason"].startswith("the edit breaks a rule: call")
    assert row["values"]["call"] == rows[1].values["call"]
    (folder / "calls.yaml").write_text(SPEC.replace("min: 5", "min: 2"), encoding="utf-8")
    assert ask(client, "rows/calls.yaml?q=%22two%20words%22")["total"] == 1


def test_rows_are_filtered_by_ranges_of_their_numbers(client: TestClient, rows: list[LoggedRow]) -> None:
    sizes = {r.path: r.values["size"] for r in rows}
    counts = ask(client, "facets/calls.yaml")
    assert counts["numbers"]["size"] == {"least": min(sizes.values()), "most": max(sizes.values()), "rows": 24}
    assert 18 <= counts["numbers"]["age"]["least"] <= counts["numbers"]["age"]["most"] <= 90
    middle = sorted(sizes.values())[12]
    for text, wanted in ((f"{middle}..", lambda s: s >= middle), (f"..{middle}", lambda s: s <= middle), ("..", bool)):
        found = ask(client, f"rows/calls.yaml?r.size={text}&n=400")
        assert paths(found) == [p for p, s in sizes.items() if wanted(s)]
    both = ask(client, f"rows/calls.yaml?r.size={middle}..{middle}&r.age=18..54&f.mood=calm")
    assert all(r["values"]["size"] == middle and r["values"]["mood"] == "calm" for r in both["rows"])
    assert ask(client, "rows/calls.yaml?r.size=9..3")["total"] == 0
    assert ask(client, "rows/calls.yaml?r.call=1..2")["total"] == 0
    order = ask(client, "rows/calls.yaml?sort=size&n=400")
    assert [sizes[p] for p in paths(order)] == sorted(sizes.values())
    for wrong in ("x..", "3", "..nan", "1..2..3"):
        refused = client.get(f"/api/rows/calls.yaml?r.size={wrong}")
        assert (refused.status_code, "number" in refused.json()["error"]) == (422, True)


def test_rows_are_exported_as_filtered(
    client: TestClient, tmp_path: Path, rows: list[LoggedRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "passing").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "passing"))

    def exported(query: str, form: str = "csv") -> bytes:
        ask(client, f"rows/calls.yaml?{query}")
        answer = client.get(f"/api/rows-export/calls.yaml?{query}&form={form}")
        assert answer.status_code == 200
        assert f'filename="calls-rows.{form}"' in answer.headers["content-disposition"]
        return answer.content

    plain = exported("f.mood=calm")
    lines = list(csv.DictReader(io.StringIO(plain.decode("ascii"))))
    calm = [r for r in rows if r.values["mood"] == "calm"]
    assert [line["row.path"] for line in lines] == [r.path for r in calm]
    assert list(lines[0]) == ["mood", "call", "tone", "size", "row.path", "row.state", "row.reason"]
    formula = "=HYPERLINK(0) and five words more"
    say(client, {"path": calm[0].path, "verb": "edit", "patch": {"call": formula}})
    say(client, {"path": calm[1].path, "verb": "edit", "patch": {"call": "Grüße aus der schönen großen Stadt"}})
    say(client, {"path": calm[2].path, "verb": "reject", "reason": "@SUM(1)"})
    marked = exported("f.mood=calm")
    assert marked.startswith(b"\xef\xbb\xbfmood")
    lines = list(csv.DictReader(io.StringIO(marked.decode("utf-8-sig"))))
    assert lines[0]["call"] == f"'{formula}"
    assert lines[1]["call"] == "Grüße aus der schönen großen Stadt"
    assert (lines[2]["row.state"], lines[2]["row.reason"]) == ("rejected", "'@SUM(1)")
    told = [json.loads(line) for line in exported("f.mood=calm&sort=-", "jsonl").decode().splitlines()]
    assert [t["row.path"] for t in told] == [r.path for r in calm][::-1]
    assert told[-1]["call"] == formula
    assert told[-1]["size"] == len(formula)
    assert exported("q=nothinglikeit").count(b"\n") == 1
    assert client.get("/api/rows-export/calls.yaml?r.size=x").status_code == 422
    assert not list((tmp_path / "passing").iterdir())


def test_pages_may_ask_for_the_same_edits_at_the_same_time(folder: Path, rows: list[LoggedRow]) -> None:
    compiled = compile_spec(folder / "calls.yaml", {"rows": "3000"})
    assert compiled.spec is not None
    editor = open_editor(compiled.spec, compiled.tables)
    plan = build_plan(compiled.spec, compiled.tables)
    wanted = {n: plan[n]["age"] for n in range(0, 3000, 97)}

    def read(seed: int) -> dict[int, float]:
        order = random.Random(seed).sample(sorted(wanted), len(wanted))
        return {n: editor.known_of((n,), n, {})["age"] for n in order}

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [wanted] * 8


@pytest.mark.slow
@pytest.mark.parametrize(("size", "theme"), [("wide", "light"), ("narrow", "dark")])
def test_a_range_an_edit_and_an_export_by_hand(
    folder: Path, rows: list[LoggedRow], open_page: Callable[..., Any], size: str, theme: str
) -> None:
    with Reviews(folder / "build" / "calls") as reviews:
        reviews.add(rows[1].path, rows[1].digest, "ana", "edit", "", {"call": NEW})
        reviews.add(rows[2].path, rows[2].digest, "ana", "reject", "Nobody says that.")
    middle = sorted(r.values["size"] for r in rows)[12]
    with served(folder) as studio:
        page = open_page(studio, "/spec/calls.yaml/rows", size=size, theme=theme)
        page.wait_for_selector("#states button")
        if size == "narrow":
            page.locator("#facets summary").click()
        least = page.get_by_label("size from")
        least.fill(str(middle))
        least.press("Enter")
        soon(page, lambda: f"r.size={middle}.." in page.url)
        until(page, "document.querySelector('#total').textContent.includes('like that')")
        soon(page, lambda: page.evaluate("document.activeElement.getAttribute('aria-label')") == "size from")
        assert not is_wider_than_its_window(page) and violations(page) == []
        page.get_by_label("size from").fill("")
        page.get_by_label("size from").press("Enter")
        soon(page, lambda: "r.size" not in page.url)
        until(page, "!document.querySelector('#total').textContent.includes('like that')")
        page.locator(".line ins", has_text="zebra").wait_for()
        page.locator(".line .why", has_text="Nobody says that.").wait_for()
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        lines = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
        assert [line["row.path"] for line in lines if line["row.state"] == "rejected"] == [rows[2].path]
        page.locator(f'.line button[data-path="{rows[1].path}"]').click()
        page.wait_for_selector("#story[open] .value-list ins")
        assert not is_wider_than_its_window(page) and violations(page) == []
