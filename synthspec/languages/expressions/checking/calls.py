"""The types of calls: which function, which arguments, what comes back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol

from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import suggest
from synthspec.languages.expressions.checking.binding import Bound, as_moment, bind, bind_function
from synthspec.languages.expressions.checking.descriptions import a, describe
from synthspec.languages.expressions.checking.lengths import check_lists
from synthspec.languages.expressions.errors import Fault
from synthspec.languages.expressions.evaluation.rows import constant_value
from synthspec.languages.expressions.functions.signatures import (
    REQUIRED,
    Function,
    FunctionParameter,
    find_function,
    function_names,
)
from synthspec.languages.expressions.reach import check_reach, constant_of
from synthspec.languages.expressions.traversal import is_constant, is_random
from synthspec.languages.expressions.tree import Expression, FunctionCall, ListOf, Literal, Name
from synthspec.languages.expressions.types import ANY, BOOLEAN, Type, fits, join, type_of
from synthspec.plugins import is_plugin, plugin_error

SYNONYMS = {
    "avg": "mean", "average": "mean", "count_words": "words", "word_count": "words", "wordcount": "words",
    "length": "len", "size": "len", "isnull": "missing", "is_null": "missing", "isna": "missing",
    "is_missing": "missing", "is_none": "missing", "ifnull": "coalesce", "nvl": "coalesce",
    "default": "coalesce",
    "str": "text", "string": "text", "int": "integer", "float": "number", "trim": "strip",
    "substring": "contains",
    "startswith": "starts_with", "endswith": "ends_with", "rand": "uniform", "random": "uniform",
    "randint": "integer", "gauss": "normal", "gaussian": "normal", "norm": "normal", "expon": "exponential",
    "sample": "choice", "pick": "choice", "ceiling": "ceil", "ln": "log", "pow": "'**'", "unique": "distinct",
    "sort": "sorted", "regex": "'matches'", "search": "'matches'", "match": "'matches'", "format": "fixed",
    "any": "'or'", "all": "'and'", "if_else": "'if c then a else b'", "iif": "'if c then a else b'",
}  # fmt: skip


_USED_IN = {  # where a function that reads its place can be used
    "index": "use it in parameters, a field's `value` and checks; elsewhere read a parameter: `number: index()`",
    "address": "use it in a field's `value` and in checks, where there is a row",
    "uuid": "use it in a field's `value`",
}


class Checking(Protocol):
    """What a check of calls needs of the check that it is part of."""

    random: bool
    scope: Any
    placed: Any
    whole: Expression | None
    faults: list[Fault]

    def type_of(self, node: Expression) -> Type: ...
    def report(self, code: str, message: str, node: Expression, remedy: str = "") -> None: ...


def check_call(node: FunctionCall, check: Checking) -> Type:
    """The type of a call; faults are reported to `check`."""
    if is_random(node):
        return ANY if _unusable("distributions", node, check) else check_draw(node, check)
    function = find_function(node.function)
    if function is None:
        if not _unusable("functions", node, check):
            _unknown(node, check)
        _visit(node, check)
        return ANY
    if function.beside == ("lists",) and len(node.arguments) > 1:
        _visit(node, check)
        check.report("E305", f"{node.function}() takes its lists in one map, each by a name", node, _in_a_map(node))
        return ANY
    bound = bind_function(node, function)
    before = len(check.faults)
    _check_binding(node, bound, function.parameters, check)
    unbound = len(check.faults) > before
    parameters = {p.name: p for p in function.parameters}
    kinds = [_argument(value, parameters[name], function, check) for name, value in bound.given]
    for value in (*bound.extra, *(v for _, v in (*bound.unknown, *bound.twice))):
        check.type_of(value)
    if len(check.faults) == before:
        _check_written(node, dict(bound.given), function, check)
    if len(check.faults) == before:
        _check_read(node, check)
        check_lists(node, bound.given, function, check)
    if function.place and function.name not in check.placed and not unbound:
        check.report("E316", f"{function.name}() has no value here", node, _USED_IN[function.name])
    if isinstance(function.result, Type):
        return function.result
    return ANY if unbound or not kinds else function.result(kinds)


def _in_a_map(node: FunctionCall) -> str:
    """The call with its lists in a map."""
    names = [a.name for a in node.arguments if isinstance(a, Name)]
    if len(set(names)) < len(node.arguments):
        names = ["first", "second"]
    return f"write {node.function}({{{', '.join(f'{name}: {name}' for name in names)}}})"


_EXAMPLES = {"language": "'json'", "schema": "{type: 'object'}"}


def _check_written(node: FunctionCall, given: dict[str, Expression], function: Function, check: Checking) -> None:
    """Arguments that must be constants, each by what its function says of them."""
    for name, faults in function.written:
        value = given[name]
        if not is_constant(value):
            message = f"'{name}' of {function.name}() must be written out, so that it can be checked first"
            shown = (_EXAMPLES.get(n, "…") if n == name else describe(v).strip("'") for n, v in given.items())
            check.report("E312", message, value, f"write it in place: {function.name}({', '.join(shown)})")
            continue
        for code, message, remedy in faults(constant_value(value)):
            check.report(code, message, value, remedy)


_READ = {"date": "2025-12-31", "datetime": "2025-12-31 18:30", "time": "18:30", "number": "2.5"}
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")


def _check_read(node: FunctionCall, check: Checking) -> None:
    """A text that is to be read as a day, a time or a number, and is none: null in every row."""
    text = node.arguments[0] if node.arguments else None
    if node.function not in _READ or not isinstance(text, Literal) or not isinstance(text.value, str):
        return
    if constant_value(node) is not None:
        return
    day = _DAY_FIRST.fullmatch(text.value)
    if day is not None and node.function == "date":
        remedy = f"write date('{day[3]}-{int(day[2]):02}-{int(day[1]):02}')"
    else:
        remedy = f"write it as in {node.function}('{_READ[node.function]}')"
    kind = {"number": "number", "time": "time of day"}.get(node.function, "date that is written year first")
    check.report("E311", f"'{text.value}' is no {kind}, so this is null in every row", node, remedy)


def _unusable(kind: str, node: FunctionCall, check: Checking) -> bool:
    """Whether a package brings what is called but it cannot be used; a fault where so."""
    from synthspec.languages.expressions.random.distributions import LISTED

    if node.function in LISTED or not is_plugin(kind, node.function):
        return False
    found = plugin_error(kind, node.function)
    if found is not None:
        check.faults.append(Fault("E608", found[0], node.start, node.start + len(node.function), found[1]))
        _visit(node, check)
    return found is not None


def _unknown(node: FunctionCall, check: Checking) -> None:
    from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS

    known = function_names() | (frozenset(DISTRIBUTIONS) if check.random else frozenset())
    if node.function in check.scope:
        message, remedy = (
            f"'{node.function}' is a value, not a function",
            f"write {node.function} without brackets",
        )
    else:
        message = f"unknown function '{node.function}'"
        synonym = SYNONYMS.get(node.function.lower())
        remedy = did_you_mean(node.function, known)
        if synonym and (synonym in known or "'" in synonym):
            remedy = f"write {synonym}" if "'" in synonym else suggest(synonym)
    check.faults.append(Fault("E304", message, node.start, node.start + len(node.function), remedy))


def _visit(node: FunctionCall, check: Checking) -> None:
    for value in (*node.arguments, *(v for _, v in node.keywords)):
        check.type_of(value)


def _argument(value: Expression, parameter: FunctionParameter, function: Function, check: Checking) -> Type:
    kind = check.type_of(value)
    moment = as_moment(value, parameter)
    if moment is not value and isinstance(moment, Literal):
        return type_of(moment.value)
    wanted = parameter.types
    if kind.kind == "null":
        if not function.nulls:
            message = f"{function.name}() of a null is {'false' if function.result == BOOLEAN else 'null'}"
            check.report("E311", message, value, "to test for a null write: x == null, or x != null")
        return kind if function.nulls else ANY
    if parameter.repeated and len(wanted) > 1 and kind.kind == "boolean":
        pass
    elif any(fits(kind, w) or (w.kind == "integer" and kind.kind == "any") for w in wanted):
        return kind
    alternatives = " or ".join(dict.fromkeys(a(w) for w in wanted))
    remedy = "write text(x) to make it text" if wanted[0].kind == "text" and kind.numeric else ""
    if wanted[0].numeric and kind.kind == "text":
        remedy = "write number(x) to read text as a number"
    message = f"{function.name}() takes {alternatives} as '{parameter.name}'; {describe(value)} is {a(kind)}"
    check.report("E303", message, value, remedy)
    return ANY


def _check_binding(node: FunctionCall, bound: Bound, parameters: Iterable[Any], check: Checking) -> None:
    """Too many, too few, unknown and repeated arguments."""
    names = [p.name for p in parameters]
    given = {name for name, _ in bound.given}
    signature = f"{node.function}({', '.join(names)})"
    if bound.extra:
        first, last = bound.extra[0], bound.extra[-1]
        count = len(node.arguments)
        most = f"at most {_count(len(names))}" if names else "no arguments"
        message = f"{node.function}() takes {most}, not {count}"
        check.faults.append(Fault("E305", message, first.start, last.end, f"write {signature}"))
    for name, value in bound.unknown:
        check.report("E305", f"{node.function}() has no argument '{name}'", value, did_you_mean(name, names))
    for name, value in bound.twice:
        check.report("E305", f"{node.function}() is given '{name}' twice", value)
    missing = [p.name for p in parameters if p.name not in given and _required(p)]
    if missing and not bound.unknown:
        listed = " and ".join(f"'{m}'" for m in missing)
        check.report("E305", f"{node.function}() lacks {listed}", node, f"write {signature}")


def _required(parameter: Any) -> bool:
    return parameter.default is REQUIRED if isinstance(parameter, FunctionParameter) else parameter.default is None


def _count(number: int) -> str:
    return "1 argument" if number == 1 else f"{number} arguments"


def check_draw(node: FunctionCall, check: Checking, nested: bool = False) -> Type:
    """The type that a random function draws; its constant arguments are held to their ranges."""
    from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS

    distribution = DISTRIBUTIONS[node.function]
    if not check.random and not nested:
        message = f"'{node.function}' draws at random, which only a parameter may"
        remedy = "draw it in a parameter, and use that parameter's name here"
        check.faults.append(Fault("E306", message, node.start, node.start + len(node.function), remedy))
    bound = bind(node, [argument.name for argument in distribution.arguments])
    before = len(check.faults)
    _check_binding(node, bound, distribution.arguments, check)
    kinds: dict[str, Type] = {}
    arguments = {argument.name: argument for argument in distribution.arguments}
    for name, value in bound.given:
        kinds[name] = _draw_argument(node, value, arguments[name], check)
    for value in (*bound.extra, *(v for _, v in (*bound.unknown, *bound.twice))):
        check.type_of(value)
    if len(check.faults) == before:
        _check_constants(node, dict(bound.given), check)
    if len(check.faults) == before and not nested:
        for fault in check_reach(node):
            check.report(*fault)
    if distribution.result != "any":
        return Type(distribution.result)
    return kinds.get(distribution.arguments[0].name, ANY)


def _draw_argument(node: FunctionCall, value: Expression, argument: Any, check: Checking) -> Type:
    if isinstance(value, Literal) and value.value is None:
        check.report("E311", f"{node.function}() cannot draw with a null", value, "write what it is to draw with")
        return ANY
    if argument.kind == "distribution":
        return _nested(node, value, check)
    if argument.kind == "distributions":
        if not isinstance(value, ListOf) or not value.items:
            check.type_of(value) if not isinstance(value, ListOf) else None
            check.report("E303", f"{node.function}() takes a list of calls of random functions", value,
                         "write mixture([normal(0, 1), exponential(5)], weights=[2, 1])")  # fmt: skip
            return ANY
        kinds = [_nested(node, item, check) for item in value.items]
        joined = kinds[0]
        for kind in kinds[1:]:
            joined = join(joined, kind)
        return joined
    kind = check.type_of(value)
    problem, remedy = _misfit(value, kind, argument)
    if problem:
        message = f"{node.function}() takes {problem} as '{argument.name}'; {describe(value)} is {a(kind)}"
        check.report("E303", message, value, remedy)
        return ANY
    return (kind.item or ANY) if argument.kind == "list" and kind.kind == "list" else kind


def _misfit(value: Expression, kind: Type, argument: Any) -> tuple[str, str]:
    """What the argument of a random function should have been, and the remedy; nothing where it is that."""
    if kind.kind == "any":
        return "", ""
    if argument.kind == "number":
        return ("", "") if kind.numeric else ("a number", "")
    if argument.kind == "list":
        return ("", "") if kind.kind == "list" else ("a list", "write choice(['a', 'b'])")
    if argument.kind == "weights":
        numbers = kind.kind == "list" and (kind.item is None or kind.item.numeric or kind.item.kind == "any")
        return ("", "") if numbers else ("a list of numbers", "")
    allowed = ("date", "datetime") if argument.kind in ("date", "datetime") else ("time", "datetime")
    if kind.kind in allowed or (kind.kind == "text" and isinstance(value, Literal)):
        return "", ""
    return f"a {argument.kind}", "write it as text: '2024-01-31'" if argument.kind == "date" else ""


def _nested(node: FunctionCall, value: Expression, check: Checking) -> Type:
    if isinstance(value, FunctionCall) and is_random(value):
        if _unusable("distributions", value, check):
            return ANY
        kind = check_draw(value, check, nested=True)
        if node.function == "truncated" and not (kind.numeric or kind.kind == "any"):
            check.report("E303", f"truncated() works on distributions of numbers; {describe(value)} is not", value)
        return kind
    example = {"truncated": "truncated(normal(50, 10), 0, 100)"}.get(node.function, "mixture([normal(50, 10), …])")
    check.type_of(value)
    check.report(
        "E303",
        f"{node.function}() takes a call of a random function; {describe(value)} is not one",
        value,
        f"write {example}",
    )
    return ANY


def _check_constants(node: FunctionCall, given: dict[str, Expression], check: Checking) -> None:
    from synthspec.languages.expressions.random.argument_checks import check_arguments

    values = {name: constant_of(value) for name, value in given.items()}
    for fault in check_arguments(node.function, values):
        signature = _signature(node.function, fault.argument)
        remedy = f"{fault.remedy}; {signature}" if fault.remedy else signature
        check.report("E307", fault.message, given.get(fault.argument, node), remedy)


def _signature(function: str, name: str | None) -> str:
    """What the function takes, for the remedy of an argument out of range."""
    from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS

    arguments = DISTRIBUTIONS[function].arguments
    about = next((f"; {a.name}: {a.summary}" for a in arguments if a.name == name != a.summary), "")
    return f"it is {function}({', '.join(a.name for a in arguments)}){about}"
