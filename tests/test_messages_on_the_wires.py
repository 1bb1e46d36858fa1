"""`messages`, `for`, `images` and `reasoning` in builds on every provider's wire: what goes out, in whose words, and what
comes into the dataset."""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from test_wire_cli import AMBIENT, KEYS, SECRET, Always, every_wire, serving
from wire.wires import TEXT, THOUGHT, Wire

from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.generation.estimates.plan_report import report_plan
from synthspec.planning.plan import build_plan

PICTURES = {n: b"GIF89a\x03\0\x02\0\0\0\0" + n.encode() for n in ("near", "far", "shown")}
SPEC = """
synthspec: 1
name: seen
rows: 2
sources:
  shots: {rows: [{q: How far?, a: Far.}, {q: How near?, a: Near.}]}
  pictures: {file: pictures.parquet}
parameters:
  picture: {from: pictures}
  place: [near]
prompts:
  answer:
    examples: {from: shots, rows: 2}
    messages:
      - {system: Be brief.}
      - {for: e in examples, user: "{{ e.q }} {{ place }}", assistant: "{{ e.a }}"}
      - {user: What is it?}
    images: [picture.image, "'shown.gif'"]
    instructions: none
    format: text
    writes: [answer]
    reasoning: trace
fields:
  answer: {type: string}
  trace: {type: string}
backend: {provider: PROVIDER, model: tiny, base_url: "URL"}
limits: {concurrency: 2, attempts: 1}
output: {formats: [jsonl]}
"""


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in AMBIENT:
        monkeypatch.delenv(name, raising=False)
    for name in KEYS.values():
        monkeypatch.setenv(name, SECRET)
    monkeypatch.chdir(tmp_path)
    Path("shown.gif").write_bytes(PICTURES["shown"])
    images = [{"bytes": PICTURES[n], "path": f"{n}.gif"} for n in ("near", "far")]
    pyarrow.parquet.write_table(pyarrow.table({"n": [1, 2], "image": images}), "pictures.parquet")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _turns(provider: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Each message of a body: its role, its text, its pictures as base64; the provider's own forms are taken apart."""
    if provider == "google":
        yield "system", body["systemInstruction"]["parts"][0]["text"], []
        for one in body["contents"]:
            assert all(set(p) in ({"text"}, {"inlineData"}) for p in one["parts"])
            pictures = [p["inlineData"] for p in one["parts"] if "inlineData" in p]
            assert all(p["mimeType"] == "image/gif" for p in pictures)
            role = {"model": "assistant", "user": "user"}[one["role"]]
            yield role, "".join(p.get("text", "") for p in one["parts"]), [p["data"] for p in pictures]
        return
    if provider == "anthropic":
        yield "system", body["system"], []
    for one in body["messages"]:
        if isinstance(one["content"], str):
            yield one["role"], one["content"], list(one.get("images", ()))
            continue
        pictures = []
        for part in one["content"]:
            if part["type"] == "image":
                assert (part["source"]["type"], part["source"]["media_type"]) == ("base64", "image/gif")
                pictures.append(part["source"]["data"])
            elif part["type"] == "image_url":
                start, _, data = part["image_url"]["url"].partition(",")
                assert start == "data:image/gif;base64"
                pictures.append(data)
        yield one["role"], "".join(p.get("text", "") for p in one["content"]), pictures


def run(*arguments: str) -> str:
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 0, done.output
    return str(done.output)


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("out/seen.jsonl").read_text(encoding="utf-8").splitlines()]


