"""Checking a template when the spec is compiled: its names, members, filters, types, and that it cannot grow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from synthspec.diagnostics import did_you_mean
from synthspec.expressions.describe import a
from synthspec.expressions.types import ANY, BOOLEAN, INTEGER, NUMBER, TEXT, Type
from synthspec.template import FILTERS, TESTS, Template, TemplateFault, compiled, environment, render
from synthspec.template_faults import TextFault, syntax_fault

if TYPE_CHECKING:
    from jinja2 import nodes


MAX_NESTING = 3


MAX_GROWTH = 64  # how many texts one `set` variable may be made of


def check_template(
    text: str, scope: Mapping[str, Type], explain: Callable[[str], str | None] = lambda name: None
) -> tuple[Template | None, tuple[TextFault, ...]]:
    """Compile a template against the names it may read, and their types.

    `explain` may give a better remedy for an unknown name (that it is declared later, say).
    """
    import jinja2

    try:
        tree = environment().parse(text)
    except jinja2.TemplateSyntaxError as e:
        return None, (syntax_fault(text, e),)
    except (RecursionError, MemoryError, OverflowError):
        return None, (TextFault("E401", "the template is nested too deeply", 0, len(text), "make it simpler"),)
    checker = _Checker(text, scope, explain)
    checker.visit_all(tree.body, 0)
    faults = tuple(dict.fromkeys(checker.faults))
    if not faults:
        try:
            compiled(text)
        except jinja2.TemplateSyntaxError as e:
            return None, (syntax_fault(text, e),)
        faults = tuple(_trial(text, scope, checker.reads))
    return Template(text, frozenset(checker.reads)), faults


_NAME = r"(?<![\w'\".])"


_MEMBER = r"(?:\.|\[['\"])\s*"


_AFTER = {"filter": r"\|\s*", "test": r"\bis\s+(?:not\s+)?"}


class _Checker:
    """Walks a template's tree with the types of the names in scope."""

    def __init__(self, text: str, scope: Mapping[str, Type], explain: Callable[[str], str | None]) -> None:
        self.text = text
        self.scopes: list[dict[str, Type]] = [dict(scope)]
        self.outer = set(scope)
        self.explain = explain
        self.faults: list[TextFault] = []
        self.reads: set[str] = set()
        self.growth: dict[str, int] = {}
        self.inner: set[str] = set()  # names bound by loops

    def fault(self, code: str, message: str, node: nodes.Node, needle: str, help: str, before: str = _NAME) -> None:
        start, end = self.find(node.lineno, needle, before)
        self.faults.append(TextFault(code, message, start, end, help))

    def find(self, lineno: int, needle: str, before: str) -> tuple[int, int]:
        """Where a word of the template's tags stands, after what stands before it; the tree knows lines only."""
        lines = self.text.split("\n")
        begin = sum(len(line) + 1 for line in lines[: lineno - 1])
        pattern = re.compile(rf"{before}({re.escape(needle)})(?!\w)") if needle else None
        if pattern is not None:
            for tag in re.finditer(r"\{\{.*?\}\}|\{%.*?%\}", self.text[begin:], re.DOTALL):
                found = pattern.search(self.text, begin + tag.start() + 2, begin + tag.end() - 2)
                if found:
                    return found.span(1)
            found = pattern.search(self.text, begin)
            if found:
                return found.span(1)
        return begin, begin + max(1, len(lines[min(lineno, len(lines)) - 1]))

    def visit_all(self, body: list[Any], depth: int) -> None:
        for node in body:
            self.visit(node, depth)

    def visit(self, node: Any, depth: int) -> None:
        from jinja2 import nodes

        if isinstance(node, nodes.Output):
            for child in node.nodes:
                if not isinstance(child, nodes.TemplateData):
                    self.type_of(child)
        elif isinstance(node, nodes.For):
            self.visit_loop(node, depth)
        elif isinstance(node, nodes.If):
            self.type_of(node.test)
            self.visit_all(node.body, depth)
            self.visit_all(node.elif_, depth)
            self.visit_all(node.else_, depth)
        elif isinstance(node, nodes.Assign):
            self.visit_assignment(node)
        elif isinstance(node, nodes.With):
            self.scopes.append({})
            for target, value in zip(node.targets, node.values, strict=True):
                self.bind(target, self.type_of(value))
            self.visit_all(node.body, depth)
            self.scopes.pop()
        else:
            word = type(node).__name__.lower().replace("callblock", "call").replace("fromimport", "from")
            help = "templates know for, if, set and with"
            self.fault("E403", f"'{word}' is not allowed in a prompt", node, word, help)

    def visit_loop(self, node: nodes.For, depth: int) -> None:
        if depth >= MAX_NESTING or node.recursive:
            self.fault("E403", f"loops nest at most {MAX_NESTING} deep", node, "for", "make the template simpler")
            return
        over = self.type_of(node.iter)
        item = over.item or ANY if over.kind == "list" else ANY
        loop = Type("any")
        self.scopes.append({"loop": loop})
        self.bind(node.target, item)
        if node.test is not None:
            self.type_of(node.test)
        self.visit_all(node.body, depth + 1)
        self.scopes.pop()
        self.visit_all(node.else_, depth)

    def visit_assignment(self, node: nodes.Assign) -> None:
        from jinja2 import nodes

        self.bind(node.target, self.type_of(node.node))
        made_of = 0
        for name in node.node.find_all(nodes.Name):
            made_of += self.growth.get(name.name, 1)
        if isinstance(node.target, nodes.Name):
            self.growth[node.target.name] = made_of
            if made_of > MAX_GROWTH:
                help = "build texts from fewer parts"
                self.fault("E403", f"'{node.target.name}' grows too large", node, node.target.name, help)

    def bind(self, target: Any, type: Type) -> None:
        from jinja2 import nodes

        if isinstance(target, nodes.Name):
            self.scopes[-1][target.name] = type
            self.inner.add(target.name)
        elif isinstance(target, nodes.Tuple):
            for item in target.items:
                self.bind(item, ANY)

    def lookup(self, node: nodes.Name) -> Type:
        for scope in reversed(self.scopes):
            if node.name in scope:
                if scope is self.scopes[0] and node.name in self.outer:
                    self.reads.add(node.name)
                return scope[node.name]
        known = {n for s in self.scopes for n in s}
        help = self.explain(node.name) or did_you_mean(node.name, known, _nothing_known(known))
        if node.name in self.inner:
            help = f"'{node.name}' lives inside its loop or block only"
        self.fault("E402", f"'{node.name}' is not known here", node, node.name, help)
        return ANY

    def type_of(self, node: Any) -> Type:
        """The type of an expression, reporting what is wrong inside it."""
        from jinja2 import nodes

        if isinstance(node, nodes.Name):
            return self.lookup(node)
        if isinstance(node, nodes.Const):
            return {bool: BOOLEAN, int: INTEGER, float: NUMBER, str: TEXT}.get(type(node.value), ANY)
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            return self.member(node)
        if isinstance(node, nodes.Call):
            self.fault(
                "E403",
                "calls are not allowed in a prompt",
                node,
                _callee(node),
                "use a filter: {{ text | upper }}",
                r"(?<!\w)",
            )
            return ANY
        if isinstance(node, nodes.Filter | nodes.Test):
            self.filter_or_test(node)
        for child in node.iter_child_nodes():
            self.type_of(child)
        if isinstance(node, nodes.Filter):
            return _FILTER_TYPES.get(node.name, ANY)
        if isinstance(node, nodes.Concat):
            return TEXT
        return ANY

    def filter_or_test(self, node: nodes.Filter | nodes.Test) -> None:
        kind = type(node).__name__.lower()
        known = FILTERS if kind == "filter" else TESTS
        if node.name not in known:
            self.fault("E405", f"there is no {kind} '{node.name}'", node, node.name, did_you_mean(node.name, known),
                       _AFTER[kind])  # fmt: skip

    def member(self, node: nodes.Getattr | nodes.Getitem) -> Type:
        from jinja2 import nodes

        owner = self.type_of(node.node)
        if isinstance(node, nodes.Getitem):
            if not isinstance(node.arg, nodes.Const) or not isinstance(node.arg.value, str):
                self.type_of(node.arg)
                return owner.item or ANY if owner.kind == "list" else ANY
            name = node.arg.value
        else:
            name = node.attr
        if name.startswith("_"):
            help = "names that begin with an underscore are Python's own; name a member of the value"
            self.fault("E403", f"'{name}' is not open to templates", node, name, help, _MEMBER)
            return ANY
        if owner.kind == "map":
            found = owner.member(name)
            if found is None:
                known = [n for n, _ in owner.members or ()]
                self.fault("E404", f"there is no member '{name}'", node, name, did_you_mean(name, known), _MEMBER)
                return ANY
            return found
        if owner.kind not in ("any", "list"):
            self.fault("E404", f"a value of type {owner} has no members", node, name, "write the name alone", _MEMBER)
        return ANY


