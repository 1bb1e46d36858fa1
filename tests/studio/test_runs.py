"""Builds and previews that the studio starts: as the command line has them, and never lost."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback
from starlette.testclient import TestClient

from studio.serving import served
from synthspec.compiler import compile_spec, compile_text
from synthspec.studio.application import make_app
from synthspec.studio.context import RequestRefused, Studio
from synthspec.studio.runs.consent import questions_of
from synthspec.studio.runs.process import birth_of, is_running
from synthspec.studio.runs.record import RunFiles, RunRecord, new_id, read_record
from synthspec.studio.runs.registry import Runs, RunWanted
from synthspec.studio.security import Door

SERVED = """\
synthspec: 1
name: calls
rows: 600
limits: {{concurrency: 2}}
parameters: {{mood: [calm, cross, hurried], topic: [bill, meter]}}
prompts: {{call: {{user: "Write what a {{{{ mood }}}} caller says about the {{{{ topic }}}}.", writes: [call]}}}}
fields: {{mood: {{value: mood}}, call: {{type: string, words: {{min: 3, max: 60}}}}}}
backend: {{provider: openai, model: loop, base_url: "{url}"}}
"""


def wait_for(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)
    return found


def ended(runs: Runs, id: str) -> dict[str, Any]:
    return wait_for(lambda: (state := runs.state(runs.find(id)))["state"] == "ended" and state)


def stream(client: TestClient, id: str) -> list[tuple[str, int, dict[str, Any]]]:
    """The events of a run that ended: name, id, data."""
    text = client.get(f"/api/run/{id}/events", headers={"accept": "text/event-stream"}).text
    found = []
    for part in text.strip().split("\n\n"):
        name, at, data = (line.partition(": ")[2] for line in part.split("\n"))
        found.append((name, int(at), json.loads(data)))
    return found


def test_a_build_is_a_command_of_its_own(client: TestClient, studio: Studio, folder: Path) -> None:
    made = client.post("/api/run/start/calls.yaml", json={"kind": "build", "rows": 6})
    assert made.status_code == 201, made.text
    id, runs = made.json()["id"], studio.service(Runs)
    assert made.json()["command"] == "synthspec build calls.yaml --rows 6"
    state = ended(runs, id)
    assert state["outcome"]["outcome"] == "complete", state
    assert len((folder / "build" / "calls" / "calls.csv").read_text().splitlines()) == 7
    [first, last] = stream(client, id)
    assert (first[0], last[0]) == ("snapshot", "over")
    assert first[1] == RunFiles(studio.state_folder("runs"), id).events.stat().st_size, (
        "the id is an offset in the file"
    )
    assert first[2]["figures"]["kept"] == 6 and first[2]["figures"]["run_cost"] == 0
    assert [r["state"] for r in first[2]["rows"]] == ["kept"] * 6
    assert all(r["attempts"][-1]["text"] and r["values"]["call"] for r in first[2]["rows"])
    plan = client.get("/api/run/plan/calls.yaml?rows=6").json()
    assert plan["standing"]["stored"] == 6 and not plan["standing"]["by_another"]
    assert client.get("/api/run/plan/calls.yaml?rows=7").json()["standing"]["stored"] is None
    assert client.get("/api/run/plan/calls.yaml?rows=6&backend=openai:x").json()["standing"]["stored"] is None
    again = Studio(folder, Door(1), home=folder)  # another studio, which never saw the process
    assert again.service(Runs).state(again.service(Runs).find(id))["outcome"] == state["outcome"]
    manifest = folder / "build" / "calls" / "manifest.json"
    reviewed = {**json.loads(manifest.read_text()), "reviews": {"rejected": 2}}
    manifest.write_text(json.dumps(reviewed), encoding="utf-8")
    assert state["outcome"]["in_dataset"] == 6
    assert runs.state(runs.find(id))["outcome"]["in_dataset"] == 4, "reviews took two out"


@pytest.mark.slow
def test_a_build_does_not_replace_the_dataset_of_another_spec(client: TestClient, studio: Studio, folder: Path) -> None:
    made = client.post("/api/run/start/calls.yaml", json={"kind": "build", "rows": 6})
    ended(studio.service(Runs), made.json()["id"])
    rows = (folder / "build" / "calls" / "calls.csv").read_bytes()
    (folder / "copy.yaml").write_bytes((folder / "calls.yaml").read_bytes())
    assert client.get("/api/state/copy.yaml").json()["built"] is None
    assert client.get("/api/state/calls.yaml").json()["built"]["rows"] == 6
    assert client.get("/").text.count("6 rows built") == 1
    plan = client.get("/api/run/plan/copy.yaml").json()
    assert plan["ok"] and plan["standing"] is None and "calls.yaml" in plan["taken"]["error"]
    assert "taken" not in client.get("/api/run/plan/calls.yaml").json()
    refused = client.post("/api/run/start/copy.yaml", json={"kind": "build", "rows": 3})
    assert refused.status_code == 409
    said = refused.json()["error"]
    assert said == ("the 6 rows in build/calls were made from calls.yaml, and a build of copy.yaml would replace them")
    assert "another `name:`" in refused.json()["help"] and "asks" not in refused.json()
    assert (folder / "build" / "calls" / "calls.csv").read_bytes() == rows
    previewed = client.post("/api/run/start/copy.yaml", json={"kind": "preview"})
    assert previewed.status_code == 201, "a preview leaves the dataset as it is"
    ended(studio.service(Runs), previewed.json()["id"])
    assert (folder / "build" / "calls" / "calls.csv").read_bytes() == rows
    assert client.get("/api/state/calls.yaml").json()["built"]["rows"] == 6
    (folder / "calls.yaml").unlink()  # as when a spec's file is renamed
    assert client.get("/api/state/copy.yaml").json()["built"]["rows"] == 6
    again = client.post("/api/run/start/copy.yaml", json={"kind": "build", "rows": 6})
    assert again.status_code == 201
    assert ended(studio.service(Runs), again.json()["id"])["outcome"]["outcome"] == "complete"


@pytest.mark.parametrize(
    "file, refused", [("calls.yaml", True), ("gone.yaml", False), ("copy.yaml", False), (3, False)]
)
def test_without_a_note_the_manifest_tells_whose_a_dataset_is(
    client: TestClient, folder: Path, file: Any, refused: bool
) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "copy.yaml").write_bytes((folder / "calls.yaml").read_bytes())
    built = folder / "build" / "calls"
    built.mkdir(parents=True)
    manifest = {"manifest": 1, "spec": {"file": file}, "funnel": {"kept": 4}}
    (built / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert (client.get("/api/state/more/copy.yaml").json()["built"] is None) is refused
    assert ("taken" in client.get("/api/run/plan/more/copy.yaml").json()) is refused


@pytest.mark.parametrize(
    "asked, status",
    [
        ({"kind": "build", "backend": "--trust"}, 400), ({"kind": "delete"}, 400), ({}, 400), ({"kind": "build", "rows": 0}, 400),
        ({"kind": "build", "rows": "6; rm"}, 400), ({"kind": "build", "budget": -1}, 400), ({"kind": "build", "budget": "nan"}, 400),
        ({"kind": "build", "backend": "nobody:x"}, 422), ({"kind": "build", "backend": ["a"]}, 400), ({"kind": "build", "rows": True}, 400),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_said(client: TestClient, studio: Studio, asked: dict[str, Any], status: int) -> None:
    answer = client.post("/api/run/start/calls.yaml", json=asked)
    assert answer.status_code == status and answer.json()["error"]
    assert studio.service(Runs).of_spec("calls.yaml") == []


@pytest.mark.parametrize("id", ["", "..", "../x", "a/b", "20260101-000000-abcdef", "é", "x" * 500, "%2e%2e"])
def test_no_run_is_found_elsewhere(client: TestClient, studio: Studio, id: str) -> None:
    with pytest.raises(RequestRefused, match="there is no run"):
        studio.service(Runs).find(id)
    assert client.post(f"/api/run/{id}/stop", json={}).status_code in (400, 404, 405)


def test_records_are_read_with_care(studio: Studio) -> None:
    folder = studio.state_folder("runs")
    record = RunRecord(new_id(), "build", "calls.yaml", "calls", 3, "", None, ("build",), 1.0)
    RunFiles(folder, record.id).write(record)
    path = RunFiles(folder, record.id).record
    assert read_record(path) == record
    for text in (
        "",
        "{",
        "[]",
        "null",
        '{"id": 1}',
        path.read_text().replace('"pid": 0', '"pid": "x"'),
        path.read_text().replace(record.id, "other"),
    ):
        path.write_text(text)
        assert read_record(path) is None
    assert studio.service(Runs).of_spec("calls.yaml") == []


def test_a_key_that_a_provider_repeats_is_not_shown(
    client: TestClient, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in what a command printed, nor in the stream of its events, nor in the texts of rows."""
    key = "sk-proj-abcdefghijklmnop0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    record = RunRecord(new_id(), "build", "calls.yaml", "calls", 3, "", None, ("build",), 1.0)
    files = RunFiles(studio.state_folder("runs"), record.id)
    files.write(record)
    files.log.write_text(f"error: Incorrect API key provided: {key}", encoding="utf-8")
    done = {
        "v": 1,
        "n": 0,
        "t": 1.0,
        "event": "call_done",
        "path": "0",
        "prompt": "call",
        "attempt": 1,
        "text": f"my key is {key}",
    }
    files.events.write_text(json.dumps(done) + "\n", encoding="utf-8")
    listed = client.get("/api/run/plan/calls.yaml").text
    streamed = client.get(f"/api/run/{record.id}/events", headers={"accept": "text/event-stream"}).text
    assert "Incorrect API key provided" in listed and "my key is" in streamed
    assert key not in listed + streamed