@every_wire
def test_turns_pictures_and_thoughts(wire: Wire) -> None:
    with serving(wire, Always(["thought"])) as server:
        text = SPEC.replace("PROVIDER", wire.name).replace("URL", server.url)
        Path("spec.yaml").write_text(text, encoding="utf-8")
        run("build", "spec.yaml", "--out", "out")
        asked = [s.body for s in server.seen]
        assert len(asked) == 2
        shown = set()
        for body in asked:
            turns = list(_turns(wire.name, body))
            assert [t[0] for t in turns] == ["system", "user", "assistant", "user", "assistant", "user"]
            assert {(turns[1][1], turns[2][1]), (turns[3][1], turns[4][1])} == {
                ("How far? near", "Far."), ("How near? near", "Near."),
            }  # fmt: skip
            assert (turns[0][1], turns[5][1]) == ("Be brief.", "What is it?")
            assert all(not t[2] for t in turns[:5]) and turns[5][2][1] == _b64(PICTURES["shown"])
            shown.add(turns[5][2][0])
        assert shown == {_b64(PICTURES["near"]), _b64(PICTURES["far"])}
        found = rows()
        assert [(r["answer"], r["trace"]) for r in found] == [(TEXT, THOUGHT)] * 2
        before = Path("out/seen.jsonl").read_bytes()
        run("build", "spec.yaml", "--out", "out")
        assert len(server.seen) == 2, "an idle rebuild makes no call"
        assert Path("out/seen.jsonl").read_bytes() == before


@every_wire
def test_a_repair_shows_the_pictures_again_and_no_thought(wire: Wire) -> None:
    with serving(wire, deque(["thought"] * 4)) as server:
        text = SPEC.replace("PROVIDER", wire.name).replace("URL", server.url)
        text = text.replace("answer: {type: string}", 'answer: {type: string, rejects: ["bill"]}')
        Path("spec.yaml").write_text(text.replace("attempts: 1", "attempts: 2"), encoding="utf-8")
        done = CliRunner().invoke(cli, ["build", "spec.yaml", "--out", "out"])
        assert done.exit_code == 3, done.output
        assert len(server.seen) == 4
        for seen in server.seen:
            turns = list(_turns(wire.name, seen.body))
            again = len(turns) > 6
            assert [t[0] for t in turns[6:]] == (["assistant", "user"] if again else [])
            assert len(turns[5][2]) == 2 and not any(t[2] for t in turns[6:])
            assert THOUGHT not in json.dumps(seen.body, ensure_ascii=False)
        assert sum(len(list(_turns(wire.name, s.body))) > 6 for s in server.seen) == 2


@pytest.mark.parametrize("provider", sorted(KEYS))
def test_what_cannot_be_shown_is_said_before_anything_is_sent(provider: str) -> None:
    text = SPEC.replace("PROVIDER", provider).replace("URL", "http://127.0.0.1:9/")
    large = {"anthropic": 5, "cohere": 15, "google": 15}.get(provider, 21)
    told = {
        "is not a picture": (b"%PDF-1.7 no picture", "E476"),
        "is damaged": (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "E476"),
        "MB": (PICTURES["shown"] + b"\0" * large * 1_000_000, "E476"),
        "there is no file": (None, "E475"),
    }
    Path("spec.yaml").write_text(text, encoding="utf-8")
    for said, (data, code) in told.items():
        Path("shown.gif").unlink()
        if data is not None:
            Path("shown.gif").write_bytes(data)
        done = CliRunner().invoke(cli, ["check", "spec.yaml"])
        assert done.exit_code == 1 and code in done.output and said in done.output, (said, done.output)
        assert ":18:" in done.output and "shown.gif" in done.output, (said, done.output)
        Path("shown.gif").touch()


def test_the_estimate_counts_them_where_the_provider_says_how() -> None:
    models = {"anthropic": "claude-sonnet-4-5", "google": "gemini-2.5-flash", "openai": "gpt-4o"}
    for provider, model in models.items():
        text = SPEC.replace("PROVIDER", provider).replace(', base_url: "URL"', "").replace("tiny", model)
        tokens = []
        for images in ("[]", "[picture.image]", """[picture.image, "'shown.gif'"]"""):
            line = f"    images: {images}\n" if images != "[]" else ""
            changed = text.replace("""    images: [picture.image, "'shown.gif'"]\n""", line)
            Path("spec.yaml").write_text(changed, encoding="utf-8")
            compiled = compile_spec(Path("spec.yaml"))
            assert compiled.spec is not None, compiled.diagnostics
            report = report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)
            tokens.append(report.prompts[0].prompt_tokens)
        assert tokens[0] < tokens[1] < tokens[2], (provider, tokens)
