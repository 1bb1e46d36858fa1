"""Type checking. Reports every fault of an expression, and none that is only the consequence of another."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping

from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import name_meant
from synthspec.languages.expressions.checking.calls import check_call
from synthspec.languages.expressions.checking.comparisons import check_comparison
from synthspec.languages.expressions.checking.descriptions import a, describe
from synthspec.languages.expressions.checking.lengths import check_place
from synthspec.languages.expressions.checking.operators import operate_types
from synthspec.languages.expressions.errors import Fault
from synthspec.languages.expressions.functions.signatures import find_function
from synthspec.languages.expressions.tree import (
    Binary,
    Conditional,
    Expression,
    FunctionCall,
    Index,
    ListOf,
    Literal,
    MapOf,
    Member,
    Name,
    Unary,
)
from synthspec.languages.expressions.types import ANY, BOOLEAN, INTEGER, NULL, TEXT, Type, fits, join, type_of
from synthspec.languages.patterns.wording import regex_words

_NULLS = frozenset({"null", "none", "nil", "undefined", "nan"})


def check_expression(
    expression: Expression,
    scope: Mapping[str, Type],
    *,
    random: bool = False,
    broken: Collection[str] = (),
    known_elsewhere: Callable[[str], str | None] | None = None,
    placed: Collection[str] = (),
) -> tuple[Type, tuple[Fault, ...]]:
    """The type of an expression and everything wrong with it, in the order of its text.

    Args:
        scope: the names it may read.
        random: whether random functions are allowed.
        broken: names that are declared but faulty themselves; they have any type, and no fault is reported.
        known_elsewhere: a remedy for a name that is declared where this expression cannot see it.
        placed: which of `address`, `index` and `uuid` have a value where the expression stands.
    """
    check = TypeCheck(scope, random, broken, known_elsewhere, placed)
    check.whole = expression
    kind = check.type_of(expression)
    faults = sorted(dict.fromkeys(check.faults), key=lambda f: (f.start, f.end, f.code))
    return kind, tuple(faults)


class TypeCheck:
    """One check: what it may see, and the faults found so far."""

    def __init__(
        self,
        scope: Mapping[str, Type],
        random: bool,
        broken: Collection[str],
        known_elsewhere: Callable[[str], str | None] | None,
        placed: Collection[str] = (),
    ) -> None:
        self.placed = placed
        self.scope, self.random, self.broken, self.known_elsewhere = scope, random, broken, known_elsewhere
        self.whole: Expression | None = None  # what is checked
        self.faults: list[Fault] = []

    def report(self, code: str, message: str, node: Expression, remedy: str = "") -> None:
        """Note a fault of all of a node's characters."""
        self.faults.append(Fault(code, message, node.start, node.end, remedy))

    def type_of(self, node: Expression) -> Type:
        """The type of a node; its faults are noted."""
        match node:
            case Literal(value=value):
                return NULL if value is None else type_of(value)
            case Name():
                return self._name(node)
            case ListOf(items=items):
                return self._list([self.type_of(i) for i in items])
            case MapOf(entries=entries):
                return Type("map", members=tuple((key, self.type_of(value)) for key, value in entries))
            case Member():
                return self._member(node)
            case Index():
                return self._index(node)
            case FunctionCall():
                return check_call(node, self)
            case Unary():
                return self._unary(node)
            case Binary():
                return self._binary(node)
            case Conditional(condition=condition, then=then, otherwise=otherwise):
                self.condition(condition, "the condition of 'if'")
                return join(self.type_of(then), self.type_of(otherwise))

    def _name(self, node: Name) -> Type:
        if node.name in self.scope:
            return self.scope[node.name]
        if node.name in self.broken:
            return ANY
        elsewhere = self.known_elsewhere(node.name) if self.known_elsewhere else None
        if elsewhere is None and node.name.lower() in _NULLS:
            elsewhere = "a missing value is written null"
        names = [*self.scope, *self.broken]
        help = elsewhere or did_you_mean(node.name, names)
        if elsewhere is None and not name_meant(help):
            text = f"\"'{node.name}'\"" if node is self.whole else f"'{node.name}'"  # YAML takes the outer quotes
            help = (help + "; " if help else "") + f"a text is written {text}"
        self.faults.append(Fault("E301", f"unknown name '{node.name}'", node.start, node.end, help))
        return ANY

    def _list(self, kinds: list[Type]) -> Type:
        item = kinds[0] if kinds else ANY
        for kind in kinds[1:]:
            item = join(item, kind)
        return Type("list", item=item, length=(len(kinds), len(kinds)))

    def _member(self, node: Member) -> Type:
        owner = self.type_of(node.owner)
        if owner.kind in ("map", "any"):
            found = owner.member(node.name)
            if found is None:
                known = [name for name, _ in owner.members or ()]
                message = f"{describe(node.owner)} has no member '{node.name}'"
                self.faults.append(_at_end(node, "E309", message, did_you_mean(node.name, known)))
            return found or ANY
        if self.is_null(owner, node.owner, "has no members"):
            return ANY
        remedy = f"write {node.name}({_source(node.owner)})" if _is_function(node.name) else ""
        if owner.kind == "list":
            remedy = remedy or "take one of its items first: [0]"
        message = f"{describe(node.owner)} is {a(owner)} and has no members"
        self.faults.append(_at_end(node, "E309", message, remedy))
        return ANY

    def _index(self, node: Index) -> Type:
        owner, index = self.type_of(node.owner), self.type_of(node.index)
        if self.is_null(index, node.index, "is the place of no item"):
            return ANY
        if owner.kind == "map":
            if not fits(index, TEXT):
                self.report("E303", f"a map is indexed by the name of a member, not by {a(index)}", node.index)
            elif isinstance(node.index, Literal):
                found = owner.member(str(node.index.value))
                if found is None:
                    known = [name for name, _ in owner.members or ()]
                    message = f"{describe(node.owner)} has no member {describe(node.index)}"
                    self.report("E309", message, node.index, did_you_mean(str(node.index.value), known))
                return found or ANY
            return ANY
        if owner.kind == "any":
            return ANY
        if self.is_null(owner, node.owner, "has no items"):
            return ANY
        if owner.kind not in ("list", "text"):
            self.report(
                "E303",
                f"{describe(node.owner)} is {a(owner)}; only lists, maps and text have items",
                node.owner,
            )
            return ANY
        if not fits(index, INTEGER):
            self.report("E303", f"an item is counted by an integer, not by {a(index)}", node.index)
        check_place(node, owner, index, self)
        return TEXT if owner.kind == "text" else owner.item or ANY

    def _unary(self, node: Unary) -> Type:
        if node.operator == "not":
            self.condition(node.operand, "what 'not' negates")
            return BOOLEAN
        kind = self.type_of(node.operand)
        if self.is_null(kind, node.operand, f"is nothing that '{node.operator}' works on"):
            return ANY
        if not kind.numeric and kind.kind != "any":
            self.report(
                "E303",
                f"'{node.operator}' takes a number; {describe(node.operand)} is {a(kind)}",
                node.operand,
            )
            return ANY
        return Type(kind.kind)

    def is_null(self, kind: Type, node: Expression, why: str) -> bool:
        """Whether a node can be nothing but null where a value is needed: a fault."""
        if kind.kind == "null":
            self.report("E311", f"a null {why}", node, TO_TEST)
        return kind.kind == "null"

    def condition(self, node: Expression, role: str) -> None:
        """Check that a node is true or false."""
        kind = self.type_of(node)
        if kind.kind in ("boolean", "any") or self.is_null(kind, node, "is neither true nor false"):
            return
        remedy = "compare it with something: ==, <, in, …"
        if isinstance(node, Literal) and isinstance(node.value, str):
            remedy = "repeat the comparison (x == 'a' or x == 'b'), or write x in ['a', 'b']"
        elif kind.kind == "text":
            remedy = "to test that there is some, write chars(x) > 0"
        elif kind.kind == "list":
            remedy = "to test that there are items, write len(x) > 0"
        self.report("E303", f"{role} must be true or false; {describe(node)} is {a(kind)}", node, remedy)

    def _binary(self, node: Binary) -> Type:
        if node.operator in ("and", "or"):
            for side in (node.left, node.right):
                self.condition(side, f"each side of '{node.operator}'")
            return BOOLEAN
        left, right = self.type_of(node.left), self.type_of(node.right)
        nulls = [self.is_null(kind, side, _of_null(node)) for kind, side in ((left, node.left), (right, node.right))]
        if any(nulls):
            return BOOLEAN if node.operator not in "+-*/%**//" else ANY
        if node.operator == "matches":
            self.faults.extend(_check_matches(node, left))
            return BOOLEAN
        if node.operator in ("==", "!=", "<", "<=", ">", ">=", "in", "not in"):
            self.faults.extend(check_comparison(node, left, right))
            return BOOLEAN
        kind, faults = operate_types(node, left, right)
        self.faults.extend(faults)
        return kind


