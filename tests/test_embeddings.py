"""Reports that ask a model: embeddings, MAUVE and the judge, against servers on this machine and a stand-in module."""

from __future__ import annotations

import csv
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.machinery import ModuleSpec
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from loopback import Loopback, count_words

from synthspec.cli import cli
from synthspec.evaluation.corpus.corpus import corpus_of
from synthspec.evaluation.embeddings import BATCH, EmbeddingBackend, _unpack, open_embedder, pack
from synthspec.evaluation.judge import NEITHER, judge_labels, value_told
from synthspec.evaluation.metrics.mauve import lloyd, mauve
from synthspec.evaluation.model_calls import ModelCalls
from synthspec.extras import install_command
from synthspec.inference.transport.errors import Service
from synthspec.spec.messages import BackendFault

TOPICS = {"sea": "the captain steers a ship past the harbour", "garden": "roses and tulips grow beside the old wall",
          "kitchen": "simmer the onions in butter before the stock"}  # fmt: skip


def write_rows(path: Path, count: int = 90, start: int = 0) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["topic", "text"])
        for i in range(start, start + count):
            topic = list(TOPICS)[i % 3]
            writer.writerow([topic, f"{TOPICS[topic]} number {i} of words {i * 7 % 41}"])
    return path


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OLLAMA_HOST", "OLLAMA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def calls(tmp_path: Path) -> ModelCalls:
    return ModelCalls(tmp_path / "calls")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.csv")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["report", *map(str, arguments)])


