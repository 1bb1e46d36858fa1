"""`checks` and `gates`: expressions over one row, and over the finished dataset."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any
from typing import Literal as OneOf

from synthspec.analysis.sections.context import AnalysisContext, scalar_text, value_of
from synthspec.analysis.sections.scope import Scope
from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import remove
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.evaluation.gates import GATE_METRICS, metrics_named, words_unknown
from synthspec.languages.expressions import compile_row, names_of
from synthspec.languages.expressions.traversal import joined_by_and, walk
from synthspec.languages.expressions.tree import Binary, Expression, FunctionCall, Literal, Name
from synthspec.languages.expressions.types import Type
from synthspec.plugins import plugin_names
from synthspec.spec import Check, Field, Gate, Prompt
from synthspec.spec.field_levels import field_levels

_SHARES = frozenset(m.name for m in GATE_METRICS if m.is_share)
_COMPARISONS = frozenset(["<", "<=", ">", ">=", "==", "!="])
MAX_ENUMERATED = 20_000
_SEVERITIES: Mapping[str, OneOf["error", "warn", "drop"]] = {"warn": "warn", "drop": "drop"}


def lower_checks(
    ctx: AnalysisContext, fields: Mapping[str, Field], parameters: Mapping[str, Type], prompts: Sequence[Prompt] = ()
) -> tuple[Check, ...]:
    """Every check that could be understood."""
    types = {n: f.type for n, f in fields.items()}
    scope = Scope(types, ctx.names_under("fields"), parameters, ctx.names_under("parameters"))
    judged = frozenset(name for p in prompts if p.needs for name in p.writes)  # verdicts on another prompt's text
    unjudged = {n: f for n, f in fields.items() if n not in judged}
    nodes = ctx.items(ctx.root.get("checks"))
    checks = [(node, c) for node in nodes if (c := _check(ctx, node, scope, fields, unjudged)) is not None]
    _retried_above(ctx, checks, fields, prompts)
    return tuple(c for _, c in checks)


def _retried_above(
    ctx: AnalysisContext, checks: Sequence[tuple[Node, Check]], fields: Mapping[str, Field], prompts: Sequence[Prompt]
) -> None:
    """Report checks that would send a row back above the fan-out that made it: others came of that too."""
    by_name = {p.name: p for p in prompts}
    levels = field_levels(fields.values(), prompts, ctx.names_under("parameters"))
    for node, check in checks:
        level = max((levels.get(name, 0) for name in names_of(check.expression)), default=0)
        prompt = by_name.get(check.retry) if check.retry is not None else None
        if prompt is None or prompt.level >= level or not isinstance(node, MapNode):
            continue
        message = f"'{prompt.name}' is asked above the fan-out that made the rows this check is about"
        help = "name a prompt that is asked for each of these rows, or check what it reads where it is written"
        ctx.report("E433", node.get("retry") or node, message, help)


def _check(
    ctx: AnalysisContext,
    node: Node,
    scope: Mapping[str, Type],
    fields: Mapping[str, Field],
    unjudged: Mapping[str, Field],
) -> Check | None:
    that = node.get("that") if isinstance(node, MapNode) else node
    if not isinstance(that, ScalarNode):
        return None
    expression, kind = ctx.expression(that, scope, placed=("address", "index"))
    retry: str | None = None
    message, severity, told = "", "error", frozenset[str]()
    if isinstance(node, MapNode):
        message = scalar_text(node.get("message"))
        if "{{" in message or "{%" in message:
            template = ctx.template(node.get("message"), scope, lambda name: None)
            told = template.reads if template is not None else told
        severity = scalar_text(node.get("severity"), "error")
        again = node.get("retry")
        prompts = ctx.names_under("prompts")
        if isinstance(again, ScalarNode):
            if again.text in prompts:
                retry = again.text
            elif not ctx.is_lost("prompts"):
                ctx.report("E418", again, f"there is no prompt '{again.text}'", did_you_mean(again.text, prompts))
    if expression is None:
        return None
    if not ctx.is_truth(that, kind, "a check"):
        return None
    if not names_of(expression):
        ctx.report("E508", that, "this check reads no field, so it never changes", "name a field in it")
    else:
        stern = unjudged if severity == "error" and retry is None else {}
        for part in () if _never(ctx, that, expression, scope, stern) else joined_by_and(expression):
            if not _never(ctx, that, part, scope, stern):
                _out_of_bounds(ctx, that, part, fields)
    if severity == "drop" and retry is not None and isinstance(node, MapNode):
        message_of = "a row that a `drop` check does not want is left out: no prompt is retried for it"
        ctx.report("E434", node.get("retry") or node, message_of, remove("retry") + ", or the severity")
    return Check(expression, that.text, message, _SEVERITIES.get(severity, "error"), that.span, retry, told)


def _never(
    ctx: AnalysisContext,
    node: ScalarNode,
    expression: Expression,
    scope: Mapping[str, Type],
    fields: Mapping[str, Field],
) -> bool:
    """Report values of these fields' enums that the check can never accept. False: too many combinations to try."""
    names = sorted(names_of(expression))
    if not names:
        return False
    values: list[tuple[Any, ...]] = []
    tested = {
        n for c in walk(expression) if isinstance(c, FunctionCall) and c.function == "missing" for n in names_of(c)
    }
    for name in names:
        known = scope[name].values or ((True, False) if scope[name].kind == "boolean" else None)
        if known is None or name in tested:
            return False
        values.append(known)
    count = 1
    for known in values:
        count *= len(known)
    if count > MAX_ENUMERATED:
        return False
    test = compile_row(expression)
    accepted: list[set[int]] = [set() for _ in names]
    for chosen in itertools.product(*(range(len(v)) for v in values)):
        row = {n: v[i] for n, v, i in zip(names, values, chosen, strict=True)}
        if test(row):
            for seen, index in zip(accepted, chosen, strict=True):
                seen.add(index)
    if not any(accepted):
        ctx.report("E508", node, "no row can ever pass this check", "change the check or the fields it reads")
        return True
    for name, known, seen in zip(names, values, accepted, strict=True):
        field = fields.get(name)
        lost = [v for i, v in enumerate(known) if i not in seen]
        if lost and field is not None and field.value is None and "enum" in field.schema:
            message = f"this check never accepts {name} = '{lost[0]}', which the enum allows"
            ctx.report("E509", node, message, f"remove '{lost[0]}' from the enum, or change the check")
    return True


