"""Declared fields to a spec: what can be drawn is drawn within its bounds, texts and nested values are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthspec.profiling.declared.draws import draw_of
from synthspec.profiling.declared.fields import KEYWORDS, Declared, DeclaredField
from synthspec.profiling.naming import HeaderNames, in_a_sentence
from synthspec.profiling.proposal import Proposal, ProposedEntry, Section
from synthspec.profiling.remarks import quoted

ROWS = 100
MISSING = 0.1  # of the rows lack a value that may be missing, where nothing says how many
DEEP = frozenset({"object", "array"})


def propose_declared(declared: Declared, name: str) -> Proposal:
    """The spec of declared fields."""
    return _Proposing(declared, name).proposal()


class _Proposing:
    def __init__(self, declared: Declared, name: str) -> None:
        self.declared, self.name = declared, name
        names = HeaderNames()
        self.fields = [(names.give(f.header), f) for f in declared.fields if f.schema.get("type") != "null"]
        self.draws = {n: draw_of(n, f) for n, f in self.fields}
        self.flags = {n: names.give(f"{n}_missing") for n, f in self.fields if f.optional and self.draws[n] is not None}

    def proposal(self) -> Proposal:
        written = [(n, f) for n, f in self.fields if self.draws[n] is None]
        nested = any(f.schema.get("type") in DEEP for _, f in written)
        sections = [
            self.parameters(),
            self.prompt(written) if written else None,
            Section("fields", [ProposedEntry(n, self.field(n, f), self.remark(n, f)) for n, f in self.fields]),
            Section("output", {"formats": ["jsonl"] if nested else ["csv"]}),
        ]
        if written:
            said = "The embedded model tries the spec out. For a dataset to be used, name another: openai:gpt-5-mini"
            sections.append(Section("backend", "ngram", (said,)))
        title = self.declared.name
        of = f"'{title}', as {self.declared.origin} declares it" if title else f"what {self.declared.origin} declares"
        return Proposal(
            self.name,
            " ".join((self.declared.description or f"Rows of {of}.").split()),
            tuple(self.heading(of)),
            ROWS,
            tuple(s for s in sections if s is not None),
        )

    def heading(self, of: str) -> Iterator[str]:
        yield (
            f"Made from {of}. A declaration says what may be, not how often: bounds, weights and shares are guesses "
            "where a comment says so. Change them to what you know."
        )
        if self.flags:
            yield f"What may be missing is missing in {MISSING:.0%} of the rows: a guess, too."
        nulls = [quoted(f.header) for f in self.declared.fields if f.schema.get("type") == "null"]
        if nulls:
            yield f"Left out, for null alone fits them: {', '.join(nulls)}."
        yield from self.declared.lost
        yield ""
        yield f"  synthspec check {self.name}.yaml     finds mistakes, calls no model"
        yield f"  synthspec build {self.name}.yaml     makes the rows"

    def parameters(self) -> Section | None:
        entries = []
        for name, _ in self.fields:
            drawn = self.draws[name]
            if drawn is not None and drawn.parameter is not None:
                entries.append(ProposedEntry(name, drawn.parameter, drawn.remarks))
            if name in self.flags:
                entries.append(ProposedEntry(self.flags[name], f"bernoulli({MISSING})"))
        return Section("parameters", entries) if entries else None

    def prompt(self, written: list[tuple[str, DeclaredField]]) -> Section:
        lines = [f"Write {in_a_sentence([n for n, _ in written])} of a record{self._of()}."]
        beside = [n for n, _ in self.fields if (d := self.draws[n]) is not None and d.telling]
        if beside:
            lines += ["It has:", *(f"{n}: {self._shown(n)}" for n in beside)]
        rules = {"user": "\n".join(lines) + "\n", "writes": [n for n, _ in written]}
        if len(lines) == 1:
            rules["user"] = lines[0]
        return Section("prompts", [ProposedEntry("write", rules)])

    def _of(self) -> str:
        return f" of {self.declared.name}" if self.declared.name else ""

    def _shown(self, name: str) -> str:
        if name in self.flags:
            return f"{{{{ 'unknown' if {self.flags[name]} else {name} }}}}"
        return f"{{{{ {name} }}}}"

    def field(self, name: str, declared: DeclaredField) -> dict[str, Any]:
        drawn = self.draws[name]
        if drawn is None:
            return _written(declared)
        value = drawn.value or name
        if name in self.flags:
            return {"value": f"if {self.flags[name]} then null else {value}", "optional": True}
        return {"value": value}

    def remark(self, name: str, declared: DeclaredField) -> tuple[str, ...]:
        drawn = self.draws[name]
        said = list(declared.notes) if drawn is None else [*(drawn.remarks if drawn.parameter is None else ())]
        if name != declared.header:
            said.insert(0, f"the field {quoted(declared.header)}")
        return (_capital("; ".join(said)) + ".",) if said else ()


def _written(declared: DeclaredField) -> dict[str, Any]:
    """The field of a value that a model writes, with the rules that are declared."""
    rules: dict[str, Any] = {"type": "string", **_plain(declared.schema)}
    if rules["type"] == "string" and not {"pattern", "format", "enum", "maxLength", "minLength"} & set(rules):
        rules["words"] = {"min": 1, "max": 40}
    if declared.optional:
        rules["optional"] = True
    return rules


def _plain(schema: Any) -> dict[str, Any]:
    """The keywords that a field can have, in inner schemas too."""
    found = {k: v for k, v in schema.items() if k in KEYWORDS}
    for inner in ("items", "additionalProperties"):
        if isinstance(found.get(inner), Mapping):
            found[inner] = _plain(found[inner])
    if isinstance(found.get("properties"), Mapping):
        found["properties"] = {k: _plain(v) for k, v in found["properties"].items()}
    if isinstance(found.get("description"), str):
        found["description"] = " ".join(found["description"].split())
    return found


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
