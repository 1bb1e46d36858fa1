"""A backend for golden tests: in this process, its replies a function of the prompt's name, the attempt and the key.

`refuse` in a prompt's name makes first replies that break a rule, so that the keys of repairs are seen too.
"""

from __future__ import annotations

import hashlib
from typing import Any

from synthspec.inference.backends import Provider
from synthspec.spec.asked import fields_asked
from synthspec.spec.messages import Reply, Request, ToolCall, Usage

WORDS = (
    "amber basin cedar delta ember fjord grove harbor inlet juniper kettle lagoon meadow nectar orchard pebble "
    "quarry ripple summit thicket upland valley willow yonder"
).split()
asked: list[tuple[str, int, str]] = []  # (prompt, attempt, key) of every call since the list was cleared


def words(text: str, count: int) -> str:
    """Words that depend on a text alone."""
    stream = hashlib.shake_128(text.encode()).digest(count)
    return " ".join(WORDS[b % len(WORDS)] for b in stream)


def called(request: Request) -> tuple[ToolCall, ...]:
    """A call of the first tool and one of the last."""
    chosen = dict.fromkeys((request.tools[0].name, request.tools[-1].name))
    needed = {t.name: t.parameters.get("required", ()) for t in request.tools}
    return tuple(ToolCall(f"x{n}", t, dict.fromkeys(needed[t], "Ulm")) for n, t in enumerate(chosen))


class Echo:
    """Writes the rows a request asks for, in the format of its prompt."""

    fingerprint = "echo"
    seeded = False

    def __init__(self, spec: Any) -> None:
        self.spec = spec
        self.prompts = {p.name: p for p in spec.prompts}
        self.fields = {f.name: f for f in spec.fields}

    async def complete(self, request: Request) -> Reply:
        from synthspec.formats import Shape
        from synthspec.plugins import find_plugin

        asked.append((request.endpoint if request.tools else request.prompt, request.attempt, request.key))
        if request.tools and request.messages[-1].role != "tool" and "never" not in request.prompt:
            return Reply(called(request), Usage(10, 5), "echo-1")
        prompt, known = self.prompts.get(request.prompt), self.fields
        if prompt is None:
            player = self.spec.players[request.endpoint]
            prompt, known = player.prompt, {f.name: f for f in player.fields}
        fields = fields_asked(prompt, known)
        rows = [
            {f.name: self.value(f, f"{request.prompt}/{request.key}/{i}/{f.name}") for f in fields}
            for i in range(request.rows)
        ]
        if "refuse" in request.prompt and request.attempt == 1:
            return Reply("I would rather not.", Usage(10, 5), "echo-1", "stop")
        if "short" in request.prompt and request.attempt == 1:
            rows = rows[:-1]
        text = find_plugin("formats", prompt.format).write(rows, Shape(fields, request.rows, prompt.format_options))
        thought = words(request.key, 5) if prompt.reasoning is not None else ""
        return Reply(text, Usage(10, 5), "echo-1", "stop", thought)

    def value(self, field: Any, text: str) -> Any:
        number = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
        schema = field.schema
        if "enum" in schema:
            return schema["enum"][number % len(schema["enum"])]
        match field.type.kind:
            case "integer":
                return number % 5 + 1
            case "number":
                return (number % 100) / 8
            case "boolean":
                return number % 2 == 0
            case "list":
                return [words(text + "0", 2), words(text + "1", 2)]
            case _:
                return words(text, 8)

    async def models(self) -> tuple[str, ...]:
        return ("echo-1",)

    async def close(self) -> None:
        """Nothing is open."""


def open_backend(choice: Any, context: Any) -> Echo:
    return Echo(context.spec)


PROVIDER = Provider(
    summary="replies for golden tests",
    open=open_backend,
    free=True,
    in_process=True,
    default_model="echo-1",
    tools=True,
    images=True,
    completes=True,
    reasons=True,
)
