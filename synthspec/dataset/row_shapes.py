"""Shapes of a row: a plain table, or what training libraries read.

    output: {shape: messages}
    output: {shape: {kind: messages, user: relative, assistant: doctor, keep: [emotion]}}

Each role of a shape is played by a field: the one the spec names, else the first of those with a usual name.
A usual name that belongs to one role alone names it too: `prompt: question` is `user: question`. Fields without
a role are left out, but for those under `keep`.

A field of `type: messages` is a whole conversation, and plays `messages`; `system` then names a field whose text
stands before it.

- `messages`: `messages`, a list of `{role, content}` (OpenAI, TRL)
- `alpaca`: `instruction`, `input`, `output`, and `system` where there is one
- `sharegpt`: `conversations`, a list of `{from, value}`
- `prompt_completion`: `prompt`, `completion`
- `preference`: `prompt`, `chosen`, `rejected`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from synthspec.dataset.cells import cell_text
from synthspec.dataset.shape_kinds import SHAPE_NAMES, SHAPES, FieldRole, given_turns
from synthspec.dataset.writers import Column
from synthspec.diagnostics import did_you_mean
from synthspec.languages.expressions.types import TEXT, Type
from synthspec.lazy_dataclass import dataclass

RowValues = Mapping[str, Any]
TOOLS = "tools"  # the column of tools that may be called, which stands beside a conversation


@dataclass(frozen=True, slots=True)
class Reshape:
    """A shape fitted to the columns of a dataset."""

    columns: tuple[Column, ...]
    of: Callable[[RowValues], Mapping[str, Any]]


def kind_of(shape: str | Mapping[str, Any]) -> str:
    """The shape's name, whether it is given alone or with its roles."""
    return shape if isinstance(shape, str) else str(shape.get("kind", "table"))


def shape_faults(shape: str | Mapping[str, Any], columns: Sequence[Column]) -> Iterator[str]:
    """Why rows of these columns cannot take the shape; nothing where they can."""
    kind = kind_of(shape)
    if kind != "table" and kind not in SHAPES:
        yield _joined(f"there is no shape '{kind}'", did_you_mean(kind, SHAPE_NAMES))
        return
    roles = SHAPES[kind].roles if kind in SHAPES else ()
    types = {c.name: c.type for c in columns}
    yield from _option_faults(kind, shape, types)
    options = _options(kind, shape)
    played = _played(roles, options, types)
    for role in roles:
        field = played.get(role.name)
        if field is None and role.required and role.name not in options and "messages" not in played:
            usual = ", ".join(role.usual)
            yield (
                f"no field plays '{role.name}' in the shape '{kind}'; "
                f"name one, as in 'shape: {{kind: {kind}, {role.name}: …}}', or call a field one of {usual}"
            )
        elif field in types and role.name != "messages" and types[field].kind in ("list", "map"):
            yield f"'{field}' is {types[field].with_article}, and '{role.name}' in the shape '{kind}' is text"
        elif field in types and role.name == "messages" and types[field].kind not in ("list", "any"):
            yield f"'{field}' is {types[field].with_article}, and 'messages' is a list of maps with role and content"


def fields_played(shape: str | Mapping[str, Any], columns: Sequence[Column]) -> dict[str, str]:
    """The column that plays each role of a shape; of a table none."""
    kind = kind_of(shape)
    roles = SHAPES[kind].roles if kind in SHAPES else ()
    return _played(roles, _options(kind, shape), {c.name: c.type for c in columns})


def _option_faults(kind: str, shape: str | Mapping[str, Any], types: Mapping[str, Type]) -> Iterator[str]:
    """Options that name no role, no column, or a role that another option names as well."""
    names, given = role_names(kind), {} if isinstance(shape, str) else shape
    meant: dict[str, str] = {}
    for option, value in given.items():
        role = names.get(option)
        if option == "kind":
            continue
        if role is None:
            yield _joined(f"the shape '{kind}' has no role '{option}'", did_you_mean(option, [*names]))
        elif role in meant:
            yield f"'{meant[role]}' and '{option}' are the same role of the shape '{kind}'"
        elif role == "keep":
            for name in value if isinstance(value, list | tuple) else [value]:
                if name not in types:
                    yield _joined(f"'keep' names no column: '{name}'", did_you_mean(str(name), types))
        elif not isinstance(value, str):
            yield f"'{option}' is played by one field, not by {len(value)}"
        elif value not in types:
            yield _joined(f"'{option}' names no column: '{value}'", did_you_mean(value, types))
        if role is not None:
            meant[role] = option


