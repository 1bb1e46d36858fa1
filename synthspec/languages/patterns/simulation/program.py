"""A pattern as instructions, each with what comes next, in the order in which Python's `re` tries them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from enum import IntEnum
from math import inf
from typing import Any

from synthspec.languages.patterns.ambiguity.automaton import TooLargeError
from synthspec.languages.patterns.ambiguity.measures import idle_bits
from synthspec.languages.patterns.tree import (
    ANY,
    Alternation,
    Anchor,
    Atomic,
    Backreference,
    CaptureGroup,
    Chars,
    Concatenation,
    Condition,
    Look,
    PatternNode,
    Quantifier,
    walk,
)
from synthspec.lazy_dataclass import dataclass

MOST_INSTRUCTIONS = 20_000


class Op(IntEnum):
    """What an instruction does. Its arguments `a`, `b`, `c` follow; `next` is where it goes on."""

    CHAR = 0  # set, next
    SPLIT = 1  # first, second
    LOOP = 2  # first, second, (mark, after): as SPLIT, but only `after` where the round that ends took nothing
    SAVE = 3  # slot, next: the place, as an end of a group
    MARK = 4  # register, next, whether to forget: the place where a round begins
    ANCHOR = 5  # anchor, next
    LOOK = 6  # body, next, (register, negated, characters behind or None, whether a group is inside)
    LOOK_END = 7  # register, next, negated
    ATOMIC = 8  # register, body
    ATOMIC_END = 9  # register, next
    BACKREFERENCE = 10  # group, next, whether in any case
    CONDITION = 11  # yes, no, group
    ACCEPT = 12


@dataclass(frozen=True, slots=True)
class Instruction:
    op: Op
    a: int = 0
    b: int = 0
    c: Any = None
    depth: int = 0  # how many looks it is inside of


@dataclass(slots=True)
class PatternProgram:
    """`exact` where viability alone decides whether a match begins: no atomic group, look-behind, back-reference
    or condition. `straight` where reading a match never goes back either.
    """

    code: list[Instruction] = field(default_factory=list)
    sets: list[Chars] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    registers: int = 0
    entry: int = 0
    exact: bool = True
    straight: bool = True


def compile_program(tree: PatternNode) -> PatternProgram:
    """The program of a tree. Raises TooLargeError beyond `MOST_INSTRUCTIONS`."""
    program = PatternProgram(exact=not any(map(_is_hard, walk(tree))))
    compiler = _Compiler(program)
    program.entry = compiler.build(tree, compiler.add(Op.ACCEPT))
    program.straight = program.exact and all(it.op is not Op.LOOP for it in program.code)
    return program


def _is_hard(node: PatternNode) -> bool:
    match node:
        case Atomic() | Backreference() | Condition() | Quantifier(possessive=True):
            return True
        case Look():
            return node.behind is not None
    return False


@dataclass(slots=True)
class _Compiler:
    program: PatternProgram
    known: dict[object, int] = field(default_factory=dict)
    depth: int = 0

    def add(self, op: Op, a: int = 0, b: int = 0, c: Any = None) -> int:
        code = self.program.code
        if len(code) == MOST_INSTRUCTIONS:
            raise TooLargeError
        code.append(Instruction(op, a, b, c, self.depth))
        return len(code) - 1

    def register(self) -> int:
        self.program.registers += 1
        return self.program.registers - 1

    def build(self, node: PatternNode, after: int) -> int:
        """Where a node begins that goes on at `after`."""
        match node:
            case Chars():
                return self.add(Op.CHAR, self.number(node, self.program.sets), after)
            case Anchor():
                return self.add(Op.ANCHOR, self.number(node, self.program.anchors), after)
            case Concatenation(items):
                for item in reversed(items):
                    after = self.build(item, after)
                return after
            case Alternation(branches):
                begun = [self.build(branch, after) for branch in branches]
                start = begun.pop()
                while begun:
                    start = self.add(Op.SPLIT, begun.pop(), start)
                return start
            case CaptureGroup(number, body):
                end = self.add(Op.SAVE, 2 * number + 1, after)
                return self.add(Op.SAVE, 2 * number, self.build(body, end))
            case Quantifier():
                return self.repeat(node, after)
            case Atomic(body):
                return self.atomic(body, after)
            case Look():
                return self.look(node, after)
            case Backreference(number, ignore_case):
                return self.add(Op.BACKREFERENCE, number, after, ignore_case)
            case Condition(number, yes, no):
                return self.add(Op.CONDITION, self.build(yes, after), self.build(no, after), number)

    def number(self, item: Chars | Anchor, items: list[Chars] | list[Anchor]) -> int:
        if item not in self.known:
            self.known[item] = len(items)
            items.append(item)  # type: ignore[arg-type]
        return self.known[item]

    def repeat(self, node: Quantifier, after: int) -> int:
        if node.possessive:
            return self.atomic(Quantifier(node.body, node.low, node.high), after)
        start, low = after, node.low
        if node.high is None:
            start = self.loop(node, after)
            low = max(low - 1, 0)
        elif node.high > node.low:
            start = self.options(node, after, node.high - node.low)
        for _ in range(low):
            start = self.build(node.body, start)
        return start

    def loop(self, node: Quantifier, after: int) -> int:
        """A repeat without end, from its first round on if it must have one."""
        again = self.add(Op.SPLIT)
        body = self.build(node.body, again)
        start, op, rule = body, Op.SPLIT, None
        if idle_bits(node.body) > -inf:
            mark = self.register()
            start = self.add(Op.MARK, mark, body, True)  # a round that must be may take nothing
            body = self.add(Op.MARK, mark, body)
            op, rule = Op.LOOP, (mark, after)
        ways = (after, body) if node.lazy else (body, after)
        self.program.code[again] = Instruction(op, *ways, rule, self.depth)
        return start if node.low else self.either(body, after, node.lazy)

    def options(self, node: Quantifier, after: int, most: int) -> int:
        """So many more rounds, each only if the one before took something."""
        mark = self.register() if idle_bits(node.body) > -inf else None
        start = after
        for left in range(most):
            body = self.build(node.body, start)
            if mark is None:
                start = self.either(body, after, node.lazy)
                continue
            body = self.add(Op.MARK, mark, body)
            ways = (after, body) if node.lazy else (body, after)
            first = left == most - 1
            start = self.add(Op.SPLIT, *ways) if first else self.add(Op.LOOP, *ways, (mark, after))
        return start

    def either(self, body: int, after: int, lazy: bool) -> int:
        return self.add(Op.SPLIT, after, body) if lazy else self.add(Op.SPLIT, body, after)

    def atomic(self, body: PatternNode, after: int) -> int:
        register = self.register()
        return self.add(Op.ATOMIC, register, self.build(body, self.add(Op.ATOMIC_END, register, after)))

    def look(self, node: Look, after: int) -> int:
        register = self.register()
        self.depth += 1
        body = self.build(node.body, self.add(Op.LOOK_END, register, after, node.negated))
        self.depth -= 1
        grouped = any(isinstance(inside, CaptureGroup) for inside in walk(node.body))
        return self.add(Op.LOOK, body, after, (register, node.negated, node.behind, grouped))


def tester(chars: Chars) -> Callable[[str], object]:
    """Whether `re` itself would match a character with a set: the set alone, written as a class."""
    if chars == ANY:
        return bool
    items = "".join(
        "-".join(f"\\U{point:08x}" for point in item) if isinstance(item, tuple) else f"\\{item}"
        for item in chars.items
    )
    flags = (re.IGNORECASE if chars.ignore_case else 0) | (re.ASCII if chars.ascii else 0)
    if not items:
        return bool if chars.negated else lambda char: False
    return re.compile(f"[{'^' * chars.negated}{items}]", flags).match
