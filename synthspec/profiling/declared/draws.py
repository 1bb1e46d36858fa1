"""The parameter of a declared field; none where only a model can write it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, floor
from typing import Any

from synthspec.languages.patterns import PatternFault, parse_pattern
from synthspec.lazy_dataclass import dataclass
from synthspec.profiling.columns.digits import written
from synthspec.profiling.columns.personal import kind_by_header
from synthspec.profiling.declared.fields import DeclaredField
from synthspec.profiling.draws import has_faker, literal

SPAN = 100  # between the ends of a number of which one at most is declared
FIRST_DAY, LAST_DAY = "2020-01-01", "2025-12-31"
CODE = 24  # characters of the longest text that is a code or a name, not a sentence


@dataclass(frozen=True, slots=True)
class ProposedDraw:
    """A parameter, the expression of the field where it is not the parameter's name, and what is said of them.

    `telling` is true of what a prompt should know.
    """

    parameter: Any
    value: str = ""
    remarks: tuple[str, ...] = ()
    telling: bool = False


def draw_of(name: str, declared: DeclaredField) -> ProposedDraw | None:
    """How a field is drawn."""
    schema = declared.schema
    if declared.counter is not None:
        return ProposedDraw(None, f"index() + {declared.counter}", ("a key that counts",))
    if declared.refers is not None:
        table, rows = declared.refers
        said = (f"A key of {table}, assumed to have {rows} rows: change both together.",)
        return ProposedDraw(f"integer(1, {rows})", "", said)
    if "const" in schema:
        return ProposedDraw(None, literal(schema["const"]), ("always the same",))
    if schema.get("enum") and all(isinstance(v, str | int | float) for v in schema["enum"]):
        return ProposedDraw(list(dict.fromkeys(schema["enum"])), "", _said(declared, "equally likely"), True)
    readers: dict[str, Callable[[str, DeclaredField], ProposedDraw | None]] = {
        "boolean": _boolean, "integer": _integer, "number": _number, "string": _text,
    }  # fmt: skip
    read = readers.get(str(schema.get("type", "string")))
    return read(name, declared) if read is not None else None


def _said(declared: DeclaredField, guess: str = "") -> tuple[str, ...]:
    parts = [p for p in (str(declared.schema.get("description", "")).strip().rstrip("."), *declared.notes) if p]
    parts += [f"a guess: {guess}"] if guess else []
    text = "; ".join(" ".join(p.split()) for p in parts)
    return (f"{text[:1].upper()}{text[1:]}.",) if text else ()


def _boolean(name: str, declared: DeclaredField) -> ProposedDraw:
    return ProposedDraw([True, False], "", _said(declared, "as often true as false"), True)


def _ends(schema: Mapping[str, Any]) -> tuple[float, float, str]:
    """The least and the greatest value, and which of them is a guess."""
    low = _number_of(schema, "minimum", "exclusiveMinimum")
    high = _number_of(schema, "maximum", "exclusiveMaximum")
    guess = "" if low is not None and high is not None else "no least value is declared"
    if low is not None and high is None:
        guess = "no greatest value is declared"
    if low is None and high is None:
        return 0, SPAN, "no bounds are declared"
    if low is None:
        low = min(0, (high or 0) - SPAN)
    return low, high if high is not None else low + SPAN, guess


def _number_of(schema: Mapping[str, Any], *keywords: str) -> float | None:
    return next((schema[k] for k in keywords if isinstance(schema.get(k), int | float)), None)


def _integer(name: str, declared: DeclaredField) -> ProposedDraw | None:
    schema = declared.schema
    low, high, guess = _ends(schema)
    least, most = ceil(low), floor(high)
    least += schema.get("exclusiveMinimum") == least and "minimum" not in schema
    most -= schema.get("exclusiveMaximum") == most and "maximum" not in schema
    step = schema.get("multipleOf")
    if isinstance(step, int) and not isinstance(step, bool) and step > 1:
        least, most = ceil(least / step), floor(most / step)
    else:
        step = 1
    if least > most or max(abs(least), abs(most)) > 2**53:
        return None
    call = f"integer({least}, {most})" + (f" * {step}" if step > 1 else "")
    return ProposedDraw(call, "", _said(declared, guess), True)


def _number(name: str, declared: DeclaredField) -> ProposedDraw | None:
    low, high, guess = _ends(declared.schema)
    if not low < high:
        return ProposedDraw(None, written(low)) if low == high else None
    decimals = declared.schema.get("decimals", 2 if high - low >= 1 else 4)
    step = declared.schema.get("multipleOf")
    if isinstance(step, int | float) and step > 0:
        places = max(0, -floor(_exponent(float(step))))
        return ProposedDraw(f"round(integer({ceil(low / step)}, {floor(high / step)}) * {written(step)}, {places})", "",
                     _said(declared, guess), True)  # fmt: skip
    margin = 10.0**-decimals if {"exclusiveMinimum", "exclusiveMaximum"} & set(declared.schema) else 0.0
    call = f"round(uniform({written(low + margin)}, {written(high - margin)}), {decimals})"
    return ProposedDraw(call, "", _said(declared, guess or "every value alike"), True)


def _exponent(step: float) -> float:
    text = written(step)
    return -float(len(text.split(".")[1])) if "." in text else 0.0


def _text(name: str, declared: DeclaredField) -> ProposedDraw | None:
    schema = declared.schema
    form = schema.get("format")
    calls = {
        "date": f"date('{FIRST_DAY}', '{LAST_DAY}')",
        "date-time": f"datetime('{FIRST_DAY}T00:00:00', '{LAST_DAY}T23:59:59')",
        "time": "time('00:00:00', '23:59:59')",
    }
    if form in calls:
        return ProposedDraw(calls[form], "", _said(declared, "no bounds are declared"), True)
    if form == "uuid":
        return ProposedDraw(None, "uuid()", ("universally unique identifiers",))
    if isinstance(schema.get("pattern"), str):
        return _pattern(schema, declared)
    kind = kind_by_header(declared.header) or (kind_by_header("email") if form == "email" else None)
    if kind is not None and schema.get("type", "string") == "string":
        value = {"faker": kind.provider} if has_faker() else {"pattern": kind.pattern}
        return ProposedDraw(value, "", _said(declared, f"{kind.name}, by the field's name"))
    patterns = {
        "ipv4": r"(10|172|192)(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}",
        "ipv6": "2001:db8(:[1-9a-f][0-9a-f]{0,3}){6}",
        "uri": "https://example\\.(com|org|net)/[a-z]{3,12}",
        "hostname": r"[a-z]{3,10}\.example\.(com|org|net)",
    }
    if form in patterns:
        return ProposedDraw({"pattern": patterns[form]}, "", _said(declared))
    most = schema.get("maxLength")
    if isinstance(most, int) and most <= 3:
        low = max(1, int(schema.get("minLength", most) or 1))
        return ProposedDraw({"pattern": f"[A-Z]{{{low},{most}}}"}, "", _said(declared, "capital letters"))
    return None


def _pattern(schema: Mapping[str, Any], declared: DeclaredField) -> ProposedDraw | None:
    """Texts of the pattern, where it can be written from and every text is long enough."""
    regex = str(schema["pattern"]).removeprefix("^")
    regex = regex[:-1] if regex.endswith("$") and not regex.endswith("\\$") else regex
    try:
        texts = parse_pattern(regex).generate_many([(i + 0.5) / 64 for i in range(64)])
    except PatternFault:
        return None
    low, high = schema.get("minLength", 0), schema.get("maxLength", 10**6)
    if not all(low <= len(t) <= high for t in texts):
        return None
    return ProposedDraw({"pattern": regex}, "", _said(declared))
