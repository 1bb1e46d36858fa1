"""Reading a syntax tree: its names, its random calls, its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

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


def children(node: Expression) -> tuple[Expression, ...]:
    """The expressions directly inside this one, in the order written."""
    match node:
        case ListOf(items=items):
            return items
        case MapOf(entries=entries):
            return tuple(value for _, value in entries)
        case Member(owner=owner):
            return (owner,)
        case Index(owner=owner, index=index):
            return (owner, index)
        case FunctionCall(arguments=arguments, keywords=keywords):
            return (*arguments, *(value for _, value in keywords))
        case Unary(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Conditional(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
    return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and everything inside it, outside first, left to right."""
    yield expression
    for child in children(expression):
        yield from walk(child)


def names_of(expression: Expression) -> frozenset[str]:
    """Every name the expression reads."""
    return frozenset(n.name for n in walk(expression) if isinstance(n, Name))


def members_of(expression: Expression, name: str) -> frozenset[str] | None:
    """The members that are read of a map of this name (`row.a`); None where the map is read as a whole."""
    members = [n for n in walk(expression) if isinstance(n, Member) and isinstance(n.owner, Name)]
    read = {m.name for m in members if isinstance(m.owner, Name) and m.owner.name == name}
    named = sum(isinstance(n, Name) and n.name == name for n in walk(expression))
    whole = named > sum(isinstance(m.owner, Name) and m.owner.name == name for m in members)
    return None if whole else frozenset(read)


def random_calls(expression: Expression) -> tuple[FunctionCall, ...]:
    """The calls that draw, in the order of their ordinals; each takes one uniform number."""
    drawn = {n.ordinal: n for n in walk(expression) if isinstance(n, FunctionCall) and n.ordinal >= 0}
    return tuple(drawn[ordinal] for ordinal in sorted(drawn))


def is_random(call: FunctionCall) -> bool:
    """Whether the call names a random function.

    `integer`, `date`, `datetime` and `time` are both: with one argument they convert, with two they draw.
    """
    from synthspec.languages.expressions.functions.signatures import built_in
    from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS, LISTED

    if call.function in built_in():
        return call.function in LISTED and len(call.arguments) + len(call.keywords) != 1
    return call.function in DISTRIBUTIONS


PLACED = frozenset(("address", "index", "uuid"))  # functions whose value hangs on where they stand


def is_constant(expression: Expression) -> bool:
    """Whether its value depends on no row, no place and no draw."""
    return not any(
        isinstance(n, Name) or (isinstance(n, FunctionCall) and (n.function in PLACED or is_random(n)))
        for n in walk(expression)
    )


def distribution_arguments(call: FunctionCall) -> frozenset[int]:
    """The starts of the calls that `truncated` and `mixture` are given to work on, which are not drawn."""
    from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS

    distribution = DISTRIBUTIONS.get(call.function)
    arguments = () if distribution is None else distribution.arguments  # None: a plug-in that cannot be used
    given = dict(zip((a.name for a in arguments), call.arguments, strict=False))
    given.update(call.keywords)
    nested: list[Expression] = []
    for argument in arguments:
        value = given.get(argument.name)
        if argument.kind == "distribution" and value is not None:
            nested.append(value)
        elif argument.kind == "distributions" and isinstance(value, ListOf):
            nested.extend(value.items)
    return frozenset(n.start for n in nested if isinstance(n, FunctionCall) and is_random(n))


def number_draws(expression: Expression) -> Expression:
    """The same tree, each call that draws numbered in the order written."""
    calls = [n for n in walk(expression) if isinstance(n, FunctionCall) and is_random(n)]
    if not calls:
        return expression
    nested = frozenset[int]().union(*(distribution_arguments(c) for c in calls))
    starts = sorted({c.start for c in calls} - nested)
    ordinals = {start: ordinal for ordinal, start in enumerate(starts)}

    def number(node: Expression) -> Expression:
        if isinstance(node, FunctionCall) and node.start in ordinals and is_random(node):
            return replace(node, ordinal=ordinals[node.start])
        return node

    return rebuild(expression, number)


def rebuild(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The tree with `change` made to every node, innermost first."""
    match node:
        case Literal() | Name():
            return change(node)
        case ListOf():
            return change(replace(node, items=tuple(rebuild(i, change) for i in node.items)))
        case MapOf():
            return change(replace(node, entries=tuple((k, rebuild(v, change)) for k, v in node.entries)))
        case Member():
            return change(replace(node, owner=rebuild(node.owner, change)))
        case Index():
            return change(replace(node, owner=rebuild(node.owner, change), index=rebuild(node.index, change)))
        case FunctionCall():
            arguments = tuple(rebuild(a, change) for a in node.arguments)
            keywords = tuple((k, rebuild(v, change)) for k, v in node.keywords)
            return change(replace(node, arguments=arguments, keywords=keywords))
        case Unary():
            return change(replace(node, operand=rebuild(node.operand, change)))
        case Binary():
            return change(replace(node, left=rebuild(node.left, change), right=rebuild(node.right, change)))
        case Conditional():
            condition = rebuild(node.condition, change)
            then, otherwise = rebuild(node.then, change), rebuild(node.otherwise, change)
            return change(replace(node, condition=condition, then=then, otherwise=otherwise))


def joined_by_and(expression: Expression) -> Iterator[Expression]:
    """The parts of a condition that `and` joins, all of which must be true; the whole where there is no `and`."""
    if isinstance(expression, Binary) and expression.operator == "and":
        yield from joined_by_and(expression.left)
        yield from joined_by_and(expression.right)
    else:
        yield expression
