"""What the editor page asks of the server: texts saved without loss, and all that is known of a text that is not saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from studio.conftest import SPEC


def opened(client: TestClient, name: str = "calls.yaml") -> dict[str, Any]:
    answer = client.get(f"/api/text/{name}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == f'"{answer.json()["digest"]}"'
    found: dict[str, Any] = answer.json()
    return found


def put(client: TestClient, text: str, digest: str | None, name: str = "calls.yaml") -> Any:
    headers = {"if-none-match": "*"} if digest is None else {"if-match": f'"{digest}"'}
    return client.put(f"/api/text/{name}", json={"text": text}, headers=headers)


def ask(client: TestClient, what: str, text: str = SPEC, base: str = "language", **more: Any) -> Any:
    answer = client.post(f"/api/{base}/calls.yaml", json={"what": what, "text": text, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_page_lets_its_own_styles_in_alone(client: TestClient) -> None:
    page = client.get("/spec/calls.yaml/edit")
    assert page.status_code == 200 and 'aria-current="page">Edit' in page.text
    policy = page.headers["content-security-policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert nonce and f'data-nonce="{nonce}"' in page.text and "unsafe" not in policy
    assert client.get("/spec/gone.yaml/edit", headers={"accept": "text/html"}).status_code == 404


def test_a_text_is_saved_over_what_it_began_from(client: TestClient, folder: Path) -> None:
    begun = opened(client)
    assert begun["text"] == SPEC and not begun["read_only"]
    known = client.get("/api/text/calls.yaml", headers={"if-none-match": f'"{begun["digest"]}"'})
    assert known.status_code == 304 and not known.content
    assert client.put("/api/text/calls.yaml", json={"text": "x"}).status_code == 428
    saved = put(client, SPEC + "# more\n", begun["digest"])
    assert saved.status_code == 200 and saved.headers["etag"] == f'"{saved.json()["digest"]}"'
    assert (folder / "calls.yaml").read_text() == SPEC + "# more\n"
    assert opened(client)["digest"] == saved.json()["digest"]


def test_a_conflict_shows_what_is_there_and_changes_nothing(client: TestClient, folder: Path) -> None:
    begun, path = opened(client), folder / "calls.yaml"
    path.write_text(SPEC + "# theirs\n")
    refused = put(client, SPEC + "# mine\n", begun["digest"])
    assert refused.status_code == 409
    assert refused.json()["theirs"]["text"] == SPEC + "# theirs\n" == path.read_text()
    assert refused.json()["error"] and refused.json()["help"]
    both = {"common": SPEC, "mine": SPEC.replace("rows: 12", "rows: 14"), "theirs": SPEC + "# theirs\n"}
    merged = client.post("/api/merge/calls.yaml", json=both).json()
    assert merged["merged"] == both["mine"] + "# theirs\n"
    assert [part["kind"] for part in merged["stretches"]] == ["same", "mine", "same", "theirs", "same"]
    assert client.post("/api/merge/calls.yaml", json={**both, "mine": SPEC + "# mine\n"}).json()["merged"] is None
    assert put(client, merged["merged"], refused.json()["theirs"]["digest"]).status_code == 200


def test_a_file_that_is_gone_or_renamed(client: TestClient, folder: Path) -> None:
    begun, path = opened(client), folder / "calls.yaml"
    (folder / "more").mkdir()
    path.rename(folder / "more" / "talks.yaml")
    told = client.get("/api/text/calls.yaml", headers={"if-none-match": f'"{begun["digest"]}"'})
    assert told.status_code == 404 and told.json()["renamed"] == "more/talks.yaml"
    refused = put(client, SPEC + "# mine\n", begun["digest"])
    assert refused.status_code == 409 and refused.json()["theirs"] is None
    assert refused.json()["renamed"] == "more/talks.yaml" and not path.exists()
    assert put(client, SPEC + "# mine\n", None).status_code == 200 and path.exists()
    assert put(client, "x: 1\n", None).status_code == 409 and path.read_text() == SPEC + "# mine\n"
    (folder / "more" / "talks.yaml").unlink()
    path.unlink()
    assert client.get("/api/text/calls.yaml").json()["renamed"] is None


def test_a_file_that_may_only_be_read(client: TestClient, folder: Path) -> None:
    begun = opened(client)
    (folder / "calls.yaml").chmod(0o444)
    refused = put(client, SPEC + "# mine\n", begun["digest"])
    assert refused.status_code == 422 and "only be read" in refused.json()["error"] and refused.json()["help"]
    assert opened(client)["read_only"] and opened(client)["text"] == SPEC


def test_line_ends_and_the_mark_are_those_of_the_file(client: TestClient, folder: Path) -> None:
    path = folder / "calls.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SPEC.replace("\n", "\r\n").encode())
    begun = opened(client)
    assert begun["text"] == SPEC and begun["newline"] == "\r\n" and begun["bom"]
    assert put(client, SPEC + "# ä 💡\n", begun["digest"]).status_code == 200
    assert path.read_bytes() == b"\xef\xbb\xbf" + (SPEC + "# ä 💡\n").replace("\n", "\r\n").encode()


@pytest.mark.parametrize("name", ["../calls.yaml", "a/../calls.yaml", "link.yaml", "linked/calls.yaml", "notes.txt"])
def test_no_path_leads_out_of_the_folder(name: str, client: TestClient, folder: Path, tmp_path_factory: Any) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "calls.yaml").write_text(SPEC)
    (folder / "link.yaml").symlink_to(outside / "calls.yaml")
    (folder / "linked").symlink_to(outside)
    for method, address in [
        ("GET", "text"),
        ("PUT", "text"),
        ("PUT", "drafts"),
        ("POST", "language"),
        ("POST", "plan"),
    ]:
        path = f"/api/{address}/{name}".replace("../", "%2e%2e/")
        body = (
            None
            if method == "GET"
            else {"text": SPEC, "what": "diagnostics", "tab": "tab000", "base": "", "base_digest": ""}
        )
        answer = client.request(method, path, json=body, headers={"if-none-match": "*"} if method == "PUT" else {})
        assert answer.status_code in (400, 404), (method, path, answer.text)
    assert (outside / "calls.yaml").read_text() == SPEC and [p.name for p in outside.iterdir()] == ["calls.yaml"]


def test_drafts_come_back(client: TestClient) -> None:
    draft = {"tab": "tab000001", "text": SPEC + "# draft\n", "base": SPEC, "base_digest": "d"}
    assert client.put("/api/drafts/calls.yaml", json=draft).status_code == 200
    found = client.get("/api/drafts/calls.yaml").json()["drafts"]
    assert [{k: d[k] for k in draft} for d in found] == [draft]
    assert client.put("/api/drafts/calls.yaml", json={**draft, "tab": "../x"}).status_code == 400
    assert client.put("/api/drafts/calls.yaml", json={**draft, "text": 3}).status_code == 400
    client.delete("/api/drafts/calls.yaml?tab=tab000001")
    assert client.get("/api/drafts/calls.yaml").json()["drafts"] == []


WRONG = SPEC.replace("{{ mood }}", "{{ moood }}")


def test_what_is_wrong_and_its_remedy(client: TestClient, folder: Path) -> None:
    (fault,) = ask(client, "diagnostics", WRONG)["diagnostics"]
    assert fault["own"] and fault["severity"] == "error" and "moood" in fault["message"]
    line = WRONG.split("\n")[fault["line"] - 1]
    assert line[fault["column"] - 1 : fault["end_column"] - 1] == "moood"
    (remedy, *_) = ask(client, "remedies", WRONG)["remedies"]
    assert remedy["diagnostic"] == 0 and remedy["edits"][0]["text"] == "mood"
    assert ask(client, "diagnostics")["diagnostics"] == [] and (folder / "calls.yaml").read_text() == SPEC
    kinds = {kind for *_, kind in ask(client, "words")["words"]}
    assert {"parameter", "field", "brace"} <= kinds


@pytest.mark.parametrize(
    "text", ["", "a", "{{", "synthspec: [", "\t", "synthspec: 1\nparameters:\n  a: [\n", "- 1\n- 2", "💡: 1"]
)
def test_a_text_that_is_no_spec_yet_is_answered(text: str, client: TestClient) -> None:
    assert ask(client, "diagnostics", text)["diagnostics"]
    assert "remedies" in ask(client, "remedies", text)
    for what in ("complete", "hover", "definition", "references"):
        ask(client, what, text, line=1, column=1)
    answer = client.post("/api/plan/calls.yaml", json={"what": "figures", "text": text})
    assert answer.status_code == 422 and answer.json()["error"]


def test_completion_hover_and_places(client: TestClient) -> None:
    begun = SPEC.replace("{{ mood }} caller", "{{ mo")
    line = next(n for n, each in enumerate(begun.split("\n"), 1) if "{{ mo" in each)
    column = begun.split("\n")[line - 1].index("{{ mo") + 6
    items = ask(client, "complete", begun, line=line, column=column)["items"]
    assert items[0]["label"] == "mood" and items[0]["edit"]["span"]["column"] == column - 2
    at = {"line": line, "column": SPEC.split("\n")[line - 1].index("mood") + 1}
    assert "mood" in ask(client, "hover", **at)["hover"]["markdown"]
    (place,) = ask(client, "definition", **at)["places"]
    assert place["own"] and place["line"] == 6 and place["spec"] == "calls.yaml"
    assert len(ask(client, "references", **at)["places"]) >= 3
    named = ask(client, "rename", **at, name="temper")
    assert len(named["edits"]) >= 3 and not named["refusal"]
    assert ask(client, "rename", **at, name="two words")["refusal"]


def test_files_that_are_extended_open(client: TestClient, folder: Path) -> None:
    (folder / "calls.yaml").rename(folder / "base.yaml")
    text = "synthspec: 1\nextends: base.yaml\nrows: 3\n"
    (place,) = ask(client, "definition", text, line=2, column=12)["places"]
    assert place["spec"] == "base.yaml" and not place["own"]
    assert ask(client, "figures", text, base="plan")["rows"] == 3


def test_the_plan_and_the_prompts_are_those_of_the_text(client: TestClient) -> None:
    figures = ask(client, "figures", base="plan")
    assert (
        figures["rows"] == 12
        and figures["sides"] == ["mood", "topic"]
        and figures["choices"]["topic"] == ["bill", "meter"]
    )
    assert figures["expected"]["calls"] == [12, 12] and figures["expected"]["cost"] == [0.0, 0.0]
    grid = ask(client, "grid", base="plan", first="mood", second="topic")["grid"]
    assert sum(map(sum, grid["counts"])) == 12 and grid["empty"] == 0
    shown = ask(client, "prompts", base="plan", wanted={"mood": "cross", "topic": "meter"})
    said = "".join(text for text, _ in shown["prompts"][0]["messages"][0]["pieces"])
    assert said == "Write what a cross caller says about the meter."
    assert shown["prompts"][0]["messages"][0]["derived"] and shown["prompts"][0]["backend"] == "ngram"
    assert len(ask(client, "combinations", base="plan")["combinations"]) == 12
    told = client.post("/api/plan/calls.yaml", json={"what": "figures", "text": WRONG})
    assert told.status_code == 422 and "no errors" in told.json()["error"]


def test_a_part_is_put_in_as_browsers_count(client: TestClient) -> None:
    text = SPEC.replace("Short calls", "Short 💡 calls")
    form = {"kind": "parameter", "given": {"name": "age", "draw": "integer", "low": "18", "high": "90"}, "text": text}
    change = client.post("/api/insert/calls.yaml", json=form).json()
    units = text.encode("utf-16-le")
    made = (units[: change["from"] * 2] + change["insert"].encode("utf-16-le") + units[change["to"] * 2 :]).decode(
        "utf-16-le"
    )
    assert "  topic: [bill, meter]\n  age: integer(18, 90)\nprompts:" in made
    told = client.post("/api/insert/calls.yaml", json={**form, "given": {"name": "mood"}})
    assert told.status_code == 422 and told.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        "no json", "[]", "{}", '{"text": 3}', '{"text": "a: \\ud800"}', '{"text": "a", "what": 3}',
        '{"text": "a", "what": "hover", "line": "x"}', '{"text": "a", "what": "hover", "line": 0}',
        '{"text": "a", "what": "rename"}', '{"text": "a", "what": "prompts", "wanted": [1]}',
    ],
)  # fmt: skip
def test_bad_questions_are_told_apart(body: str, client: TestClient) -> None:
    for address in ("language", "plan", "insert", "merge"):
        answer = client.post(f"/api/{address}/calls.yaml", content=body, headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500 and json.loads(answer.text)["error"], (address, answer.text)


def test_code_of_a_spec_does_not_run_while_it_is_typed(client: TestClient, folder: Path) -> None:
    (folder / "model.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\nclass Model: ...\n")
    text = SPEC + "sources:\n  people: {agents: 'model.py:Model', steps: 2, collect: agents}\n"
    told = ask(client, "diagnostics", text)["diagnostics"]
    assert any("trust" in f"{d['message']} {d['help']}" for d in told), told
    assert not (folder / "ran").exists()
