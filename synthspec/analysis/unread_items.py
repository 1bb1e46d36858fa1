"""Prompts that go over a list and never read its item: each of their calls says the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synthspec.diagnostics import Diagnostic
from synthspec.diagnostics.remedies import remove
from synthspec.languages.expressions import names_of
from synthspec.spec import Field, Prompt, Spec, ToolDraw


def unread_items(spec: Spec) -> Iterator[Diagnostic]:
    """A prompt with `each` or `map` whose item nothing reads that it is asked by."""
    fields = {field.name: field for field in spec.fields}
    for prompt in spec.prompts:
        for key, over in (("each", prompt.each), ("map", prompt.map)):
            if over is None or over.name in _with_computed(names_said(prompt), fields):
                continue
            if not prompt.is_asked:
                if over.name in _read_anywhere(spec):
                    continue
                message = f"nothing reads '{over.name}': the rows that '{prompt.name}' makes of a list are the same"
                help = f"add a field `value: {over.name}`, or name it in a prompt: {{{{ {over.name} }}}}"
            else:
                message = f"'{prompt.name}' never reads '{over.name}': it asks the same for every item of the list"
                help = f"name it: {{{{ {over.name} }}}}, or " + remove(key)
            yield Diagnostic("W721", message, over.span, help)


def names_said(prompt: Prompt) -> frozenset[str]:
    """Every name that what a prompt says to a model, and to which, hangs on."""
    speakers = prompt.dialogue.speakers if prompt.dialogue is not None else ()
    templates = [prompt.user, prompt.system, prompt.complete, *(m.text for m in prompt.messages)]
    templates += [t for s in speakers for t in (s.system, s.opening)]
    expressions = [*prompt.images, prompt.when, *(s.tools for s in speakers if not isinstance(s.tools, ToolDraw))]
    expressions += [m.each.items for m in prompt.messages if m.each is not None]
    expressions += [prompt.choose.expression if prompt.choose is not None else None]
    if prompt.dialogue is not None:
        expressions += [prompt.dialogue.minimum, prompt.dialogue.maximum, prompt.dialogue.until]
    if prompt.repeat is not None:
        expressions += [prompt.repeat.times, prompt.repeat.until, *prompt.repeat.seed.values()]
    expressions += [prompt.map.items if prompt.map is not None else None]
    found = frozenset[str]().union(*(t.reads for t in templates if t is not None))
    found |= prompt.dialogue.answered if prompt.dialogue is not None else frozenset()
    found |= frozenset[str]().union(*(names_of(e) for e in expressions if e is not None))
    return found | (prompt.examples.reads if prompt.examples is not None else frozenset())


def _with_computed(names: frozenset[str], fields: Mapping[str, Field]) -> frozenset[str]:
    """The names, and all that computed fields among them are computed from."""
    found, todo = set[str](), list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            field = fields.get(name)
            todo.extend(names_of(field.value) if field is not None and field.value is not None else ())
    return frozenset(found)


def _read_anywhere(spec: Spec) -> frozenset[str]:
    """Every name that a prompt, a computed field or a check reads."""
    found = set[str]()
    for prompt in spec.prompts:
        found |= names_said(prompt) | (names_of(prompt.each.items) if prompt.each is not None else frozenset())
    for field in spec.fields:
        found |= names_of(field.value) if field.value is not None else frozenset()
    for check in spec.checks:
        found |= names_of(check.expression) | check.told
    return frozenset(found)
