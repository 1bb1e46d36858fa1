"""Where the names of a spec are declared and where they are meant, through templates, expressions and lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from synthspec.diagnostics import Span
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.language_service.schema_view import Path
from synthspec.language_service.sites import SECTIONS, Site, declared, sites
from synthspec.language_service.texts import FORM, Word, expression_words, template_words
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.tool_schemas import arguments_schema

_GROUP = re.compile(r"\(\?P<([^\W\d]\w*)>")
_CHECKED = ("checks",)  # where a field counts before a parameter of its name


@dataclass(frozen=True, slots=True)
class Mention:
    """A name where it stands: what it names, and whether it is declared there."""

    section: str  # parameters, fields, items, prompts, sources, tools, speakers
    name: str
    node: ScalarNode
    start: int
    end: int
    declares: bool = False

    @property
    def span(self) -> Span:
        """The characters of the name."""
        return self.node.place(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Names:
    """What a document declares, as far as names in its texts can mean it."""

    sections: Mapping[str, Mapping[str, ScalarNode]]
    items: Mapping[str, ScalarNode] = field(default_factory=dict)  # what `each` binds, for the whole spec
    of_prompts: Mapping[str, frozenset[str]] = field(default_factory=dict)  # names that a prompt alone has
    arguments: Mapping[str, frozenset[str]] = field(default_factory=dict)  # of the tools that a prompt plays
    of_tools: Mapping[str, frozenset[str]] = field(default_factory=dict)  # arguments by tool

    def meaning(self, name: str, path: Path) -> str:
        """The section that a name of an expression or template at this path stands for; "" for one of its own place."""
        head, owner = (str(path[0]) if path else ""), (str(path[1]) if len(path) > 1 else "")
        if head == "tools" and name in self.of_tools.get(owner, ()):
            return ""
        if head == "prompts":
            if name in self.arguments.get(owner, ()):
                return ""
            if name in self.of_prompts.get(owner, ()) and name not in self.sections["fields"]:
                return ""
        order: tuple[str, ...] = ("items", "parameters", "fields")
        if head in ("parameters", "plan", "rows"):
            order = ("parameters",)
        elif head == "gates" or (name == "row" and path and path[-1] == "where"):
            order = ()
        elif head in _CHECKED:
            order = ("fields", "items", "parameters")
        for section in order:
            if name in (self.items if section == "items" else self.sections[section]):
                return section
        return ""


def names_of_document(root: Node | None) -> Names:
    """What a document declares."""
    sections = declared(root)
    items: dict[str, ScalarNode] = {}
    own: dict[str, frozenset[str]] = {}
    prompts = root.get("prompts") if isinstance(root, MapNode) else None
    for entry in prompts.entries if isinstance(prompts, MapNode) else ():
        if not isinstance(entry.value, MapNode):
            continue
        each = entry.value.get("each")
        if isinstance(each, ScalarNode) and (form := FORM.match(each.text)):
            items[form["name"]] = each
        own[entry.key.text] = frozenset(_own_names(entry.value))
    of_tools = {name: frozenset(_arguments(node)) for name, node in _maps_of(root, "tools")}
    return Names(sections, items, own, _played(root, of_tools), of_tools)


def _own_names(prompt: MapNode) -> Iterator[str]:
    """The names that a prompt binds for its own texts."""
    for key in ("map", "for"):
        node = prompt.get(key)
        if isinstance(node, ScalarNode) and (form := FORM.match(node.text)):
            yield form["name"]
    if (messages := prompt.get("messages")) is not None and not isinstance(messages, ScalarNode):
        for item in getattr(messages, "items", ()):
            loop = item.get("for") if isinstance(item, MapNode) else None
            if isinstance(loop, ScalarNode) and (form := FORM.match(loop.text)):
                yield form["name"]
    examples = prompt.get("examples")
    if isinstance(examples, MapNode):
        called = examples.get("as")
        yield called.text if isinstance(called, ScalarNode) else "examples"
    dialogue = prompt.get("dialogue")
    if isinstance(dialogue, MapNode):
        yield from (e.key.text for e in dialogue.entries)


def _maps_of(root: Node | None, section: str) -> Iterator[tuple[str, MapNode]]:
    node = root.get(section) if isinstance(root, MapNode) else None
    for entry in node.entries if isinstance(node, MapNode) else ():
        if isinstance(entry.value, MapNode):
            yield entry.key.text, entry.value


def _arguments(tool: MapNode) -> Iterable[str]:
    from synthspec.document.reader import to_data

    at = tool.get("parameters")
    schema = arguments_schema(to_data(at, json=True)) if isinstance(at, MapNode) else None
    members = (schema or {}).get("properties")
    return map(str, members) if isinstance(members, Mapping) else ()


def _played(root: Node | None, of_tools: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """The arguments that each prompt which plays tools is called with."""
    found: dict[str, frozenset[str]] = {}
    for name, node in _maps_of(root, "tools"):
        answer = node.get("answer")
        prompt = answer.get("prompt") if isinstance(answer, MapNode) else None
        if isinstance(prompt, ScalarNode):
            found[prompt.text] = found.get(prompt.text, frozenset()) | of_tools[name]
    return found


def mentions(root: Node | None, names: Names) -> Iterator[Mention]:
    """Every name of the document that is declared in it, or that can only be one that should be, where it stands."""
    for site in sites(root):
        yield from mentions_at(site, names)


def mentions_at(site: Site, names: Names) -> Iterator[Mention]:
    """The names that one text has."""
    node, whole = site.node, (0, len(site.node.text))
    if site.key:
        if site.names in (*SECTIONS, "speakers"):
            owns = len(site.path) == 2 or site.names == "speakers"
            yield Mention(site.names, node.text, node, *whole, declares=owns)
        return
    named = site.names in SECTIONS and (not site.text or node.text in names.sections[site.names])
    if named:
        if site.names != "sources" or site.path[-1] != "against" or node.text in names.sections["sources"]:
            yield Mention(site.names, node.text, node, *whole)
        return
    if site.text == "regex" or (site.names == "formats" and not site.key):
        return
    if site.text == "item" and (form := FORM.match(node.text)):
        key = site.path[-1]
        if key == "each":
            yield Mention("items", form["name"], node, form.start("name"), form.end("name"), declares=True)
    for word in words_of(site):
        if word.kind == "name" and (section := names.meaning(word.text, site.path)):
            yield Mention(section, word.text, node, word.start, word.end)


def words_of(site: Site) -> list[Word]:
    """The words of an expression or a template; none of another text."""
    text = site.node.text
    if site.text == "template":
        return template_words(text)
    if site.text == "item":
        form = FORM.match(text)
        return expression_words(text, form.end()) if form is not None else []
    return expression_words(text) if site.text == "expression" and isinstance(site.node.value, str) else []


def pattern_groups(root: Node | None, names: Names) -> Iterator[Mention]:
    """The groups of a prompt's `format: {regex: …}`, which are named like the fields they hold."""
    for _, prompt in _maps_of(root, "prompts"):
        form = prompt.get("format")
        regex = form.get("regex") if isinstance(form, MapNode) else None
        inner = regex.get("regex") if isinstance(regex, MapNode) else regex
        if isinstance(inner, ScalarNode):
            for group in _GROUP.finditer(inner.text):
                if group[1] in names.sections["fields"]:
                    yield Mention("fields", group[1], inner, *group.span(1))
