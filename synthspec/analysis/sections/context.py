"""What every part of lowering shares: the document, where its faults were, and how to report more."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from synthspec.diagnostics import Diagnostic, Related, Span, did_you_mean
from synthspec.document.paths import NodePath
from synthspec.document.reader import ListNode, MapNode, Node, ScalarNode, first_line, to_data
from synthspec.languages.expressions import Expression, Fault, check_expression, parse_expression
from synthspec.languages.expressions.tree import Literal
from synthspec.languages.expressions.types import ANY, Type, fits, type_of
from synthspec.languages.templates.checker import check_template
from synthspec.languages.templates.template import Template
from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import plugin_error
from synthspec.sources import Table
from synthspec.sources.kinds import NO_ACCESS, Access

Explain = Callable[[str], str | None]


_NOTHING = re.compile(r"(?!)")


def no_hint(name: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class ReadText:
    """An expression or a template, from the character `start` of a scalar on, and the names in its scope."""

    node: ScalarNode
    scope: Mapping[str, Type]
    start: int = 0


@dataclass(slots=True)
class AnalysisContext:
    """The state of one lowering. `broken` holds paths the schema already found fault with."""

    path: Path
    root: MapNode
    broken: frozenset[NodePath]
    access: Access = NO_ACCESS  # what sources may do
    tables: dict[str, Table] = field(default_factory=dict)
    faults: list[Diagnostic] = field(default_factory=list)
    readings: list[ReadText] = field(default_factory=list)
    _names: dict[str, dict[str, Type]] = field(default_factory=dict)
    _above: frozenset[NodePath] | None = None
    _forbidden: re.Pattern[str] | None = None

    def report(
        self, code: str, where: Node | Span, message: str, help: str = "", related: tuple[Related, ...] = ()
    ) -> None:
        """Add a diagnostic at a node or span."""
        span = where if isinstance(where, Span) else where.span
        self.faults.append(Diagnostic(code, message, first_line(span), help, related))

    def section(self, name: str) -> MapNode:
        """A top-level map; empty where it is not there."""
        node = self.root.get(name)
        return node if isinstance(node, MapNode) else MapNode((), self.root.span)

    def items(self, node: Node | None) -> tuple[Node, ...]:
        """The usable items of a list; a single value counts as a list of one."""
        if node is None:
            return ()
        nodes = node.items if isinstance(node, ListNode) else (node,)
        return tuple(n for n in nodes if not (isinstance(n, ScalarNode) and n.value is None))

    def names_under(self, section: str) -> Mapping[str, Type]:
        """Every name declared in a section, those at fault included, in order; each may be anything."""
        if section not in self._names:
            good = [e.key.text for e in self.section(section).entries]
            bad = sorted(str(p[1]) for p in self.broken if len(p) == 2 and p[0] == section)
            self._names[section] = dict.fromkeys((*good, *bad), ANY)
        return self._names[section]

    def is_broken(self, *path: str | int) -> bool:
        """Whether a part, or one above or inside it, was found at fault before."""
        if self._above is None:
            self._above = frozenset(p[:n] for p in self.broken for n in range(len(p) + 1))
        return path in self._above or any(path[:n] in self.broken for n in range(len(path)))

    def reads_forbidden(self, text: str) -> bool:
        """Whether a text names something whose name was found fault with: `my-title` is no difference of two names."""
        if self._forbidden is None:
            bad = {str(p[1]) for p in self.broken if len(p) == 2 and p[0] in ("parameters", "fields")}
            names = [re.escape(n) for n in sorted(bad) if not n.isidentifier()]
            self._forbidden = re.compile(rf"(?<!\w)(?:{'|'.join(names)})(?!\w)") if names else _NOTHING
        return self._forbidden.search(text) is not None

    def is_lost(self, *sections: str) -> bool:
        """Whether a whole section is at fault, so that no name of it is known."""
        return any((section,) in self.broken for section in sections)

    def expression(
        self,
        node: Node,
        scope: Mapping[str, Type],
        *,
        random: bool = False,
        explain: Explain = no_hint,
        placed: Collection[str] = (),
        start: int = 0,
    ) -> tuple[Expression | None, Type]:
        """Parse and type-check an expression written in a scalar, from the character `start` on; faults land on its
        very characters.

        `placed` are the functions of a row's place (`address`, `index`, `uuid`) that have a value here.
        """
        if not isinstance(node, ScalarNode):
            return None, ANY
        if not isinstance(node.value, str):
            return Literal(to_data(node), 0, len(node.text)), type_of(node.value)
        self.readings.append(ReadText(node, scope, start))
        if self.reads_forbidden(node.text):
            return None, ANY
        parsed, faults = parse_expression(node.text[start:])
        kind = ANY
        if parsed is not None:
            kind, found = check_expression(parsed, scope, random=random, known_elsewhere=explain, placed=placed)
            if kind.kind == "null" and not faults and not found:
                message = "this is always null"
                found = (Fault("E311", message, parsed.start, parsed.end, "write its value, or remove it"),)
            faults = (*faults, *found)
        for f in faults:
            if f.code != "E301" or not self.is_lost("parameters", "fields"):
                self.faults.append(Diagnostic(f.code, f.message, node.place(start + f.start, start + f.end), f.help))
        return (None if faults else parsed), kind

    def is_truth(self, node: Node, kind: Type, what: str, help: str = "") -> bool:
        """Whether an expression of this type is true or false; a fault where it is not. `what` it is, for a reader."""
        if fits(kind, Type("boolean")):
            return True
        self.report(
            "E303", node, f"{what} must be true or false; this is {kind.with_article}", help or _compared(node, kind)
        )
        return False

    def template(
        self,
        node: Node | None,
        scope: Mapping[str, Type],
        explain: Explain,
        empty: Sequence[frozenset[str]] = (),
    ) -> Template | None:
        """Check a template written in a scalar. `empty` are names that may be null, in groups that are so together."""
        if not isinstance(node, ScalarNode):
            return None
        self.readings.append(ReadText(node, scope))
        if self.reads_forbidden("".join(re.findall(r"\{[{%].*?[}%]\}", node.text, re.DOTALL))):
            return None
        template, faults = check_template(str(node.value), scope, explain, empty)
        for f in faults:
            if f.code != "E402" or not self.is_lost("parameters", "fields"):
                self.faults.append(Diagnostic(f.code, f.message, first_line(node.place(f.start, f.end)), f.help))
        return template

    def regex(self, node: Node | None, what: str) -> str | None:
        """A regular expression that compiles and cannot run away."""
        if not isinstance(node, ScalarNode):
            return None
        text = node.text
        fault = regex_fault(text)
        if fault is None:
            return text
        code, message, offset, help = fault
        span = node.place(offset, len(text)) if offset is not None else node.span
        self.faults.append(Diagnostic(code, f"{what}: {message}", first_line(span), help))
        return None

    def usable(self, kind: str, name: str, where: Node) -> bool:
        """Whether a plug-in that is installed can be imported and has what its kind must have; a fault where not."""
        found = plugin_error(kind, name)
        if found is not None:
            self.report("E608", where, *found)
        return found is None

    def choose(self, code: str, node: ScalarNode, known: tuple[str, ...], what: str) -> str | None:
        """A name out of those known, or a fault with the nearest one."""
        if node.text in known:
            return node.text
        self.report(code, node, f"there is no {what} '{node.text}'", did_you_mean(node.text, known))
        return None


def regex_fault(text: str) -> tuple[str, str, int | None, str] | None:
    """(code, message, offset, help) of a regular expression that is wrong or dangerous."""
    import re

    try:
        re.compile(text)
    except re.error as e:
        offset = e.pos if e.pos is not None and e.pos < len(text) else None
        from synthspec.languages.patterns.wording import regex_words

        said, help = regex_words(e)
        return "E503", f"not a regular expression: {said}", offset, help
    except (RecursionError, OverflowError, MemoryError):
        return "E503", "not a regular expression: too large", None, "make it simpler"
    from synthspec.languages.patterns import runaway

    why = runaway(text)
    if why is not None:
        return "E504", f"this regular expression can run away: {why}", None, "make the repeated part unambiguous"
    return None


def shown_circle(names: Sequence[str]) -> str:
    """Names that lead back to the first, the middle left out where there are many."""
    few = [*names[:5], "…", *names[-3:]] if len(names) > 10 else names
    return " → ".join(few)


def scalar_text(node: Node | None, default: str = "") -> str:
    """The text of a scalar node."""
    return node.text if isinstance(node, ScalarNode) else default


def value_of(node: Node | None, default: Any = None) -> Any:
    """The plain value of a node."""
    return default if node is None else to_data(node)


def _compared(node: Node, kind: Type) -> str:
    """How an expression that is no condition becomes one."""
    text = scalar_text(node)
    if not text or len(text) > 60 or not (kind.numeric or kind.kind == "text"):
        return "compare it with something"
    return f"compare it: `{text} >= 1`" if kind.numeric else f"compare it: `{text} == 'some text'`"
