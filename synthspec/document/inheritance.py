"""`extends`: other specs merged under a file. Document → Document, every node keeping its own file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from synthspec.diagnostics import Diagnostic, did_you_mean
from synthspec.diagnostics.remedies import remove
from synthspec.document.reader import Entry, ListNode, MapNode, Node, ScalarNode, first_line, read_document
from synthspec.document.resources import library_folder, library_names
from synthspec.document.source import buffer_source, path_fault, read_source
from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import is_plugin

MAX_FILES = 50


def inside(path: Path, folder: Path) -> bool:
    """Whether a path, links followed, lies in a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a circle of links is a RuntimeError before Python 3.13
        return False


@dataclass(frozen=True, slots=True)
class Inherited:
    """A document with all it extends merged in, and the files it came from, itself first."""

    root: MapNode
    files: tuple[Path, ...]


def resolve_extends(
    document: MapNode, path: Path, texts: Mapping[Path, str] | None = None
) -> tuple[Inherited, tuple[Diagnostic, ...]]:
    """Merge everything a document extends under it. `texts` are files as an editor has them, by resolved path."""
    merger = _Merger(path.parent, texts or {})
    root = merger.merge_file(document, path, (path.resolve(),))
    return Inherited(root, tuple(merger.files)), tuple(merger.faults)


class _Merger:
    def __init__(self, folder: Path, texts: Mapping[Path, str]) -> None:
        self.folder = folder
        self.texts = texts
        self.files: list[Path] = []
        self.faults: list[Diagnostic] = []

    def merge_file(self, document: MapNode, path: Path, chain: tuple[Path, ...]) -> MapNode:
        self.files.append(path)
        extends = document.get("extends")
        merged: MapNode | None = None
        for name in self.names(extends, document):
            parent = self.load(name, path, chain)
            if parent is not None:
                merged = parent if merged is None else merge_maps(merged, parent)
        own = document.without("extends")
        if merged is None:
            return own
        return replace(merge_maps(merged, own), span=document.span)

    def names(self, extends: Node | None, document: MapNode) -> Iterator[ScalarNode]:
        """What a file extends; a fault for each that is no text."""
        if extends is None:
            return
        for item in extends.items if isinstance(extends, ListNode) else (extends,):
            if isinstance(item, ScalarNode) and isinstance(item.value, str) and item.text:
                yield item
            else:
                empty = isinstance(item, ScalarNode) and not item.text
                place = document.key("extends") if empty and item is extends else None
                help = "write a path below this folder, or the name of a library spec"
                span = first_line((place or item).span)
                self.faults.append(
                    Diagnostic("E204", "`extends` needs the name of a file or a library spec", span, help)
                )

    def load(self, name: ScalarNode, path: Path, chain: tuple[Path, ...]) -> MapNode | None:
        target = self.find(name, path)
        if target is None:
            return None
        if target.resolve() in chain:
            self.fault("E122", name, *_circle(target, chain))
            return None
        if len(self.files) >= MAX_FILES:
            self.fault("E122", name, f"more than {MAX_FILES} files are extended", "extend fewer")
            return None
        unsaved = self.texts.get(target.resolve())
        source, faults = read_source(target) if unsaved is None else buffer_source(target, unsaved)
        self.faults.extend(faults)
        if source is None:
            return None
        document, faults = read_document(source)
        self.faults.extend(faults)
        if document is None:
            return None
        if not isinstance(document, MapNode):
            self.faults.append(not_a_map(document))
            return None
        return self.merge_file(document, target, (*chain, target.resolve()))

    def find(self, name: ScalarNode, path: Path) -> Path | None:
        text = name.text
        wrong = path_fault(text)
        if wrong is not None:
            self.fault("E120", name, *wrong)
            return None
        if "/" not in text and "\\" not in text and not text.endswith((".yaml", ".yml")):
            return self.find_in_library(name, path)
        target = path.parent / text
        home = library_folder() if inside(path, library_folder()) else self.folder
        if not inside(target, home):
            help = "copy the file below the spec's folder, or extend a library spec by its name"
            self.fault("E121", name, f"'{text}' lies outside the spec's folder", help)
            return None
        if not target.is_file():
            folder = text[: text.rfind("/") + 1]
            there = [f"{folder}{f.name}" for f in target.parent.glob("*.y*ml")] if target.parent.is_dir() else []
            help = did_you_mean(text, there, "check the path; it is relative to this file")
            self.fault("E120", name, f"there is no file '{text}'", help)
            return None
        return target

    def find_in_library(self, name: ScalarNode, path: Path) -> Path | None:
        for folder in (self.folder / "library", library_folder()):
            target = folder / f"{name.text}.yaml"
            if target.is_file() and inside(target, folder):
                return target
        own = self.folder / "library"
        names = {*library_names(), *(p.stem for p in own.glob("*.yaml"))} if own.is_dir() else library_names()
        self.fault("E120", name, f"there is no library spec '{name.text}'", did_you_mean(name.text, names))
        return None

    def fault(self, code: str, node: ScalarNode, message: str, help: str) -> None:
        self.faults.append(Diagnostic(code, message, node.span, help))


def _circle(target: Path, chain: tuple[Path, ...]) -> tuple[str, str]:
    """Message and remedy for a file that is extended, in the end, by itself."""
    around = chain[chain.index(target.resolve()) :]
    if len(around) == 1:
        return f"'{target.name}' extends itself", remove() + " from `extends`"
    path = " → ".join(p.name for p in (*around, around[0]))
    return f"circular extends: {path}", remove(form="remove one of these `extends`")


def merge_maps(under: MapNode, over: MapNode, path: tuple[str, ...] = ()) -> MapNode:
    """Maps by key, everything else replaced; a null in `over` removes the key. `path` is where they stand.

    A source of another kind takes the place of the whole source: a `file` has no `rows`.
    """
    if len(path) == 2 and path[0] == "sources" and _is_of_another_kind(under, over):
        return over
    merged: dict[str, Entry] = {e.key.text: e for e in under.entries}
    for entry in over.entries:
        name = entry.key.text
        if isinstance(entry.value, ScalarNode) and entry.value.value is None:
            merged.pop(name, None)
            continue
        below = merged.get(name)
        if below is not None and isinstance(below.value, MapNode) and isinstance(entry.value, MapNode):
            merged[name] = Entry(entry.key, merge_maps(below.value, entry.value, (*path, name)))
        else:
            merged[name] = entry
    return MapNode(tuple(merged.values()), over.span)


def _is_of_another_kind(under: MapNode, over: MapNode) -> bool:
    """Whether both sources say what they are, and are not the same."""
    kinds = [{e.key.text for e in m.entries if is_plugin("source_kinds", e.key.text)} for m in (under, over)]
    return bool(kinds[0] and kinds[1] and not kinds[0] & kinds[1])


def not_a_map(node: Node) -> Diagnostic:
    """A spec that is a list or a single value."""
    what = "a list" if isinstance(node, ListNode) else "a single value"
    help = "begin with `synthspec: 1`, then keys such as name, rows, fields"
    return Diagnostic("E201", f"a spec is a map of keys; this is {what}", first_line(node.span), help)
