"""What to write where a value is of another kind than the language wants."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from synthspec.diagnostics.remedies import remove, write
from synthspec.document.paths import NodePath
from synthspec.document.schema_branches import wanted_kinds

_RANGE = re.compile(r"\s*(\d+)\s*(?:-|–|to|\.\.)\s*(\d+)\s*")
_DOCUMENTS = (".md", ".txt", ".pdf", ".html", ".docx", ".rst")
_KINDS = {
    "object": "a map",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def kind_names(wanted: str | Iterable[str]) -> str:
    """Kinds of JSON Schema in the words of a message: `a map or a text`."""
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    return " or ".join(_KINDS.get(n, n) for n in names)


def with_note(remedy: str, about: str) -> str:
    """A remedy, and in brackets what the key is for."""
    return remedy + f" ({about})" if about else remedy


def remedy_of_kind(error: Any, path: NodePath, about: str) -> str:
    """What to write instead of a value of another kind; `about` says what the key is for."""
    given = error.instance
    kinds = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
    kinds = wanted_kinds(error) if error.validator in ("anyOf", "oneOf") else list(kinds)
    if error.validator == "type" and kinds == ["string"] and isinstance(given, int | float):
        return f"put it in quotes: '{str(given).lower()}'"
    remedy = _instead(error, path)
    if remedy is not None:
        return remedy
    remedy = _number(given, kinds) or _list(given, kinds) or _map(given, kinds, path)
    return with_note(remedy or (f"write {kind_names(kinds)}" if kinds else "see the language's documentation"), about)


def _number(given: Any, kinds: Sequence[str]) -> str:
    """The number that a text such as `$5` or `1,000` holds."""
    if not isinstance(given, str) or not {"integer", "number"} & set(kinds):
        return ""
    found = re.fullmatch(
        r"[^\w.-]{0,3}\s*(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?:\s*[^\W\d]{0,12}|\s*[^\w\s])", given.strip()
    )
    if found is None or (found[2] and "number" not in kinds):
        return ""
    return write(f"{found[1].replace(',', '')}{found[2] or ''}", "write {}")


def _list(given: Any, kinds: Sequence[str]) -> str:
    if "array" not in kinds or not isinstance(given, str) or len(given) > 80 or "\n" in given:
        return ""
    parts = [part.strip() for part in given.split(",")]
    plain = all(re.fullmatch(r"[\w][\w .-]*", part) for part in parts)
    return write(f"[{', '.join(parts)}]", "write {}") if plain else ""


def _map(given: Any, kinds: Sequence[str], path: NodePath) -> str:
    """A map of names, where a section is anything else."""
    if kinds != ["object"] or len(path) != 1:
        return ""
    names = [v for v in given if isinstance(v, str) and v.isidentifier()] if isinstance(given, list) else []
    whole = 0 < len(names) == len(given) <= 4 if isinstance(given, list) else False
    return f"write `{path[0]}: {{{', '.join(f'{n}: …' for n in (names if whole else ['NAME']))}}}`"


_ROWS_BY_EXPRESSION = (
    "a prompt asks for the same number of rows each time; where it differs from row to row, draw a list with "
    "`rows: EXPRESSION`, or let a prompt write one, and go through it with `each: item in LIST`"
)


def _instead(error: Any, path: NodePath) -> str | None:
    """What to write instead of a value that stands for something else."""
    given = error.instance
    if path[:1] == ("fields",) and len(path) == 3 and path[2] == "required" and isinstance(given, bool):
        return remove() + ": every field is required" if given else write("optional: true")
    if path == ("output", "split") and _are_shares(given):
        names = ("train", "validation", "test") if len(given) == 3 else ("train", "test")
        return write(f"{{{', '.join(f'{n}: {v:g}' for n, v in zip(names, given, strict=True))}}}")
    if not isinstance(given, str) or error.validator not in ("type", "anyOf", "oneOf"):
        return None
    if len(path) == 2 and path[0] == "sources":
        return _source(given)
    if path[:1] == ("prompts",) and path[2:] == ("rows",) and not re.fullmatch(r"\s*[+-]?\d+\s*", given):
        return _ROWS_BY_EXPRESSION
    ends = _RANGE.fullmatch(given)
    if ends and path[-1] in ("words", "sentences", "turns"):
        return write(f"{{min: {ends[1]}, max: {ends[2]}}}")
    kinds = error.validator_value if error.validator == "type" else wanted_kinds(error)
    percent = re.fullmatch(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*", given)
    share = float(percent[1]) / 100 if percent else 0.0
    if percent and path[-2:] == ("output", "split") and 0 < share < 1:
        return f"write {share:.6g}: `{{train: {share:.6g}, test: {1 - share:.6g}}}`"
    if not {"integer", "number"} & set([kinds] if isinstance(kinds, str) else kinds):
        return None
    if percent:
        return write(f"{share:.6g}", "write {}")
    if re.fullmatch(r"[+-]?\d+" if kinds == "integer" else r"[+-]?\d+(\.\d+)?", given.strip()):
        return write(given.strip(), "write the number without quotes: {}", certain=True)
    return None


def _source(given: str) -> str:
    """A source for a path alone: one table, or the documents of a folder or a pattern."""
    if len(given) > 80:
        return "write `{file: PATH}`"
    several = any(c in given for c in "*?[") or given.endswith("/")
    several = several or given.lower().endswith(_DOCUMENTS)
    shown = f"'{given}'" if given[:1] in "*[" else given
    return write(f"{{files: {shown}}}") if several else write(f"{{file: {shown}}}", certain=True)


def _are_shares(given: Any) -> bool:
    return isinstance(given, list) and len(given) in (2, 3) and all(type(v) in (int, float) for v in given)
