"""Two specs of one `name:` share a folder: the pages about rows show those of their own spec, or say whose they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import synthspec
from studio.serving import is_wider_than_its_window, served, soon, violations
from synthspec.generation.reviewing.spec_note import note_spec
from synthspec.inference.store import Store
from synthspec.inference.store.derived.row_views import kept_rows
from synthspec.inference.store.reviews import Reviews, read_reviews
from synthspec.studio.context import Studio
from synthspec.studio.makers import other_maker
from synthspec.studio.reviewed_rows import reviewed_rows

SPEC = """\
synthspec: 1
name: calls
rows: 8
parameters: {mood: [calm, cross]}
prompts: {call: {user: "What a {{ mood }} caller says.", writes: [call]}}
fields: {mood: {value: mood}, call: {type: string}}
output: {formats: [csv]}
backend: {provider: ngram, model: en}
"""
OTHER = SPEC.replace("[calm, cross]", "[glad, sad]").replace(
    "call: {type: string}", "call: {type: string, maxLength: 9}"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two specs of one name; the dataset is of the second."""
    (tmp_path / "another.yaml").write_text(OTHER, encoding="utf-8")
    (tmp_path / "calls.yaml").write_text(SPEC, encoding="utf-8")
    synthspec.build(tmp_path / "calls.yaml", out=tmp_path / "build" / "calls")
    return tmp_path


GETS = ("rows", "facets", "row", "review", "review-alike", "review-export")
POSTS = ("review", "review-undo", "review-edit", "review-example", "review-apply")


def test_no_page_shows_or_changes_the_rows_of_another_spec(client: TestClient, folder: Path) -> None:
    row = next(kept_rows(folder / "build" / "calls"))
    files = {p.name: p.read_bytes() for p in (folder / "build" / "calls").iterdir() if p.suffix in (".csv", ".json")}
    body = {"reviewer": "ana", "path": row.path, "prompt": "call", "texts": {"call": "x"}, "number": 1}
    body["said"] = [{"path": row.path, "verb": "accept", "digest": row.digest}]
    answers = [client.get(f"/api/{name}/another.yaml?path={row.path}") for name in GETS]
    answers += [client.post(f"/api/{name}/another.yaml", json=body) for name in POSTS]
    answers.append(client.post("/api/report/another.yaml"))
    for answer in answers:
        assert answer.status_code == 409, (answer.url, answer.text)
        said = answer.json()
        assert said["error"] == "the 8 rows in build/calls were made from calls.yaml, not from another.yaml"
        assert "another `name:`" in said["help"]
        assert said["maker"] == "calls.yaml"
    assert client.get("/api/report/another.yaml").json()["state"] == "another"
    assert read_reviews(folder / "build" / "calls") == []
    assert files == {n: (folder / "build" / "calls" / n).read_bytes() for n in files}
    for name in ("rows", "review", "report"):
        assert client.get(f"/spec/another.yaml/{name}").status_code == 200
        assert client.get(f"/api/{name}/calls.yaml").status_code in (200, 202)
    assert client.get("/api/report/calls.yaml").json()["state"] == "absent"


def test_rows_are_of_the_spec_that_the_standing_dataset_was_made_from(client: TestClient, folder: Path) -> None:
    built = folder / "build" / "calls"
    with Store.open(built) as store:  # a build of the other one has begun, and its dataset does not stand yet
        note_spec(store, built, folder / "another.yaml", {})
    assert client.get("/api/rows/calls.yaml").status_code == 200
    assert client.get("/api/rows/another.yaml").status_code == 409
    synthspec.build(folder / "another.yaml", out=built)
    assert client.get("/api/rows/another.yaml").status_code == 200
    assert client.get("/api/rows/calls.yaml").json()["maker"] == "another.yaml"
    (folder / "another.yaml").rename(folder / "renamed.yaml")
    assert client.get("/api/rows/renamed.yaml").status_code == 200
    (folder / "deep").mkdir()
    (folder / "deep" / "renamed.yaml").write_text(OTHER, encoding="utf-8")
    assert other_maker(built, folder / "nowhere.yaml", [folder / "deep" / "renamed.yaml"]) is None


def test_edits_are_held_to_the_rules_of_the_spec_that_made_the_rows(studio: Studio, folder: Path) -> None:
    built = folder / "build" / "calls"
    row = next(kept_rows(built))
    with Reviews(built) as reviews:
        reviews.add(row.path, row.digest, "ana", "edit", "", {"call": "longer than the other spec allows"})
    assert dict(reviewed_rows(studio, built))[row.path]["call"] == "longer than the other spec allows"


@pytest.mark.slow
@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_the_pages_lead_to_the_spec_that_has_the_rows(folder: Path, open_page: Callable[..., Any], size: str) -> None:
    with served(folder) as studio:
        for name, at in (("rows", "#total"), ("review", "#row"), ("report", "#state")):
            page = open_page(studio, f"/spec/another.yaml/{name}", size=size)
            soon(page, lambda page=page, at=at: "made from calls.yaml" in page.locator(at).inner_text())
            assert not is_wider_than_its_window(page) and violations(page) == []
            page.locator(at).get_by_role("link").click()
            page.wait_for_url(f"**/spec/calls.yaml/{name}")
    assert json.loads((folder / "build" / "calls" / "manifest.json").read_text())["name"] == "calls"
