"""YAML text to a tree of nodes with positions. Source → Document.

Built from PyYAML's event stream, so depth, size and aliases are bounded before anything is expanded.
Scalars follow the YAML 1.2 core schema (`yes`, `NO` and `12:30` are text), plus ISO dates.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import field, replace
from typing import Any

import yaml

from synthspec.diagnostics import Diagnostic, Related, Span, did_you_mean
from synthspec.diagnostics.remedies import quote_template, remove
from synthspec.document.positions import ScalarPlaces
from synthspec.document.scalars import resolve_scalar
from synthspec.document.source import Source
from synthspec.document.yaml_errors import syntax_fault
from synthspec.lazy_dataclass import dataclass

MAX_DEPTH = 40
MAX_NODES = 200_000  # after aliases are expanded


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A leaf. `text` is what was written, `value` what it means."""

    value: Any
    text: str
    style: str  # "", "'", '"', "|" or ">"
    span: Span
    source: Source

    def place(self, start: int, end: int) -> Span:
        """The span in the file of characters `start` to `end` of this scalar's text."""
        return ScalarPlaces(self.source, self.span, self.style, self.text).span(start, end)


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence."""

    items: tuple[Node, ...]
    span: Span
    broken: bool = False  # a fault of its YAML is reported; what it holds says nothing


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a map, and its value."""

    key: ScalarNode
    value: Node


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping, in the order written. Keys are distinct."""

    entries: tuple[Entry, ...]
    span: Span
    broken: bool = False  # a fault of its YAML is reported; what it lacks says nothing
    _index: dict[str, Entry] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {e.key.text: e for e in reversed(self.entries)})

    def get(self, name: str) -> Node | None:
        """The value under a key, by the key's text."""
        entry = self._index.get(name)
        return None if entry is None else entry.value

    def key(self, name: str) -> ScalarNode | None:
        """The key itself, for its place."""
        entry = self._index.get(name)
        return None if entry is None else entry.key

    def without(self, name: str) -> MapNode:
        return replace(self, entries=tuple(e for e in self.entries if e.key.text != name))


Node = ScalarNode | ListNode | MapNode


def to_data(node: Node, *, json: bool = False) -> Any:
    """The plain value of a node. With `json`, keys are text and dates ISO text, as JSON Schema sees them."""
    if isinstance(node, MapNode):
        return {e.key.text if json else e.key.value: to_data(e.value, json=json) for e in node.entries}
    if isinstance(node, ListNode):
        return [to_data(i, json=json) for i in node.items]
    if json and isinstance(node.value, datetime.date | datetime.datetime):
        return node.value.isoformat()
    return node.value


def first_line(span: Span) -> Span:
    """A span cut to its first line, for messages about a whole block."""
    if span.end_line == span.line:
        return span
    return Span(span.file, span.line, span.column, span.line, span.column + 1)


def read_document(source: Source) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """Parse a source. Faults that leave a usable tree (a duplicate key) are reported beside it."""
    builder = _Builder(source)
    try:
        node = builder.build()
    except _Refused as refused:
        return None, (*builder.faults, refused.diagnostic)
    except yaml.YAMLError as e:
        return None, (*builder.faults, syntax_fault(source, e))
    except (ValueError, OverflowError) as e:
        return None, (*builder.faults, Diagnostic("E111", f"not readable as YAML: {e}", source.span(), ""))
    if node is None:
        empty = Diagnostic("E110", "the file is empty", source.span(), "begin with `synthspec: 1`")
        return None, (*builder.faults, empty)
    return node, tuple(builder.faults)


