"""json: one object, or an array of objects."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.formats import FormatFault, Parsed, Shape
from synthspec.formats.instructions.constraints import row_schema
from synthspec.formats.instructions.descriptions import count, describe_all
from synthspec.formats.recovery.coercion import FieldReader
from synthspec.formats.recovery.loose_json import DEPTH, FoundValue, Object, decode
from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.wrappers import before_speaker, read_last
from synthspec.spec.messages import Constraint
from synthspec.spec.rows import Rejection

SUMMARY = "a JSON object, or an array of them"
OPTIONS: Mapping[str, str] = {}
_CUT = "the JSON ends, or breaks, in its middle"
_DRAFTS = frozenset("draft first_draft original initial attempt version_1 v1 before thoughts reasoning".split())
_FOLD = re.compile(r"[\s_\-]+")


def faults(shape: Shape) -> Iterator[FormatFault]:
    """Every set of fields can be written as JSON."""
    seen: dict[str, str] = {}
    for name in shape.names:
        other = seen.setdefault(name, name)
        if other is not name:
            yield f"{name} is written twice", "leave it out once"


def instructions(shape: Shape) -> str:
    """What the prompt tells the model about the reply."""
    one = "{" + ", ".join(f'"{n}": …' for n in shape.names) + "}"
    if shape.rows == 1:
        wanted, skeleton = "one JSON object", one
    else:
        wanted = f'one JSON object whose "rows" holds {count(shape, "object")}'
        skeleton = '{"rows": [' + one + ", …]}"
    return (
        f"Reply with {wanted} and nothing before or after it, no code fence:\n{skeleton}\n"
        f"{_required(shape)}:\n{describe_all(shape)}"
    )


def _required(shape: Shape) -> str:
    optional = [f.name for f in shape.fields if f.optional]
    if not optional:
        return "Every key is required"
    if len(optional) == len(shape.fields):
        return "Every key may be left out"
    return f"Every key is required but {', '.join(optional)}, which may be left out"


def constraint(shape: Shape) -> Constraint:
    """An object of the fields; `{"rows": [...]}` of them for more rows."""
    row = row_schema(shape.fields)
    if shape.rows == 1:
        return Constraint(json_schema=row)
    rows = {"type": "array", "items": row, "minItems": shape.rows, "maxItems": shape.rows}
    return Constraint(
        json_schema={
            "type": "object",
            "properties": {"rows": rows},
            "required": ["rows"],
            "additionalProperties": False,
        }
    )


def write(rows: Sequence[Mapping[str, Any]], shape: Shape) -> str:
    """One object, or `{"rows": [...]}`."""
    made = [{n: row[n] for n in shape.names if n in row} for row in rows]
    value: Any = made[0] if shape.rows == 1 and len(made) == 1 else {"rows": made}
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


def parse(text: str, shape: Shape) -> Parsed:
    """Every whole object that holds the fields, wherever it stands in the reply."""
    return read_last("json", text, shape, _read)


def _read(text: str, shape: Shape) -> Parsed:
    text = before_speaker(text)
    reader = _Rows(shape, text)
    for found in decode(text):
        reader.take(found)
    if not reader.rows and not reader.rejections:
        reader.rejections.append(refuse("json", "no object", "the reply holds no JSON object", text))
    return Parsed(tuple(reader.rows), tuple(reader.rejections))


class _Rows:
    """Rows and rejections gathered from the values of one reply."""

    def __init__(self, shape: Shape, text: str) -> None:
        self.columns = {f.name: FieldReader(f) for f in shape.fields}
        self.folded = {_fold(n): n for n in shape.names}
        self.text = text
        self.many = shape.rows > 1
        self.rows: list[dict[str, Any]] = []
        self.rejections: list[Rejection] = []

    def take(self, found: FoundValue) -> None:
        """A value of the reply; one that holds no object at all is prose in brackets."""
        before = len(self.rows) + len(self.rejections)
        self._value(found.value, self.text[slice(*found.span)], 0)
        if not found.whole and len(self.rows) + len(self.rejections) == before and self._looks(found):
            self._refuse("cut off", _CUT, self.text[slice(*found.span)])

    def _looks(self, found: FoundValue) -> bool:
        return isinstance(found.value, dict) or '"' in self.text[slice(*found.span)]

    def _value(self, value: Any, source: str, depth: int) -> None:
        if depth > DEPTH:
            return
        if isinstance(value, list):
            for item in value:
                if isinstance(item, dict | list):
                    self._value(item, self._source(item, source), depth + 1)
        elif isinstance(value, Object):
            if self._named(value):
                self._row(value, source, depth)
            else:
                self._wrapper(value, source, depth)

    def _source(self, item: Any, source: str) -> str:
        if isinstance(item, Object) and item.span[1]:
            return self.text[slice(*item.span)]
        return json.dumps(item, ensure_ascii=False, default=str)[:400] if isinstance(item, dict) else source

    def _named(self, value: Object) -> dict[str, str]:
        """Field -> the key that holds it: the name itself, else one that differs in case, spaces or lines."""
        keys: dict[str, str] = {n: n for n in self.columns if n in value}
        for key in value:
            name = self.folded.get(_fold(key))
            if name is not None and name not in keys:
                keys[name] = key
        return keys

    def _wrapper(self, value: Object, source: str, depth: int) -> None:
        inner = [v for v in value.values() if isinstance(v, dict | list) and v]
        if not inner:
            why = "the object has none of the fields" if value.whole else "the JSON ends, or breaks, in its middle"
            self._refuse("no field" if value.whole else "cut off", why, source)
        keys = [k.casefold() for k, v in value.items() if isinstance(v, dict | list) and v]
        if len(inner) == 2 and keys[0] in _DRAFTS and keys[1] not in _DRAFTS:
            inner = inner[1:]
        for item in inner:
            self._value(item, self._source(item, source), depth + 1)

    def _row(self, value: Object, source: str, depth: int = 1) -> None:
        keys = self._named(value)
        missing = [n for n, c in self.columns.items() if n not in keys and not c.field.optional]
        if (missing and self._nested(value, keys)) or self._rows_inside(value, keys):
            return self._around(value, source, depth)
        if self._schema(value, keys):
            return self._refuse("a schema", "the object is a schema, not a row", source)
        if value.doubled:
            return self._refuse("a key twice", "a key comes twice, with two values", source)
        if not value.whole:
            return self._refuse("cut off", "the object ends, or breaks, in its middle", source)
        if missing:
            return self._refuse("missing field", f"{', '.join(missing)} is missing", source)
        self.rows.append({n: c.value(value[keys[n]]) for n, c in self.columns.items() if n in keys})
        return None

    def _nested(self, value: Object, keys: Mapping[str, str]) -> bool:
        """Whether a key that happens to be a field's name wraps the rows: `{"review": {...}}`."""
        inner = [value[k] for k in keys.values()]
        return all(isinstance(v, Object) and self._named(v) for v in inner)

    def _rows_inside(self, value: Object, keys: Mapping[str, str]) -> list[list[Any]]:
        """The lists of rows that a wrapper holds under keys that can be no field's: `{"title": …, "rows": [...]}`."""
        own = {k: self.columns[n] for n, k in keys.items()}
        found = []
        for key, inner in value.items():
            if key in own and own[key].kind in ("list", "any"):
                continue
            if isinstance(inner, list) and inner and all(self._complete(v) for v in inner):
                found.append(inner)
        return found

    def _around(self, value: Object, source: str, depth: int) -> None:
        lists = self._rows_inside(value, self._named(value))
        if not lists:
            return self._wrapper(value, source, depth)
        for inner in lists:
            self._value(inner, source, depth + 1)
        return None

    def _complete(self, value: Any) -> bool:
        if not isinstance(value, Object):
            return False
        keys = self._named(value)
        return bool(keys) and all(n in keys or c.field.optional for n, c in self.columns.items())

    def _schema(self, value: Object, keys: Mapping[str, str]) -> bool:
        """Whether the object says what the fields are: `{"title": {"type": "string"}}`."""
        inner = [value[k] for k in keys.values()]
        return bool(inner) and all(isinstance(v, Object) and ("type" in v or "enum" in v or "$ref" in v) for v in inner)

    def _refuse(self, cause: str, why: str, source: str) -> None:
        self.rejections.append(refuse("json", cause, why, source))


def _fold(key: str) -> str:
    return _FOLD.sub("", key).casefold()
