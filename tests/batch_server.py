"""One server on 127.0.0.1 that has the batches of three providers, and the cruelties they are known for.

    with BatchServer(reply) as server: server.url_of("openai"), server.answered, server.batches

A reply is a function of the last thing said. Results come in another order than the requests. `answered` counts the
requests of batches that were worked on, by key: what a provider would charge for. `cruel` names what goes wrong:

    polls=N        a batch ends only at the Nth time it is asked about (1)
    expire=SHARE   so many requests of the first batch come back expired, cancelled or not at all
    errors=SHARE   so many requests of the first batch fail with a fault that passes
    twice, strange results of the first batch hold a line twice; a line for a request nobody made, and no JSON
    lost=N         the output cannot be had N times
    lag=N          a new batch is not listed the first N times
    drop=STEP      at a step (upload, submit, poll, fetch) the work is done and the connection cut before the answer, once
    drops=N        and N times more
    late=N         the Nth batch ends only when it was asked about 40 times
    fail=N         the first N batches are turned down as a whole, to be tried later
    full=N         the first N submissions are answered 429
    stuck          batches never end by themselves; once cancelled they end with half of their results

`at(step)` is called before a step is done and after, with "before" or "after".
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from loopback import digest, prose
from threaded_server import ThreadedServer

from synthspec.inference.batches import INTENT

PROVIDERS = ("openai", "anthropic", "google")
MODELS = {"openai": "gpt-5-mini", "anthropic": "claude-haiku-4-5", "google": "gemini-2.5-flash"}
Replier = Callable[[str], str]


def said_of(body: dict[str, Any]) -> str:
    """The last thing said in a request of any provider."""
    if "contents" in body:
        return "".join(p.get("text", "") for p in body["contents"][-1]["parts"])
    if "prompt" in body:
        return str(body["prompt"])
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(p.get("text", "") for p in content)


def worded(said: str) -> str:
    """A text that depends on what was said."""
    return prose({"messages": said}, 0)


@dataclass
class Batch:
    id: str
    provider: str
    name: str  # what the client called it
    requests: list[tuple[str, dict[str, Any]]]  # custom id, body
    created: float
    file: str = ""
    polls: int = 0
    state: str = "running"  # running cancelling ended failed
    hidden: int = 0  # listings that do not show it yet
    first: bool = False
    lines: list[bytes] = field(default_factory=list)  # of results
    errors: list[bytes] = field(default_factory=list)


class BatchServer(ThreadedServer):
    def __init__(self, reply: Replier = worded, at: Callable[[str, str], None] | None = None, **cruel: Any) -> None:
        super().__init__()
        self.reply, self.at, self.cruel = reply, at or (lambda step, when: None), dict(cruel)
        self.batches: dict[str, Batch] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.answered: Counter[str] = Counter()  # requests of batches that were worked on, by key
        self.called: Counter[str] = Counter()  # ordinary calls, by what was said
        self.steps: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self._ids = itertools.count(1)

    def url_of(self, provider: str) -> str:
        return f"{self.url}/v1" if provider == "openai" else self.url

    def application(self) -> web.Application:
        app = web.Application(client_max_size=1 << 26)
        add = app.router.add_route
        add("POST", "/v1/chat/completions", self._chat)
        add("POST", "/v1/completions", self._chat)
        add("POST", "/v1/messages", self._chat)
        add("POST", "/v1beta/models/{model}:generateContent", self._chat)
        add("POST", "/v1/files", self._openai_upload)
        add("GET", "/v1/files", self._openai_files)
        add("DELETE", "/v1/files/{id}", self._delete_file)
        add("GET", "/v1/files/{id}/content", self._openai_content)
        add("POST", "/v1/batches", self._openai_submit)
        add("GET", "/v1/batches", self._openai_list)
        add("GET", "/v1/batches/{id}", self._poll)
        add("POST", "/v1/batches/{id}/cancel", self._cancel)
        add("POST", "/v1/messages/batches", self._anthropic_submit)
        add("GET", "/v1/messages/batches", self._anthropic_list)
        add("GET", "/v1/messages/batches/{id}", self._poll)
        add("POST", "/v1/messages/batches/{id}/cancel", self._cancel)
        add("GET", "/v1/messages/batches/{id}/results", self._anthropic_results)
        add("POST", "/upload/v1beta/files", self._google_begin)
        add("POST", "/upload/here/{name}", self._google_upload)
        add("GET", "/v1beta/files", self._google_files)
        add("DELETE", "/v1beta/files/{id}", self._delete_file)
        add("GET", "/v1beta/files/{id}:download", self._google_content)
        add("POST", "/v1beta/models/{model}:batchGenerateContent", self._google_submit)
        add("GET", "/v1beta/batches", self._google_list)
        add("GET", "/v1beta/batches/{id}", self._poll)
        add("POST", "/v1beta/batches/{id}:cancel", self._cancel)
        return app

    # --- what all have

    async def _step(self, request: web.Request, step: str, work: Callable[[], Any]) -> web.StreamResponse:
        """Do the work of a step, with what is to go wrong there."""
        self.headers.append(dict(request.headers))
        self.at(step, "before")
        self.steps[step] += 1
        try:
            value = work()
        except LookupError as error:
            return web.json_response({"error": {"message": f"not found: {error}", "code": 404}}, status=404)
        except BlockingIOError:
            error_body = {"error": {"message": "too many batches are queued", "type": "rate_limit_error", "code": 429}}
            return web.json_response(error_body, status=429, headers={"Retry-After": "0.01"})
        self.at(step, "after")
        if self.cruel.get("drop") == step:
            if not self._take("drops"):
                del self.cruel["drop"]
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(body=value) if isinstance(value, bytes) else web.json_response(value)

    def _take(self, name: str) -> bool:
        """Whether a cruelty that is counted down is still there."""
        left = self.cruel.get(name, 0)
        if left:
            self.cruel[name] = left - 1
        return bool(left)

    def _begin(self, provider: str, name: str, requests: list[tuple[str, dict[str, Any]]], file: str = "") -> Batch:
        if self._take("full"):
            raise BlockingIOError
        ids = {"openai": "batch_{}", "anthropic": "msgbatch_{}", "google": "batches/b{}"}
        batch = Batch(ids[provider].format(next(self._ids)), provider, name, requests, time.time(), file)
        batch.hidden = self.cruel.get("lag", 0)
        batch.first = not any(b.state != "failed" for b in self.batches.values())
        assert len({i for i, _ in requests}) == len(requests), "custom ids must be unique"
        if self._take("fail"):
            batch.state = "failed"
        self.batches[batch.id] = batch
        return batch

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        return await self._step(request, "poll", lambda: self._told(self._asked(self._found(request))))

    def _found(self, request: web.Request) -> Batch:
        name = request.match_info["id"]
        return self.batches[f"batches/{name}" if request.path.startswith("/v1beta") else name]

    def _asked(self, batch: Batch) -> Batch:
        batch.polls += 1
        if batch.state == "cancelling" and batch.polls > 1:
            self._end(batch, half=True)
        elif batch.state == "running" and not self.cruel.get("stuck") and batch.polls >= self._patience(batch):
            self._end(batch)
        return batch

    def _patience(self, batch: Batch) -> int:
        late = list(self.batches).index(batch.id) + 1 == self.cruel.get("late")
        return 40 if late else int(self.cruel.get("polls", 1))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        def work() -> Any:
            batch = self._found(request)
            if batch.state == "running":
                batch.state, batch.polls = "cancelling", 0
            return self._told(batch)

        return await self._step(request, "cancel", work)

    def _told(self, batch: Batch) -> dict[str, Any]:
        return getattr(self, f"_{batch.provider}_told")(batch)  # type: ignore[no-any-return]

    def _listed(self, provider: str) -> list[Batch]:
        found = []
        for batch in reversed(self.batches.values()):
            if batch.provider == provider:
                batch.hidden -= 1
                if batch.hidden < 0:
                    found.append(batch)
        return found

    def _end(self, batch: Batch, half: bool = False) -> None:
        """Work on the requests: results in another order, and what else is asked for."""
        batch.state = "ended"
        order = list(enumerate(batch.requests))
        random.Random(digest(batch.id)).shuffle(order)
        for place, (custom_id, body) in order:
            fate = digest(custom_id[INTENT:]) % 1000 / 1000 if batch.first else 1.0
            if (half and place % 2) or fate < self.cruel.get("expire", 0):
                if place % 3:  # every third is not even mentioned
                    self._line(batch, custom_id, None, "expired" if not half else "cancelled")
                continue
            if fate < self.cruel.get("expire", 0) + self.cruel.get("errors", 0):
                self._line(batch, custom_id, None, "error")
                continue
            self.answered[custom_id[INTENT:]] += 1
            self._line(batch, custom_id, self._answer(batch.provider, body), "")
        if batch.first and self.cruel.get("twice") and batch.lines:
            again = json.loads(batch.lines[0].decode().replace("answer", "another answer"))
            batch.lines += [json.dumps(again).encode(), batch.lines[-1]]
        if batch.first and self.cruel.get("strange"):
            body = batch.requests[0][1]
            intent = batch.requests[0][0][:INTENT]
            for custom_id in (intent + "0" * 32, "another-tool", "f" * 40):
                self._line(batch, custom_id, self._answer(batch.provider, body), "")
            batch.lines += [b"not json", b"[1]", b'{"custom_id": 5}']

    def _answer(self, provider: str, body: dict[str, Any]) -> dict[str, Any]:
        text = self.reply(said_of(body))
        if provider == "anthropic":
            return {"id": "m", "type": "message", "role": "assistant", "model": "claude-1", "stop_reason": "end_turn",
                    "content": [{"type": "text", "text": text}],
                    "usage": {"input_tokens": 50, "output_tokens": 100}}  # fmt: skip
        if provider == "google":
            return {"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP"}],
                    "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 100}, "modelVersion": "g-1"}  # fmt: skip
        usage = {"prompt_tokens": 50, "completion_tokens": 100}
        if "prompt" in body:
            choice: dict[str, Any] = {"index": 0, "text": text, "finish_reason": "stop"}
            return {"id": "x", "object": "text_completion", "model": "o-1", "choices": [choice], "usage": usage}
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return {"id": "x", "object": "chat.completion", "model": "o-1", "choices": [choice], "usage": usage}

    def _line(self, batch: Batch, custom_id: str, answer: Any, how: str) -> None:
        lines = batch.lines
        if batch.provider == "anthropic":
            kinds = {"": "succeeded", "expired": "expired", "cancelled": "canceled", "error": "errored"}
            result: dict[str, Any] = {"type": kinds[how]}
            if not how:
                result["message"] = answer
            if how == "error":
                result["error"] = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
            value: dict[str, Any] = {"custom_id": custom_id, "result": result}
        elif batch.provider == "google":
            value = {"key": custom_id}
            value |= {"response": answer} if not how else {}
            value |= {"error": {"code": 14 if how == "error" else 1, "message": how}} if how else {}
        else:
            response = {"status_code": 200, "request_id": "r", "body": answer} if not how else None
            if how == "error":
                response = {"status_code": 503, "request_id": "r", "body": {"error": {"message": "busy"}}}
            lines = batch.errors if how else batch.lines
            error = {"code": f"batch_{how}", "message": how} if response is None else None
            value = {"id": "l", "custom_id": custom_id, "response": response, "error": error}
        lines.append(json.dumps(value).encode())

    def _results(self, lines: list[bytes]) -> bytes:
        if self._take("lost"):
            raise LookupError("the results")
        return b"\n".join(lines) + b"\n"

    async def _delete_file(self, request: web.Request) -> web.StreamResponse:
        def work() -> Any:
            del self.files[request.match_info["id"]]
            return {"id": request.match_info["id"], "object": "file", "deleted": True}

        return await self._step(request, "delete", work)

    async def _chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        provider = "google" if "contents" in body else "anthropic" if request.path.endswith("messages") else "openai"
        self.called[said_of(body)] += 1
        return web.json_response(self._answer(provider, body))

    # --- OpenAI

    async def _openai_upload(self, request: web.Request) -> web.StreamResponse:
        name, content = "", b""
        async for part in await request.multipart():
            assert not isinstance(part, type(None))
            if getattr(part, "name", "") == "file":
                name, content = str(getattr(part, "filename", "")), bytes(await part.read())  # type: ignore[union-attr]

        def work() -> Any:
            id = f"file-{next(self._ids)}"
            self.files[id] = name, content
            return self._openai_file(id)

        return await self._step(request, "upload", work)

    def _openai_file(self, id: str) -> dict[str, Any]:
        name, content = self.files[id]
        return {"id": id, "object": "file", "bytes": len(content), "created_at": int(time.time()), "filename": name,
                "purpose": "batch", "status": "processed"}  # fmt: skip

    async def _openai_files(self, request: web.Request) -> web.StreamResponse:
        data = [self._openai_file(id) for id in reversed(self.files)]
        return await self._step(request, "files", lambda: {"object": "list", "data": data, "has_more": False})

    async def _openai_content(self, request: web.Request) -> web.StreamResponse:
        id, _, kind = request.match_info["id"].partition("-")
        batch = self.batches[id]
        return await self._step(
            request, "fetch", lambda: self._results(batch.errors if kind == "errors" else batch.lines)
        )

    async def _openai_submit(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()

        def work() -> Any:
            lines = [json.loads(line) for line in self.files[body["input_file_id"]][1].splitlines()]
            assert {line["url"] for line in lines} == {body["endpoint"]}
            requests = [(line["custom_id"], line["body"]) for line in lines]
            name = body["metadata"]["synthspec"]
            return self._told(self._begin("openai", name, requests, body["input_file_id"]))

        return await self._step(request, "submit", work)

    async def _openai_list(self, request: web.Request) -> web.StreamResponse:
        found = [self._told(b) for b in self._listed("openai")]
        after = request.query.get("after")
        if after:
            found = found[next(i for i, b in enumerate(found) if b["id"] == after) + 1 :]
        page = {"object": "list", "data": found[:2], "has_more": len(found) > 2}
        return await self._step(request, "list", lambda: page)

    def _openai_told(self, batch: Batch) -> dict[str, Any]:
        states = {"running": "in_progress", "cancelling": "cancelling", "ended": "completed", "failed": "failed"}
        done = len(batch.lines) if batch.state == "ended" else 0
        errors = {"data": [{"code": "token_limit_exceeded", "message": "too many tokens are queued"}]}
        return {"id": batch.id, "object": "batch", "endpoint": "/v1/chat/completions", "completion_window": "24h",
                "input_file_id": batch.file, "status": states[batch.state], "created_at": int(batch.created),
                "metadata": {"synthspec": batch.name}, "errors": errors if batch.state == "failed" else None,
                "output_file_id": f"{batch.id}-output" if batch.lines else None,
                "error_file_id": f"{batch.id}-errors" if batch.errors else None,
                "request_counts": {"total": len(batch.requests), "completed": done, "failed": 0}}  # fmt: skip

    # --- Anthropic

    async def _anthropic_submit(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        requests = [(r["custom_id"], r["params"]) for r in body["requests"]]
        return await self._step(request, "submit", lambda: self._told(self._begin("anthropic", "", requests)))

    async def _anthropic_list(self, request: web.Request) -> web.StreamResponse:
        found = [self._told(b) for b in self._listed("anthropic")]
        return await self._step(
            request, "list", lambda: {"data": found, "has_more": False, "first_id": None, "last_id": None}
        )

    async def _anthropic_results(self, request: web.Request) -> web.StreamResponse:
        batch = self.batches[request.match_info["id"]]
        return await self._step(request, "fetch", lambda: self._results(batch.lines))

    def _anthropic_told(self, batch: Batch) -> dict[str, Any]:
        states = {"running": "in_progress", "cancelling": "canceling", "ended": "ended", "failed": "ended"}
        count, ended = len(batch.requests), batch.state == "ended"
        counts = {"processing": 0 if ended else count, "succeeded": count if ended else 0, "errored": 0, "canceled": 0,
                  "expired": 0}  # fmt: skip
        return {"id": batch.id, "type": "message_batch", "processing_status": states[batch.state],
                "request_counts": counts, "created_at": _stamp(batch.created), "expires_at": _stamp(batch.created),
                "results_url": f"{self.url}/v1/messages/batches/{batch.id}/results" if ended else None}  # fmt: skip

    # --- Google

    async def _google_begin(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = body["file"].get("displayName") or body["file"]["display_name"]
        return web.json_response({}, headers={"x-goog-upload-url": f"http://elsewhere.example/upload/here/{name}"})

    async def _google_upload(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()

        def work() -> Any:
            id = f"f{next(self._ids)}"
            self.files[id] = request.match_info["name"], content
            return {"file": self._google_file(id)}

        response = await self._step(request, "upload", work)
        response.headers["x-goog-upload-status"] = "final"
        return response

    def _google_file(self, id: str) -> dict[str, Any]:
        return {"name": f"files/{id}", "displayName": self.files[id][0], "mimeType": "application/jsonl"}

    async def _google_files(self, request: web.Request) -> web.StreamResponse:
        return await self._step(request, "files", lambda: {"files": [self._google_file(id) for id in self.files]})

    async def _google_content(self, request: web.Request) -> web.StreamResponse:
        batch = self.batches[f"batches/{request.match_info['id'].removeprefix('results-')}"]
        return await self._step(request, "fetch", lambda: self._results(batch.lines))

    async def _google_submit(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()

        def work() -> Any:
            file = body["batch"]["inputConfig"]["fileName"].removeprefix("files/")
            lines = [json.loads(line) for line in self.files[file][1].splitlines()]
            requests = [(line["key"], line["request"]) for line in lines]
            return self._told(self._begin("google", body["batch"]["displayName"], requests, file))

        return await self._step(request, "submit", work)

    async def _google_list(self, request: web.Request) -> web.StreamResponse:
        found = [self._told(b) for b in self._listed("google")]
        return await self._step(request, "list", lambda: {"operations": found})

    def _google_told(self, batch: Batch) -> dict[str, Any]:
        states = {"running": "RUNNING", "cancelling": "RUNNING", "ended": "SUCCEEDED", "failed": "FAILED"}
        told = {"state": f"BATCH_STATE_{states[batch.state]}", "displayName": batch.name,
                "createTime": _stamp(batch.created), "model": "models/m"}  # fmt: skip
        if batch.state == "ended":
            told["output"] = {"responsesFile": f"files/results-{batch.id.removeprefix('batches/')}"}  # type: ignore[assignment]
        return {"name": batch.id, "metadata": told}


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def main() -> None:
    """A server of its own process, ended with whoever started it; its state by a line on standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cruel", default="{}")
    cruel = json.loads(parser.parse_args().cruel)
    with BatchServer(**cruel) as server:
        print(server.url, flush=True)
        input()


if __name__ == "__main__":
    main()