_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "=="}


def _out_of_bounds(ctx: AnalysisContext, node: ScalarNode, part: Expression, fields: Mapping[str, Field]) -> None:
    """Report a comparison of a field with a number that its own bounds never let it reach."""
    if not isinstance(part, Binary) or part.operator not in _MIRRORED:
        return
    name, literal, operator = part.left, part.right, part.operator
    if isinstance(name, Literal):
        name, literal, operator = literal, name, _MIRRORED[operator]
    if not isinstance(name, Name) or not isinstance(literal, Literal):
        return
    field, limit = fields.get(name.name), literal.value
    if field is None or field.value is not None or field.optional or field.type.kind not in ("integer", "number"):
        return
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        return
    bound = _bound_against(field.schema, operator, limit)
    if bound:
        message = f"no row can ever pass this check: {field.name} has {bound}"
        ctx.report("E508", node, message, "change the check or the bounds of the field")


def _bound_against(schema: Mapping[str, Any], operator: str, limit: float) -> str | None:
    """The bound of a field that rules out every value for which the comparison holds, if one does."""
    most, under = schema.get("maximum"), schema.get("exclusiveMaximum")
    least, over = schema.get("minimum"), schema.get("exclusiveMinimum")
    if operator in (">", ">=", "=="):
        if most is not None and (most < limit or (operator == ">" and most == limit)):
            return f"maximum {most}"
        if under is not None and under <= limit:
            return f"exclusiveMaximum {under}"
    if operator in ("<", "<=", "=="):
        if least is not None and (least > limit or (operator == "<" and least == limit)):
            return f"minimum {least}"
        if over is not None and over >= limit:
            return f"exclusiveMinimum {over}"
    return None


def lower_gates(ctx: AnalysisContext) -> tuple[Gate, ...]:
    """Every gate that could be understood."""
    scope = {m.name: Type("number") for m in GATE_METRICS}
    gates: list[Gate] = []
    of_rows = ctx.names_under("fields").keys() | ctx.names_under("parameters").keys()

    def explain(name: str) -> str | None:
        told = "a gate reads figures of the whole dataset; for a rule over each row, write it under `checks`"
        return told if name in of_rows else None

    for node in ctx.items(ctx.root.get("gates")):
        named = metrics_named([scalar_text(node)])
        unusable = [name for name in named if not ctx.usable("metrics", name, node)]
        if unusable:
            continue
        scope |= dict.fromkeys(named, Type("number"))
        expression, kind = ctx.expression(node, _with_near_metrics(scope, node), explain=explain)
        if expression is None:
            continue
        if not ctx.is_truth(node, kind, "a gate", "compare it: `acceptance >= 0.8`"):
            continue
        _check_shares(ctx, node, expression)
        gates.append(Gate(expression, scalar_text(node, str(value_of(node))), node.span))
    return tuple(gates)


def _check_shares(ctx: AnalysisContext, node: Node, expression: Expression) -> None:
    """Report figures from 0 to 1 that are compared with a number beyond: `acceptance >= 80`."""
    for part in walk(expression):
        if not isinstance(part, Binary) or part.operator not in _COMPARISONS:
            continue
        for figure, other in ((part.left, part.right), (part.right, part.left)):
            if not isinstance(figure, Name) or figure.name not in _SHARES or not isinstance(other, Literal):
                continue
            number = other.value
            if type(number) in (int, float) and not 0 <= number <= 1 and isinstance(node, ScalarNode):
                message = f"'{figure.name}' is a share from 0 to 1, never {number:g}"
                help = f"write {number / 100:.6g}" if 1 < number <= 100 else "write a number from 0 to 1"
                ctx.report("E308", node.place(other.start, other.end), message, help)


def _with_near_metrics(scope: Mapping[str, Type], node: Node) -> Mapping[str, Type]:
    """The figures a gate may read; all that packages measure where it names none of them, to say which is meant."""
    if words_unknown(scalar_text(node)) <= scope.keys():
        return scope
    return {**dict.fromkeys(plugin_names("metrics"), Type("number")), **scope}
