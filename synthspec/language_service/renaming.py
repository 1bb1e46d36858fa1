"""Another name for a part of the spec, in every text that means it; or why it cannot have one.

A renaming is tried before it is offered: the spec must then say the same as before, but for the name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from synthspec.analysis.sections.items import SPECIAL
from synthspec.dataset.row_shapes import role_names
from synthspec.diagnostics import Diagnostic, Span
from synthspec.document.reader import ListNode, MapNode, ScalarNode, read_document
from synthspec.document.scalars import resolve_scalar
from synthspec.document.source import MAX_BYTES, buffer_source, read_source
from synthspec.language_service.about import ONE
from synthspec.language_service.analysis import Analysis, analyse
from synthspec.language_service.fixing import applied
from synthspec.language_service.mentions import Mention, mentions, names_of_document, words_at
from synthspec.language_service.navigation import mention_at
from synthspec.language_service.sites import declared, sites
from synthspec.language_service.texts import KEYWORDS, TEMPLATE_KEYWORDS
from synthspec.language_service.values import Edit, Position, Renaming

RENAMED = ("parameters", "fields", "items", "prompts", "sources", "tools", "speakers", "examples", "arguments",
           "locals")  # fmt: skip
_ARTICLES = {"items": "an", "arguments": "an"}
_NAME = re.compile(r"[^\W\d]\w{0,63}")
MOST_FILES = 300  # that are looked at for whether they extend this one


def can_rename(analysis: Analysis, position: Position) -> tuple[Mention | None, str]:
    """(what would be renamed, "") at a position, or (None, why nothing can be)."""
    found = mention_at(analysis, position)
    if found is None:
        return None, "there is no name of this spec here"
    if found.section not in RENAMED:
        return None, f"a {ONE.get(found.section, 'name of this kind')} cannot be renamed by itself"
    refusal = next(_fixed(analysis, found), "")
    return (None, refusal) if refusal else (found, "")


def rename(analysis: Analysis, position: Position, name: str) -> Renaming:
    """The edits that give what is named at a position another name, everywhere in this file."""
    found, refusal = can_rename(analysis, position)
    if found is None:
        return Renaming(refusal=refusal)
    if name == found.name:
        return Renaming()
    refusal = next(_unfit(analysis, found, name), "")
    if refusal:
        return Renaming(refusal=refusal)
    meant = [m for m in analysis.mentions if m.means == found.means]
    edits = tuple(dict.fromkeys(Edit(m.span, name) for m in meant))
    text = applied(analysis.text, edits)
    after = analyse(analysis.path, text, access=analysis.access, texts=analysis.texts)
    worse = _worse(analysis, after, edits)
    if worse is not None:
        return Renaming(refusal=f"then {worse.message} ({worse.code})")
    other = _other_meaning(analysis, after, found, name)
    if other:
        return Renaming(refusal=other)
    return Renaming(edits, note=_NOTES.get(found.section, ""))


_NOTES = {
    "parameters": "the draws of a parameter depend on its name: with another name it takes other values",
    "fields": "the name of a field is in the instructions of the prompts that write it",
    "speakers": "where three or more speak, models are told the names; the embedded model learns one from a column "
    "of its name",
    "arguments": "models are given the names of arguments: cached calls are made again",
}


def _other_meaning(before: Analysis, after: Analysis, found: Mention, name: str) -> str:
    """Where a name of the renamed spec means something that it did not mean before; "" where none does."""
    for was, now in zip_longest(_in_order(before), _in_order(after)):
        wanted = None if was is None else (was.section, name if was.means == found.means else was.name)
        if now is None or (now.section, now.name) != wanted:
            line = (now or was).span.line
            return f"'{name}' has a meaning of its own already: line {line} would say another thing"
    return ""


def _in_order(analysis: Analysis) -> list[Mention]:
    """The names of a spec by their places, which a renaming keeps in their order."""
    files = {path: number for number, path in enumerate(analysis.files)}
    order = sorted(analysis.mentions, key=lambda m: (m.span.line, m.span.column))
    return sorted(order, key=lambda m: files.get(m.node.source.path, 0))


def _worse(before: Analysis, after: Analysis, edits: Sequence[Edit]) -> Diagnostic | None:
    """The first diagnostic that the old name does not have: by its code and its place, which the edits move."""
    had = Counter((d.code, *_moved(d.span, before.file, edits)) for d in before.diagnostics)
    for diagnostic in after.diagnostics:
        mark = (diagnostic.code, diagnostic.span.file, diagnostic.span.line, diagnostic.span.column)
        if not had[mark]:
            return diagnostic
        had[mark] -= 1
    return None


def _moved(span: Span, file: str, edits: Sequence[Edit]) -> tuple[str, int, int]:
    """Where what begins here begins after edits of a file, each within a line."""
    column = span.column
    for edit in edits:
        if span.file == file and edit.span.line == span.line and edit.span.end_column <= span.column:
            column += len(edit.text) - (edit.span.end_column - edit.span.column)
    return span.file, span.line, column


def _fixed(analysis: Analysis, found: Mention) -> Iterator[str]:
    """Why what is named cannot have another name at all."""
    what = f"{ONE[found.section]} '{found.name}'"
    source, _ = buffer_source(analysis.path, analysis.text)
    if source is None or not isinstance(read_document(source)[0], MapNode):
        yield "this file cannot be read as YAML: correct that first"
        return
    same = [m for m in analysis.mentions if m.means == found.means]
    if not any(m.declares for m in same):
        yield f"there is no {what}"
    foreign = next((m for m in same if not analysis.is_own(m.node)), None)
    if foreign is not None:
        verb = "declared" if foreign.declares else "used"
        yield f"the {what} is {verb} in '{foreign.node.source.file}', which this file extends: rename it there"
    for path in analysis.files[1:]:
        if found.name in declared(_document(analysis, path)).get(found.section, ()):
            yield f"the {what} takes the place of one in '{path.name}', which this file extends"
    for path in _extending(analysis):
        document = _document(analysis, path)
        names = names_of_document(document)
        used = (m.name for m in mentions(document, names) if m.section == found.section)
        if found.name in used or _names_it(document, found.name):
            yield f"'{path.name}' extends this file and uses the {what}"
    yield from _by_name(analysis, found)


def _by_name(analysis: Analysis, found: Mention) -> Iterator[str]:
    """What reads a source or a field by its very name in a text that is not ours to change."""
    root = analysis.document
    assert root is not None
    if found.section == "sources":
        for site in _texts(root, "sources", "query"):
            if re.search(rf"(?<!\w){re.escape(found.name)}(?!\w)", site.text, re.IGNORECASE):
                yield f"a query may read the source '{found.name}' by its name: rename it by hand"
    if found.section == "fields":
        if found.name == "examples":
            yield "a field of this name stores the examples of a prompt"
        copies = analysis.spec.novelty.no_copies if analysis.spec is not None else None
        if copies is not None and found.name in copies.fields:
            yield "`no_copies` compares this field with the column of its name"


def _texts(root: MapNode, section: str, key: str) -> Iterator[ScalarNode]:
    node = root.get(section)
    for entry in node.entries if isinstance(node, MapNode) else ():
        text = entry.value.get(key) if isinstance(entry.value, MapNode) else None
        if isinstance(text, ScalarNode):
            yield text


def _unfit(analysis: Analysis, found: Mention, name: str) -> Iterator[str]:
    """Why it cannot have this name."""
    if not _NAME.fullmatch(name):
        yield "a name is a letter or underscore, then letters, digits and underscores, at most 64"
        return
    if not isinstance(resolve_scalar(name), str) or name in (*KEYWORDS, *TEMPLATE_KEYWORDS, *SPECIAL, "loop"):
        yield f"'{name}' is a word of the language"
    if name in analysis.names.taken(found.section, found.owner):
        yield f"there is {_ARTICLES.get(found.section, 'a')} {ONE[found.section]} '{name}' already"
    shape, roles = _shape(analysis)
    if found.section == "fields" and shape:
        usual = set(role_names(shape)) - {"keep"}
        if name in usual or (found.name in usual and found.name not in roles):
            yield f"the shape '{shape}' finds its fields by such names"


def _shape(analysis: Analysis) -> tuple[str, frozenset[str]]:
    """The shape of rows, which may find fields by their names, and the fields that it is told; "" where it has none."""
    output = analysis.document.get("output") if analysis.document is not None else None
    shape = output.get("shape") if isinstance(output, MapNode) else None
    told: set[str] = set()
    if isinstance(shape, MapNode):
        told = {e.value.text for e in shape.entries if isinstance(e.value, ScalarNode) and e.key.text != "kind"}
        shape = shape.get("kind")
    return (shape.text, frozenset(told)) if isinstance(shape, ScalarNode) else ("", frozenset())


def _document(analysis: Analysis, path: Path) -> MapNode | None:
    unsaved = (analysis.texts or {}).get(path.resolve())
    source, _ = read_source(path) if unsaved is None else buffer_source(path, unsaved)
    document = read_document(source)[0] if source is not None else None
    return document if isinstance(document, MapNode) else None


def _names_it(document: MapNode | None, name: str) -> bool:
    """Whether a file reads a name that it does not declare: what it extends may."""
    names = names_of_document(document)
    for site in sites(document):
        if site.names and not site.key and site.node.text == name:
            return True
        if any(w.kind == "name" and w.text == name and not names.meaning(name, site.path) for w in words_at(site)):
            return True
    return False


def _extending(analysis: Analysis) -> Iterator[Path]:
    """The files beside this one, or above it, that extend it."""
    folders = [analysis.path.parent]
    if analysis.path.parent.name:
        folders.append(analysis.path.parent.parent)
    looked = 0
    for folder in folders:
        try:
            paths = sorted(folder.glob("*.y*ml"))
        except OSError:
            continue
        for path in paths:
            looked += 1
            if looked <= MOST_FILES and path.resolve() != analysis.path.resolve() and _extends(analysis, path):
                yield path


def _extends(analysis: Analysis, path: Path) -> bool:
    try:
        if b"extends" not in path.read_bytes()[:MAX_BYTES]:
            return False
    except OSError:
        return False
    document = _document(analysis, path)
    extends = document.get("extends") if document is not None else None
    items = extends.items if isinstance(extends, ListNode) else (extends,)
    own = analysis.path.resolve()
    for item in items:
        if isinstance(item, ScalarNode) and item.text:
            candidates = (path.parent / item.text, path.parent / "library" / f"{item.text}.yaml")
            if any(own == c.resolve() for c in candidates):
                return True
    return False
