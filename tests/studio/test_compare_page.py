"""Comparing two datasets blind: pairs of one combination, votes that are kept, and what they come to."""

from __future__ import annotations

import json
import math
import random
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import synthspec
from studio.serving import is_wider_than_its_window, served, soon, violations
from synthspec.evaluation.blind.pairs import pair_rows, same_combinations
from synthspec.evaluation.blind.tally import VoteTally, tally_of, wilson
from synthspec.inference.store.derived.row_views import kept_rows
from synthspec.inference.store.reviews import Reviews
from synthspec.studio import made_pages
from synthspec.studio.ballots import VoteLog

SPEC = """\
synthspec: 1
name: {name}
rows: {rows}
seed: {seed}
parameters:
  mood: [calm, cross]
  code: {{pattern: '[A-Z]{{3}}'}}
fields:
  mood: {{value: mood}}
  text: {{value: "concat(code, ' {said} ', mood)"}}
checks: ["{check}"]
"""


def build(folder: Path, name: str, said: str, *, rows: int = 12, seed: int = 1, check: str = "len(code) > 0") -> Path:
    text = SPEC.format(name=name, said=said, rows=rows, seed=seed, check=check)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    synthspec.build(folder / f"{name}.yaml", out=folder / "build" / name)
    return folder / "build" / name


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    build(folder, "one", "says")
    build(folder, "two", "shouts")
    return folder


@pytest.fixture
def two(folder: Path, built: Path) -> str:
    shutil.copytree(built, folder, dirs_exist_ok=True)
    return "a=one&b=two"


# what votes come to


