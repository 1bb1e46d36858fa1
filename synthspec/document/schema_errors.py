"""What an error of the JSON Schema means to the person who wrote the spec: one useful fault for each mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from synthspec.diagnostics import Diagnostic, Span, did_you_mean, nearest
from synthspec.diagnostics.remedies import add_above, remove, suggest, write
from synthspec.document.key_hints import hint_for
from synthspec.document.paths import NodePath, key_span, node_at, place_name
from synthspec.document.reader import MapNode, Node, ScalarNode, first_line
from synthspec.document.schema_branches import branch_keys, has_bare_weights, is_no_branch, one_of_keys
from synthspec.document.value_errors import value_error
from synthspec.document.value_remedies import with_note

_NAME_A_PROMPT = "a prompt has a name: write `prompts: {review: {user: …}}`"
_BAD_NAME = "a name is a letter or underscore, then letters, digits and underscores"

Explained = Iterator[tuple[NodePath, Diagnostic]]


def explain_error(error: Any, document: MapNode) -> Explained:
    """The faults of one error, with the path of the part at fault."""
    path: NodePath = tuple(error.absolute_path)
    node = node_at(document, path)
    several = error.validator in ("anyOf", "oneOf")
    one_of = one_of_keys(error.schema) if error.validator == "anyOf" else []
    if path[:1] == ("prompts",) and len(path) > 1 and (key := _nameless_prompt(document)) is not None:
        yield path[:1], Diagnostic("E204", "this prompt has no name", key.span, _NAME_A_PROMPT)
    elif error.validator == "additionalProperties" and isinstance(node, MapNode):
        yield from _unknown_keys(error, path, node)
    elif several and not one_of and isinstance(node, MapNode) and has_bare_weights(error):
        yield path, _bare_weights(path, node, _value_span(document, path, node))
    elif not one_of and is_no_branch(error) and isinstance(node, MapNode) and node.entries:
        yield path, _no_form_fits(error, path, node)
    elif error.validator == "required" or one_of:
        span = key_span(document, path) or first_line(node.span)
        yield from _missing_key(error, path, span, one_of or error.validator_value)
    elif "propertyNames" in error.absolute_schema_path:
        yield _bad_name(str(error.instance), path, node)
    else:
        code, message, help = value_error(error, path)
        yield path, Diagnostic(code, message, first_line(_value_span(document, path, node)), help)


def _unknown_keys(error: Any, path: NodePath, node: MapNode) -> Explained:
    allowed = list(error.schema.get("properties", {}))
    if not isinstance(error.schema.get("additionalProperties"), bool):
        return
    for name in error.instance:
        if name in allowed:
            continue
        key = node.key(str(name))
        elsewhere = hint_for(str(name), path, error.instance[name])
        near = nearest(str(name), allowed) or _lost_key(error.schema, error.instance)
        free = [key for key in allowed if key not in error.instance]
        help = suggest(near) if near else did_you_mean(str(name), free) or remove()
        message = f"'{name}' is not a key of {place_name(path)}"
        span = key.span if key else node.span
        yield (*path, name), Diagnostic("E202", message, span, elsewhere or help)


def _bare_weights(path: NodePath, node: MapNode, span: Span) -> Diagnostic:
    shown = ", ".join(f"{e.key.text}: {e.value.text}" for e in node.entries[:4] if isinstance(e.value, ScalarNode))
    message = f"{place_name(path)} has weights without `values`"
    ends = [e.key.text for e in node.entries]
    if path[:1] == ("parameters",) and (hint := hint_for(ends[0], path)) and len(ends) <= 2:
        return Diagnostic("E202", f"'{ends[0]}' is not a key of {place_name(path)}", node.entries[0].key.span, hint)
    help = write(f"values: {{{shown}}}") if len(node.entries) <= 4 else f"write `values: {{{shown}, …}}`"
    return Diagnostic("E204", message, first_line(span), help)


def _no_form_fits(error: Any, path: NodePath, node: MapNode) -> Diagnostic:
    """A map that is none of the forms it could have: the first key that no form has, or how they go together."""
    keys = branch_keys(error)
    if not keys:  # no branch has any: it is an expression
        message = f"{place_name(path)} is a map of YAML; an expression is needed"
        help = "put the whole in quotes: \"{role: 'user', content: name}\""
        return Diagnostic("E204", message, first_line(node.span), help)
    stray = next((e.key for e in node.entries if e.key.text not in keys), None)
    if stray is None:
        message = f"the keys of {place_name(path)} do not go together"
        help = with_note("keep the keys of one form", str(error.schema.get("description", "")))
        return Diagnostic("E204", message, first_line(node.span), help)
    message = f"'{stray.text}' is not a key of {place_name(path)}"
    return Diagnostic("E202", message, stray.span, hint_for(stray.text, path) or did_you_mean(stray.text, keys))


def _missing_key(error: Any, path: NodePath, span: Span, wanted: list[str]) -> Explained:
    name = next(n for n in wanted if n not in error.instance)
    allowed = error.schema.get("properties", {})
    others = [str(k) for k in error.instance if str(k) not in allowed]
    if any(nearest(k, [name]) for k in others) or _lost_key(error.schema, error.instance) == name:
        return  # a misspelt key, reported as such
    help = str(allowed.get(name, {}).get("description", ""))
    yield path, Diagnostic("E203", f"{place_name(path)} is missing the key '{name}'", span, _add(name, help))


def _bad_name(name: str, path: NodePath, node: Node) -> tuple[NodePath, Diagnostic]:
    key = node.key(name) if isinstance(node, MapNode) else None
    span = key.span if key else first_line(node.span)
    return (*path, name), Diagnostic("E207", f"'{name}' cannot be a name", span, _better_name(name))


def _nameless_prompt(document: MapNode) -> ScalarNode | None:
    """The key `user` or `system` that stands where the name of a prompt should."""
    prompts = document.get("prompts")
    if not isinstance(prompts, MapNode):
        return None
    return next(
        (e.key for e in prompts.entries if e.key.text in ("user", "system") and isinstance(e.value, ScalarNode)), None
    )


def _lost_key(schema: Any, instance: Any) -> str | None:
    """The one required key that is missing where one key too many stands, near to no other: it was meant."""
    allowed = schema.get("properties", {})
    either = one_of_keys(schema)
    wanted = schema.get("required", ()) or (() if any(n in instance for n in either) else either[:1])
    missing = [n for n in wanted if n not in instance]
    stray = [str(k) for k in instance if str(k) not in allowed]
    if len(missing) == 1 and len(stray) == 1 and allowed and not nearest(stray[0], set(allowed) - set(missing)):
        return str(missing[0])
    return None


def _better_name(name: str) -> str:
    better = re.sub(r"\W+", "_", name).strip("_")[:64]
    better = f"_{better}"[:64] if better[:1].isdigit() else better
    return write(better) + f": {_BAD_NAME}" if better.isidentifier() else _BAD_NAME


def _add(name: str, help: str) -> str:
    return add_above("synthspec: 1") if name == "synthspec" else f"add `{name}: …`" + (f" ({help})" if help else "")


def _value_span(document: MapNode, path: NodePath, node: Node) -> Span:
    empty = isinstance(node, ScalarNode) and node.text == "" and node.style == ""
    return (key_span(document, path) or node.span) if empty else node.span
