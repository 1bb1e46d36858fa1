"""Texts that are paid for and kept whatever they are."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.diagnostics import Diagnostic
from synthspec.inference.backends import provider_of
from synthspec.languages.expressions import names_of
from synthspec.spec import Bounds, Field, Prompt, Spec
from synthspec.spec.backends_used import endpoints_of
from synthspec.spec.conversation import holds_prose

_GUIDED = ("regex", "grammar")


def texts_without_rules(spec: Spec) -> Iterator[Diagnostic]:
    """The first text field of a paid prompt, where the spec has no rule about any text that a prompt writes.

    Said once a spec, and only of calls that cost money: who judges one text has thought of refusals and cut
    replies, and a trial without cost shows them.
    """
    fields = {field.name: field for field in spec.fields}
    written = [(p, fields[w]) for p in spec.prompts for w in p.writes if w in fields and _is_text(fields[w])]
    judged = _judged(spec)
    if any(_has_rule(p, f) or f.name in judged for p, f in written):
        return
    for prompt, field in written:
        if not all(provider_of(c.provider).free for c in endpoints_of(spec, prompt).values()):
            message = f"no rule says what '{field.name}' must be: a refusal or half a reply would be a row"
            help = "add a rule to the field, such as `words: {min: 5}`, or a check that reads it"
            yield Diagnostic("W741", message, field.span, help)
            return


def _is_text(field: Field) -> bool:
    return field.value is None and holds_prose(field)


def _has_rule(prompt: Prompt, field: Field) -> bool:
    bounded = any(b != Bounds() for b in (field.words, field.sentences, field.turns)) or bool(field.rejects)
    return bounded or bool(field.schema.keys() - {"type", "description"}) or prompt.format in _GUIDED


def _judged(spec: Spec) -> frozenset[str]:
    """The fields that a check, a computed field or a rule between rows reads."""
    read = [names_of(check.expression) for check in spec.checks]
    read += [names_of(field.value) for field in spec.fields if field.value is not None]
    rules = spec.novelty
    between = (rules.near_duplicates, rules.semantic, rules.no_copies, rules.decontaminate)
    named = [frozenset(rule.fields) for rule in between if rule is not None]
    return frozenset(rules.unique).union(*read, *named)
