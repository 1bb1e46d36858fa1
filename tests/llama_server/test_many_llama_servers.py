"""A build on several processes of llama-server, one of which is killed and started again while it runs."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from server_build import CannotBuildError, find_server

import synthspec

gguf = pytest.importorskip("gguf", reason="the gguf package is not installed: no model can be written")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("llama-server")]

SPEC = """
synthspec: 1
name: notes
rows: 60
parameters: {mood: [calm, cross, glad], topic: [bill, meter, move, outage]}
prompts:
  note: {user: "Write a note by a {{ mood }} client about a {{ topic }}.", writes: [name, score]}
fields:
  name: {type: string, minLength: 1, maxLength: 12}
  score: {type: integer, minimum: 1, maximum: 5}
backend: {provider: openai, model: tiny, base_url: URLS, max_tokens: 80, temperature: 0, seed: 1}
limits: {concurrency: 4, timeout: 60}
"""


class Server:
    """A process of llama-server, at a port that it keeps."""

    def __init__(self, program: Path, model: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.command = [str(program), "-m", str(model), "--host", "127.0.0.1", "--port", str(self.port)]
        self.command += ["-c", "4096", "--parallel", "4", "-t", "1"]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self) -> None:
        end = time.monotonic() + 300
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.1)
        pytest.fail("llama-server did not come up")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def test_one_of_three_is_killed_and_started_again(tmp_path: Path) -> None:
    from tiny_gguf import write_model

    try:
        program = find_server()
    except CannotBuildError as e:
        pytest.skip(str(e))
    write_model(tmp_path / "tiny.gguf")
    servers = [Server(program, tmp_path / "tiny.gguf") for _ in range(3)]
    done, kills = threading.Event(), list[float]()

    def kill() -> None:
        while not done.wait(0.5):
            servers[1].kill()
            kills.append(time.monotonic())
            done.wait(0.5)
            servers[1].start()

    killer = threading.Thread(target=kill)
    try:
        for server in servers:
            server.wait()
        killer.start()
        path = tmp_path / "spec.yaml"
        path.write_text(SPEC.replace("URLS", json.dumps([s.url for s in servers])), encoding="utf-8")
        dataset = synthspec.build(path, out=tmp_path / "out")
    finally:
        done.set()
        if killer.ident is not None:
            killer.join()
        for server in servers:
            server.kill()
    told = dataset.manifest["run"]["servers"]
    assert dataset.complete and kills
    assert sum(t["answered"] for t in told) >= 60 and told[0]["answered"] and told[2]["answered"]
