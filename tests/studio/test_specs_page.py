"""The page of all specs: how each stands, and new ones from everything that a person may drop."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from studio.conftest import SPEC
from synthspec.compiler import compile_spec
from synthspec.dataset.manifest import FILE_NAME
from synthspec.studio.context import RequestRefused, Studio
from synthspec.studio.starting import OLD, DroppedData, blocks
from synthspec.studio.workspace import Workspace, built_state

ROWS = "day;city;rooms;size\n" + "".join(
    f"2024-0{1 + i % 9}-11;{('Köln', 'Bonn', 'Ulm')[i % 3]};{1 + i % 4};{50 + i * 7 % 40},5\n" for i in range(60)
)


def state(client: TestClient, spec: str = "calls.yaml") -> dict[str, Any]:
    return client.get(f"/api/state/{spec}").json()


def test_a_spec_tells_how_it_stands(client: TestClient, folder: Path) -> None:
    found = state(client)
    assert found["errors"] == 0 and found["rows"] == 12 and found["built"] is None and found["running"] is None
    assert found["description"] == "Short calls to a help desk."
    (folder / "calls.yaml").write_text(SPEC.replace("rows: 12", "rows: none") + "more: 1\n", encoding="utf-8")
    found = state(client)
    assert found["errors"] == 2 and found["first"] and not found["library"]


def test_specs_are_found_and_other_files_are_not(client: TestClient, folder: Path) -> None:
    for path in ("a/b/c.yaml", "a/x.yml", "build/out.yaml", ".hidden/h.yaml", "node_modules/n.yaml", "é.yaml"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(SPEC, encoding="utf-8")
    (folder / "other.yaml").write_text("name: none\n", encoding="utf-8")
    (folder / "bom.yaml").write_bytes(b"\xef\xbb\xbf" + SPEC.encode())
    (folder / "bytes.yaml").write_bytes(bytes(range(256)) * 40)
    assert client.get("/api/specs").json()["specs"] == ["bom.yaml", "calls.yaml", "é.yaml", "a/x.yml", "a/b/c.yaml"]
    assert client.get("/spec/a/b/c.yaml/run").status_code == 200
    assert state(client, "a/b/c.yaml")["errors"] == 0


@pytest.mark.parametrize(
    "manifest, built",
    [
        ({"funnel": {"kept": 4, "planned": 5}, "quarantined": 1, "cost": None, "gates": {"a": True, "b": False}}, {"rows": 4, "planned": 5, "missing": 1, "cost": None, "failed_gates": ["b"]}),
        ({"funnel": {"kept": 4}, "cost": 0.0}, {"rows": 4, "cost": 0.0, "failed_gates": []}),
        ({"funnel": [], "run": 3, "gates": None, "cost": "1"}, {"rows": None, "cost": None, "created": None}),
    ],
)  # fmt: skip
def test_what_was_built_is_told_and_a_cost_that_is_unknown_is_not_0(
    tmp_path: Path, manifest: dict[str, Any], built: dict[str, Any]
) -> None:
    assert built_state(tmp_path) is None
    (tmp_path / FILE_NAME).write_text(json.dumps({"manifest": 1, **manifest}), encoding="utf-8")
    found = built_state(tmp_path)
    assert found is not None and built.items() <= found.items()


def test_an_edit_on_the_disk_is_seen_at_once(studio: Studio, folder: Path) -> None:
    workspace = studio.service(Workspace)
    first = workspace.compiled(folder / "calls.yaml")
    assert workspace.compiled(folder / "calls.yaml") is first
    (folder / "calls.yaml").write_text(SPEC.replace("12", "13"), encoding="utf-8")
    os.utime(folder / "calls.yaml", ns=(1, 1))
    changed = workspace.compiled(folder / "calls.yaml")
    assert changed.spec is not None and changed.spec.rows == 13


# --- new ones


def new(client: TestClient, **asked: Any) -> Any:
    return client.post("/api/new", json=asked)


@pytest.mark.parametrize(
    "asked",
    [{"from": "blank"}, {"from": "example", "example": "reviews"}, {"from": "library", "blocks": ["people", "tones"]}],
)
def test_a_new_spec_has_no_errors(client: TestClient, folder: Path, asked: dict[str, Any]) -> None:
    answer = new(client, name="mine", **asked)
    assert answer.status_code == 201 and answer.json() == {"spec": "mine.yaml"}
    compiled = compile_spec(folder / "mine.yaml")
    assert compiled.ok and compiled.spec is not None and compiled.spec.name == "mine", compiled.diagnostics
    before = (folder / "mine.yaml").read_bytes()
    again = new(client, name="mine", **asked)
    assert again.status_code == 409 and (folder / "mine.yaml").read_bytes() == before


def test_every_building_block_makes_a_spec(tmp_path: Path) -> None:
    from synthspec.document.starters import extending_spec

    for block in blocks():
        for path, data in extending_spec("one", {block["name"]: block["parameters"]}).items():
            (tmp_path / path).write_bytes(data)
        compiled = compile_spec(tmp_path / "one.yaml")
        assert compiled.ok, (block, compiled.diagnostics)


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", "a\\b", ".hidden", "a b", "é", "x.yaml", "x" * 200, None, 3, "a\0", "-"]
)
def test_a_name_is_no_path(client: TestClient, folder: Path, name: Any) -> None:
    before = sorted(folder.rglob("*"))
    assert new(client, name=name, **{"from": "blank"}).status_code == 422
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"from": "example", "example": "../calls"},
        {"from": "library", "blocks": []},
        {"from": "library", "blocks": [{}]},
        {"from": "data", "data": 3},
    ],
)
def test_nothing_is_made_of_nothing(client: TestClient, asked: dict[str, Any]) -> None:
    assert new(client, name="mine", **asked).status_code == 400


def test_a_link_is_not_written_through(client: TestClient, folder: Path) -> None:
    outside = folder.parent / "outside.yaml"
    (folder / "mine.yaml").symlink_to(outside)
    (folder / "data").symlink_to(folder.parent)
    assert new(client, name="mine", **{"from": "blank"}).status_code == 404
    assert new(client, name="other", **{"from": "example", "example": "reviews"}).status_code == 404
    assert not outside.exists() and not (folder.parent / "reviews.csv").exists()


# --- from data


def drop(client: TestClient, name: str, data: bytes) -> Any:
    answer = client.post("/api/new/data", params={"name": name}, content=data)
    return answer.json()["data"] if answer.status_code == 201 else answer


@pytest.mark.parametrize("encoding, delimiter", [("utf-8", ";"), ("utf-8-sig", ","), ("cp1252", "\t"), ("utf-16", "|")])
def test_how_a_csv_was_read_is_shown_before_it_is_taken(
    client: TestClient, folder: Path, encoding: str, delimiter: str
) -> None:
    text = ROWS.replace(",5", ".5").replace(";", delimiter)
    data = drop(client, "Wohnungen in Köln.csv", text.encode(encoding))
    found = client.post(f"/api/new/data/{data}", json={}).json()
    assert (found["delimiter"], found["encoding"]) == (delimiter, encoding.removesuffix("-sig"))
    assert found["guessed"] == (encoding == "cp1252") and found["rows"] == 60
    assert [(c["header"], c["kind"]) for c in found["columns"]] == [
        ("day", "dates"),
        ("city", "labels"),
        ("rooms", "labels"),
        ("size", "numbers"),
    ]
    assert "Köln" in found["columns"][1]["examples"] and "Köln" in found["yaml"]
    assert not (folder / "flats.yaml").exists(), "nothing is made yet"
    assert new(client, name="flats", data=data, reading={}, **{"from": "data"}).status_code == 201
    compiled = compile_spec(folder / "flats.yaml")
    assert compiled.ok and compiled.spec is not None and compiled.spec.name == "flats"
    assert client.post(f"/api/new/data/{data}", json={}).status_code == 404, "what was taken is gone"


def test_a_person_corrects_how_it_is_read(client: TestClient) -> None:
    data = drop(client, "a.csv", "a,b;c\n1,2;3\n4,5;6\n1,2;3\n4,5;6\n".encode("cp1250"))
    unsure = client.post(f"/api/new/data/{data}", json={})
    assert unsure.status_code == 422 and "delimiter" in unsure.json()["help"]
    found = client.post(f"/api/new/data/{data}", json={"delimiter": ";", "encoding": "cp1250"}).json()
    assert [c["header"] for c in found["columns"]] == ["a,b", "c"] and found["delimiter"] == ";"
    wrong = client.post(f"/api/new/data/{data}", json={"delimiter": ";", "encoding": "nonsense"})
    assert wrong.status_code == 422 and "encoding" in wrong.json()["error"]


def test_other_names_and_words_of_statistics_are_explained(client: TestClient) -> None:
    rows = "".join(f"{i % 3};{20 + (i * 37) % 41 + (i * 13) % 29};{'ab'[i % 2]}\n" for i in range(200))
    found = client.post(
        f"/api/new/data/{drop(client, 'a.csv', ('Order No.;größe;kind' + chr(10) + rows).encode())}", json={}
    ).json()
    assert {c["header"]: c["name"] for c in found["columns"] if c["name"] != c["header"]} == {
        "Order No.": "order_no",
        "größe": "grosse",
    }
    assert "the column" not in " ".join(c["said"] for c in found["columns"]).lower()
    meanings = dict(found["words"])
    assert "KS distance" in " ".join(c["said"] for c in found["columns"]) and "sample" in meanings["KS distance"]
    assert "weights as in the sample" in meanings and "Cramér's V" not in meanings


def test_other_kinds_of_files(client: TestClient) -> None:
    lines = "".join(json.dumps({"city": "Bonn", "size": i, "open": i % 2 == 0}) + "\n" for i in range(40))
    found = client.post(f"/api/new/data/{drop(client, 'a.jsonl', lines.encode())}", json={}).json()
    assert [c["header"] for c in found["columns"]] == ["city", "size", "open"] and "delimiter" not in found
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "size": {"type": "integer"}},
        "required": ["city"],
    }
    found = client.post(f"/api/new/data/{drop(client, 'a.json', json.dumps(schema).encode())}", json={}).json()
    assert found["kind"] == "a JSON Schema" and "city" in found["yaml"]


@pytest.mark.parametrize(
    "name, data, said",
    [
        ("a.exe", b"MZ", "ends with"), ("", b"", "ends with"), ("a", b"", "ends with"), ("a.csv", b"", ""), ("a.csv", b"\0\1\2" * 99, ""), ("a.csv", b"a,b\n", "no rows"),
        ("a.xlsx", b"PK\3\4 not a workbook", ""), ("a.parquet", b"PAR1", ""), ("a.jsonl", b"{\n", ""), ("a.csv", b"a,b\n1,2,3\n", "values"), ("a.json", b"[1,2]", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(client: TestClient, name: str, data: bytes, said: str) -> None:
    found = drop(client, name, data)
    if isinstance(found, str):
        found = client.post(f"/api/new/data/{found}", json={})
    answer = found.json()
    assert found.status_code == 422 and said in answer["error"] + answer["help"], answer
    assert "internal error" not in answer["error"]


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.csv",
        "/etc/evil.csv",
        "..\\..\\evil.csv",
        "a/b/evil.csv",
        "con.csv",
        "\0evil.csv",
        "é" * 300 + ".csv",
        "<img src=x>.csv",
    ],
)
def test_a_dropped_file_stays_where_it_belongs(client: TestClient, folder: Path, name: str) -> None:
    before = {p for p in folder.parent.rglob("*") if ".synthspec" not in p.parts}
    drop(client, name, b"a;b\n1;2\n3;4\n")
    assert {p for p in folder.parent.rglob("*") if ".synthspec" not in p.parts} == before


@pytest.mark.parametrize("id", ["..", "x", "é", "0" * 24, "a/b"])
def test_no_other_file_is_looked_into(client: TestClient, studio: Studio, id: str) -> None:
    with pytest.raises(RequestRefused, match="not there any more"):
        studio.service(DroppedData).find(id)
    assert new(client, name="mine", data=id, **{"from": "data"}).status_code == 404


def test_what_nobody_took_is_removed(studio: Studio) -> None:
    dropped = studio.service(DroppedData)
    id, path = dropped.place("a.csv")
    path.write_bytes(b"a\n1\n")
    os.utime(path.parent, (time.time() - 2 * OLD,) * 2)
    dropped.place("b.csv")
    assert not path.exists() and id


def test_the_first_page_tells_what_was_built_at_once(client: TestClient, studio: Studio, folder: Path) -> None:
    """Without checking anything: names and manifests are enough."""
    (folder / "people.yaml").write_text("synthspec: 1\nparameters: {age: [1, 2]}\n", encoding="utf-8")
    (folder / "wrong.yaml").write_text("synthspec: 1\nrows: many\nname: 'other' # as it is called\n", encoding="utf-8")
    for name in ("calls", "other"):
        (folder / "build" / name).mkdir(parents=True)
        (folder / "build" / name / FILE_NAME).write_text(
            json.dumps({"manifest": 1, "funnel": {"kept": 1234}}), encoding="utf-8"
        )
    text = client.get("/").text
    assert text.count("1,234 rows built") == 2 and text.count("checking …") == 3
    parts = text.split("Parts to reuse")
    assert "people.yaml" in parts[1] and "calls.yaml" in parts[0] and "calls.yaml" not in parts[1]
    assert [s["path"] for s in studio.service(Workspace).listed()] == ["calls.yaml", "people.yaml", "wrong.yaml"]
    state(client, "wrong.yaml")
    assert next(s["path"] for s in studio.service(Workspace).listed()) == "wrong.yaml", (
        "what is known to be wrong comes first"
    )
