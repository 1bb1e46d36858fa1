"""The server: every message of an editor answered from the text as it was when the message came.

Handlers that answer are generators: they take the buffer when the message arrives, and let a thread work on it; so an
answer is never of another text than its question, and one that nobody waits for any more is not begun.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified, JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

import synthspec
from synthspec.language_service import (
    Analysis,
    Position,
    actions,
    can_rename,
    complete,
    definition,
    fix,
    hover,
    references,
    rename,
    symbols,
    tokens,
)
from synthspec.language_service.values import Edit
from synthspec.lsp import answers
from synthspec.lsp.open_texts import OpenText, OpenTexts
from synthspec.lsp.places import from_wire, range_of

DELAY = 0.12  # seconds after the last keystroke
TRIGGERS = (".", "|", "{", "[", ":", " ", "'", '"', ",", "(", "/")

T = TypeVar("T")
Handling = Generator[Any, Any, Any]


class RequestFailed(JsonRpcException):
    """A request that is understood and cannot be done; its message is for the person."""

    CODE = -32803


class _OwnTexts(LanguageServerProtocol):
    """The protocol without pygls' copy of the texts: it takes U+2028 for a line's end, and moves changes to fit."""

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Handling:
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CHANGE], (params,), None


class SpecServer(LanguageServer):
    """The language server of specs."""

    def __init__(self, trust: bool = False) -> None:
        incremental = types.TextDocumentSyncKind.Incremental
        super().__init__("synthspec", synthspec.__version__, incremental, protocol_cls=_OwnTexts)
        logging.getLogger("pygls").setLevel(logging.CRITICAL)  # what a client gets as a reply is no news of the log
        self.buffers = OpenTexts(trust)
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    @property
    def encoding(self) -> str:
        """What columns are counted in."""
        found = self.workspace.position_encoding
        return str(getattr(found, "value", found) or "utf-16")

    def ask(self, uri: str, about: Callable[[Analysis, OpenText], T]) -> Generator[Any, T | None, T | None]:
        """What is asked of a file as it is now, worked out in a thread; None where it is no spec of ours."""
        buffer = self.buffers.find(uri)
        if buffer is None or not buffer.is_spec:
            return None

        @self.thread()
        def work() -> T:
            self._refuse_stale(buffer)
            answer = about(self.buffers.analysed(buffer), buffer)
            self._refuse_stale(buffer)
            return answer

        return (yield (work, (), {}))

    def _refuse_stale(self, buffer: OpenText) -> None:
        if not self.buffers.is_current(buffer):
            raise JsonRpcContentModified("the text has changed since")

    def place(self, buffer: OpenText, position: types.Position) -> Position:
        """A position of the client's."""
        return from_wire(buffer.lines, position, self.encoding)

    # --- diagnostics

    def diagnose_soon(self, *buffers: OpenText) -> None:
        """Publish the diagnostics of files, once their texts rest."""
        loop = asyncio.get_running_loop()
        for buffer in buffers:
            waiting = self._waiting.pop(buffer.uri, None)
            if waiting is not None:
                waiting.cancel()
            self._waiting[buffer.uri] = loop.call_later(DELAY, self._diagnose, buffer.uri, loop)

    def forget(self, uri: str) -> None:
        """A file was closed: nothing is wrong with it any more."""
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        self._publish(uri, None, [])

    def _diagnose(self, uri: str, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting.pop(uri, None)
        buffer = self.buffers.find(uri)
        if buffer is None:
            return
        if not buffer.is_spec:
            self._publish(uri, buffer.version, [])
            return
        generation = self.buffers.generation

        def work() -> list[types.Diagnostic] | None:
            if not self.buffers.is_current(buffer):
                return None
            return answers.wire_diagnostics(self.buffers.analysed(buffer), buffer, self.encoding)

        def done(future: asyncio.Future[list[types.Diagnostic] | None]) -> None:
            if future.cancelled() or (error := future.exception()) is not None:
                if not future.cancelled():
                    self.report_server_error(error, JsonRpcException)  # type: ignore[arg-type]
                return
            found = future.result()
            if found is not None and self.buffers.is_current(buffer):
                self._publish(uri, buffer.version, found)
                if generation != self.buffers.generation:  # another file changed meanwhile
                    self.diagnose_soon(buffer)

        loop.run_in_executor(self.thread_pool, work).add_done_callback(done)

    def _publish(self, uri: str, version: int | None, found: list[types.Diagnostic]) -> None:
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, version))


def make_server(trust: bool = False) -> SpecServer:
    """A server that has all features, and has not begun."""
    server = SpecServer(trust)
    _follow_texts(server)
    _answer_places(server)
    _answer_files(server)
    return server


