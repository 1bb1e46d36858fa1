"""What the language service says, in the types of the protocol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lsprotocol import types
from pygls.uris import from_fs_path

from synthspec.diagnostics import Diagnostic, Span
from synthspec.diagnostics.catalogue import titles
from synthspec.language_service import Action, Analysis, CompletionItem, Edit, Hover, Location, Symbol, Token
from synthspec.language_service.coloring import KINDS
from synthspec.language_service.navigation import path_of
from synthspec.lsp.open_texts import OpenText
from synthspec.lsp.places import range_of, split_lines, units

SOURCE = "synthspec"
TOKEN_TYPES = (
    "parameter", "property", "variable", "function", "keyword", "operator", "number", "string", "macro", "method",
)  # fmt: skip
_TYPE_OF = {
    "parameter": "parameter", "field": "property", "item": "variable", "prompt": "method", "source": "method",
    "tool": "method", "function": "function", "filter": "function", "member": "property", "keyword": "keyword",
    "operator": "operator", "number": "number", "string": "string", "brace": "macro", "variable": "variable",
}  # fmt: skip
_ITEM_KINDS = {
    "key": types.CompletionItemKind.Property, "parameter": types.CompletionItemKind.Variable,
    "field": types.CompletionItemKind.Field, "item": types.CompletionItemKind.Variable,
    "function": types.CompletionItemKind.Function, "filter": types.CompletionItemKind.Function,
    "test": types.CompletionItemKind.Function, "keyword": types.CompletionItemKind.Keyword,
    "member": types.CompletionItemKind.Property, "column": types.CompletionItemKind.Property,
    "file": types.CompletionItemKind.File, "metric": types.CompletionItemKind.Constant,
}  # fmt: skip
_SYMBOL_KINDS = {
    "section": types.SymbolKind.Namespace, "parameters": types.SymbolKind.Variable, "fields": types.SymbolKind.Field,
    "prompts": types.SymbolKind.Method, "sources": types.SymbolKind.Array, "tools": types.SymbolKind.Function,
}  # fmt: skip


def wire_diagnostics(analysis: Analysis, buffer: OpenText, encoding: str) -> list[types.Diagnostic]:
    """The diagnostics of a file. Those of a file that it extends stand at its `extends`, and name their place."""
    extends = next((n for n, line in enumerate(buffer.lines, start=1) if line.startswith("extends")), 1)
    return [_diagnostic(d, analysis, buffer, encoding, extends) for d in analysis.diagnostics]


def _diagnostic(
    found: Diagnostic, analysis: Analysis, buffer: OpenText, encoding: str, extends: int
) -> types.Diagnostic:
    message = f"{found.message}\n{found.help}" if found.help else found.message
    span, related = found.span, [(r.span, r.message) for r in found.related]
    if span.file != analysis.file:
        message = f"{span.file}:{span.line}: {message}"
        related.insert(0, (span, found.message))
        span = Span(analysis.file, extends, 1, extends, len(buffer.lines[extends - 1]) + 1)
    error = found.severity == "error"
    return types.Diagnostic(
        range=range_of(buffer.lines, span, encoding),
        message=message,
        severity=types.DiagnosticSeverity.Error if error else types.DiagnosticSeverity.Warning,
        code=found.code,
        source=SOURCE,
        related_information=[
            types.DiagnosticRelatedInformation(_location(analysis, buffer, at, encoding), said or titles()[found.code])
            for at, said in related
        ],
    )


def _location(analysis: Analysis, buffer: OpenText, span: Span, encoding: str) -> types.Location:
    path = path_of(analysis, span.file)
    lines = buffer.lines if span.file == analysis.file else lines_of(analysis, path)
    uri = buffer.uri if span.file == analysis.file else uri_of(path)
    return types.Location(uri, range_of(lines, span, encoding))


def lines_of(analysis: Analysis, path: Path) -> list[str]:
    """The lines of another file, as the editor has it or as it is saved."""
    unsaved = (analysis.texts or {}).get(path)
    if unsaved is not None:
        return split_lines(unsaved)
    try:
        return split_lines(path.read_text(encoding="utf-8-sig", errors="replace"))
    except OSError:
        return [""]


def uri_of(path: Path) -> str:
    """The address of a file."""
    return from_fs_path(str(path)) or path.as_uri()


def wire_locations(
    analysis: Analysis, buffer: OpenText, found: Iterable[Location], encoding: str
) -> list[types.Location]:
    """Places in this file and others."""
    own = buffer.path.resolve()
    made: list[types.Location] = []
    for place in found:
        path = Path(place.path)
        lines = buffer.lines if path == own else lines_of(analysis, path)
        made.append(types.Location(buffer.uri if path == own else uri_of(path), range_of(lines, place.span, encoding)))
    return made


def wire_completion(items: Sequence[CompletionItem], buffer: OpenText, encoding: str) -> types.CompletionList:
    """What is offered, in this order."""
    return types.CompletionList(is_incomplete=True, items=[
        types.CompletionItem(
            label=item.label,
            kind=_ITEM_KINDS.get(item.kind, types.CompletionItemKind.Value),
            detail=item.detail or None,
            documentation=_markdown(item.documentation) if item.documentation else None,
            sort_text=f"{place:04d}",
            filter_text=_filter_text(item, buffer),
            text_edit=wire_edit(item.edit, buffer, encoding),
        )
        for place, item in enumerate(items)
    ])  # fmt: skip


def _markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)


def _filter_text(item: CompletionItem, buffer: OpenText) -> str:
    """What the editor compares with what is begun: the service has chosen already, by what stands there."""
    span = item.edit.span
    begun = buffer.lines[span.line - 1][span.column - 1 : span.end_column - 1] if span.line <= len(buffer.lines) else ""
    return begun if begun and not item.label.startswith(begun) else item.label


def wire_edit(edit: Edit, buffer: OpenText, encoding: str) -> types.TextEdit:
    """An edit."""
    return types.TextEdit(range_of(buffer.lines, edit.span, encoding), edit.text)


def workspace_edit(edits: Iterable[Edit], buffer: OpenText, encoding: str) -> types.WorkspaceEdit:
    """Edits of one file, as it was in this version."""
    document = types.OptionalVersionedTextDocumentIdentifier(uri=buffer.uri, version=buffer.version)
    made = [wire_edit(edit, buffer, encoding) for edit in edits]
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, list(made))])


def wire_hover(found: Hover | None, buffer: OpenText, encoding: str) -> types.Hover | None:
    """What is said of a place."""
    if found is None:
        return None
    return types.Hover(_markdown(found.markdown), range_of(buffer.lines, found.span, encoding))


def wire_action(action: Action, analysis: Analysis, buffer: OpenText, encoding: str) -> types.CodeAction:
    """A remedy."""
    return types.CodeAction(
        title=action.title,
        kind=types.CodeActionKind.QuickFix,
        is_preferred=action.certain,
        diagnostics=[_diagnostic(action.diagnostic, analysis, buffer, encoding, 1)],
        edit=workspace_edit(action.edits, buffer, encoding),
    )


def wire_symbols(found: Iterable[Symbol], buffer: OpenText, encoding: str) -> list[types.DocumentSymbol]:
    """The outline."""
    return [
        types.DocumentSymbol(
            name=symbol.name or "-",
            kind=_SYMBOL_KINDS.get(symbol.kind, types.SymbolKind.Key),
            range=range_of(buffer.lines, symbol.span, encoding),
            selection_range=range_of(buffer.lines, symbol.name_span, encoding),
            detail=symbol.detail or None,
            children=wire_symbols(symbol.children, buffer, encoding),
        )
        for symbol in found
    ]


def wire_tokens(found: Iterable[Token], buffer: OpenText, encoding: str) -> types.SemanticTokens:
    """Colours, each place from the one before it."""
    data: list[int] = []
    line = column = 0
    for token in found:
        text = buffer.lines[token.span.line - 1]
        row, start = token.span.line - 1, units(text[: token.span.column - 1], encoding)
        length = units(text[token.span.column - 1 : token.span.end_column - 1], encoding)
        data += [row - line, start - (column if row == line else 0), length, _number(token), 0]
        line, column = row, start
    return types.SemanticTokens(data=data)


def _number(token: Token) -> int:
    assert token.kind in KINDS
    return TOKEN_TYPES.index(_TYPE_OF[token.kind])


def whole_span(analysis: Analysis, buffer: OpenText) -> Span:
    """All of a file."""
    return Span(analysis.file, 1, 1, len(buffer.lines), len(buffer.lines[-1]) + 1)
