"""How replies of Anthropic, Google and OpenAI end, read from the bodies that they send: what of a reply is a row, what it
costs, and what a person is told. A text that a provider broke off is never a row, and a count that is not told is not 0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner
from depth import one_in
from threaded_server import ThreadedServer

from synthspec.cli import cli
from synthspec.inference.sending import governor

KEYS = {"anthropic": "ANTHROPIC_API_KEY", "google": "GEMINI_API_KEY", "openai": "OPENAI_API_KEY"}
MODELS = {"anthropic": "claude-haiku-4-5", "google": "gemini-2.5-flash", "openai": "gpt-5-mini"}
WHOLE, HALF = "Soup, bread and an apple.", "Soup, bread and half of an"
REFUSAL = "That is nothing for this kitchen to write about."  # no words by which a refusal is known
SPEC = """\
synthspec: 1
name: menus
rows: 2
backend: {{provider: {provider}, model: {model}, base_url: "{url}"}}
parameters: {{n: [1, 2]}}
prompts: {{p: {{user: "A menu with {{{{ n }}}}.", writes: [t], format: {form}}}}}
fields: {{n: {{value: n}}, t: {{type: string, words: {{min: 2}}}}}}
limits: {{concurrency: 1, attempts: 2, minutes: 5}}
"""


def anthropic(text: str | None = WHOLE, finish: str = "end_turn", usage: Any = None, **more: Any) -> dict[str, Any]:
    content = [] if text is None else [{"type": "text", "text": text}]
    counts = {"input_tokens": 50, "output_tokens": 100} if usage is None else usage
    return {"type": "message", "model": "c", "content": content, "stop_reason": finish, "usage": counts, **more}


def google(text: str | None = WHOLE, finish: str = "STOP", usage: Any = None, **more: Any) -> dict[str, Any]:
    content = {} if text is None else {"content": {"role": "model", "parts": [{"text": text}]}}
    counts = {"promptTokenCount": 50, "candidatesTokenCount": 100, "totalTokenCount": 150} if usage is None else usage
    return {"candidates": [{**content, "finishReason": finish, **more}], "usageMetadata": counts}


def openai(text: str | None = WHOLE, finish: str = "stop", **message: Any) -> dict[str, Any]:
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    return {"choices": [choice], "usage": {"prompt_tokens": 50, "completion_tokens": 100}}


BLOCKED = {
    "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
    "usageMetadata": {"promptTokenCount": 50, "totalTokenCount": 50},
}
GOOD = {"anthropic": anthropic(), "google": google(), "openai": openai()}


class Answering(ThreadedServer):
    """Sends these bodies one after another, then good replies."""

    def __init__(self, provider: str, bodies: Sequence[Any]) -> None:
        super().__init__()
        self.provider, self.bodies, self.calls = provider, list(bodies), 0

    def application(self) -> web.Application:
        async def answer(request: web.Request) -> web.Response:
            await request.read()
            self.calls += 1
            body = self.bodies.pop(0) if self.bodies else GOOD[self.provider]
            if isinstance(body, bytes):
                return web.Response(body=body, content_type="application/json")
            return web.json_response(body)

        app = web.Application()
        app.router.add_route("POST", "/{path:.*}", answer)
        return app


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in KEYS.values():
        monkeypatch.setenv(name, "key-of-the-tests")
    monkeypatch.setattr(governor, "_FIRST_DELAY", 0.001)


def built(provider: str, bodies: Sequence[Any], form: str = "text") -> tuple[list[str], dict[str, Any], str]:
    """The rows, the manifest and what was said of a build of two rows."""
    with Answering(provider, bodies) as server:
        Path("s.yaml").write_text(SPEC.format(provider=provider, model=MODELS[provider], url=server.url, form=form))
        done = CliRunner().invoke(cli, ["build", "s.yaml", "--out", "out", "--set", "output.formats=jsonl"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    rows = [json.loads(line)["t"] for line in Path("out/menus.jsonl").read_text().splitlines()]
    return rows, json.loads(Path("out/manifest.json").read_text()), " ".join(done.output.split())


BROKEN_OFF = [
    ("anthropic", anthropic(HALF, "refusal"), "refused"),
    ("anthropic", anthropic(HALF, "max_tokens"), "cut off"),
    ("anthropic", anthropic(HALF, "model_context_window_exceeded"), "cut off"),
    ("google", google(HALF, "SAFETY"), "refused"),
    ("google", google(HALF, "RECITATION"), "refused"),
    ("google", google(HALF, "OTHER"), "refused"),
    ("google", google(HALF, "LANGUAGE"), "refused"),
    ("google", google(HALF, "MAX_TOKENS"), "cut off"),
    ("google", google(HALF, "MALFORMED_RESPONSE"), "cut off"),
    ("openai", openai(HALF, "content_filter"), "refused"),
    ("openai", openai(None, "stop", refusal=REFUSAL), "refused"),
]


FORMS = [(form, *case) for case in BROKEN_OFF for form in ("text", "sections", "csv")]


@pytest.mark.parametrize(
    "form, provider, body, why", one_in(4, FORMS), ids=[f"{p}-{w}-{f}-{i}" for i, (f, p, _, w) in enumerate(FORMS)]
)
def test_what_a_provider_broke_off_is_no_row(provider: str, body: dict[str, Any], why: str, form: str) -> None:
    said = {"text": WHOLE, "sections": f"## t\n{WHOLE}", "csv": f't\n"{WHOLE}"'}[form]
    half = json.loads(json.dumps(body).replace(HALF, said[:-12].replace("\n", "\\n").replace('"', '\\"')))
    whole = json.loads(json.dumps(GOOD[provider]).replace(WHOLE, said.replace("\n", "\\n").replace('"', '\\"')))
    rows, manifest, _ = built(provider, [half, whole, whole], form)
    assert rows == [WHOLE, WHOLE]
    assert manifest["usage"]["calls"] == 3, "the reply that is no row is paid for"
    assert manifest["rejections"].get(why) == 1


USAGES = [
    # a model that thought until the limit: Google leaves out the count of 0
    (
        google(None, "MAX_TOKENS", {"promptTokenCount": 50, "thoughtsTokenCount": 300, "totalTokenCount": 350}),
        (50, 300),
    ),
    (google(None, "SAFETY", {"promptTokenCount": 50, "totalTokenCount": 50}), (50, 0)),
    (google(HALF, "SAFETY", {"promptTokenCount": 50, "totalTokenCount": 50}), None),  # 0 of a text that is there
    (google(None, "OTHER", {"promptTokenCount": 50}), None),
    (google(None, "OTHER", {"promptTokenCount": 50, "totalTokenCount": 30}), None),
    (google(None, "STOP", {"promptTokenCount": 50, "toolUsePromptTokenCount": 7, "candidatesTokenCount": 3}), (57, 3)),
    (google(None, "STOP", {}), None),
    (BLOCKED, (50, 0)),
]


@pytest.mark.parametrize("body, counts", USAGES, ids=[str(i) for i, _ in enumerate(USAGES)])
def test_tokens_that_google_leaves_out_are_those_of_the_whole_or_not_known(
    body: dict[str, Any], counts: tuple[int, int] | None
) -> None:
    _, manifest, said = built("google", [body])
    usage = manifest["usage"]
    assert usage["calls"] == 3
    if counts is None:
        assert usage["calls_of_unknown_tokens"] == 1 and manifest["cost"] is None
        assert "cost unknown: the server does not tell the tokens of 1 call" in said
    else:
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (100 + counts[0], 200 + counts[1])
        assert "calls_of_unknown_tokens" not in usage and manifest["cost"] > 0


UNUSABLE = {
    "cut": lambda provider: json.dumps(GOOD[provider]).encode()[:60],
    "no JSON": lambda provider: b"OK",
    "events": lambda provider: b"event: message_start\ndata: {}\n\n",
    "nothing": lambda provider: {},
    "other": lambda provider: {"id": "x", "usage": {"input_tokens": 5, "output_tokens": 7}},
}


@pytest.mark.parametrize("provider, unusable", one_in(3, [(p, u) for p in ("anthropic", "google") for u in UNUSABLE]))
def test_a_reply_that_cannot_be_used_is_asked_for_again_and_said_to_be_charged_for(
    provider: str, unusable: str
) -> None:
    """It counts at the most that it may have cost, beside what is known to be spent."""
    with Answering(provider, [UNUSABLE[unusable](provider)]) as server:
        Path("s.yaml").write_text(SPEC.format(provider=provider, model=MODELS[provider], url=server.url, form="text"))
        done = CliRunner().invoke(
            cli, ["build", "s.yaml", "--out", "out", "--summary", "sum.json", "--events", "events"]
        )
        assert done.exit_code == 0 and server.calls == 3, done.output
    said, told = " ".join(done.output.split()), json.loads(Path("sum.json").read_text())
    assert (told["calls"]["made"], told["calls"]["lost"]) == (2, 1)
    most = told["cost"]["lost_at_most"]
    assert f"1 more call without a usable reply, which may be charged for: ${most:,.4f} at most" in said
    events = [json.loads(line) for line in Path("events").read_text().splitlines()]
    spent = [e["cost"] for e in events if e["event"] == "spend"][-1]
    assert most > 0 and spent == pytest.approx(told["cost"]["run"] + most)


def test_calls_that_are_turned_down_cost_nothing() -> None:
    with Answering(
        "anthropic", [anthropic(None, "end_turn", error={"type": "overloaded_error"}, content=[])] * 2
    ) as server:
        Path("s.yaml").write_text(
            SPEC.format(provider="anthropic", model=MODELS["anthropic"], url=server.url, form="text")
        )
        done = CliRunner().invoke(cli, ["build", "s.yaml", "--out", "out", "--summary", "sum.json"])
        assert done.exit_code == 0 and server.calls == 4, done.output
    told = json.loads(Path("sum.json").read_text())
    assert (told["calls"]["made"], told["calls"]["lost"], told["cost"]["lost_at_most"]) == (2, 0, 0.0)
    assert "may be charged" not in done.output