def test_a_process_is_not_taken_for_another_of_its_number() -> None:
    own = birth_of(os.getpid())
    assert is_running(os.getpid(), own)
    assert not own or not is_running(os.getpid(), own + "1")
    assert not is_running(0, "") and not is_running(-1, "")


def test_a_command_holds_only_what_was_chosen(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, "x")
    wanted = RunWanted("build", "a.yaml", "a", 9, "openai:gpt-5-mini", 2.5, True, 4)
    assert wanted.command(files, "specs/a.yaml")[:2] == ("build", "specs/a.yaml")
    assert wanted.command(files, "a.yaml")[-7:] == (
        "--rows",
        "4",
        "--backend",
        "openai:gpt-5-mini",
        "--budget",
        "2.5",
        "--trust",
    )
    assert "--control" not in RunWanted("preview", "a.yaml", "a", 9).command(files, "a.yaml")


def test_hosts_that_a_spec_names_are_asked_about() -> None:
    local = compile_text(SERVED.format(url="http://127.0.0.1:9/v1"))
    assert questions_of(local) == []
    [question] = questions_of(compile_text(SERVED.format(url="https://models.example.org/v1")))
    assert question.kind == "host" and "models.example.org" in question.text
    [other] = questions_of(compile_text(SERVED.format(url="https://other.example.org/v1")))
    assert question.id != other.id, "consent is to one host"


