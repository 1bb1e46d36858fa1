"""Checking a template when the spec is compiled: its names, members, filters, types, and that it cannot grow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synthspec.diagnostics import did_you_mean
from synthspec.languages.expressions.checking.lengths import no_item, place_beyond
from synthspec.languages.expressions.types import ANY, BOOLEAN, INTEGER, NUMBER, TEXT, Type
from synthspec.languages.templates.syntax_errors import TextFault, syntax_fault
from synthspec.languages.templates.tag_places import AFTER, CALLED, MEMBER, NAME, TagPlaces
from synthspec.languages.templates.template import Template, compiled, parsed
from synthspec.languages.templates.trial import try_template

if TYPE_CHECKING:
    from jinja2 import nodes


MAX_NESTING = 3  # loops inside loops
MAX_DEPTH = 40  # blocks inside blocks
MAX_GROWTH = 64  # how many texts one variable may be made of
MAX_FAULTS = 50  # of one template; a reader who has fixed these checks again
_TOO_DEEP = (RecursionError, MemoryError, OverflowError, ValueError, SyntaxError)


def check_template(
    text: str,
    scope: Mapping[str, Type],
    explain: Callable[[str], str | None] = lambda name: None,
    empty: Sequence[frozenset[str]] = (),
) -> tuple[Template | None, tuple[TextFault, ...]]:
    """Compile a template against the names it may read, and their types.

    `explain` may give a better remedy for an unknown name (that it is declared later, say). `empty` are names that
    may be null, in groups that are null together.
    """
    import jinja2

    try:
        tree = parsed(text)
        checker = _Checker(text, scope, explain)
        checker.visit_all(tree.body, 0)
        faults = tuple(dict.fromkeys(checker.faults))[:MAX_FAULTS]
        if not faults:
            compiled(text)
            faults = try_template(text, scope, checker.reads, empty)
    except jinja2.TemplateSyntaxError as e:
        return None, (syntax_fault(text, e),)
    except _TOO_DEEP:
        return None, (_too_deep(text),)
    return Template(text, frozenset(checker.reads)), faults


def _too_deep(text: str) -> TextFault:
    long = re.search(r"\d{400,}", text)
    if long is not None:
        help = "write a number of fewer digits, or put it in quotes"
        return TextFault("E401", "a number of too many digits", long.start(), long.end(), help)
    help = "compute parts of it in parameters of their own, with `given` or an expression"
    return TextFault("E401", "the template is nested too deeply", 0, max(1, len(text)), help)


class _Checker:
    """Walks a template's tree with the types of the names in scope."""

    def __init__(self, text: str, scope: Mapping[str, Type], explain: Callable[[str], str | None]) -> None:
        self.places = TagPlaces(text)
        self.outer = scope
        self.scopes: list[dict[str, Type]] = [{}]
        self.explain = explain
        self.faults: list[TextFault] = []
        self.reads: set[str] = set()
        self.growth: dict[str, int] = {}  # texts that a variable is made of
        self.inner: set[str] = set()  # names bound by loops
        self.depth = 0

    def fault(self, code: str, message: str, node: nodes.Node, needle: str, help: str, before: str = NAME) -> None:
        if len(self.faults) >= MAX_FAULTS:
            return
        start, end = self.places.find(node.lineno, needle, before)
        self.faults.append(TextFault(code, message, start, end, help))

    def visit_all(self, body: list[Any], depth: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise RecursionError
        for node in body:
            self.visit(node, depth)
        self.depth -= 1

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
            before = dict(self.growth)
            self.scopes.append({})
            for target, value in zip(node.targets, node.values, strict=True):
                self.bind(target, self.type_of(value))
                self.grow(target, value, node)
            self.visit_all(node.body, depth)
            self.scopes.pop()
            self.growth = before
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
        before = dict(self.growth)
        self.scopes.append({"loop": ANY})
        self.bind(node.target, item)
        self.grow(node.target, node.iter, node)
        if node.test is not None:
            self.type_of(node.test)
        self.visit_all(node.body, depth + 1)
        self.scopes.pop()
        self.growth = before
        self.visit_all(node.else_, depth)

    def visit_assignment(self, node: nodes.Assign) -> None:
        self.bind(node.target, self.type_of(node.node))
        self.grow(node.target, node.node, node)

    def grow(self, target: Any, value: Any, node: nodes.Node) -> None:
        """Count the texts that a variable is made of: what doubles again and again is refused."""
        from jinja2 import nodes

        names = [value] if isinstance(value, nodes.Name) else value.find_all(nodes.Name)
        made_of = max(1, sum(self.growth.get(n.name, 1) for n in names if n.ctx == "load"))
        for name in [target] if isinstance(target, nodes.Name) else target.find_all(nodes.Name):
            self.growth[name.name] = min(made_of, MAX_GROWTH + 1)
            if made_of > MAX_GROWTH:
                help = f"build it from at most {MAX_GROWTH} texts: a text joined with itself doubles each time"
                self.fault("E403", f"'{name.name}' grows too large", node, name.name, help)

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
                return scope[node.name]
        if node.name in self.outer:
            self.reads.add(node.name)
            return self.outer[node.name]
        known = {n for s in self.scopes for n in s} | set(self.outer)
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
                CALLED,
            )
            return ANY
        if isinstance(node, nodes.Filter | nodes.Test):
            self.filter_or_test(node)
        if isinstance(node, nodes.Compare):
            self.compare(node)
            return BOOLEAN
        for child in node.iter_child_nodes():
            self.type_of(child)
        if isinstance(node, nodes.Filter):
            return _FILTER_TYPES.get(node.name, ANY)
        if isinstance(node, nodes.Concat):
            return TEXT
        return ANY

    def compare(self, node: nodes.Compare) -> None:
        """Types on both sides; a value that a list of values does not have is never equal to one of them."""
        from jinja2 import nodes

        left, kind = node.expr, self.type_of(node.expr)
        for operand in node.ops:
            right, other = operand.expr, self.type_of(operand.expr)
            for side, known in ((right, kind), (left, other)):
                values = known.values
                if values is None or known.kind == "boolean" or operand.op not in ("eq", "ne", "in", "notin"):
                    continue
                if operand.op in ("in", "notin") and side is left:
                    continue  # a piece of a text, or an item of a list
                wanted = side.items if isinstance(side, nodes.List | nodes.Tuple) else [side]
                for item in wanted:
                    if isinstance(item, nodes.Const) and item.value is not None and item.value not in values:
                        self.never(item, values, left if side is right else right)
            left, kind = right, other

    def never(self, node: nodes.Const, values: tuple[Any, ...], of: Any) -> None:
        """Report a comparison with a value that is none of those there can be."""
        shown = getattr(of, "name", getattr(of, "attr", "this"))
        same = next((v for v in values if str(v) == str(node.value)), None)
        help = did_you_mean(str(node.value), map(str, values))
        if same is not None:
            help = f"write {same!r}, as the list has it"
        self.fault("E424", f"'{shown}' is never {node.value!r}", node, str(node.value), help, CALLED)

    def filter_or_test(self, node: nodes.Filter | nodes.Test) -> None:
        from synthspec.languages.templates.environment import FILTERS, TESTS

        kind = type(node).__name__.lower()
        known = FILTERS if kind == "filter" else TESTS
        if node.name not in known:
            self.fault("E405", f"there is no {kind} '{node.name}'", node, node.name, did_you_mean(node.name, known),
                       AFTER[kind])  # fmt: skip

    def member(self, node: nodes.Getattr | nodes.Getitem) -> Type:
        from jinja2 import nodes

        owner = self.type_of(node.node)
        if isinstance(node, nodes.Getitem):
            if not isinstance(node.arg, nodes.Const) or not isinstance(node.arg.value, str):
                self.type_of(node.arg)
                self.place(node, owner)
                return owner.item or ANY if owner.kind == "list" else ANY
            name = node.arg.value
        else:
            name = node.attr
        if name.startswith("_"):
            help = "names that begin with an underscore are Python's own; name a member of the value"
            self.fault("E403", f"'{name}' is not open to templates", node, name, help, MEMBER)
            return ANY
        if owner.kind == "map":
            found = owner.member(name)
            if found is None:
                known = [n for n, _ in owner.members or ()]
                self.fault("E404", f"there is no member '{name}'", node, name, did_you_mean(name, known), MEMBER)
                return ANY
            return found
        if owner.kind != "any":
            help = "write the name alone"
            if owner.kind == "list":
                help = "take an item first, [0], or go through them with {% for item in … %}"
            self.fault("E404", f"a value of type {owner} has no members", node, name, help, MEMBER)
        return ANY

    def place(self, node: nodes.Getitem, owner: Type) -> None:
        """Report an index beyond the end of every list that there can be."""
        from jinja2 import nodes

        try:
            place = node.arg.as_const()
        except nodes.Impossible:
            return
        if owner.kind != "list" or owner.length is None or type(place) is not int:
            return
        if place_beyond(owner.length, [place]) is not None:
            name = getattr(node.node, "name", getattr(node.node, "attr", ""))
            message, _, help = no_item(f"'{name}'" if name else "this list", owner.length, place, node)
            self.fault("E497", message, node, str(abs(place)), help, _OPENED)


_OPENED = r"\[\s*-?\s*"  # what stands before an index

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
