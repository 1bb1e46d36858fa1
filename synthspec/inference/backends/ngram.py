"""The embedded default: an n-gram model of the spec's own sources. No key, no server, no download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthspec.inference.backends import BackendContext, Provider
from synthspec.spec import BackendChoice, Prompt
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Request, Usage
from synthspec.spec.players import spec_of_player

if TYPE_CHECKING:
    from synthspec.inference.ngram.material import Material

NOTICE = (
    "The embedded n-gram model is for trying out a spec: it writes fluent fragments,"
    " not a language model's text; name a real backend with --backend."
)
VERSION = 2  # of the algorithm; another one may write other texts


class NgramBackend:
    """Learns at its first call, then writes rows in the prompt's format."""

    seeded = True

    def __init__(self, context: BackendContext) -> None:
        from synthspec.inference.ngram.material import Material

        self._spec, self._tables = context.spec, context.tables
        self._players: dict[str, tuple[Prompt, Material]] = {}
        self._material = Material(context.spec, context.tables)
        self._prompts = {p.name: p for p in context.spec.prompts}
        self._fingerprint = ""

    @property
    def fingerprint(self) -> str:
        """Of the data learned from and of the algorithm."""
        if not self._fingerprint:
            self._fingerprint = f"ngram-{VERSION}-{self._material.digest()}"
        return self._fingerprint

    async def complete(self, request: Request) -> Reply:
        """The rows asked for, computed here and now."""
        import asyncio

        await asyncio.sleep(0)
        text = self._write(request)
        prompt_tokens = sum(len(m.content) for m in request.messages) // 4
        return Reply(text, Usage(prompt_tokens, max(1, len(text) // 4)), "ngram", "stop")

    def _write(self, request: Request) -> str:
        from synthspec.formats import Shape, find_format
        from synthspec.inference.ngram.rows import RowWriter

        prompt, material = self._prompts.get(request.prompt), self._material
        if request.endpoint in self._spec.players:
            prompt, material = self._player(request.endpoint)
        if prompt is None:
            raise BackendFault(FaultKind.BAD_REQUEST, f"the spec has no prompt named {request.prompt!r}")
        writer = RowWriter(material, prompt, request)
        shape = Shape(writer.fields, request.rows, prompt.format_options)
        try:
            text: str = find_format(prompt.format).write(writer.write(), shape)
        except ValueError as e:
            raise BackendFault(FaultKind.REFUSED, f"no rows that fit the format {prompt.format}: {e}") from None
        return text

    def _player(self, name: str) -> tuple[Prompt, Material]:
        """A prompt that plays a tool, and what is learned for the fields of its answers."""
        from synthspec.inference.ngram.material import Material

        if name not in self._players:
            alone = spec_of_player(self._spec, name)
            self._players[name] = alone.prompts[0], Material(alone, self._tables)
        return self._players[name]

    async def models(self) -> tuple[str, ...]:
        """None to choose from: the one model is the provider itself."""
        return ()

    async def close(self) -> None:
        """Nothing is open."""


def open_backend(choice: BackendChoice, context: BackendContext) -> NgramBackend:
    """The backend over the spec's sources. Learns nothing yet."""
    return NgramBackend(context)


PROVIDER = Provider(
    summary="an embedded n-gram model of the spec's own sources, for trying out a spec",
    open=open_backend,
    free=True,
    in_process=True,
    completes=True,
    tools=True,  # it may be told of tools, and calls none
    notice=NOTICE,
)