def test_a_foreign_host_runs_only_when_it_was_agreed_to(
    client: TestClient, studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[RunWanted] = []
    monkeypatch.setattr(
        Runs,
        "start",
        lambda self, wanted: started.append(wanted) or pytest.fail("started") if not agreed else started.append(wanted),
    )
    monkeypatch.setattr(Runs, "state", lambda self, record: {})
    agreed: list[str] = []
    (folder / "calls.yaml").write_text(SERVED.format(url="https://models.example.org/v1"), encoding="utf-8")
    answer = client.post("/api/run/start/calls.yaml", json={"kind": "preview"})
    assert answer.status_code == 409 and not started
    agreed += [ask["id"] for ask in answer.json()["asks"]]
    assert client.post("/api/run/start/calls.yaml", json={"kind": "preview", "agreed": ["x"]}).status_code == 409
    assert client.post("/api/run/start/calls.yaml", json={"kind": "preview", "agreed": agreed}).status_code == 201
    (folder / "calls.yaml").write_text(SERVED.format(url="https://evil.example.org/v1"), encoding="utf-8")
    assert client.post("/api/run/start/calls.yaml", json={"kind": "preview", "agreed": agreed}).status_code == 409


def test_code_of_the_folder_is_shown_before_it_runs(client: TestClient, folder: Path) -> None:
    (folder / "model.py").write_text("class Factory:\n    '''<b>reads</b> nothing'''\n", encoding="utf-8")
    text = (folder / "calls.yaml").read_text() + "sources:\n  plant: {agents: 'model.py:Factory', steps: 2}\n"
    (folder / "calls.yaml").write_text(text, encoding="utf-8")
    found = compile_spec(folder / "calls.yaml")
    plan = client.get("/api/run/plan/calls.yaml").json()
    if not any(d.code == "E820" for d in found.diagnostics):
        pytest.skip("mesa is not installed here")
    assert plan["ok"] and plan["estimate"] is None, "what it costs is not known before it ran"
    [ask] = plan["asks"]
    assert ask["kind"] == "code" and "<b>reads</b>" in ask["shown"][0]["text"]
    answer = client.post("/api/run/start/calls.yaml", json={"kind": "preview"})
    assert answer.status_code == 409 and answer.json()["asks"] == plan["asks"]
    (folder / "model.py").write_text("class Factory: evil = 1\n", encoding="utf-8")
    assert client.get("/api/run/plan/calls.yaml").json()["asks"][0]["id"] != ask["id"]


def test_cost_is_said_before_the_button(client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    free = client.get("/api/run/plan/calls.yaml").json()
    assert free["estimate"]["expected"] | {"calls": 12, "cost": 0.0} == free["estimate"]["expected"]
    paid = client.get("/api/run/plan/calls.yaml?backend=openai:gpt-5-mini&rows=6").json()
    assert paid["rows"] == 6 and 0 < paid["estimate"]["expected"]["cost"] < paid["estimate"]["worst"]["cost"]
    assert paid["preview"]["expected"]["calls"] == 3
    more = client.get("/api/run/plan/calls.yaml?backend=openai:gpt-5-mini&few=5").json()
    assert more["preview"]["expected"]["calls"] == 5 and more["estimate"]["expected"]["calls"] == 12
    assert paid["backends"] == [
        {"name": "openai:gpt-5-mini", "ready": False, "free": False, "why": "no key: OPENAI_API_KEY is not set"}
    ]
    unknown = client.get("/api/run/plan/calls.yaml?backend=openai:unheard-of").json()
    assert unknown["estimate"]["expected"]["cost"] is None, "unknown is not 0"
    assert paid["choices"][0]["name"] == "ngram" and "replay" not in [c["name"] for c in paid["choices"]]


def test_a_spec_with_errors_is_not_run(client: TestClient, folder: Path) -> None:
    (folder / "calls.yaml").write_text("synthspec: 1\nrows: many\n", encoding="utf-8")
    plan = client.get("/api/run/plan/calls.yaml").json()
    assert not plan["ok"] and plan["errors"] >= 1 and plan["diagnostics"][0]["code"]
    assert client.post("/api/run/start/calls.yaml", json={"kind": "build"}).status_code == 422


@pytest.mark.slow
def test_a_build_is_paused_outlives_its_studio_and_is_stopped_by_another(folder: Path) -> None:
    """Two studios over one folder: one starts it and is gone, the other finds, pauses, resumes and stops it."""
    with Loopback(latency=0.15) as server:
        (folder / "calls.yaml").write_text(SERVED.format(url=server.url), encoding="utf-8")
        first = Studio(folder, Door(1), home=folder).service(Runs)
        record = first.start(RunWanted("build", "calls.yaml", "calls", 600))
        with pytest.raises(RequestRefused, match="is running"):
            first.start(RunWanted("preview", "calls.yaml", "calls", 600))
        wait_for(lambda: server.calls.total() >= 3)
        other = Studio(folder, Door(2), home=folder).service(Runs)
        found = other.find(record.id)
        assert other.state(found)["state"] == "running"
        other.pause(found, True)
        wait_for(lambda: other.state(found)["state"] == "paused")
        wait_for(lambda: other.state(found) and not other.events(found).figures.as_json()["in_flight"])
        held = server.calls.total()
        assert held < 600
        other.pause(found, False)
        wait_for(lambda: server.calls.total() > held + 8)
        other.stop(found)
        wait_for(lambda: other.state(found)["state"] == "ended")
        assert other.state(found)["outcome"]["outcome"] == "interrupted"
        assert not (folder / "build" / "calls" / "calls.csv").exists()
        made = server.calls.total()
        again = first.start(RunWanted("build", "calls.yaml", "calls", 600, asked_rows=made - 6))
        assert ended(first, again.id)["outcome"]["outcome"] == "complete"
        assert server.calls.total() == made, "a call was paid for twice"


@pytest.mark.slow
def test_a_process_that_is_killed_is_told_of(folder: Path) -> None:
    with Loopback(latency=0.2) as server:
        (folder / "calls.yaml").write_text(SERVED.format(url=server.url), encoding="utf-8")
        runs = Studio(folder, Door(1), home=folder).service(Runs)
        record = runs.start(RunWanted("build", "calls.yaml", "calls", 600))
        wait_for(lambda: server.calls.total() >= 2)
        os.kill(record.pid, signal.SIGKILL)
        assert ended(runs, record.id)["outcome"]["outcome"] == "lost"
        with pytest.raises(RequestRefused, match="not running"):
            runs.stop(runs.find(record.id))


@pytest.mark.slow
def test_a_stream_goes_on_where_the_build_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames come at most ten times a second; a page that comes back has all in its snapshot."""
    import http.client

    with Loopback(latency=0.05) as server, served(folder) as studio:
        (folder / "calls.yaml").write_text(SERVED.format(url=server.url), encoding="utf-8")
        runs = studio.service(Runs)
        record = runs.start(RunWanted("build", "calls.yaml", "calls", 60, asked_rows=60))
        session = studio.door.redeem(studio.door.address.partition("=")[2])
        headers = {
            "cookie": f"{studio.door.cookie}={session}",
            "accept": "text/event-stream",
            "sec-fetch-site": "same-origin",
        }
        wire = http.client.HTTPConnection("127.0.0.1", studio.door.port)
        wire.request("GET", f"/api/run/{record.id}/events", headers=headers)
        came, text = [], wire.getresponse().read().decode()
        for part in text.strip().split("\n\n"):
            if part.startswith("event"):
                name, at, data = (line.partition(": ")[2] for line in part.split("\n"))
                came.append((name, int(at), json.loads(data)))
        wire.close()
        assert [c[0] for c in came][:1] == ["snapshot"] and came[-1][0] == "over"
        assert [c[1] for c in came] == sorted(c[1] for c in came)
        seconds = came[-2][2]["figures"]["seconds"]
        assert len(came) <= seconds * 10 + 30
        assert came[-2][2]["figures"]["kept"] == 60
        assert {r["path"] for c in came for r in c[2].get("rows", [])} >= {str(n) for n in range(60)}
        app = make_app(studio)
        with TestClient(
            app,
            base_url=f"http://127.0.0.1:{studio.door.port}",
            headers={"origin": f"http://127.0.0.1:{studio.door.port}"},
        ) as client:
            client.get(studio.door.address)
            assert stream(client, record.id)[0][2]["figures"]["kept"] == 60
