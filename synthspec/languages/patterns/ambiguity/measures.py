"""What can be told of a pattern from its tree alone."""

from __future__ import annotations

from math import inf, log2

from synthspec.languages.patterns.tree import (
    Alternation,
    Anchor,
    Backreference,
    CaptureGroup,
    Chars,
    Concatenation,
    Condition,
    Look,
    PatternNode,
    Quantifier,
    children,
    walk,
)


def has_loop(node: PatternNode, far: int) -> bool:
    """Whether a repeat without end, or with an end as far as `far`, stands anywhere inside."""
    return any(isinstance(n, Quantifier) and (n.high is None or n.high >= far) for n in walk(node))


def is_fixed(node: PatternNode) -> bool:
    """Whether there is one way only through a node: classes, one after the other."""
    match node:
        case Chars() | Anchor():
            return True
        case Concatenation() | CaptureGroup():
            return all(map(is_fixed, children(node)))
        case Quantifier(body, low, high):
            return low == high and is_fixed(body)
        case _:
            return False


def most_idle_bits(tree: PatternNode) -> float:
    """Log2 of the most ways to match nothing in a row, anywhere in a tree."""
    most = 0.0
    for node in walk(tree):
        row = 0.0
        for item in children(node) if isinstance(node, Concatenation) else (node,):
            bits = idle_bits(item)
            row = 0.0 if bits == -inf else row + bits
            most = max(most, row)
    return most


def idle_bits(node: PatternNode) -> float:
    """Log2 of the ways in which a node can match nothing; minus infinity for none."""
    match node:
        case Chars():
            return -inf
        case Quantifier(body, low, high):
            once = idle_bits(body)
            return (low * once if low else 0.0) + (log2(1 + 2 ** min(once, 60)) if high != low else 0.0)
        case Alternation() | Condition():
            return log2(total) if (total := sum(2 ** min(idle_bits(n), 60) for n in children(node))) else -inf
        case Backreference():
            return 1.0
        case Look() | Anchor():
            return 0.0
        case _:
            return sum(map(idle_bits, children(node)))
