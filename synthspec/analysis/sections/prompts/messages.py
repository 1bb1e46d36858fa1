"""What a prompt says: `system` and `user`, `messages` in their place, or the bare text of `complete`."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.analysis.sections.items import FORM, lower_item
from synthspec.analysis.sections.prompts.each import TemplateScope
from synthspec.analysis.sections.scope import Scope
from synthspec.diagnostics import Related
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.types import ANY
from synthspec.languages.templates.template import Template
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Each, MessageTemplate

_ROLES: tuple[Literal["system", "user", "assistant"], ...] = ("system", "user", "assistant")
_BESIDE_MESSAGES = ("user", "system", "complete")
_BESIDE_COMPLETE = ("user", "system", "messages", "tools", "images", "verbalize")


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a prompt says, and every name it reads to say it."""

    user: Template = field(default_factory=lambda: Template(""))
    system: Template | None = None
    messages: tuple[MessageTemplate, ...] = ()
    complete: Template | None = None
    reads: frozenset[str] = frozenset()
    sound: bool = True  # False where a loop of it is at fault: what else it reads is not known

    @property
    def is_empty(self) -> bool:
        """Whether there was no template to read: the prompt is at fault already."""
        return not (self.sound and (self.user.text or self.messages or self.complete))


def lower_spoken(ctx: AnalysisContext, node: MapNode, reading: TemplateScope) -> Spoken:
    """The templates of a prompt."""
    messages, complete = node.get("messages"), node.get("complete")
    clash = _clash(node)
    if clash is not None:
        one, other, help = clash
        related = (Related((node.key(one) or node).span, f"`{one}` is here"),)
        message = f"a prompt with `{one}` has no `{other}`"
        ctx.report("E470", node.key(other) or node, message, help, related)
    if messages is not None:
        return _messages(ctx, messages, reading)
    if complete is not None:
        text = ctx.template(complete, reading.scope, reading.explain, reading.nulls) or Template("")
        return Spoken(complete=text, reads=text.reads)
    system = ctx.template(node.get("system"), reading.scope, reading.explain, reading.nulls)
    user = ctx.template(node.get("user"), reading.scope, reading.explain, reading.nulls) or Template("")
    return Spoken(user, system, reads=user.reads | (system.reads if system is not None else frozenset()))


def _clash(node: MapNode) -> tuple[str, str, str] | None:
    """Two keys that exclude each other, and what to do."""
    for other in _BESIDE_COMPLETE if node.get("complete") is not None else ():
        if node.get(other) is not None:
            return "complete", other, "raw completion knows no messages: write all of the text under `complete`"
    for other in _BESIDE_MESSAGES if node.get("messages") is not None else ():
        if node.get(other) is not None:
            help = f"write it as a message: `messages: [{{{other}: …}}, …]`" if other != "complete" else "keep one"
            return "messages", other, help
    return None


def _messages(ctx: AnalysisContext, node: Node, reading: TemplateScope) -> Spoken:
    entries = [e for e in ctx.items(node) if isinstance(e, MapNode)]
    found: list[MessageTemplate] = []
    reads: set[str] = set()
    sound = True
    for number, entry in enumerate(entries):
        _order(ctx, entry, number == 0, number == len(entries) - 1)
        each, scope = None, reading.scope
        if (loop := entry.get("for")) is not None:
            each, scope = _lower_for(ctx, loop, reading)
            reads |= names_of(each.items) if each is not None else set()
            sound = sound and each is not None
        for role in _ROLES:
            text = ctx.template(entry.get(role), scope, reading.explain, reading.nulls)
            if text is not None:
                found.append(MessageTemplate(role, text, each, number))
                reads |= text.reads - ({each.name} if each is not None else set())
    return Spoken(messages=tuple(found), reads=frozenset(reads), sound=sound)


def _order(ctx: AnalysisContext, entry: MapNode, first: bool, last: bool) -> None:
    """Whether a message stands where a model takes one."""
    looped = entry.get("for") is not None
    if not any(entry.get(role) is not None for role in _ROLES):
        ctx.report("E471", entry, "this message says nothing", "write `system: …`, `user: …` or `assistant: …`")
        return
    if (system := entry.key("system")) is not None and (looped or not first):
        where = "outside of a `for`" if looped else "first"
        ctx.report("E471", system, f"a system message stands {where}", "move it to the beginning of `messages`")
    elif last and looped:
        message = "the last message is in a `for`, which may have nothing to go through"
        ctx.report("E471", entry.key("for") or entry, message, "end with `{user: …}`: what the model is to answer")
    elif last and (entry.get("user") is None or entry.get("assistant") is not None):
        at = entry.key("assistant") or entry.key("system") or entry
        ctx.report(
            "E471", at, "the last message is not the user's", "end with `{user: …}`: what the model is to answer"
        )


def _lower_for(ctx: AnalysisContext, node: Node, reading: TemplateScope) -> tuple[Each | None, Scope]:
    """The list that a message is written for each item of, and the names in scope of what is said."""
    each, kind = lower_item(ctx, node, "for", reading.scope, reading.explain)
    if each is None:
        form = FORM.match(node.text) if isinstance(node, ScalarNode) else None
        return None, Scope({form.group(1): ANY} if form is not None else {}, reading.scope)
    if each.name in reading.taken:
        message = f"the name '{each.name}' is taken: a parameter or field has it, or it has a meaning of its own"
        ctx.report("E432", node, message, "give the item a name of its own")
        return None, Scope({each.name: ANY}, reading.scope)
    return each, Scope({each.name: kind}, reading.scope)