_FILTER_TYPES = {
    **dict.fromkeys(("capitalize", "join", "lower", "replace", "string", "title", "tojson", "trim", "upper"), TEXT),
    **dict.fromkeys(("count", "length", "int", "wordcount"), INTEGER),
    "float": NUMBER,
}


def _callee(node: Any) -> str:
    from jinja2 import nodes

    if isinstance(node.node, nodes.Name):
        return node.node.name
    return node.node.attr if isinstance(node.node, nodes.Getattr) else "("


def _nothing_known(known: set[str]) -> str:
    return "" if known - {"rows"} else "declare it under `parameters`"


def _trial(text: str, scope: Mapping[str, Type], reads: set[str]) -> Iterator[TextFault]:
    """Render once with values of the right types, to find what only running shows."""
    values = {}
    for name in reads:
        value = sample_value(scope[name])
        if value is None:
            return
        values[name] = value
    try:
        render(text, values)
    except TemplateFault as e:
        if "undefined" in str(e) or "has no attribute" in str(e):
            return
        piece, start = text, 0
        for tag in re.finditer(r"\{\{.*?\}\}", text, re.DOTALL):
            if _fails(tag.group(), values):
                piece, start = tag.group(), tag.start()
                break
        read = sorted(n for n in reads if re.search(rf"\b{re.escape(n)}\b", piece))
        kinds = ", ".join(f"{n} is {a(scope[n])}" for n in read)
        message = "this cannot be filled in" + (f": {kinds}" if kinds else "")
        help = "join texts and numbers with ~" if "concatenate" in str(e) or " for +" in str(e) else _OTHER_TYPE
        yield TextFault("E406", message, start, start + len(piece), help)


_OTHER_TYPE = "this filter or operator takes a value of another type"


def _fails(piece: str, values: Mapping[str, Any]) -> bool:
    try:
        render(piece, values)
    except TemplateFault as e:
        return "undefined" not in str(e)
    return False


def sample_value(type: Type) -> Any:
    """A value of a type, None where nothing is known of it."""
    if type.values:
        return type.values[0]
    if type.kind == "list":
        item = sample_value(type.item or ANY)
        return None if item is None else [item]
    if type.kind == "map":
        if type.members is None:
            return None
        members = {n: sample_value(t) for n, t in type.members}
        return None if None in members.values() else members
    import datetime

    simple: dict[str, Any] = {"integer": 3, "number": 1.5, "text": "text", "boolean": True}
    simple |= {"date": datetime.date(2024, 1, 31), "datetime": datetime.datetime(2024, 1, 31, 12)}
    return simple.get(type.kind)
