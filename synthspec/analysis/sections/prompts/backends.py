"""A prompt's own `backend`: one, a list for its samples, or one chosen for each row."""

from __future__ import annotations

from synthspec.analysis.sections.context import AnalysisContext, Explain, value_of
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.scope import Scope
from synthspec.analysis.sections.settings import lower_backend
from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import remove, write
from synthspec.document.reader import ListNode, MapNode, Node
from synthspec.languages.expressions import names_of
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import BackendChoice, Choose
from synthspec.spec.backends_used import choice_text


@dataclass(frozen=True, slots=True)
class OwnBackends:
    """What a prompt says of its backend, and the names that it reads for it."""

    backend: BackendChoice | None = None
    backends: tuple[BackendChoice, ...] = ()
    choose: Choose | None = None
    reads: frozenset[str] = frozenset()


def lower_own_backends(
    ctx: AnalysisContext, name: str, node: MapNode, around: Surroundings, scope: Scope, explain: Explain
) -> OwnBackends:
    """`backend` of a prompt; what a map leaves out comes from the spec's."""
    own = node.get("backend")
    path = ("prompts", name)
    if isinstance(own, ListNode):
        return _in_turn(ctx, path, node, own, around)
    return lower_one_or_chosen(ctx, path, own, around, scope, explain)


def lower_one_or_chosen(
    ctx: AnalysisContext,
    path: tuple[str, ...],
    own: Node | None,
    around: Surroundings,
    scope: Scope,
    explain: Explain,
) -> OwnBackends:
    """`backend` of a prompt or of a speaker: none, one, or one chosen for each row."""
    if own is None:
        return OwnBackends()
    if isinstance(own, MapNode) and own.get("choose") is not None and own.get("of") is not None:
        if not isinstance(own.get("of"), MapNode):
            return _nothing_to_choose(ctx, path, own)
        return _chosen(ctx, path, own, around, scope, explain)
    return OwnBackends(lower_backend(ctx, own, around.limits, *path, inherits=True))


def _nothing_to_choose(ctx: AnalysisContext, path: tuple[str, ...], own: MapNode) -> OwnBackends:
    """Report an `of` that names no backends."""
    if not ctx.is_broken(*path, "backend"):
        message = "`of` is a map of the backends that `choose` may give, each by its name"
        ctx.report("E453", own.get("of") or own, message, "write `of: {small: PROVIDER:MODEL, large: PROVIDER:MODEL}`")
    return OwnBackends()


def _in_turn(
    ctx: AnalysisContext, path: tuple[str, ...], node: MapNode, own: ListNode, around: Surroundings
) -> OwnBackends:
    found = tuple(lower_backend(ctx, item, around.limits, *path, inherits=True) for item in own.items)
    samples = value_of(node.get("samples"))
    if samples is None:
        message = "a list of backends is for `samples`, which take them in turn"
        ctx.report("E452", node.key("backend") or own, message, f"add `samples: {len(found)}`, or name one backend")
    elif isinstance(samples, int) and samples < len(found):
        message = f"{len(found)} backends for {samples} samples: the last ones are never used"
        ctx.report("W727", own.items[samples], message, write(f"samples: {len(found)}") + ", or remove them")
    return OwnBackends(found[0] if found else None, found if samples is not None else ())


def _chosen(
    ctx: AnalysisContext, path: tuple[str, ...], own: MapNode, around: Surroundings, scope: Scope, explain: Explain
) -> OwnBackends:
    """`{choose: …, of: …}`: every value that is known beforehand must have its backend."""
    at, listed = own.get("choose"), own.get("of")
    assert at is not None and isinstance(listed, MapNode)
    of = {e.key.text: lower_backend(ctx, e.value, around.limits, *path, inherits=True) for e in listed.entries}
    expression, kind = ctx.expression(at, scope, explain=explain)
    if expression is None:
        return OwnBackends()
    if kind.kind in ("list", "map"):
        ctx.report(
            "E453", at, f"`choose` gives a name under `of`; this is {kind.with_article}", "name one of its parts"
        )
        return OwnBackends()
    if kind.values is not None:
        _complete(ctx, at, listed, [choice_text(v) for v in kind.values], of)
    return OwnBackends(choose=Choose(expression, of), reads=names_of(expression))


def _complete(ctx: AnalysisContext, at: Node, listed: MapNode, values: list[str], of: dict[str, BackendChoice]) -> None:
    missing = [v for v in values if v not in of]
    if missing:
        message = f"`choose` gives '{missing[0]}', for which `of` names no backend"
        unused = [n for n in of if n not in values]
        ctx.report("E453", at, message, did_you_mean(missing[0], unused, f"add `{missing[0]}: PROVIDER:MODEL` to `of`"))
        return
    for entry in listed.entries:
        if entry.key.text not in values:
            message = f"`choose` never gives '{entry.key.text}'"
            ctx.report("W726", entry.key, message, did_you_mean(entry.key.text, values, remove()))
            return
