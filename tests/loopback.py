"""An OpenAI-compatible server on 127.0.0.1 that delays, throttles, fails, hangs, drops and garbles as told.

In a test: `with Loopback(reply=..., faults={"429": 0.02}) as server: server.url, server.calls`.
As a process that outlives what it serves: `python tests/loopback.py --faults '{"500": 0.1}'` prints its URL.
A reply is a function of the request's messages; a fault of the seed, the messages and how often they came.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web
from threaded_server import ThreadedServer

Reply = Callable[[dict[str, Any], int], str]
WORDS = (
    "meter invoice window garden captain river lantern paper copper engine harbour velvet orchard signal timber "
    "weather bottle ladder market needle pepper saddle tunnel valley winter yellow anchor basket candle desert"
).split()


def digest(*parts: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def prose(body: dict[str, Any], nth: int) -> str:
    """Some words that depend on the messages alone."""
    number = digest(body["messages"])
    return " ".join(WORDS[(number >> (5 * i)) % len(WORDS)] for i in range(11)) + f" {number % 100000}."


class Varied:
    """Texts of so many words as uneven as those of a language; one in 200 is one of fifty that come again."""

    def __init__(self, words: int) -> None:
        self.words = words

    def __call__(self, body: dict[str, Any], nth: int) -> str:
        number = digest(body["messages"])
        draw = Random(number // 200 % 50 if number % 200 == 0 else number).random
        return " ".join(_VOCABULARY[int(len(_VOCABULARY) ** draw()) - 1] for _ in range(self.words)) + "."


_VOCABULARY = tuple(a + b[::-1] + c for a in WORDS for b in WORDS[:20] for c in ("", "s", "er", "ing", "ly"))


def count_words(text: str, dimensions: int = 32) -> list[float]:
    counts = [0.0] * dimensions
    for word in text.lower().split():
        counts[digest(word) % dimensions] += 1
    return counts


class Loopback(ThreadedServer):
    """The server. `calls` counts requests by their messages, `answered` those that got a whole reply."""

    path = "/v1"

    def __init__(
        self,
        reply: Reply = prose,
        faults: Mapping[str, float] | None = None,
        latency: float = 0.0,
        seed: int = 0,
        hang: float = 30.0,
        tokens: tuple[int, int] = (50, 100),
        remember: bool = True,
        beside: Mapping[str, Any] | None = None,
        port: int = 0,
        log: Path | None = None,
    ) -> None:
        super().__init__(port)
        self.beside = dict(beside or {})  # what else stands in each message, such as `reasoning_content`
        self.reply, self.faults, self.latency, self.seed, self.hang = reply, dict(faults or {}), latency, seed, hang
        self.tokens = tokens
        self.remember = remember  # keep every request's body
        self.calls: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.in_flight = self.most_in_flight = 0
        self.log = log

    @property
    def total(self) -> int:
        return sum(self.calls.values())

    def application(self) -> web.Application:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/completions", self._complete)
        app.router.add_post("/v1/embeddings", self._embeddings)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/stats", self._stats)
        return app

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "loop", "object": "model"}]})

    async def _embeddings(self, request: web.Request) -> web.Response:
        """A vector counts the words of a text, hashed; given in reverse order, as a server may."""
        body = await request.json()
        if self.remember:
            self.bodies.append(body)
        if "500" in self.faults or "401" in self.faults:
            status = 500 if "500" in self.faults else 401
            return web.json_response({"error": {"message": "made to fail"}}, status=status)
        data = [{"object": "embedding", "index": i, "embedding": count_words(t)} for i, t in enumerate(body["input"])]
        return web.json_response({"object": "list", "model": "loop-1", "data": data[::-1],
                                  "usage": {"prompt_tokens": 1, "total_tokens": 1}})  # fmt: skip

    async def _complete(self, request: web.Request) -> web.Response:
        """Raw completion: the reply to a body whose one message is the prompt."""
        body = await request.json()
        mark = f"{digest(body['prompt']):016x}"
        nth = self.calls[mark]
        self.calls[mark] += 1
        self.answered[mark] += 1
        if self.remember:
            self.bodies.append(body)
        text = self.reply({"messages": [{"role": "user", "content": body["prompt"]}]}, nth)
        return web.json_response({"id": "x", "object": "text_completion", "model": "loop-1",
                                  "choices": [{"index": 0, "text": text, "finish_reason": "stop"}],
                                  "usage": {"prompt_tokens": self.tokens[0], "completion_tokens": self.tokens[1]}})  # fmt: skip

    async def _stats(self, request: web.Request) -> web.Response:
        return web.json_response({"calls": dict(self.calls), "answered": dict(self.answered)})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        mark = f"{digest(body['messages']):016x}"
        nth = self.calls[mark]
        self.calls[mark] += 1
        if self.remember:
            self.bodies.append(body)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            fault = self._fault(mark, nth)
            if fault is not None:
                return await self._fail(request, fault, body, nth)
            self.answered[mark] += 1
            if self.log is not None:
                with self.log.open("a") as log:
                    log.write(f"{mark}\n")
            return web.json_response(self._answer(body, nth))
        finally:
            self.in_flight -= 1

    def _fault(self, mark: str, nth: int) -> str | None:
        at = digest(self.seed, mark, nth) / 2**64
        for fault, share in self.faults.items():
            if at < share:
                return fault
            at -= share
        return None

    def _answer(self, body: dict[str, Any], nth: int) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.reply(body, nth), **self.beside}
        usage = {"prompt_tokens": self.tokens[0], "completion_tokens": self.tokens[1]}
        finish = "length" if message["content"].endswith("…") else "stop"
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {"id": "x", "object": "chat.completion", "created": 1, "model": "loop-1", "choices": [choice],
                "usage": usage}  # fmt: skip

    async def _fail(self, request: web.Request, fault: str, body: Any, nth: int) -> web.StreamResponse:
        if fault == "hang":
            await asyncio.sleep(self.hang)
            fault = "drop"
        if fault == "drop":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault == "cut":
            text = json.dumps(self._answer(body, nth))
            return web.Response(body=text[: len(text) // 2].encode(), content_type="application/json")
        if fault == "garble":
            answer = self._answer(body, nth)
            answer["choices"][0]["message"]["content"] = "\ufffd{{{ no"
            return web.json_response(answer)
        code = "insufficient_quota" if fault == "quota" else "some_error"
        status = 429 if fault == "quota" else int(fault)
        error = {"error": {"message": f"made to fail: {fault}", "type": code, "code": code}}
        headers = {"Retry-After": "0.05"} if fault == "429" else {}
        return web.json_response(error, status=status, headers=headers)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", default="{}")
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--hang", type=float, default=30.0)
    parser.add_argument("--words", type=int, default=0, help="replies of so many words, as uneven as in a language")
    parser.add_argument("--forget", action="store_true", help="keep no bodies")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, help="a line for each whole reply")
    options = parser.parse_args()

    async def run() -> None:
        reply = Varied(options.words) if options.words else prose
        server = Loopback(reply, json.loads(options.faults), options.latency, hang=options.hang,
                          remember=not options.forget, port=options.port, log=options.log)  # fmt: skip
        await server.start()
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)  # ends with whoever started it

    asyncio.run(run())


if __name__ == "__main__":
    main()