def _follow_texts(server: SpecServer) -> None:
    """The texts as the editor has them."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        buffer = server.buffers.open(document.uri, document.text, document.version, str(document.language_id))
        server.diagnose_soon(buffer, *server.buffers.hanging_on(buffer.path))

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        buffer = server.buffers.change(document.uri, document.version, params.content_changes, server.encoding)
        if buffer is not None:
            server.diagnose_soon(buffer, *server.buffers.hanging_on(buffer.path))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        buffer = server.buffers.find(params.text_document.uri)
        others = server.buffers.hanging_on(buffer.path) if buffer is not None else []
        server.buffers.close(params.text_document.uri)
        server.forget(params.text_document.uri)
        server.diagnose_soon(*(b for b in others if b.uri != params.text_document.uri))

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        server.buffers.touch()
        server.diagnose_soon(*server.buffers.all())

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def on_disk(params: types.DidChangeWatchedFilesParams) -> None:
        server.buffers.touch()
        server.diagnose_soon(*server.buffers.all())


def _answer_places(server: SpecServer) -> None:
    """What is asked about a place of a text."""

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=TRIGGERS))
    def on_completion(params: types.CompletionParams) -> Handling:
        def about(analysis: Analysis, buffer: OpenText) -> types.CompletionList:
            found = complete(analysis, server.place(buffer, params.position))
            return answers.wire_completion(found, buffer, server.encoding)

        return (yield from server.ask(params.text_document.uri, about))

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def on_hover(params: types.HoverParams) -> Handling:
        def about(analysis: Analysis, buffer: OpenText) -> types.Hover | None:
            return answers.wire_hover(hover(analysis, server.place(buffer, params.position)), buffer, server.encoding)

        return (yield from server.ask(params.text_document.uri, about))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def on_definition(params: types.DefinitionParams) -> Handling:
        def about(analysis: Analysis, buffer: OpenText) -> list[types.Location]:
            found = definition(analysis, server.place(buffer, params.position))
            return answers.wire_locations(analysis, buffer, found, server.encoding)

        return (yield from server.ask(params.text_document.uri, about))

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def on_references(params: types.ReferenceParams) -> Handling:
        def about(analysis: Analysis, buffer: OpenText) -> list[types.Location]:
            place = server.place(buffer, params.position)
            found = references(analysis, place, params.context.include_declaration)
            return answers.wire_locations(analysis, buffer, found, server.encoding)

        return (yield from server.ask(params.text_document.uri, about))

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def on_rename(params: types.RenameParams) -> Handling:
        def about(analysis: Analysis, buffer: OpenText) -> types.WorkspaceEdit:
            found = rename(analysis, server.place(buffer, params.position), params.new_name)
            if found.refusal:
                raise RequestFailed(found.refusal)
            return answers.workspace_edit(found.edits, buffer, server.encoding)

        return (yield from server.ask(params.text_document.uri, about))

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def on_prepare(params: types.PrepareRenameParams) -> Handling:
        def about(analysis: Analysis, buffer: OpenText) -> types.Range:
            found, refusal = can_rename(analysis, server.place(buffer, params.position))
            if found is None:
                raise RequestFailed(refusal)
            return range_of(buffer.lines, found.span, server.encoding)

        return (yield from server.ask(params.text_document.uri, about))


def _answer_files(server: SpecServer) -> None:
    """What is asked about a whole text."""
    kinds = types.CodeActionOptions([types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)
    def on_actions(params: types.CodeActionParams) -> Handling:
        def about(analysis: Analysis, buffer: OpenText) -> list[types.CodeAction]:
            return _actions(server, analysis, buffer, params)

        return (yield from server.ask(params.text_document.uri, about))

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def on_symbols(params: types.DocumentSymbolParams) -> Handling:
        def about(analysis: Analysis, buffer: OpenText) -> list[types.DocumentSymbol]:
            return answers.wire_symbols(symbols(analysis), buffer, server.encoding)

        return (yield from server.ask(params.text_document.uri, about))

    legend = types.SemanticTokensLegend(list(answers.TOKEN_TYPES), [])

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, legend)
    def on_tokens(params: types.SemanticTokensParams) -> Handling:
        def about(analysis: Analysis, buffer: OpenText) -> types.SemanticTokens:
            return answers.wire_tokens(tokens(analysis), buffer, server.encoding)

        return (yield from server.ask(params.text_document.uri, about))


def _actions(
    server: SpecServer, analysis: Analysis, buffer: OpenText, params: types.CodeActionParams
) -> list[types.CodeAction]:
    """The remedies in a range; all certain ones of the file where the editor asks for that kind."""
    wanted = params.context.only
    made: list[types.CodeAction] = []
    if wanted is None or any(types.CodeActionKind.QuickFix.value.startswith(str(_value(w))) for w in wanted):
        start, end = server.place(buffer, params.range.start), server.place(buffer, params.range.end)
        made += [answers.wire_action(a, analysis, buffer, server.encoding) for a in actions(analysis, start, end)]
    if wanted is not None and any(types.CodeActionKind.SourceFixAll.value.startswith(str(_value(w))) for w in wanted):
        fixed = fix(analysis)
        if fixed.steps:
            whole = answers.whole_span(analysis, buffer)
            edit = answers.workspace_edit([Edit(whole, fixed.text)], buffer, server.encoding)
            title = "apply every certain remedy of synthspec"
            made.append(types.CodeAction(title=title, kind=types.CodeActionKind.SourceFixAll, edit=edit))
    return made


def _value(kind: object) -> object:
    return getattr(kind, "value", kind)
