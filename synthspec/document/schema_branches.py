"""Which branch of an `anyOf` of the language's schema was meant, and what the branches ask for between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from synthspec.document.resources import language_schema


def useful_errors(error: Any) -> Iterator[Any]:
    """The errors worth showing out of one: for `anyOf`, those of the branch that was meant."""
    if error.validator not in ("anyOf", "oneOf") or not error.context or one_of_keys(error.schema):
        yield error
        return
    if has_bare_weights(error):
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


def one_of_keys(schema: Any) -> list[str]:
    """The keys of which a map must have one, the usual one first; none where its `anyOf` says something else."""
    branches = schema.get("anyOf", ()) if isinstance(schema, dict) else ()
    bare = branches and all(set(b) == {"required"} for b in branches if isinstance(b, dict))
    return [str(b["required"][0]) for b in branches] if bare else []


def has_bare_weights(error: Any) -> bool:
    """Whether a parameter is a map of values to weights without the `values:` it belongs under."""
    given = error.instance
    draws = any(branch.get("$ref") == "#/$defs/weighted" for branch in error.validator_value)
    if not draws or not isinstance(given, dict) or not given or branch_keys(error) & set(map(str, given)):
        return False
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in given.values())


def is_no_branch(error: Any) -> bool:
    """Whether none of several forms fits a map: one of them takes maps, or they are an expression."""
    if error.validator not in ("anyOf", "oneOf"):
        return False
    return bool(branch_keys(error)) or {"string", "number", "boolean"} <= set(wanted_kinds(error))


def branch_keys(error: Any) -> set[str]:
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


def wanted_kinds(error: Any) -> list[str]:
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