class _Refused(Exception):
    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read."""

    kind: str
    start: Any
    anchor: str | None
    items: list[Node]


class _Builder:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.faults: list[Diagnostic] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.nodes = 0
        self.hidden, self.shown = _hidden_breaks(source.text)

    def build(self) -> Node | None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        root: Node | None = None
        stack: list[_Open] = []
        documents = 0
        for event in yaml.parse(self.source.text.translate(self.hidden), Loader=loader):
            node: Node | None = None
            size = 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.refuse("E116", "a second document begins here", event, "a file has one spec: remove `---`")
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self.refuse_tag(event, ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "!"))
                if len(stack) >= MAX_DEPTH:
                    self.refuse("E115", f"nested deeper than {MAX_DEPTH} levels", event, "flatten the structure")
                kind = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
                stack.append(_Open(kind, event, event.anchor, []))
                self.nodes += 1
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                opened = stack.pop()
                node = self.close(opened, event)
                if opened.anchor:
                    self.anchors[opened.anchor] = (node, size_of(node))
            elif isinstance(event, yaml.ScalarEvent):
                node = self.scalar(event)
                if event.anchor:
                    self.anchors[event.anchor] = (node, 1)
                self.nodes += 1
            elif isinstance(event, yaml.AliasEvent):
                node, size = self.alias(event, stack)
                self.nodes += size
            if self.nodes > MAX_NODES:
                help = "repeat less: aliases count as often as they are used"
                self.refuse("E114", f"more than {MAX_NODES:,} values once aliases are expanded", event, help)
            if node is not None:
                if stack:
                    stack[-1].items.append(node)
                else:
                    root = node
        return root

    def span(self, event: Any, end: Any = None) -> Span:
        start, stop = event.start_mark, (end or event).end_mark
        return Span(self.source.file, start.line + 1, start.column + 1, stop.line + 1, stop.column + 1)

    def refuse(self, code: str, message: str, event: Any, help: str) -> None:
        raise _Refused(Diagnostic(code, message, first_line(self.span(event)), help))

    def refuse_tag(self, event: Any, allowed: tuple[str, ...]) -> None:
        if event.tag is not None and event.tag not in allowed:
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.refuse("E113", f"the tag {shown} is not allowed", event, remove() + ": a spec is plain data")

    def alias(self, event: Any, stack: list[_Open]) -> tuple[Node, int]:
        if event.anchor not in self.anchors:
            if any(o.anchor == event.anchor for o in stack):
                self.refuse("E117", f"*{event.anchor} is used inside itself", event, "write the value out")
            known = [f"*{anchor}" for anchor in self.anchors]
            help = did_you_mean(f"*{event.anchor}", known, f"define it before: &{event.anchor}")
            self.refuse("E117", f"*{event.anchor} is not defined before here", event, help)
        return self.anchors[event.anchor]

    def scalar(self, event: Any) -> ScalarNode:
        plain = not event.style
        style = "" if plain else event.style
        self.refuse_tag(event, _SCALAR_TAGS)
        text: str = event.value.translate(self.shown)
        value: Any = text
        if event.tag is None and plain:
            value = resolve_scalar(text)
        elif event.tag in _TYPED_TAGS:
            value = resolve_scalar(text)
            if not isinstance(value, _TYPED_TAGS[event.tag]):
                self.refuse("E113", f"'{text}' is not what its tag says", event, "remove the tag")
        return ScalarNode(value, text, style, self.span(event), self.source)

    def close(self, opened: _Open, end: Any) -> Node:
        span = self.span(opened.start, end)
        cut = opened.start.flow_style and _cut_call(opened.items)
        if cut:
            message = f"the comma ends the text '{cut.text}' inside its brackets"
            self.faults.append(Diagnostic("E119", message, cut.span, f'quote it: "{cut.text}, …)"'))
        if opened.kind == "list":
            return ListNode(tuple(opened.items), span, bool(cut))
        broken = bool(cut) or any(not isinstance(k, ScalarNode) for k in opened.items[::2])
        return MapNode(tuple(self.entries(opened.items)), span, broken)

    def entries(self, items: list[Node]) -> Iterator[Entry]:
        seen: dict[str, ScalarNode] = {}
        merged: list[MapNode] = []
        own: list[Entry] = []
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, ScalarNode):
                self.faults.append(self.bad_key(key))
            elif key.text == "<<" and key.style == "":
                merged.extend(self.merge_sources(key, value))
            elif key.text in seen:
                first = Related(seen[key.text].span, "first written here")
                message = f"'{key.text}' is written twice"
                self.faults.append(Diagnostic("E112", message, key.span, remove(form="keep one of the two"), (first,)))
            else:
                seen[key.text] = key
                own.append(Entry(key, value))
        for node in merged:
            for entry in node.entries:
                if entry.key.text not in seen:
                    seen[entry.key.text] = entry.key
                    yield entry
        yield from own

    def bad_key(self, key: Node) -> Diagnostic:
        line = self.source.lines[key.span.line - 1]
        if line[max(0, key.span.column - 2) :].startswith("{{"):
            template = line[key.span.column - 2 :].partition("}}")[0] + "}}"
            message = "{{ begins a map in YAML; a template that begins a value is quoted"
            return Diagnostic("E112", message, first_line(key.span), quote_template(template))
        return Diagnostic("E112", "a map or list cannot be a key", first_line(key.span), "a key is a plain word")

    def merge_sources(self, key: Node, value: Node) -> Iterator[MapNode]:
        nodes = value.items if isinstance(value, ListNode) else (value,)
        for node in nodes:
            if isinstance(node, MapNode):
                yield node
        if not all(isinstance(node, MapNode) for node in nodes):
            help = "write `<<: *anchor`, where the anchor is a map"
            self.faults.append(Diagnostic("E112", "`<<` merges maps only", key.span, help))


def _cut_call(items: list[Node]) -> ScalarNode | None:
    """The first half of a call such as `normal(52, 14)` that a comma between brackets has cut in two."""
    for index, item in enumerate(items):
        if isinstance(item, ScalarNode) and item.style == "" and _CALL.search(item.text):
            rest = [i for i in items[index + 1 :] if isinstance(i, ScalarNode) and i.style == ""]
            if any(i.text.count(")") > i.text.count("(") for i in rest):
                return item
    return None


def _hidden_breaks(text: str) -> tuple[dict[int, int], dict[int, int]]:
    """Line breaks of YAML 1.1 that are plain characters in 1.2, as stand-ins that the reader leaves alone; and back."""
    found = [ord(c) for c in "\x85\u2028\u2029" if c in text]
    spare = [n for n in range(0xE000, 0xE000 + 6400) if found and chr(n) not in text]
    hidden = dict(zip(found, spare, strict=False))
    return hidden, {stand_in: shown for shown, stand_in in hidden.items()}


def size_of(node: Node) -> int:
    """How many values a node holds, itself included, aliases expanded."""
    total, todo = 0, [node]
    while todo and total <= MAX_NODES:
        n = todo.pop()
        total += 1
        if isinstance(n, MapNode):
            total += len(n.entries)
            todo.extend(e.value for e in n.entries)
        elif isinstance(n, ListNode):
            todo.extend(n.items)
    return total


_SCALAR_TAGS = (*tuple(f"tag:yaml.org,2002:{t}" for t in ("str", "int", "float", "bool", "null")), "!")
_TYPED_TAGS: dict[str, Any] = {
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": (int, float),
    "tag:yaml.org,2002:bool": bool,
    "tag:yaml.org,2002:null": type(None),
}
_CALL = re.compile(r"\w\([^)]*$")
