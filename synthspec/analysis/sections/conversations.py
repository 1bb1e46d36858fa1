"""The type that conversations have in a spec: one for all of its fields of `type: messages`."""

from __future__ import annotations

from collections.abc import Iterable

from synthspec.analysis.sections.context import AnalysisContext, value_of
from synthspec.analysis.sections.who_draws import drawn_by
from synthspec.document.reader import MapNode
from synthspec.languages.expressions.types import Type
from synthspec.spec.conversation import messages_type


def messages_type_of(ctx: AnalysisContext) -> Type:
    """With `name` where speakers of some prompt share a role, with calls where models may call tools."""
    nodes = [e.value for e in ctx.section("prompts").entries if isinstance(e.value, MapNode)]
    named = any(_share_a_role(roles) for node in nodes for roles in (_of_dialogue(node), _of_format(node)))
    tools = bool(ctx.section("tools").entries) or any(True for _ in drawn_by(ctx))
    return messages_type(named=named, tools=tools)


def _share_a_role(roles: Iterable[object]) -> bool:
    listed = list(roles)
    return len(listed) > len(set(map(str, listed)))


def _of_dialogue(prompt: MapNode) -> list[object]:
    speakers = prompt.get("dialogue")
    if not isinstance(speakers, MapNode):
        return []
    return [value_of(e.value.get("as")) for e in speakers.entries if isinstance(e.value, MapNode)]


def _of_format(prompt: MapNode) -> list[object]:
    form = prompt.get("format")
    labels = form.get("turns") if isinstance(form, MapNode) else None
    return [value_of(e.value) for e in labels.entries] if isinstance(labels, MapNode) else []
