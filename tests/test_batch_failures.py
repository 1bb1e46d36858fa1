"""What a person is told where batches of Anthropic and Google fail, and what each failure costs: the whole batch at each
step, and single requests of it. Held by the texts, beside `test_batches.py`, which holds that nothing is paid for twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from batch_server import MODELS, Batch, BatchServer
from click.testing import CliRunner
from depth import one_in

from synthspec.cli import cli
from synthspec.inference.batches import engine as batch_engine
from synthspec.inference.batches.pace import Pace

QUICK = Pace(0.002, 0.004, 0.01, 0.002, 0.01, 0.01)
SPEC = """\
synthspec: 1
name: menus
rows: 4
backend: {{provider: {provider}, model: {model}, base_url: "{url}", max_tokens: 100}}
parameters: {{n: [1, 2, 3, 4]}}
prompts: {{p: {{user: "A menu with {{{{ n }}}}.", writes: [t], format: text}}}}
fields: {{n: {{value: n}}, t: {{type: string, words: {{min: 2}}}}}}
limits: {{engine: batch, attempts: 2, minutes: 5}}
output: {{formats: jsonl}}
"""


class Failing(BatchServer):
    """Answers a step with an error, as often as told, and the request of one row with another result."""

    def __init__(self, step: str = "", answer: Any = None, times: int = 0, line: Any = None, **cruel: Any) -> None:
        super().__init__(**cruel)
        self.step, self.answer, self.times, self.line = step, answer, times, line

    async def _step(self, request: web.Request, step: str, work: Callable[[], Any]) -> web.StreamResponse:
        if step == self.step and self.times:
            self.times -= 1
            self.steps[step] += 1
            status, body = self.answer
            return web.json_response(body, status=status)
        return await super()._step(request, step, work)

    def _line(self, batch: Batch, custom_id: str, answer: Any, how: str) -> None:
        if self.line is None:
            super()._line(batch, custom_id, answer, how)
        else:
            name = {"custom_id": custom_id} if batch.provider == "anthropic" else {"key": custom_id}
            batch.lines.append(json.dumps(name | self.line).encode())
            self.line = None


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "key-of-the-tests")
    monkeypatch.setattr(batch_engine, "Pace", lambda: QUICK)


def build(server: BatchServer, provider: str) -> tuple[int, str, dict[str, Any]]:
    """The exit status, what was said, on one line, and the summary."""
    Path("s.yaml").write_text(SPEC.format(provider=provider, model=MODELS[provider], url=server.url_of(provider)))
    done = CliRunner().invoke(cli, ["build", "s.yaml", "--out", "out", "--summary", "sum.json"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert "Error" not in done.output, "no name of an exception"
    return done.exit_code, " ".join(done.output.split()), json.loads(Path("sum.json").read_text())


def anthropic(status: int, kind: str, message: str) -> tuple[int, Any]:
    return status, {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def google(code: int, status: str, message: str) -> tuple[int, Any]:
    return code, {"error": {"code": code, "message": message, "status": status}}


LOW = "Your credit balance is too low to access the Anthropic API."
GONE = "has no such batch, or not for this key (Not found). Build again to ask once more, or give it up with `synthspec status"
NEVER = [
    ("anthropic", "submit", anthropic(401, "authentication_error", "invalid x-api-key"), "check the key in ANTHROPIC_API_KEY"),
    ("anthropic", "submit", anthropic(400, "invalid_request_error", LOW), "quota exhausted: Your credit balance is too low"),
    ("anthropic", "poll", anthropic(404, "not_found_error", "Not found"), GONE),
    ("anthropic", "poll", anthropic(401, "authentication_error", "invalid x-api-key"), "`synthspec status out` says how they stand"),
    ("anthropic", "fetch", anthropic(404, "not_found_error", "Not found"), GONE.replace("batch", "results", 1)),
    ("google", "upload", google(401, "UNAUTHENTICATED", "no"), "check the key in GEMINI_API_KEY or GOOGLE_API_KEY"),
    ("google", "submit", google(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), "quota exhausted: Your prepayment"),
    ("google", "submit", google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), "and from where"),
    ("google", "submit", google(404, "NOT_FOUND", "models/x is not supported for batchGenerateContent."),
     "the server has no batches: Google (http://"),
    ("google", "poll", google(404, "NOT_FOUND", "Not found"), GONE),
    ("google", "fetch", google(404, "NOT_FOUND", "Not found"), GONE.replace("batch", "results", 1)),
]  # fmt: skip


@pytest.mark.parametrize(
    "provider, step, answer, said", one_in(3, NEVER), ids=[f"{p}-{s}-{a[0]}" for p, s, a, _ in NEVER]
)
def test_what_ends_a_build_is_said_and_the_next_build_goes_on(provider: str, step: str, answer: Any, said: str) -> None:
    """What is at the provider is paid for once: the next build asks for the same batch."""
    with Failing(step, answer, times=1000) as server:
        status, output, summary = build(server, provider)
        assert status == 3 and said in output and "`base_url`" not in output
        assert summary["cost"] == {"run": 0.0, "dataset": 0.0, "lost_at_most": 0.0}
        begun, server.times = server.steps["submit"], 0
        status, _, summary = build(server, provider)
        assert status == 0 and summary["rows"]["kept"] == 4 and summary["cost"]["run"] > 0
        assert server.steps["submit"] == begun + (step in ("submit", "upload"))
        assert sorted(server.answered.values()) == [1, 1, 1, 1]


PASSES = [
    (
        "anthropic",
        "submit",
        anthropic(413, "request_too_large", "Request exceeds the maximum allowed number of bytes."),
    ),
    ("anthropic", "submit", anthropic(529, "overloaded_error", "Overloaded")),
    ("anthropic", "fetch", anthropic(500, "api_error", "Internal server error")),
    ("google", "submit", google(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")),
    ("google", "submit", google(503, "UNAVAILABLE", "The model is overloaded.")),
    ("google", "poll", google(500, "INTERNAL", "An internal error has occurred.")),
]


@pytest.mark.parametrize("provider, step, answer", one_in(3, PASSES), ids=[f"{p}-{s}-{a[0]}" for p, s, a in PASSES])
def test_what_passes_is_tried_again_and_costs_no_row_an_attempt(provider: str, step: str, answer: Any) -> None:
    """A file that is too large for a batch says nothing of any prompt in it: fewer are handed in."""
    with Failing(step, answer, times=1) as server:
        status, output, summary = build(server, provider)
        assert status == 0 and summary["rejections"] == {} and "too long" not in output
        assert sorted(server.answered.values()) == [1, 1, 1, 1]


BAD = {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}
EMPTY = {"type": "invalid_request_error", "message": "messages: text content blocks must be non-empty"}
LINES = [
    ("anthropic", {"result": {"type": "errored", "error": {"type": "error", "error": BAD}}}, "refused"),
    ("anthropic", {"result": {"type": "errored", "error": {"type": "error", "error": EMPTY}}}, "refused"),
    (
        "anthropic",
        {"result": {"type": "errored", "error": {"type": "error", "error": {"type": "overloaded_error"}}}},
        "",
    ),
    ("anthropic", {"result": {"type": "succeeded", "message": {"x": 1}}}, "lost"),
    ("anthropic", {"result": {"type": "paused"}}, "lost"),
    ("google", {"error": {"code": 8, "message": "Resource exhausted"}}, ""),
    ("google", {"error": {"code": 13, "message": "Internal"}}, ""),
    ("google", {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}, ""),
    ("google", {"error": {"code": [], "message": []}}, ""),
    ("google", {}, ""),
    ("google", {"response": {}}, "lost"),
    (
        "google",
        {"response": {"promptFeedback": {"blockReason": "OTHER"}, "usageMetadata": {"promptTokenCount": 5}}},
        "refused",
    ),
]


@pytest.mark.parametrize("provider, line, why", one_in(3, LINES), ids=[f"{p}-{i}" for i, (p, *_) in enumerate(LINES)])
def test_a_request_that_fails_costs_its_row_an_attempt_at_most(provider: str, line: dict[str, Any], why: str) -> None:
    with Failing(line=line) as server:
        status, output, summary = build(server, provider)
    assert (status, summary["rows"]["kept"]) == (0, 4), output
    assert summary["rejections"] == ({"refused": 1} if why == "refused" else {})
    assert summary["calls"]["lost"] == (why == "lost"), "a result that cannot be read may be charged for"
    assert (summary["cost"]["lost_at_most"] > 0) == (why == "lost")


def test_results_that_are_kept_no_longer_are_said_to_be_gone() -> None:
    """Anthropic keeps them for 29 days; whoever comes later is told how to go on."""
    with Failing(fail=1) as server:  # a batch that ended, and has no results
        status, output, _ = build(server, "anthropic")
    assert status == 3 and "has no such results, or not for this key (it keeps them for 29 days)" in output
    assert "--forget" in output