def test_wilson_is_the_root_of_its_equation() -> None:
    """The ends of the interval are where the share is 1.96 standard errors away (Wilson 1927)."""
    for count in (1, 2, 7, 30, 400):
        for hits in {0, 1, count // 3, count - 1, count}:
            low, high = wilson(hits, count)
            assert 0 <= low <= hits / count <= high <= 1
            for end in (low, high):
                if 0 < end < 1:
                    distance = abs(hits / count - end) / math.sqrt(end * (1 - end) / count)
                    assert distance == pytest.approx(1.96, abs=1e-3)


def test_what_votes_come_to() -> None:
    none = tally_of(["tie", "tie"])
    assert (none.share, none.interval, none.preferred) == (None, None, None)  # not known, and not one half
    assert VoteTally(9, 1, 5).preferred == "first" and VoteTally(1, 9, 0).preferred == "second"
    assert VoteTally(6, 4, 50).preferred is None and VoteTally(5, 0, 0).preferred == "first"
    assert tally_of(["first", "other", "second", "tie"]).as_dict()["first"] == 1


# pairs


def test_rows_are_paired_by_combination(folder: Path) -> None:
    one = build(folder, "one", "says")
    some = build(folder, "some", "shouts", check="mood == 'calm'")
    found = pair_rows(one, some)
    assert found.same is True and found.pairs and {p.shared["mood"] for p in found.pairs} == {"calm"}
    for pair in found.pairs:
        assert pair.first["text"].replace("says", "shouts") == pair.second["text"]
    assert pair_rows(one, one).pairs == ()  # nothing to choose from
    other = pair_rows(one, build(folder, "other", "shouts", seed=2))
    assert other.same is False and "code" in other.unlike and other.pairs == ()
    assert same_combinations(None, {"asked": {}}) == (None, ())


# the log


def test_votes_are_kept_through_anything(tmp_path: Path) -> None:
    """A reload, two tabs, two studios, a line cut off by a crash."""
    file = tmp_path / "votes.jsonl"
    first, second = VoteLog(file), VoteLog(file)
    lot = first.read().lot
    first.add({"path": "1", "digest": "d", "choice": "first"})
    second.add({"path": "1", "digest": "d", "choice": "second"})  # the later one counts
    second.add({"path": "2", "digest": "d", "choice": "tie"})
    with file.open("ab") as cut:
        cut.write(b'{"path": "3", "cho')
    first.add({"path": "4", "digest": "d", "choice": "first"})
    first.add({"path": "2", "digest": "d", "choice": "none"})
    box = VoteLog(file).read()
    assert box.lot == lot and box.damaged == 1
    assert {path: b.choice for path, b in box.ballots.items()} == {"1": "second", "4": "first"}
    first.add({"revealed": True})
    first.add({"path": "4", "digest": "d", "choice": "second"})  # not blind: it does not unsay the blind one
    first.add({"path": "5", "digest": "d", "choice": "second"})
    first.add({"path": "1", "digest": "d", "choice": "none"})
    box = first.read()
    assert box.ballots["4"].choice == "first" and box.ballots["4"].blind and "1" in box.ballots
    assert not box.ballots["5"].blind


def test_the_order_is_drawn_evenly_and_stays(tmp_path: Path) -> None:
    sides = []
    for n in range(20):
        log = VoteLog(tmp_path / f"{n}.jsonl")
        log.add({"lot": f"lot {n}"})
        mine = [log.read().swapped(str(path)) for path in range(50)]
        assert mine == [log.read().swapped(str(path)) for path in range(50)]
        sides += mine
    assert 420 < sum(sides) < 580  # the lots are fixed: no luck
    assert len(VoteLog(tmp_path / "new.jsonl").read().lot) == 32


# the page


def test_a_vote_is_blind_until_it_is_revealed(client: TestClient, two: str) -> None:
    found = client.get(f"/api/compare/pairs?{two}").json()
    assert found["same"] is True and len(found["pairs"]) == 12 and "tally" not in found and "swapped" not in found
    draw = random.Random(1)
    wanted = {"first": 0, "second": 0, "tie": 0}
    for pair in found["pairs"][:9]:
        side = draw.choice(["left", "right", "tie"])
        wanted["tie" if side == "tie" else "second" if "shouts" in pair[side]["text"] else "first"] += 1
        body = {"path": pair["path"], "digest": pair["digest"], "side": side}
        told = client.post(f"/api/compare/vote?{two}", json=body).json()
        assert told["votes"][pair["path"]] == side and "tally" not in told
    assert client.get(f"/api/compare/pairs?{two}").json()["votes"] == told["votes"]  # after a reload
    result = client.post(f"/api/compare/reveal?{two}", json={}).json()
    assert {k: result["tally"]["ties" if k == "tie" else k] for k in wanted} == wanted
    pair = found["pairs"][10]
    late = client.post(
        f"/api/compare/vote?{two}", json={"path": pair["path"], "digest": pair["digest"], "side": "left"}
    ).json()
    assert late["seen"] == 1 and late["tally"] == result["tally"]
    swapped = set(late["swapped"])
    for pair in found["pairs"]:
        assert ("shouts" in pair["left"]["text"]) == (pair["path"] in swapped)


def test_a_row_that_was_built_anew_keeps_no_vote(client: TestClient, folder: Path, two: str) -> None:
    pair = client.get(f"/api/compare/pairs?{two}").json()["pairs"][0]
    body = {"path": pair["path"], "digest": pair["digest"], "side": "left"}
    assert client.post(f"/api/compare/vote?{two}", json=body).status_code == 200
    build(folder, "two", "whispers")
    found = client.get(f"/api/compare/pairs?{two}").json()
    assert found["votes"] == {} and found["stale"] == 1
    refused = client.post(f"/api/compare/vote?{two}", json=body)
    assert refused.status_code == 409 and "has changed since" in refused.json()["error"]


def test_rows_are_paired_as_their_reviews_have_them(client: TestClient, folder: Path) -> None:
    for name in ("one", "two"):
        build(folder, name, f"{name} says")
        file = folder / f"{name}.yaml"
        text = file.read_text().replace("  text: {", '  tone: {enum: [low]}\n  size: {value: "len(tone)"}\n  text: {')
        text = text.replace(
            "checks:", "backend: {provider: ngram, model: en}\nprompts: {p: {user: say, writes: [tone]}}\nchecks:"
        )
        file.write_text(text.replace("enum: [low]", "enum: [low, higher]"), encoding="utf-8")
        synthspec.build(file, out=folder / "build" / name)
    rows = list(kept_rows(folder / "build" / "one"))
    address = "/api/compare/pairs?a=one&b=two"
    assert len(client.get(address).json()["pairs"]) == 12
    other = {"low": "higher", "higher": "low"}[rows[1].values["tone"]]
    with Reviews(folder / "build" / "one") as reviews:
        reviews.add(rows[0].path, rows[0].digest, "ana", "reject", "dull")
        reviews.add(rows[1].path, rows[1].digest, "ana", "edit", patch={"tone": other})
        reviews.add(rows[2].path, rows[2].digest, "ana", "edit", patch={"tone": "none of these"})  # refused
        reviews.add(rows[3].path, "0" * 32, "ana", "reject", "stale")
    pairs = {p["path"]: p for p in client.get(address).json()["pairs"]}
    assert pairs.keys() == {r.path for r in rows} - {rows[0].path, rows[2].path}
    edited = pairs[rows[1].path]
    mine = next(side for side in (edited["left"], edited["right"]) if "one says" in side["text"])
    assert {**edited["shared"], **mine}["tone"] == other
    assert {**edited["shared"], **mine}["size"] == str(len(other))  # computed anew
    (folder / "one.yaml").unlink()  # without its rules an edit is taken as it is
    with Reviews(folder / "build" / "one") as reviews:
        reviews.add(rows[4].path, rows[4].digest, "ana", "reject", "dull")
    found = {p["path"] for p in client.get(address).json()["pairs"]}
    assert found == {r.path for r in rows} - {rows[0].path, rows[4].path}


@pytest.mark.parametrize("query", ["", "a=one&b=one", "a=one&b=../one", "a=one&b=%2Fetc", "a=one&b=two/../one"])
def test_only_datasets_can_be_named(client: TestClient, two: str, query: str) -> None:
    assert client.get(f"/api/compare/pairs?{query}").status_code in (400, 404)


def test_wrong_votes(client: TestClient, two: str) -> None:
    pair = client.get(f"/api/compare/pairs?{two}").json()["pairs"][0]
    good = {"path": pair["path"], "digest": pair["digest"], "side": "left"}
    for wrong in ({"side": "first"}, {"side": None}, {"path": "99"}, {"digest": "x"}, {"path": 3}):
        assert client.post(f"/api/compare/vote?{two}", json={**good, **wrong}).status_code in (400, 409)
    del client.headers["origin"]
    assert client.post(f"/api/compare/vote?{two}", json=good).status_code == 403
    assert client.get(f"/api/compare/pairs?{two}").json()["votes"] == {}


def test_the_cost_is_said_before(client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"spec": "calls.yaml", "first": "openai:gpt-5-mini", "second": "anthropic:claude-haiku-4-5", "rows": "5"}
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-none")
    for bad in ({"rows": "0"}, {"rows": "51"}, {"rows": "x"}, {"second": asked["first"]}, {"second": "--out"}):
        assert client.get("/api/compare/cost", params={**asked, **bad}).status_code == 400
    found = client.get("/api/compare/cost", params=asked).json()
    assert not found["free"] and found["worst"] > 0 and found["calls"] >= 10
    assert found["folders"] == ["calls/compare-openai-gpt-5-mini", "calls/compare-anthropic-claude-haiku-4-5"]
    unknown = client.get("/api/compare/cost", params={**asked, "second": "openai:not-a-model-with-a-price"}).json()
    assert unknown["worst"] is None and unknown["expected"] is None and not unknown["free"]  # not known, and not 0
    commands: list[list[str]] = []
    made = threading.Event()

    def run(command: list[str], **_: Any) -> Any:
        commands.append(command)
        made.set()
        raise OSError(1, "no")

    monkeypatch.setattr(made_pages.subprocess, "run", run)
    assert client.post("/api/compare/build", json=asked).status_code == 400 and not commands  # no budget
    assert client.post("/api/compare/build", json={**asked, "budget": 0.5}).status_code == 202
    assert made.wait(30) and commands[0][commands[0].index("--budget") + 1] == "0.5"
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert "ANTHROPIC_API_KEY" in client.get("/api/compare/cost", params=asked).json()["problem"]


@pytest.mark.slow
@pytest.mark.parametrize(("size", "theme"), [("wide", "light"), ("narrow", "dark")])
def test_votes_by_keyboard_in_a_browser(open_page: Any, folder: Path, two: str, size: str, theme: str) -> None:
    with served(folder) as studio:
        page = open_page(studio, f"/compare?{two}", size=size, theme=theme)
        page.get_by_text("Pair 1 of 12").wait_for()
        for key in "1201":
            before = page.locator("#pairhead").inner_text()
            page.keyboard.press(key)
            soon(page, lambda before=before: page.locator("#pairhead").inner_text() != before)
        soon(page, lambda: "4 of 12 voted" in page.locator("#progress").inner_text())
        page.reload()
        page.get_by_text("Pair 5 of 12").wait_for()
        other = page.context.new_page()
        other.goto(page.url)
        other.get_by_text("4 of 12 voted").wait_for()
        page.get_by_role("button", name="Show the result and which is which").click()
        page.get_by_role("dialog").get_by_role("button", name="Show it").click()
        page.get_by_text("1 without a difference").wait_for()
        assert not is_wider_than_its_window(page) and violations(page) == []
    (log,) = (folder / ".synthspec/studio/votes").iterdir()
    assert len([json.loads(line) for line in log.read_text().splitlines()]) == 6