def metrics_of(result: Result) -> dict[str, dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return {m["name"]: m for m in json.loads(result.stdout)["metrics"]}


# MAUVE


def cloud(count: int, seed: int, at: int = 0) -> Any:
    found = np.random.default_rng(seed).normal(0, 0.3, (count, 16))
    found[:, at] += 4
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_mauve() -> None:
    one, two = cloud(200, 1), cloud(200, 2, at=5)
    assert mauve(one, one) == pytest.approx(1, abs=1e-4)
    assert mauve(one, two) < 0.01
    mixed = np.concatenate([one[:150], two[:50]])
    assert 0.01 < mauve(mixed, one) < mauve(one, cloud(200, 3)) <= 1
    assert mauve(mixed, one) == pytest.approx(mauve(one, mixed), abs=1e-6)
    assert mauve(one, two) == mauve(one, two)


def test_lloyd() -> None:
    both = np.concatenate([cloud(40, 1), cloud(60, 2, at=5)]).astype(np.float64)
    owner = lloyd(both, 2)
    assert len(set(owner[:40])) == len(set(owner[40:])) == 1 and owner[0] != owner[-1]
    assert len(lloyd(np.zeros((10, 3)), 4)) == 10


# embeddings


def test_openai(rows: Path, tmp_path: Path) -> None:
    real = write_rows(tmp_path / "real.csv", 120, start=1000)
    with Loopback() as server:
        found = metrics_of(
            run(rows, "--against", real, "--embed", "openai:e", "--base-url", server.url, "--format", "json")
        )
        sent = list(server.bodies)
        page = run(rows, "--against", real, "--embed", "openai:e", "--base-url", server.url, "--format", "html")
    for name in ("vendi_score", "coverage", "cluster_coverage", "nearest_similarity", "mauve"):
        assert found[name]["computed_on"].endswith("embeddings of openai:e"), name
    assert "embeddings" not in found["two_sample_auc"]["computed_on"]
    assert 0 <= found["mauve"]["value"] <= 1 and 0 <= found["mauve"]["floor"] <= 1
    assert all(len(b["input"]) <= BATCH and b["encoding_format"] == "float" for b in sent)
    assert sum(len(b["input"]) for b in sent) == 90 + 90 + 120
    assert server.bodies == sent, "the second report pays for nothing"
    assert page.exit_code == 0 and "embeddings of openai:e" in page.output
    plain = metrics_of(run(rows, "--against", real, "--format", "json"))
    assert "mauve" not in plain and plain["vendi_score"]["value"] != found["vendi_score"]["value"]
    assert "embeddings" not in json.dumps([m["computed_on"] for m in plain.values()])


def test_vectors_are_in_order_and_of_length_one(calls: ModelCalls) -> None:
    texts = [f"word{i} and word{i * 3}" for i in range(BATCH + 5)] + [""]
    with Loopback() as server:
        found = open_embedder("openai", "e", calls, server.url)(texts)
    assert found.dtype == np.float32 and np.allclose(np.linalg.norm(found, axis=1), 1)
    wanted = np.array([count_words(t or "-") for t in texts])
    assert np.allclose(found, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-6)


def test_ollama(rows: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = body["model"] == "e"
            found = (
                {"embeddings": [count_words(t) for t in body["input"]]} if known else {"error": "model 'x' not found"}
            )
            data = json.dumps(found).encode()
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        found = metrics_of(run(rows, "--embed", "ollama:e", "--base-url", url, "--format", "json"))
        missing = run(rows, "--embed", "ollama:x", "--base-url", url)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert found["vendi_score"]["computed_on"] == "90 rows, embeddings of ollama:e"
    assert missing.exit_code == 3 and "error: " in missing.output and "x" in missing.output


def test_sentence_transformers(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class StandIn:
        def __init__(self, name: str, device: str) -> None:
            if name == "none":
                raise OSError("none is not a model")

        def encode(self, texts: list[str], **options: Any) -> Any:
            return np.array([count_words(t) for t in texts], np.float32)

    module = ModuleType("sentence_transformers")
    module.__spec__ = ModuleSpec("sentence_transformers", None)
    module.SentenceTransformer = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    found = metrics_of(run(rows, "--embed", "sentence-transformers:m", "--format", "json"))
    assert found["vendi_score"]["computed_on"] == "90 rows, embeddings of sentence-transformers:m"
    assert "none is not a model" in failed(run(rows, "--embed", "sentence-transformers:none"))
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    assert install_command("semantic") in failed(run(rows, "--embed", "sentence-transformers:m"))


def failed(result: Result) -> str:
    assert result.exit_code == 3 and isinstance(result.exception, SystemExit), result.output
    assert result.output.startswith("error: ") and "help: " in result.output
    return result.output


def test_faults(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "OPENAI_API_KEY" in failed(run(rows, "--embed", "openai:e"))
    assert "OPENAI_API_KEY" in failed(run(rows, "--judge", "openai:e"))
    assert "no server answers" in failed(run(rows, "--embed", "openai:e", "--base-url", "http://127.0.0.1:9/v1"))
    assert "no server answers" in failed(run(rows, "--embed", "ollama:e", "--base-url", "http://127.0.0.1:9"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secretsecret")
    with Loopback(faults={"401": 1.0}) as server:
        told = failed(run(rows, "--embed", "openai:e", "--base-url", server.url))
        assert "key" in told and "secret" not in told
        failed(run(rows, "--judge", "openai:e", "--base-url", server.url))
    assert "cannot judge" in failed(run(rows, "--judge", "ngram:x"))


@pytest.mark.parametrize(("arguments", "told"), [
    (("--embed", "opennai:e"), "did you mean 'openai'?"), (("--embed", "ollama"), "name a model"),
    (("--judge", "x:y"), "there is no 'x'"), (("--judge", "gpt-5-mini"), "write `openai:gpt-5-mini`"), (("--base-url", "http://x"), "--base-url goes with"),
    (("--embed", "ollama:e", "--judge", "openai:m", "--base-url", "http://x"), "one server's"),
])  # fmt: skip
def test_faults_of_use(rows: Path, arguments: tuple[str, ...], told: str) -> None:
    result = run(rows, *arguments)
    assert result.exit_code == 2 and told in " ".join(result.output.split())


STRANGE = (
    [[1.0]],
    [[1.0], [float("nan")]],
    [[1.0], [1.0, 2.0]],
    "no",
    [[], []],
    [["1e999"], [1]],
    [[None], [1]],
    {"0": [1.0]},
    7,
)


@pytest.mark.parametrize("sent", STRANGE, ids=range(len(STRANGE)))
@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_something_else_for_vectors(provider: str, sent: Any) -> None:
    service = Service("the server", "http://127.0.0.1:9", "m")
    backend = EmbeddingBackend(service, {}, "api/embed" if provider == "ollama" else "embeddings", {})
    answer: Any = {"embeddings": sent}
    if provider == "openai":
        answer = {
            "data": [{"index": i, "embedding": v} for i, v in enumerate(sent)] if isinstance(sent, list) else sent
        }
    with pytest.raises(BackendFault, match=r"as embeddings|instead of") as caught:
        backend._read(answer, 2)
    assert caught.value.sent == "yes"


def test_vectors_are_kept_as_they_came() -> None:
    vectors = np.random.default_rng(1).normal(0, 1, (7, 33)).astype(np.float32)
    assert np.array_equal(_unpack(pack(vectors)), vectors)


# the judge


def judging(body: dict[str, Any], nth: int) -> str:
    """Takes the sea for a garden, and says nothing of use about every row whose number ends in 7."""
    text = re.search(r"<text>\n(.*)\n</text>", body["messages"][1]["content"], re.DOTALL)
    assert text is not None
    topic = next(t for t, words in TOPICS.items() if words in text[1])
    return (
        "hard to say"
        if re.search("number [0-9]*7 ", text[1])
        else json.dumps({"value": {"sea": "garden"}.get(topic, topic)})
    )


def test_judge(rows: Path) -> None:
    with Loopback(reply=judging, latency=0.01) as server:
        result = run(rows, "--judge", "openai:m", "--base-url", server.url, "--format", "json")
        shown = run(rows, "--judge", "openai:m", "--base-url", server.url)
        page = run(rows, "--judge", "openai:m", "--base-url", server.url, "--format", "html")
        assert server.most_in_flight == 8
        assert server.total == 90, "the second report and the third pay for nothing"
    found = json.loads(result.stdout)["judge"]
    (column,) = found["columns"]
    assert found["backend"] == "openai:m" and found["calls"] == 90 and found["unanswered"] == 0
    assert found["prompt_tokens"] == 90 * 50 and found["cost"] is None and found["reused"] == 0
    assert column["classes"] == ["garden", "kitchen", "sea", NEITHER] and column["rows"] == 90
    assert column["confusion"] == [[27, 0, 0, 3], [0, 27, 0, 3], [27, 0, 0, 3], [0, 0, 0, 0]]
    assert column["accuracy"] == pytest.approx(0.6)
    assert (
        "by the judge openai:m (90 calls, 90 cached, 13,500 tokens" in shown.output
        and "60% right of 90" in shown.output
    )
    assert "Told by the judge openai:m" in page.output
    assert "judge" not in json.loads(run(rows, "--format", "json").stdout)
    assert metrics_of(result)["judge_recovery"]["computed_on"] == "90 rows; topic; openai:m"


def test_the_judge_tries_again_and_asks_no_more_than_it_says(calls: ModelCalls) -> None:
    labels = {f"label{k}": [f"value {k} {i % 2}" for i in range(150)] for k in range(4)}
    data = [{**{n: v[i] for n, v in labels.items()}, "text": f"row {i} says the thing of {i * 13}"} for i in range(150)]
    with Loopback(reply=lambda body, nth: '{"value": "value 0 0"}', faults={"429": 0.05}) as server:
        found = judge_labels(corpus_of("rows", data), "openai", "m", calls, server.url)
    assert [c.column for c in found.columns] == ["label0", "label1", "label2"]
    assert all(len(c.right) <= 100 for c in found.columns)
    assert found.calls == 300 and sum(len(c.right) for c in found.columns) + found.lost == 300
    assert server.total > 300 and calls.tally.retries == server.total - 300


def test_value_told() -> None:
    values = ["very good", "Good", "good", "5"]
    assert value_told('```json\n{"value": "good"}\n```', values) == "good"
    assert value_told('{"value": 5}', values) == "5"
    assert value_told("Very good.", values) == "very good"
    for reply in ("", "{", '{"value": ["good"]}', '{"other": 1}', "[1]", "good or very good", '{"value": null}'):
        assert value_told(reply, values) == NEITHER


# what is paid for


@pytest.mark.parametrize("asked", [("--judge", "openai:gpt-5-mini"), ("--embed", "openai:text-embedding-3-small")])
def test_a_report_keeps_to_its_budget_and_goes_on_from_there(rows: Path, asked: tuple[str, str]) -> None:
    """A budget for some of the calls ends the report; what came is kept, and a larger budget pays for the rest alone."""
    with Loopback(reply=judging) as server:
        small = "0.02" if asked[0] == "--judge" else "0.000001"
        short = run(rows, *asked, "--base-url", server.url, "--budget", small)
        assert "the budget of $" in failed(short)
        before = len(server.bodies)
        assert before < (90 if asked[0] == "--judge" else 1)
        whole = run(rows, *asked, "--base-url", server.url, "--budget", "5")
        assert whole.exit_code == 0, whole.output
        assert len(server.bodies) == (90 if asked[0] == "--judge" else 1)
        again = run(rows, *asked, "--base-url", server.url, "--budget", "5")
        assert again.exit_code == 0
        assert len(server.bodies) == (90 if asked[0] == "--judge" else 1)


def test_a_budget_needs_a_price(rows: Path) -> None:
    with Loopback(reply=judging) as server:
        for option in ("--judge", "--embed"):
            told = failed(run(rows, option, "openai:m", "--base-url", server.url, "--budget", "1"))
            assert "the price of 'openai:m' is not known" in told
        assert server.total == 0
    assert run(rows, "--budget", "1").exit_code == 2


def test_usage_that_is_not_told_is_unknown(rows: Path) -> None:
    with Loopback(reply=judging, tokens=(None, "many")) as server:  # type: ignore[arg-type]
        result = run(rows, "--judge", "openai:gpt-5-mini", "--base-url", server.url, "--format", "json")
        shown = run(rows, "--judge", "openai:gpt-5-mini", "--base-url", server.url)
    found = json.loads(result.stdout)["judge"]
    assert found["prompt_tokens"] is None and found["cost"] is None
    assert "unknown tokens" in shown.output


def test_a_changed_row_asks_for_that_row_alone(tmp_path: Path) -> None:
    with Loopback(reply=judging) as server:
        path = write_rows(tmp_path / "rows.csv")
        assert run(path, "--judge", "openai:m", "--base-url", server.url).exit_code == 0
        path.write_text(path.read_text().replace("number 11 ", "number 1111 "))
        assert run(path, "--judge", "openai:m", "--base-url", server.url).exit_code == 0
        assert server.total == 91
        assert run(path, "--judge", "openai:another", "--base-url", server.url).exit_code == 0
        assert server.total == 91 + 90


def test_no_failing_server_is_paid_for_nothing(rows: Path) -> None:
    """A server that fails and comes back: what was answered in between stands."""
    with Loopback(reply=judging, faults={"500": 0.1, "drop": 0.05, "cut": 0.05}) as server:
        result = run(rows, "--judge", "openai:m", "--base-url", server.url, "--format", "json")
        assert result.exit_code == 0, result.output
        answered = sum(server.answered.values())
    assert json.loads(result.stdout)["judge"]["calls"] == answered == 90
