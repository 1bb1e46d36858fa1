"""Where the names of a spec are declared and where they are meant, through templates, expressions and lists."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field

from synthspec.diagnostics import Span
from synthspec.document.paths import NodePath
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.language_service.local_names import LocalName, local_names, maps_of, nearest, required_arguments
from synthspec.language_service.sites import SECTIONS, Site, declared, sites
from synthspec.language_service.texts import FORM, Word, expression_words, template_words
from synthspec.lazy_dataclass import dataclass

_GROUP = re.compile(r"\(\?P<([^\W\d]\w*)>")
_CHECKED = ("checks",)  # where a field counts before a parameter of its name


@dataclass(frozen=True, slots=True)
class Mention:
    """A name where it stands: what it names, and whether it is declared there."""

    section: str  # parameters, fields, items, prompts, sources, tools, speakers, examples, arguments, locals
    name: str
    node: ScalarNode
    start: int
    end: int
    declares: bool = False
    owner: str = ""  # whose it is, where a part of the spec has it for itself

    @property
    def means(self) -> tuple[str, str, str]:
        """What is named: the same for every place that means it."""
        return self.section, self.owner, self.name

    @property
    def span(self) -> Span:
        """The characters of the name."""
        return self.node.place(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Names:
    """What a document declares, as far as names in its texts can mean it."""

    sections: Mapping[str, Mapping[str, ScalarNode]]
    items: Mapping[str, ScalarNode] = field(default_factory=dict)  # what `each` binds, for the whole spec
    local: Mapping[str, list[LocalName]] = field(default_factory=dict)  # what parts of it have for themselves

    def meaning(self, name: str, path: NodePath) -> str:
        """The section that a name of an expression or template at this path stands for; "" where it stands for none."""
        return self.meant(name, path)[0]

    def meant(self, name: str, path: NodePath) -> tuple[str, str]:
        """The section that a name at a path stands for, and whose it is where it belongs to a part of the spec."""
        if any(local.is_seen(path) for local in self.local.get(name, ())):
            found = nearest(self.local, name, path)
            return (found.section, found.owner) if found is not None and found.node is not None else ("", "")
        head = str(path[0]) if path else ""
        order: tuple[str, ...] = ("items", "parameters", "fields")
        if head in ("parameters", "plan", "rows"):
            order = ("parameters",)
        elif head == "gates" or (name == "row" and path and path[-1] == "where"):
            order = ()
        elif head in _CHECKED:
            order = ("fields", "items", "parameters")
        for section in order:
            if name in (self.items if section == "items" else self.sections[section]):
                return section, ""
        return "", ""

    def taken(self, section: str, owner: str) -> Collection[str]:
        """The names of a section, or of the part of the spec that has its own."""
        if owner or section not in (*self.sections, "items"):
            of_owner = (local for some in self.local.values() for local in some if local.owner == owner)
            return {local.name for local in of_owner if local.section == section}
        return self.items if section == "items" else self.sections[section]


def names_of_document(root: Node | None) -> Names:
    """What a document declares."""
    items: dict[str, ScalarNode] = {}
    for _, prompt in maps_of(root, "prompts"):
        each = prompt.get("each")
        if isinstance(each, ScalarNode) and (form := FORM.match(each.text)):
            items[form["name"]] = each
    sections, local = declared(root), dict[str, list[LocalName]]()
    for found in local_names(root):
        if found.section != "examples" or found.name not in sections["fields"]:  # which then stores them
            local.setdefault(found.name, []).append(found)
    return Names(sections, items, local)


def mentions(root: Node | None, names: Names) -> Iterator[Mention]:
    """Every name of the document that is declared in it, or that can only be one that should be, where it stands."""
    for site in sites(root):
        yield from mentions_at(site, names)
    for local in (one for found in names.local.values() for one in found):
        if local.node is not None and local.declares:
            end = local.start + len(local.name)
            yield Mention(local.section, local.name, local.node, local.start, end, declares=True, owner=local.owner)
    for tool, node in required_arguments(root):
        if node.text in names.taken("arguments", tool):
            yield Mention("arguments", node.text, node, 0, len(node.text), owner=tool)


def mentions_at(site: Site, names: Names) -> Iterator[Mention]:
    """The names that one text has."""
    node, whole = site.node, (0, len(site.node.text))
    if site.key:
        if site.names in SECTIONS:
            yield Mention(site.names, node.text, node, *whole, declares=len(site.path) == 2)
        return
    named = site.names in SECTIONS and (not site.text or node.text in names.sections[site.names])
    if named:
        if site.path[-2:] == ("examples", "as") and node.text not in names.sections["fields"]:
            return
        if site.names != "sources" or site.path[-1] != "against" or node.text in names.sections["sources"]:
            yield Mention(site.names, node.text, node, *whole)
        return
    if site.text == "regex" or (site.names == "formats" and not site.key):
        return
    if site.text == "item" and site.path[-1] == "each" and (form := FORM.match(node.text)):
        yield Mention("items", form["name"], node, form.start("name"), form.end("name"), declares=True)
    yield from _in_text(site, names)


def _in_text(site: Site, names: Names) -> Iterator[Mention]:
    """The names in an expression or a template; those that a template binds are its own."""
    bound: set[str] = set()
    for word in words_at(site):
        if word.kind == "name":
            section, owner = names.meant(word.text, site.path)
            if section:
                yield Mention(section, word.text, site.node, word.start, word.end, owner=owner)
        elif word.kind == "local" and word.text != "loop":
            declares, owner = word.text not in bound, repr(site.path)
            bound.add(word.text)
            yield Mention("locals", word.text, site.node, word.start, word.end, declares, owner)
        elif word.kind == "string" and site.names == "tools" and word.text[1:-1] in names.sections["tools"]:
            yield Mention("tools", word.text[1:-1], site.node, word.start + 1, word.end - 1)


def words_at(site: Site) -> list[Word]:
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
    for _, prompt in maps_of(root, "prompts"):
        form = prompt.get("format")
        regex = form.get("regex") if isinstance(form, MapNode) else None
        inner = regex.get("regex") if isinstance(regex, MapNode) else regex
        if isinstance(inner, ScalarNode):
            for group in _GROUP.finditer(inner.text):
                if group[1] in names.sections["fields"]:
                    yield Mention("fields", group[1], inner, *group.span(1))