TO_TEST = "to test for a null write: x == null, or x != null"


def _of_null(node: Binary) -> str:
    """Why an operator has no use for a null."""
    if node.operator in ("in", "not in"):
        return "is in no list, text or map, and nothing is in it"
    if node.operator in ("<", "<=", ">", ">=", "==", "!="):
        return "is neither less nor more than anything"
    return f"is nothing that '{node.operator}' works on"


def _check_matches(node: Binary, left: Type) -> Iterator[Fault]:
    if not fits(left, TEXT):
        remedy = f"write text({_source(node.left)}) matches …"
        message = f"'matches' searches text; {describe(node.left)} is {a(left)}"
        yield Fault("E303", message, node.left.start, node.left.end, remedy)
    pattern = node.right
    if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
        message = "the right side of 'matches' must be text in quotes, so that it can be checked first"
        yield Fault("E303", message, pattern.start, pattern.end, "write: text matches 'pattern'")
        return
    try:
        re.compile(pattern.value)
    except (re.error, OverflowError, RecursionError) as fault:
        at = getattr(fault, "pos", None)
        start, end = pattern.start, pattern.end
        if at is not None and pattern.end - pattern.start == len(pattern.value) + 2:
            start = min(pattern.start + 1 + at, pattern.end - 1)
            end = start + 1
        said, help = regex_words(fault) if isinstance(fault, re.error) else ("it is too large", "make it simpler")
        yield Fault("E310", f"not a regular expression: {said}", start, end, help)
        return
    yield from _check_runaway(pattern)


def _check_runaway(pattern: Literal) -> Iterator[Fault]:
    from synthspec.languages.patterns import runaway

    reason = runaway(str(pattern.value))
    if reason:
        remedy = "write the repeated part so that it can match in one way only"
        yield Fault("E310", f"this can run away: {reason}", pattern.start, pattern.end, remedy)


def _at_end(node: Member, code: str, message: str, remedy: str) -> Fault:
    return Fault(code, message, node.end - len(node.name), node.end, remedy)


def _source(node: Expression) -> str:
    return node.name if isinstance(node, Name) else "…"


def _is_function(name: str) -> bool:
    return find_function(name) is not None