def role_names(kind: str) -> dict[str, str]:
    """Every name under which a role of the shape may be given, and the role.

    >>> role_names("preference")["question"], role_names("messages")["prompt"]
    ('prompt', 'user')
    """
    roles = SHAPES[kind].roles if kind in SHAPES else ()
    names = {r.name: r.name for r in roles}
    for role in roles:
        for name in role.usual:
            if name not in names and sum(name in r.usual for r in roles) == 1:
                names[name] = role.name
    return {**names, "keep": "keep"} if roles else {}


def _options(kind: str, shape: str | Mapping[str, Any]) -> dict[str, Any]:
    """The fields named, by role."""
    names = role_names(kind)
    return {} if isinstance(shape, str) else {names[k]: v for k, v in shape.items() if k in names}


def open_shape(
    shape: str | Mapping[str, Any], columns: Sequence[Column], tools: Mapping[str, str] | None = None
) -> Reshape:
    """The shape fitted to these columns. It has no faults (`shape_faults`). `tools` are the columns of the tools that
    each conversation may call: that of the one which is written stands beside it, under `tools`."""
    kind = kind_of(shape)
    if kind == "table":
        return Reshape(tuple(columns), lambda row: row)
    options = _options(kind, shape)
    made = SHAPES[kind]
    types = {c.name: c.type for c in columns}
    fields = _played(made.roles, options, types)
    converses = "messages" in fields and _is_conversation(types[fields["messages"]])
    given = options.get("keep", ())
    keep = [given] if isinstance(given, str) else list(given)
    declared = (tools or {}).get(fields.get("messages", "")) if converses else None
    if declared is not None and (declared not in types or TOOLS in keep):
        declared = None
    roles = frozenset(fields)

    def reshaped(row: RowValues) -> Mapping[str, Any]:
        if "messages" in roles:
            system = cell_text(row.get(fields["system"])) if "system" in roles else ""
            shaped = given_turns(kind, row.get(fields["messages"]), system, converses)
        else:
            shaped = made.make(roles, lambda role: cell_text(row.get(fields[role])))
        if declared is not None:
            shaped = {**shaped, TOOLS: row.get(declared)}
        return {**shaped, **{name: row.get(name) for name in keep if name not in shaped}}

    own = made.columns(roles)
    if converses and kind == "messages":
        own = (
            Column(
                "messages", _with_system(types[fields["messages"]]) if "system" in roles else types[fields["messages"]]
            ),
        )
    if declared is not None:
        own = (*own, Column(TOOLS, types[declared]))
    kept = [c for c in columns if c.name in keep and c.name not in {o.name for o in own}]
    return Reshape((*own, *sorted(kept, key=lambda c: keep.index(c.name))), reshaped)


def _played(roles: Sequence[FieldRole], options: Mapping[str, Any], types: Mapping[str, Type]) -> dict[str, str]:
    """Which field plays each role; a field is taken once, and roles the spec names come first."""
    played = {r.name: str(options[r.name]) for r in roles if options.get(r.name) is not None}
    for role in roles:
        if role.name in options or ("messages" in played and role.name != "messages"):
            continue
        free = (n for n in role.usual if n in types and n not in played.values())
        fits = (n for n in free if role.name != "messages" or types[n].kind in ("list", "any"))
        found = next(fits, None)
        if found is None and role.name == "messages":
            found = next((n for n, t in types.items() if _is_conversation(t)), None)
        if found is not None:
            played[role.name] = found
    return played


def _joined(what: str, remedy: str) -> str:
    return f"{what}; {remedy}" if remedy else what


def _is_conversation(of: Type) -> bool:
    """Whether the values of a type are lists of messages."""
    item = of.item
    return of.kind == "list" and item is not None and {"role", "content"} <= {n for n, _ in item.members or ()}


def _with_system(of: Type) -> Type:
    """The type of a conversation before which a system message stands."""
    assert of.item is not None and of.item.members is not None
    members = tuple((n, TEXT if n == "role" else t) for n, t in of.item.members)
    return Type("list", item=Type("map", members=members))
