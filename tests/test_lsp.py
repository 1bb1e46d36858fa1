"""The language server, asked over its standard input and output by a client as an editor is one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("pygls")
from lsp_client import Client

from synthspec.cli import cli
from synthspec.language_service import Position, analyse, complete
from synthspec.lsp.open_texts import changed
from synthspec.lsp.places import characters, split_lines, units

SPEC = """\
synthspec: 1
parameters:
  tone: [kind, harsh]
prompts:
  note: {user: "🙂 né {{ tone }} {{ toen }}", writes: note}
fields:
  note: {type: string, words: {min: 3}}
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    made = Client(tmp_path_factory.mktemp("lsp"))
    yield made
    assert made.end() == 0


def span(line: int, start: int, end_line: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": start}, "end": {"line": end_line, "character": end}}


def test_it_says_what_it_can(client: Client) -> None:
    told = client.capabilities["capabilities"]
    assert told["textDocumentSync"]["change"] == 2  # in pieces
    assert told["renameProvider"]
    for feature in (
        "completion",
        "hover",
        "definition",
        "references",
        "codeAction",
        "documentSymbol",
        "semanticTokens",
    ):
        assert told.get(f"{feature}Provider"), feature


def test_what_is_wrong_is_told_as_it_is_typed_and_fixed(client: Client) -> None:
    uri = client.open("typed.yaml", SPEC)
    (found,) = client.diagnostics(uri, 1)
    assert (found["code"], found["severity"], found["source"]) == ("E402", 1, "synthspec")
    assert found["range"] == span(4, 36, 4, 40)  # the emoji is two units
    asked = {"textDocument": {"uri": uri}, "range": found["range"], "context": {"diagnostics": []}}
    (action,) = client.request("textDocument/codeAction", asked)["result"]
    assert action["isPreferred"] is True
    (edit,) = action["edit"]["documentChanges"][0]["edits"]
    client.change(uri, 2, {"range": edit["range"], "text": edit["newText"]})
    assert client.diagnostics(uri, 2) == []
    asked["context"] = {"diagnostics": [], "only": ["source.fixAll"]}
    assert client.request("textDocument/codeAction", asked)["result"] == []
    client.change(
        uri, 3, {"range": span(2, 9, 2, 13), "text": "kind, kindd"}, {"range": span(0, 0, 0, 0), "text": "# é🙂\n"}
    )
    assert client.diagnostics(uri, 3) == []
    client.change(uri, 4, {"text": SPEC.replace("synthspec: 1\n", "synthspec: 1\nrows: '40'\n")})
    assert [d["code"] for d in client.diagnostics(uri, 4)] == ["E204", "E402"]
    (whole,) = client.request("textDocument/codeAction", asked)["result"]
    (edit,) = whole["edit"]["documentChanges"][0]["edits"]
    assert "rows: 40" in edit["newText"]
    assert "{{ tone }} {{ tone }}" in edit["newText"]
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert client.diagnostics(uri, None) == []


def test_places_are_in_the_units_of_the_client(client: Client) -> None:
    uri = client.open("places.yaml", SPEC)
    items = client.at("completion", uri, 4, 38)["result"]["items"]
    assert [i["label"] for i in items] == ["tone"]
    assert items[0]["textEdit"] == {"range": span(4, 36, 4, 38), "newText": "tone"}
    told = client.at("hover", uri, 4, 28)["result"]
    assert "`kind` 50 %" in told["contents"]["value"]
    assert told["range"] == span(4, 25, 4, 29)
    assert client.at("definition", uri, 4, 28)["result"] == [{"uri": uri, "range": span(2, 2, 2, 6)}]
    found = client.at("references", uri, 2, 3, context={"includeDeclaration": True})["result"]
    assert [f["range"] for f in found] == [span(2, 2, 2, 6), span(4, 25, 4, 29)]
    assert client.at("prepareRename", uri, 4, 28)["result"] == span(4, 25, 4, 29)
    edits = client.at("rename", uri, 4, 28, newName="mood")["result"]["documentChanges"][0]["edits"]
    assert [e["range"] for e in edits] == [span(2, 2, 2, 6), span(4, 25, 4, 29)]
    refused = client.at("rename", uri, 4, 28, newName="no name")["error"]
    assert refused["code"] == -32803
    assert "a name is a letter" in refused["message"]
    names = client.request("textDocument/documentSymbol", {"textDocument": {"uri": uri}})["result"]
    assert [n["name"] for n in names] == ["synthspec", "parameters", "prompts", "fields"]
    data = client.request("textDocument/semanticTokens/full", {"textDocument": {"uri": uri}})["result"]["data"]
    assert len(data) % 5 == 0
    assert data[:5] == [2, 2, 4, 0, 0]


def test_files_that_extend_one_another(client: Client) -> None:
    base = client.open("base.yaml", "synthspec: 1\nparameters: {mood: [glad, sad]}\n")
    uri = client.open("over.yaml", "synthspec: 1\nextends: base.yaml\nrows: 4\nfields: {a: {value: mood}}\n")
    assert "E120" in [d["code"] for d in client.diagnostics(uri, 1)]  # `base.yaml` is in no folder yet
    (client.folder / "base.yaml").write_text("synthspec: 1\nparameters: {mod: [glad, sad]}\n", encoding="utf-8")
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": base, "type": 1}]})
    assert client.diagnostics(uri, 1) == []  # what the editor has counts, not what is saved
    assert client.at("definition", uri, 3, 22)["result"] == [{"uri": base, "range": span(1, 13, 1, 17)}]
    client.change(base, 2, {"range": span(1, 13, 1, 17), "text": "humour"})
    (found,) = client.diagnostics(uri, 1)
    assert found["code"] == "E301"
    client.change(base, 3, {"text": "synthspec: 1\nseed: 'four'\nparameters: {mood: [glad, sad]}\n"})
    (found,) = client.diagnostics(uri, 1)
    assert (found["code"], found["range"]["start"]["line"]) == ("E204", 1)  # at `extends`
    assert "base.yaml:2: " in found["message"]
    assert found["relatedInformation"][0]["location"] == {"uri": base, "range": span(1, 6, 1, 12)}


def test_other_yaml_is_left_alone(client: Client) -> None:
    uri = client.open("compose.yaml", "services:\n  web: {image: nginx}\n")
    assert client.diagnostics(uri, 1) == []
    assert client.at("completion", uri, 1, 2)["result"] is None
    client.change(uri, 2, {"range": span(0, 0, 0, 0), "text": "synthspec: 1\n"})
    assert client.diagnostics(uri, 2)


def test_whatever_the_client_sends_it_goes_on(client: Client) -> None:
    uri = client.open("cruel.yaml", SPEC)
    client.send_bytes(b"{not json")
    client.send_bytes(b"\xff\xfe")
    client.notify("textDocument/didChange", {"textDocument": {"uri": uri}})
    client.notify("textDocument/didChange", 7)
    client.notify("no/such/notice", {"a": 1})
    client.change("file:///never/opened.yaml", 3, {"range": span(0, 0, 9, 9), "text": "x"})
    client.change(uri, 2, {"range": span(90, 4, 99, 9), "text": "# end\n"}, {"range": span(3, 5, 1, 0), "text": ""})
    far = {"textDocument": {"uri": uri}, "position": {"line": 10**9, "character": 10**9}}
    client.request("textDocument/hover", far)
    client.ask("textDocument/hover", {**far, "position": {"line": -5, "character": "x"}})  # is no request at all
    assert (
        client.request("textDocument/hover", {**far, "textDocument": {"uri": "untitled:Untitled-1"}})["result"] is None
    )
    client.request("no/such/request", {})
    strange = client.open("st%00range\u2028.yaml", "synthspec: 1\nname: 'a\u2028b'\n\x0c\u0085x: {{\n")
    client.at("completion", strange, 3, 4)
    client.notify("$/cancelRequest", {"id": 999})
    cancelled = client.ask("textDocument/documentSymbol", {"textDocument": {"uri": uri}})
    client.notify("$/cancelRequest", {"id": cancelled})
    client.reply(cancelled)
    assert client.at("hover", uri, 2, 3)["result"] is not None


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.extras.is_installed", lambda module: False)
    done = CliRunner().invoke(cli, ["lsp"])
    assert done.exit_code == 2
    assert "pygls" in done.output


@pytest.mark.parametrize(("encoding", "count"), [("utf-16", 6), ("utf-8", 9), ("utf-32", 5)])
def test_units(encoding: str, count: int) -> None:
    text = "né🙂 x"
    assert units(text, encoding) == count
    for index in range(len(text) + 1):
        assert characters(text, units(text[:index], encoding), encoding) == index


def change_of(text: str, rng: random.Random) -> tuple[SimpleNamespace, str]:
    """A random change in the protocol's words, and the text that comes of it."""
    start, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
    if rng.random() < 0.7:
        end = min(end, start + rng.randrange(12))
    new = rng.choice(
        ["", "a", "\n", "  - x: {{ y }}\n", "é🙂", "{", "'", ": ", "\r\n", "\u2028", "tone", "#", "|\n", "\t"]
    )
    if (
        text[start - 1 : start + 1] == "\r\n"
        or text[end - 1 : end + 1] == "\r\n"
        or "\r" in (text[start - 1 : start], new[:1])
    ):
        new = new.replace("\r\n", "\n")
        start = end = 0
    place = []
    for at in (start, end):
        before = split_lines(text[:at])
        place.append(SimpleNamespace(line=len(before) - 1, character=units(before[-1], "utf-16")))
    made = SimpleNamespace(range=SimpleNamespace(start=place[0], end=place[1]), text=new)
    return made, text[:start] + new + text[end:]


def test_changes_in_pieces_come_to_the_same_text() -> None:
    rng = random.Random(7)
    text = SPEC
    for _ in range(400):
        change, wanted = change_of(text, rng)
        text = changed(text, change, "utf-16")
        assert text == wanted


@pytest.mark.slow
def test_random_edits_are_never_answered_with_something_stale(tmp_path: Path) -> None:
    """Hundreds of changes and questions at once: an answer is that of the text at its question, or none."""
    client = Client(tmp_path)
    rng = random.Random(11)
    text = SPEC
    uri = client.open("wild.yaml", text)
    asked: list[tuple[int, str, int, int]] = []
    answered = 0

    def settle() -> Iterator[bool]:
        for number, then, line, column in asked:
            reply = client.reply(number)
            if "error" in reply:
                assert reply["error"]["code"] in (-32801, -32800), reply
            elif reply["result"] is not None:
                fresh = complete(analyse(tmp_path / "wild.yaml", then), Position(line, column))
                assert [i["label"] for i in reply["result"]["items"]] == [i.label for i in fresh], then
                yield True
        asked.clear()

    for version in range(2, 400):
        change, wanted = change_of(text, rng)
        if "synthspec: 1" not in wanted or len(wanted) > 4000:
            wanted = SPEC
            client.change(uri, version, {"text": wanted})
        else:
            place = {k: vars(v) for k, v in vars(change.range).items()}
            client.change(uri, version, {"range": place, "text": change.text})
        text = wanted
        line = rng.randrange(len(split_lines(text)))
        column = rng.randrange(len(split_lines(text)[line]) + 1)
        character = units(split_lines(text)[line][:column], "utf-16")
        where = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
        asked.append((client.ask("textDocument/completion", where), text, line + 1, column + 1))
        if rng.random() < 0.3:
            answered += sum(settle())
    answered += sum(settle())
    assert answered > 50
    client.change(uri, 999, {"text": SPEC})
    assert [d["code"] for d in client.diagnostics(uri, 999)] == ["E402"]
    assert client.end() == 0
