"""`synthspec push` against a loopback hub: what is sent, what never is, and what is said when it cannot be."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result
from depth import rest_slow
from loopback_hub import TOKEN, Hub, Repo

import synthspec
from synthspec.cli import cli
from synthspec.extras import install_command

hub_library = pytest.importorskip("huggingface_hub")

SPEC = """
synthspec: 1
name: marks
rows: {rows}
parameters: {{mood: [calm, cross], size: "round(uniform(1, 9))"}}
fields: {{mood: {{value: mood}}, size: {{value: size}}}}
output: {{formats: [csv, parquet], {more}}}
"""
FILES = {"README.md", "manifest.json", "calm/marks.csv", "cross/marks.csv", "calm/marks.parquet", "cross/marks.parquet"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setattr("huggingface_hub._commit_api.is_xet_available", lambda: False, raising=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with Hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def built(folder: Path, rows: int = 10, more: str = "partition_by: mood") -> Path:
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(rows=rows, more=more), encoding="utf-8")
    return synthspec.build(path, out=folder / "out").folder


def push(folder: Path, *options: str, repo: str = "me/marks") -> Result:
    result = CliRunner().invoke(cli, ["push", str(folder), "--repo", repo, *options])
    assert TOKEN not in result.output and "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def main_of(hub: Hub) -> dict[str, bytes]:
    files = dict(hub.repos["me/marks"].branches["main"])
    files.pop(".gitattributes")
    return files


def test_a_dataset_is_pushed_as_it_is(tmp_path: Path, hub: Hub) -> None:
    folder = built(tmp_path)
    result = push(folder)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{hub.url}/datasets/me/marks\n"
    assert set(main_of(hub)) == FILES
    assert all(data == (folder / path).read_bytes() for path, data in main_of(hub).items())
    assert hub.repos["me/marks"].commits == ["marks: 10 rows"] and not hub.repos["me/marks"].private
    assert len(hub.large) == 2


def test_private_branch_and_quarantine(tmp_path: Path, hub: Hub) -> None:
    result = push(built(tmp_path), "--private", "--revision", "v2", "--with-quarantine", "-q")
    assert result.exit_code == 0 and result.output == f"{hub.url}/datasets/me/marks/tree/v2\n"
    repo = hub.repos["me/marks"]
    assert repo.private and set(repo.branches["main"]) == {".gitattributes"}
    assert set(repo.branches["v2"]) == FILES | {"quarantine.jsonl", ".gitattributes"}


def test_pushed_again_it_is_renewed_and_loses_what_is_stale(tmp_path: Path, hub: Hub) -> None:
    push(built(tmp_path), "--with-quarantine")
    hub.repos["me/marks"].branches["main"]["notes.txt"] = b"mine"
    result = push(built(tmp_path, 12, "split: {train: 0.5, test: 0.5}"))
    assert result.exit_code == 0, result.output
    names = {f"marks-{s}.{f}" for s in ("train", "test") for f in ("csv", "parquet")}
    assert set(main_of(hub)) == names | {"README.md", "manifest.json", "notes.txt"}


def test_a_repository_of_something_else_is_left_alone(tmp_path: Path, hub: Hub) -> None:
    folder = built(tmp_path)
    hub.repos["me/marks"] = Repo(branches={"main": {"weights.bin": b"1"}})
    result = push(folder)
    assert result.exit_code == 3 and "exists and does not contain the dataset 'marks'" in result.stderr
    hub.repos["me/marks"] = Repo(branches={"main": {"manifest.json": b'{"name": "other"}'}})
    assert push(folder).exit_code == 3 and not hub.repos["me/marks"].commits
    hub.repos["me/marks"] = Repo()
    assert "exists and is public" in push(folder, "--private").stderr
    assert push(folder).exit_code == 0, "an empty repository is taken"


def test_an_incomplete_dataset_is_not_pushed_by_mistake(tmp_path: Path, hub: Hub) -> None:
    folder = built(tmp_path)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"kept": 10', '"kept": 9'), encoding="utf-8")
    result = push(folder)
    assert result.exit_code == 3 and "9 of 10 rows" in result.stderr and "--incomplete" in result.stderr
    assert not hub.seen
    assert push(folder, "--incomplete").exit_code == 0


@pytest.mark.parametrize("what", ["no build", "changed", "gone", "no card", "outside", "link"])
def test_only_what_was_built_is_pushed(tmp_path: Path, hub: Hub, what: str) -> None:
    folder = tmp_path if what == "no build" else built(tmp_path)
    if what == "changed":
        (folder / "calm/marks.csv").write_text("mood,size\n")
    elif what == "gone":
        (folder / "calm/marks.csv").unlink()
    elif what == "no card":
        (folder / "README.md").unlink()
    elif what == "outside":
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text(encoding="utf-8").replace("calm/marks.csv", "../spec.yaml"), "utf-8")
    elif what == "link":
        (folder / "README.md").unlink()
        (folder / "README.md").symlink_to("run.sqlite" if (folder / "run.sqlite").exists() else "calm/marks.csv")
    result = push(folder)
    assert result.exit_code == 3 and "help:" in result.stderr and not hub.seen


class Hostile:
    """A hub that answers every request in one way, and notes the headers that it saw."""

    def __init__(self, status: int, body: bytes = b"", location: str = "") -> None:
        self.seen: list[dict[str, str]] = []
        hostile = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                hostile.seen.append(dict(self.headers))
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_HEAD = answer  # noqa: N815

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Hostile:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.mark.parametrize("status", [302, 307, 308])
def test_the_token_does_not_follow_to_another_server(tmp_path: Path, status: int, hub: Hub,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    folder = built(tmp_path)
    with Hostile(400, b'{"error": "no"}') as other, Hostile(status, location=f"{other.url}/x") as first:
        monkeypatch.setenv("HF_ENDPOINT", first.url)
        result = push(folder)
        assert result.exit_code == 3 and "error:" in result.stderr and "help:" not in result.stdout
        assert any(TOKEN in str(headers) for headers in first.seen)
        assert not any(TOKEN in str(headers) for headers in other.seen)


@pytest.mark.parametrize("before", [0, 1, 270, 290, 299, 300, 3000])
def test_the_token_is_not_shown_wherever_a_message_is_cut(tmp_path: Path, before: int, hub: Hub,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    token = "hf_" + "0123456789abcdef" * 2
    monkeypatch.setenv("HF_TOKEN", token)
    said = "x" * before + token + "\x1b]0;owned\x07\x9b31m" + "y" * 400
    with Hostile(403, json.dumps({"error": said}, ensure_ascii=False).encode()) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        result = push(built(tmp_path))
    assert result.exit_code == 3 and "may not write" in result.stderr
    assert not any(token[at : at + 9] in result.output for at in range(len(token) - 8))
    assert "\x1b" not in result.output and "\x9b" not in result.output


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff\x00", b"<html>", b'{"id": []}', b"a" * (8 << 20)])
@pytest.mark.parametrize("status", rest_slow([200, 409, 500], (0,)))
def test_a_hub_that_makes_no_sense_is_a_fault(tmp_path: Path, status: int, body: bytes, hub: Hub,
                                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    with Hostile(status, body) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        result = push(built(tmp_path))
    assert result.exit_code == 3 and result.stderr.startswith("error: ") and not result.stdout


@pytest.mark.parametrize(
    "token", ["hf_two words0123456789", "hf_line\nbreak0123456789", "hf_\x07bell0123456789", "hf_ключ0123456789"]
)
def test_a_token_that_is_none_is_neither_sent_nor_shown(token: str, tmp_path: Path, hub: Hub,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    folder = built(tmp_path)
    monkeypatch.setenv("HF_TOKEN", token)
    result = push(folder)
    assert result.exit_code == 3 and "HF_TOKEN contains characters" in result.stderr and not hub.seen
    assert "0123456789" not in result.output


@pytest.mark.parametrize(
    ("fails", "told"),
    [
        ({"/create": 401}, "does not accept the token"),
        ({"/create": 403}, "may not write to 'me/marks'"),
        ({"/commit": 503}, "cannot take it now: HTTP 503"),
        ({"/create": 429}, "cannot take it now: HTTP 429"),
        ({"/commit": 400}, "the hub refuses: HTTP 400"),
        ({"/large": 403}, "may not write"),
    ],
)
def test_what_the_hub_refuses(tmp_path: Path, hub: Hub, fails: dict[str, int], told: str) -> None:
    hub.fails = fails
    result = push(built(tmp_path))
    assert result.exit_code == 3 and told in result.stderr and not result.stdout


def test_wrong_token_none_and_no_hub(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = built(tmp_path)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    result = push(folder)
    assert result.exit_code == 3 and "does not accept the token" in result.stderr and "hf_wrong" not in result.output
    monkeypatch.setenv("HF_TOKEN", " ")
    assert push(folder).exit_code == 3 and "HF_TOKEN" in push(folder).stderr
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    result = push(folder)
    assert result.exit_code == 3 and "http://127.0.0.1:9 cannot be reached" in result.stderr


def test_without_the_package(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = built(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    result = push(folder)
    assert result.exit_code == 3 and install_command("hub") in result.stderr


def test_a_repository_has_an_owner(tmp_path: Path) -> None:
    assert push(tmp_path, repo="marks").exit_code == 2 and push(tmp_path, repo="../marks").exit_code == 2
