"""The built-in functions of the expression language: one entry of a table each, and what they do.

What the functions of text do is in `texts.py`; whole columns of numbers at once in `vectors.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any

from synthspec.languages.expressions import transcendental
from synthspec.languages.expressions.evaluation.values import is_null, moment, settle, whole
from synthspec.languages.expressions.functions import choosing, code, placed, schemas, texts, vectors
from synthspec.languages.expressions.functions.signatures import Function, function
from synthspec.languages.expressions.types import ANY, BOOLEAN, INTEGER, NUMBER, TEXT, Type, join


def _same(given: Sequence[Type]) -> Type:
    return Type(given[0].kind, item=given[0].item, members=given[0].members)


def _some(given: Sequence[Type]) -> Type:
    """A list of the same items, of which some may be left out."""
    length = given[0].length
    return replace(_same(given), length=None if length is None else (0, length[1]))


def _each_once(given: Sequence[Type]) -> Type:
    length = given[0].length
    return replace(_same(given), length=None if length is None else (min(1, length[0]), length[1]))


def _zipped(given: Sequence[Type]) -> Type:
    """A list of maps that have of each of some lists an item."""
    lists = given[0].members if given[0].kind == "map" else None
    lengths = [kind.length for _, kind in lists or () if kind.length is not None]
    least = max((n[0] for n in lengths), default=0)
    most = min((n[1] for n in lengths if n[1] is not None), default=None)
    members = None if lists is None else tuple((name, kind.item or ANY) for name, kind in lists)
    item = Type("map", members=members, open=given[0].open)
    return Type("list", item=item, length=(least, most) if lengths and least <= (most or least) else None)


def _item(given: Sequence[Type]) -> Type:
    return (given[0].item or ANY) if given[0].kind == "list" else ANY


def _joined(given: Sequence[Type]) -> Type:
    result = given[0]
    for t in given[1:]:
        result = join(result, t)
    return result


def _joined_plain(given: Sequence[Type]) -> Type:
    return Type(_joined(given).kind)


def _extreme(given: Sequence[Type]) -> Type:
    kind = _joined(given) if len(given) > 1 else _item(given)
    return Type(kind.kind, item=kind.item)


def _rounded(given: Sequence[Type]) -> Type:
    return INTEGER if len(given) == 1 else NUMBER


def _list_of_text(given: Sequence[Type]) -> Type:
    return Type("list", item=TEXT)


def _summed(given: Sequence[Type]) -> Type:
    return INTEGER if _item(given).kind == "integer" else NUMBER


def _round(x: float, digits: int = 0) -> Any:
    if not digits:
        return whole(float(round(x)) if isinstance(x, float) else x)
    return settle(round(x, max(-400, min(400, int(digits)))))


def _floor(x: float) -> Any:
    return whole(float(math.floor(x)) if isinstance(x, float) else x)


def _ceil(x: float) -> Any:
    return whole(float(math.ceil(x)) if isinstance(x, float) else x)


def _present(items: Iterable[Any]) -> list[Any]:
    return [i for i in items if not is_null(i)]


def _least(*values: Any) -> Any:
    return min(_present(values[0]) if len(values) == 1 else values)


def _greatest(*values: Any) -> Any:
    return max(_present(values[0]) if len(values) == 1 else values)


def _clip(x: Any, low: Any, high: Any) -> Any:
    return min(max(x, low), high)


def _sum(items: Iterable[Any]) -> Any:
    values = _present(items)
    return settle(math.fsum(values) if any(isinstance(v, float) for v in values) else sum(values))


def _mean(items: Iterable[Any]) -> Any:
    values = _present(items)
    return settle(math.fsum(values) / len(values))


def _distinct(items: Iterable[Any]) -> list[Any]:
    kept: dict[Any, Any] = {}
    for i in items:
        kept.setdefault(repr(i) if isinstance(i, Mapping | list) else (isinstance(i, bool), i), i)
    return list(kept.values())


def _coalesce(*values: Any) -> Any:
    return next((v for v in values if not is_null(v)), None)


def _concat(*values: Any) -> Any:
    return texts.join(values, "")


def _days_between(start: date, end: date) -> int:
    return (moment(end).date() - moment(start).date()).days


def _to_date(x: Any) -> date:
    if isinstance(x, str):
        return datetime.fromisoformat(x.strip()).date()
    return moment(x).date()


def _to_datetime(x: Any) -> datetime:
    return datetime.fromisoformat(x.strip()) if isinstance(x, str) else moment(x)


def _to_time(x: Any) -> time:
    return time.fromisoformat(x.strip()) if isinstance(x, str) else x.time()


# fmt: off
def _of_numbers() -> Iterable[Function]:
    yield function("round(x: number, digits: integer = 0)", _rounded, _round,
                   "the nearest whole number, a half to the even one; or with that many digits",
                   vectors.round_column)
    yield function("floor(x: number)", INTEGER, _floor, "the whole number at or below", vectors.floor_column)
    yield function("ceil(x: number)", INTEGER, _ceil, "the whole number at or above", vectors.ceil_column)
    yield function("abs(x: number)", _same, lambda x: settle(abs(x)),
                   "the value without its sign", vectors.abs_column)
    yield function("sqrt(x: number)", NUMBER, math.sqrt, "the square root; null below 0", vectors.sqrt_column)
    yield function("exp(x: number)", NUMBER, transcendental.exp, "e to the power x; null where too large")
    yield function("log(x: number)", NUMBER, transcendental.log, "the natural logarithm; null at 0 and below")
    yield function("log10(x: number)", NUMBER, transcendental.log10, "the decimal logarithm; null at 0 and below")
    yield function("min(*values: number|text|date|datetime|time|list)", _extreme, _least,
                   "the least of its arguments, or of one list's items", vectors.min_column)
    yield function("max(*values: number|text|date|datetime|time|list)", _extreme, _greatest,
                   "the greatest of its arguments, or of one list's items", vectors.max_column)
    yield function("clip(x: number, low: number, high: number)", _joined_plain, _clip,
                   "x, or the end it is beyond", vectors.clip_column)
    yield function("sum(items: list of number)", _summed, _sum, "the total of a list")
    yield function("mean(items: list of number)", NUMBER, _mean, "the mean of a list; null of an empty one")


def _of_text() -> Iterable[Function]:
    text = "text: text"
    yield function("len(x: list|map|text)", INTEGER, len, "how many items, members or characters")
    yield function(f"chars({text})", INTEGER, len, "how many characters")
    yield function(f"words({text})", INTEGER, texts.count_words,
                   "how many words: runs without a space that contain a letter or digit")
    yield function(f"sentences({text})", INTEGER, texts.count_sentences,
                   "how many sentences, by their end marks and empty lines")
    yield function(f"lines({text})", INTEGER, texts.count_lines, "how many lines")
    yield function(f"lower({text})", TEXT, str.lower, "in small letters")
    yield function(f"upper({text})", TEXT, str.upper, "in capitals")
    yield function(f"title({text})", TEXT, texts.title, "each word with a capital")
    yield function(f"capitalize({text})", TEXT, lambda t: t[:1].upper() + t[1:],
                   "the first letter as a capital")
    yield function(f"strip({text})", TEXT, str.strip, "without space at either end")
    yield function(f"replace({text}, old: text, new: text)", TEXT, texts.replace,
                   "every `old` replaced by `new`")
    yield function(f"contains({text}, part: text)", BOOLEAN, lambda t, p: p in t,
                   "whether the part is in the text")
    yield function(f"starts_with({text}, part: text)", BOOLEAN, str.startswith, "whether the text begins so")
    yield function(f"ends_with({text}, part: text)", BOOLEAN, str.endswith, "whether the text ends so")
    yield function("join(items: list, separator: text = ', ')", TEXT, texts.join, "the items as one text")
    yield function(f"split({text}, separator: text = ' ')", _list_of_text,
                   lambda t, s: texts.split(t, None if s == " " else s), "the pieces of a text, as a list")
    yield function("concat(*values: any)", TEXT, _concat,
                   "all its arguments as one text, nulls left out", nulls=True)


def _of_lists() -> Iterable[Function]:
    yield function("distinct(items: list)", _each_once, _distinct, "the list with each value once")
    yield function("sorted(items: list)", _some, lambda x: sorted(_present(x)),
                   "the list in order, nulls left out")
    yield function("first(items: list)", _item, lambda x: x[0], "the first item; null of an empty list")
    yield function("last(items: list)", _item, lambda x: x[-1], "the last item; null of an empty list")
    yield function("zip(lists: map)", _zipped, choosing.zipped,
                   "equally long lists side by side, as a list of maps: zip({name: names, pay: salaries})",
                   beside=("lists",))
    yield function("count(where: list|text, what: any)", INTEGER, texts.count_items,
                   "how often a value is in a list, or a part in a text")


def _of_time() -> Iterable[Function]:
    day = "date|datetime"
    yield function(f"year(day: {day})", INTEGER, lambda d: d.year, "the year")
    yield function(f"month(day: {day})", INTEGER, lambda d: d.month, "the month, 1 to 12")
    yield function(f"day(day: {day})", INTEGER, lambda d: d.day, "the day of the month")
    yield function(f"weekday(day: {day})", INTEGER, lambda d: d.isoweekday(), "1 Monday to 7 Sunday")
    yield function("hour(moment: datetime|time)", INTEGER, lambda d: d.hour, "the hour, 0 to 23")
    yield function("minute(moment: datetime|time)", INTEGER, lambda d: d.minute, "the minute, 0 to 59")
    yield function(f"days_between(start: {day}, end: {day})", INTEGER, _days_between,
                   "days from one date to another")
    yield function(f"date(x: text|{day})", Type("date"), _to_date,
                   "an ISO text as a date, or a datetime's day")
    yield function(f"datetime(x: text|{day})", Type("datetime"), _to_datetime,
                   "an ISO text or a date as a datetime")
    yield function("time(x: text|datetime)", Type("time"), _to_time, "an ISO text as a time of day")


def _of_any_value() -> Iterable[Function]:
    yield function("fixed(x: number, digits: integer = 2)", TEXT, texts.fixed,
                   "a number with that many decimals")
    yield function("text(x: any)", TEXT, texts.as_text, "the value as text")
    yield function("number(x: any)", NUMBER, texts.as_number,
                   "the value as a number; null when it is not one")
    yield function("integer(x: any)", INTEGER, texts.as_integer,
                   "the value as a whole number; null when not one")
    yield function("missing(x: any)", BOOLEAN, is_null, "whether the value is null", nulls=True)
    yield function("coalesce(*values: any)", _joined, _coalesce,
                   "the first of its arguments not null", nulls=True)


def _of_two_texts() -> Iterable[Function]:
    text = "text: text"
    yield function("similarity(a: text, b: text)", NUMBER, texts.similarity,
                   "shared words over all words of two texts, 0 to 1")
    yield function("overlap(a: text, b: text)", NUMBER, texts.overlap,
                   "the share of a's words that b has, 0 to 1")
    yield function(f"quoted({text}, chunk: text, run: integer = 4)", NUMBER, texts.quoted,
                   "the share of the text's runs of that many words that are in the chunk, 0 to 1")


def _of_choices() -> Iterable[Function]:
    yield function("majority(items: list)", _item, choosing.majority,
                   "the item that occurs most often, nulls left out; of several the first")
    yield function("argmax(scores: list of number)", INTEGER, choosing.argmax,
                   "the place, from 0, of the greatest score, nulls left out; of several the first")
    yield function("best(items: list, scores: list of number)", _item, choosing.best,
                   "the item with the greatest score, nulls left out; of several the first",
                   beside=("items", "scores"))
    yield function("rank(items: list, scores: list of number)", _some, choosing.rank,
                   "the items by their scores, the greatest first; those whose score is null left out",
                   beside=("items", "scores"))


def _of_forms() -> Iterable[Function]:
    yield function("parses(code: text, language: text)", BOOLEAN, code.parses,
                   "whether the text is sound 'python', 'json', 'yaml', 'xml' or 'sql' (the extra `sql`)",
                   written=(("language", code.check_language),))
    yield function("fits(value: any, schema: map)", BOOLEAN, schemas.fits_schema,
                   "whether the value fits a JSON Schema, written as a map",
                   written=(("schema", schemas.schema_faults),))


def _of_the_row() -> Iterable[Function]:
    yield function("address()", TEXT, lambda address: address,
                   "the row's address, such as 17 or 17.3: no other row has it", place=placed.READS["address"])
    yield function("index()", INTEGER, lambda index: index,
                   "the number of the row's combination, from 0", place=placed.READS["index"])
    yield function("uuid()", TEXT, placed.uuid,
                   "a UUID, version 5, of the seed, the field and the row's address", place=placed.READS["uuid"])
# fmt: on


_ALL = (_of_numbers, _of_text, _of_lists, _of_time, _of_any_value, _of_two_texts, _of_choices, _of_forms, _of_the_row)
FUNCTIONS: Mapping[str, Function] = MappingProxyType({f.name: f for some in _ALL for f in some()})


def describe_functions() -> str:
    """The table of functions in `docs/expressions.md`, in Markdown."""
    lines = ["| function | gives |", "|---|---|"]
    for entry in FUNCTIONS.values():
        signature = entry.signature.replace("|", "\\|")
        lines.append(f"| `{signature}` | {entry.summary} |")
    return "\n".join(lines) + "\n"
