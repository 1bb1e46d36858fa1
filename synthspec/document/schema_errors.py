"""What an error of the JSON Schema means to the person who wrote the spec: one useful fault for each mistake."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from synthspec.diagnostics import Diagnostic, Span, did_you_mean, nearest
from synthspec.document.key_hints import hint_for
from synthspec.document.paths import Path, key_span, node_at
from synthspec.document.reader import MapNode, Node, ScalarNode, first_line
from synthspec.document.resources import language_schema

_BAD_FORM = "use letters, digits, hyphens and underscores"
_NAME_A_PROMPT = "a prompt has a name: write `prompts: {review: {user: …}}`"
_BAD_NAME = "a name is a letter or underscore, then letters, digits and underscores"


def useful_errors(error: Any) -> Iterator[Any]:
    """The errors worth showing out of one: for `anyOf`, those of the branch that was meant."""
    if error.validator not in ("anyOf", "oneOf") or not error.context or _one_of_keys(error.schema):
        yield error
        return
    if _bare_weights(error):
        yield error
        return
    branches: dict[int, list[Any]] = {}
    for sub in error.context:
        branches.setdefault(int(sub.schema_path[0]), []).append(sub)
    likely = [b for b in branches.values() if not any(_wrong_kind(e, error) for e in b)]
    likely = [b for b in likely if not _misses_its_mark(b, error)] or likely
    if len(likely) > 1:
        fewest = min(len(b) for b in likely)
        likely = [b for b in likely if len(b) == fewest]
    if len(likely) == 1:
        for sub in likely[0]:
            yield from useful_errors(sub)
    else:
        yield error


def _one_of_keys(schema: Any) -> list[str]:
    """The keys of which a map must have one, the usual one first; none where its `anyOf` says something else."""
    branches = schema.get("anyOf", ()) if isinstance(schema, dict) else ()
    bare = branches and all(set(b) == {"required"} for b in branches if isinstance(b, dict))
    return [str(b["required"][0]) for b in branches] if bare else []


def _bare_weights(error: Any) -> bool:
    """Whether a parameter is a map of values to weights without the `values:` it belongs under."""
    given = error.instance
    draws = any(branch.get("$ref") == "#/$defs/weighted" for branch in error.validator_value)
    if not draws or not isinstance(given, dict) or not given or _branch_keys(error) & set(map(str, given)):
        return False
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in given.values())


def _branch_keys(error: Any) -> set[str]:
    """Every key that a map could have under the branches of an `anyOf`."""
    found: set[str] = set()
    todo = [error.schema]
    while todo:
        schema = todo.pop()
        if "$ref" in schema:
            schema = language_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        found.update(schema.get("properties", {}))
        todo.extend(schema.get("anyOf", ()))
    return found


def _wrong_kind(sub: Any, parent: Any) -> bool:
    """Whether a branch fails because it wants another kind of value altogether, however deeply it says so."""
    if len(sub.absolute_path) > len(parent.absolute_path):
        return False
    if sub.validator in ("anyOf", "oneOf") and sub.context:
        kinds: dict[int, bool] = {}
        for inner in sub.context:
            place = int(inner.schema_path[0])
            kinds[place] = kinds.get(place, False) or _wrong_kind(inner, sub)
        return all(kinds.values())
    return sub.validator in ("type", "enum", "const") and not _could_be_meant(sub)


def _could_be_meant(sub: Any) -> bool:
    """A misspelt word of an enum is still that enum."""
    return sub.validator == "enum" and isinstance(sub.instance, str)


def _misses_its_mark(branch: Sequence[Any], parent: Any) -> bool:
    """Whether a branch lacks the key that marks its kind."""
    return any(e.validator == "required" and e.absolute_path == parent.absolute_path for e in branch)


def explain_error(error: Any, document: MapNode) -> Iterator[tuple[Path, Diagnostic]]:
    """The faults of one error, with the path of the part at fault."""
    path: Path = tuple(error.absolute_path)
    node = node_at(document, path)
    lacks_one = _one_of_keys(error.schema) if error.validator == "anyOf" else []
    if path[:1] == ("prompts",) and len(path) > 1 and (key := _nameless_prompt(document)) is not None:
        yield path[:1], Diagnostic("E204", "this prompt has no name", key.span, _NAME_A_PROMPT)
    elif error.validator == "additionalProperties" and isinstance(node, MapNode):
        allowed = list(error.schema.get("properties", {}))
        for name in error.instance:
            if name not in allowed and isinstance(error.schema.get("additionalProperties"), bool):
                key = node.key(str(name))
                span = key.span if key else node.span
                message = f"'{name}' is not a key of {place_name(path)}"
                elsewhere = hint_for(str(name), path)
                near = nearest(str(name), allowed) or _lost_key(error.schema, error.instance)
                free = [key for key in allowed if key not in error.instance]
                help = f"did you mean '{near}'?" if near else did_you_mean(str(name), free) or "remove it"
                meant = "" if elsewhere else near or ""
                yield (*path, name), Diagnostic("E202", message, span, elsewhere or help, suggestion=meant)
    elif not lacks_one and error.validator in ("anyOf", "oneOf") and isinstance(node, MapNode) and _bare_weights(error):
        shown = ", ".join(f"{e.key.text}: {e.value.text}" for e in node.entries[:4] if isinstance(e.value, ScalarNode))
        rest = ", …" if len(node.entries) > 4 else ""
        message = f"{place_name(path)} has weights without `values`"
        help = f"write `values: {{{shown}{rest}}}`"
        yield path, Diagnostic("E204", message, first_line(_value_span(document, path, node)), help)
    elif not lacks_one and _is_no_branch(error) and isinstance(node, MapNode) and node.entries:
        keys = _branch_keys(error)
        stray = next((e.key for e in node.entries if e.key.text not in keys), None)
        if not keys:  # no branch has any: it is an expression
            message = f"{place_name(path)} is a map of YAML; an expression is needed"
            help = "put the whole in quotes: \"{role: 'user', content: name}\""
            yield path, Diagnostic("E204", message, first_line(node.span), help)
        elif stray is None:
            help = str(error.schema.get("description", ""))
            yield (
                path,
                Diagnostic("E204", f"the keys of {place_name(path)} do not go together", first_line(node.span), help),
            )
        else:
            message = f"'{stray.text}' is not a key of {place_name(path)}"
            near = nearest(stray.text, sorted(set(keys))) or ""
            yield path, Diagnostic("E202", message, stray.span, did_you_mean(stray.text, keys), suggestion=near)
    elif error.validator == "required" or lacks_one:
        name = next(n for n in (lacks_one or error.validator_value) if n not in error.instance)
        allowed = error.schema.get("properties", {})
        others = [str(k) for k in error.instance if str(k) not in allowed]
        if any(nearest(k, [name]) for k in others) or _lost_key(error.schema, error.instance) == name:
            return  # a misspelt key, reported as such
        span = key_span(document, path) or first_line(node.span)
        help = str(error.schema.get("properties", {}).get(name, {}).get("description", ""))
        yield path, Diagnostic("E203", f"{place_name(path)} lacks the key '{name}'", span, _add(name, help))
    elif "propertyNames" in error.absolute_schema_path:
        names = node.entries if isinstance(node, MapNode) else ()
        name = str(error.instance)
        key = next((e.key for e in names if e.key.text == name), None)
        span = key.span if key else first_line(node.span)
        yield (*path, name), Diagnostic("E207", f"'{name}' cannot be a name", span, _better_name(name))
    else:
        code, message, help = _value_fault(error, path)
        yield path, Diagnostic(code, message, first_line(_value_span(document, path, node)), help)


def _is_no_branch(error: Any) -> bool:
    """Whether none of several forms fits a map: one of them takes maps, or they are an expression."""
    if error.validator not in ("anyOf", "oneOf"):
        return False
    return bool(_branch_keys(error)) or {"string", "number", "boolean"} <= set(_wanted_kinds(error))


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
    either = _one_of_keys(schema)
    wanted = schema.get("required", ()) or (() if any(n in instance for n in either) else either[:1])
    missing = [n for n in wanted if n not in instance]
    stray = [str(k) for k in instance if str(k) not in allowed]
    if len(missing) == 1 and len(stray) == 1 and allowed and not nearest(stray[0], set(allowed) - set(missing)):
        return str(missing[0])
    return None


def _better_name(name: str) -> str:
    better = re.sub(r"\W+", "_", name).strip("_")[:64]
    better = f"_{better}"[:64] if better[:1].isdigit() else better
    return f"write `{better}`: {_BAD_NAME}" if better.isidentifier() else _BAD_NAME


def _add(name: str, help: str) -> str:
    return "add `synthspec: 1`" if name == "synthspec" else f"add `{name}: …`" + (f" ({help})" if help else "")


def _value_span(document: MapNode, path: Path, node: Node) -> Span:
    empty = isinstance(node, ScalarNode) and node.text == "" and node.style == ""
    return (key_span(document, path) or node.span) if empty else node.span


def _wanted_kinds(error: Any) -> list[str]:
    """The kinds of value that the branches of an `anyOf` want; none where some want anything else."""
    kinds: dict[str, None] = {}
    for sub in error.context:
        if len(sub.absolute_path) == len(error.absolute_path):
            if sub.validator != "type":
                return []
            kinds.update(
                dict.fromkeys([sub.validator_value] if isinstance(sub.validator_value, str) else sub.validator_value)
            )
    return list(kinds)


_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "greater than {}",
    "exclusiveMaximum": "less than {}",
    "minItems": "of at least {} items",
    "maxItems": "of at most {} items",
    "minProperties": "a map of at least {} keys",
    "minLength": "a text of at least {} characters",
    "maxLength": "a text of at most {} characters",
}


def _value_fault(error: Any, path: Path) -> tuple[str, str, str]:
    what = place_name(path)
    about = str(error.schema.get("description", "")) if isinstance(error.schema, dict) else ""
    value = error.validator_value
    about = _instead(error, path) or about
    if error.validator == "type":
        wanted = _kinds(value)
        help = about or f"write {wanted}"
        if value == "string" and isinstance(error.instance, int | float):
            help = f"put it in quotes: '{str(error.instance).lower()}'"
        return "E204", f"{what} is {_kind(error.instance)}; {wanted} is needed", help
    if error.validator in ("anyOf", "oneOf"):
        kinds = _wanted_kinds(error)
        if kinds:
            message = f"{what} is {_kind(error.instance)}; {_kinds(kinds)} is needed"
            return "E204", message, about or f"write {_kinds(kinds)}"
        return "E204", f"{what} cannot be {_kind(error.instance)}", about or "see the language's documentation"
    if error.validator in ("enum", "const"):
        options = [str(v) for v in value] if error.validator == "enum" else [str(value)]
        return "E205", f"{what} cannot be {_shown(error.instance)}", did_you_mean(str(error.instance), options)
    if error.validator in _LIMITS:
        limit = _LIMITS[str(error.validator)].format(value)
        if value == 1 and error.validator not in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            limit = limit.removesuffix("s")
        return "E206", f"{what} must be {limit}", about or f"write one that is {limit}"
    if error.validator == "pattern" and path == ("name",):
        return "E207", f"{_shown(error.instance)} cannot be a name of a dataset", _dataset_name(str(error.instance))
    if error.validator == "pattern":
        return "E207", f"{_shown(error.instance)} does not have the form of {what}", about or _BAD_FORM
    return "E206", f"{what}: {error.message}", about or "see the language's documentation"


_ROWS_BY_EXPRESSION = (
    "a prompt asks for the same number of rows each time; where it differs from row to row, draw a list with "
    "`rows: EXPRESSION`, or let a prompt write one, and go through it with `each: item in LIST`"
)


def _instead(error: Any, path: Path) -> str | None:
    """What to write instead of a text that stands for something else."""
    given = error.instance
    if not isinstance(given, str) or error.validator not in ("type", "anyOf", "oneOf"):
        return None
    if len(path) == 2 and path[0] == "sources":
        return f"write `{{file: {given}}}`" if len(given) <= 80 else "write `{file: PATH}`"
    if path[:1] == ("prompts",) and path[2:] == ("rows",) and not re.fullmatch(r"\s*[+-]?\d+\s*", given):
        return _ROWS_BY_EXPRESSION
    kinds = error.validator_value if error.validator == "type" else _wanted_kinds(error)
    percent = re.fullmatch(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*", given)
    share = float(percent[1]) / 100 if percent else 0.0
    if percent and path[-2:] == ("output", "split") and 0 < share < 1:
        return f"write {share:.6g}: `{{train: {share:.6g}, test: {1 - share:.6g}}}`"
    if not {"integer", "number"} & set([kinds] if isinstance(kinds, str) else kinds):
        return None
    if percent:
        return f"write {share:.6g}"
    if re.fullmatch(r"[+-]?\d+" if kinds == "integer" else r"[+-]?\d+(\.\d+)?", given.strip()):
        return f"write the number without quotes: {given.strip()}"
    return None


def _dataset_name(name: str) -> str:
    better = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100]
    allowed = "letters a to z, digits, '.', '_' and '-' are allowed, up to 100, the first a letter or digit"
    return f"{allowed}: `{better}`" if better else allowed


def _shown(value: Any) -> str:
    text = str(value)
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "a map"


_KINDS = {
    "object": "a map",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def _kinds(wanted: str | Iterable[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    return " or ".join(_KINDS.get(n, n) for n in names)


def place_name(path: Path) -> str:
    if not path:
        return "the spec"
    shown = ""
    for step in path:
        shown += f"[{step + 1}]" if isinstance(step, int) else (f".{step}" if shown else str(step))
    return f"`{shown}`"
