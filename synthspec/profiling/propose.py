"""A profile to the spec that makes such rows: what is drawn, what is written by a model, and what is said of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synthspec.profiling.columns.classify import mark
from synthspec.profiling.columns.languages import LOCALES
from synthspec.profiling.columns.personal import tells_of_people
from synthspec.profiling.columns.profile import (
    ColumnProfile,
    Conversations,
    Counter,
    Empty,
    Labels,
    Moments,
    Numbers,
    OneValue,
    People,
    SampledTexts,
    Texts,
    Uuids,
)
from synthspec.profiling.draws import SOURCE, following, labels, literal, numbers, other
from synthspec.profiling.naming import in_a_sentence, is_plain
from synthspec.profiling.profile import Profile
from synthspec.profiling.proposal import Proposal, ProposedEntry, Section
from synthspec.profiling.remarks import following_remark, quoted, remarks, share, talk_remark, text_remark
from synthspec.profiling.sample import LONGEST
from synthspec.profiling.source_copy import copy_of
from synthspec.profiling.writing import novelty, prompts, talk_rules, text_rules

ROWS = 500
MOST_LISTED = 100


def propose(profile: Profile, name: str) -> Proposal:
    """The spec that a sample suggests."""
    return _Proposing(profile, name).proposal()


class _Proposing:
    def __init__(self, profile: Profile, name: str) -> None:
        self.profile, self.name = profile, name
        self.columns = [c for c in profile.columns if not isinstance(c.kind, Empty)]
        self.relations = profile.relations
        self.depends = {d.child: d for d in self.relations.depends}
        self.by_label = {b.child: b for b in self.relations.by_label}
        self.computed = {c.child: c for c in self.relations.computed}
        self.follows = {f.child: f for f in self.relations.follows}
        languages = [c.kind.language for c in self.columns if isinstance(c.kind, Texts) and c.kind.language]
        self.locale = LOCALES.get(languages[0], "en_US") if languages else "en_US"
        self.taken = {c.name for c in profile.columns} | {SOURCE}
        self.flags = dict(self._flags())
        self.copied = copy_of(profile)
        together = self.relations.same_row if self.copied.rows else ()
        self.brings = {s.owner: s.brought for s in together}
        self.rows_of: dict[
            str, tuple[str, str]
        ] = {}  # the parameter that is the row, and the column that brings others
        for each in together:
            row = self.fresh(f"{each.owner}_row")
            self.rows_of |= dict.fromkeys((each.owner, *each.brought), (row, each.owner))

    def _flags(self) -> Iterator[tuple[str, str]]:
        """For each column that is sometimes missing, the parameter that says so; one for those missing together."""
        groups = {n: g for g in self.relations.together for n in g}
        given: dict[tuple[str, ...], str] = {}
        for column in self.columns:
            if column.missing:
                group = groups.get(column.name, (column.name,))
                if group not in given:
                    given[group] = self.fresh(
                        "_and_".join(group[:2]) + ("_more" if len(group) > 2 else "") + "_missing"
                    )
                yield column.name, given[group]

    def fresh(self, name: str) -> str:
        """A name that no column has."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def proposal(self) -> Proposal:
        sample = self.profile.sample
        texts = [c for c in self.columns if isinstance(c.kind, Texts)]
        talks = [c for c in self.columns if isinstance(c.kind, Conversations)]
        copied = self.copied
        data = f"data/{self.name}.jsonl" if copied.rows else ""
        sections = [
            Section("sources", [ProposedEntry(SOURCE, {"file": data})], copied.remarks) if data else None,
            self.parameters(),
            self.plan(),
            prompts(self.profile, self.flags, copied) if texts or talks else None,
            self.fields(),
            novelty(self.profile, copied),
            Section("output", {"formats": ["csv"] if not self.nested() else ["jsonl"]}),
        ]
        if texts or talks:
            said = "The embedded model tries the spec out. For a dataset to be used, name another: openai:gpt-5-mini"
            sections.append(Section("backend", "ngram", (said,)))
        return Proposal(
            self.name,
            f"Rows like those of {sample.file}.",
            tuple(self.heading()),
            min(max(sample.rows, 100), ROWS),
            tuple(s for s in sections if s is not None),
            data=data,
            copied=copied.rows,
        )

    def nested(self) -> bool:
        return any(
            c.path or isinstance(c.kind, Conversations) or (isinstance(c.kind, SampledTexts) and c.kind.lists)
            for c in self.columns
        )

    def heading(self) -> Iterator[str]:
        sample, repeats = self.profile.sample, self.relations.repeats
        size = f"{_many(sample.total, 'row')}, {_many(len(sample.columns), 'column')}"
        yield (
            f"Made from {sample.file}: {size}. The comment above each line says what was seen. Read it, change what "
            "you know better (weights, bounds, the prompt), and build."
        )
        yield from sample.left_out
        empty = [c for c in self.profile.columns if isinstance(c.kind, Empty)]
        if empty:
            yield f"Left out, for every value is missing: {', '.join(quoted(c.header) for c in empty)}."
        people = [c for c in self.columns if isinstance(c.kind, People)]
        if people:
            named = ", ".join(c.name for c in people)
            yield f"Data about people: {named} (see there). There may be more."
        if repeats.exact:
            yield f"{repeats.exact:,} rows repeat an earlier one."
        if repeats.near:
            of = f"{repeats.compared:,} different texts of '{repeats.text}'"
            yield f"{repeats.near:,} of {of} nearly repeat an earlier one."
        yield ""
        yield f"  synthspec check {self.name}.yaml     finds mistakes, calls no model"
        yield f"  synthspec build {self.name}.yaml     makes the rows"

    def parameters(self) -> Section | None:
        """Parents before those that hang on them, else in the sample's order."""
        entries: list[ProposedEntry] = []
        done: set[str] = set()
        flagged: set[str] = set()
        for column in self.columns:
            for each in self._with_parents(column):
                if each.name in done:
                    continue
                done.add(each.name)
                entries += self._drawn(each, flagged)
        return Section("parameters", entries) if entries else None

    def _with_parents(self, column: ColumnProfile) -> list[ColumnProfile]:
        by_name = {c.name: c for c in self.columns}
        chain, name = [column], self.relations.parent_of(column.name)
        while name is not None:
            chain.append(by_name[name])
            name = self.relations.parent_of(name)
        return chain[::-1]

    def _drawn(self, column: ColumnProfile, flagged: set[str]) -> Iterator[ProposedEntry]:
        hangs, by = self.depends.get(column.name), self.by_label.get(column.name)
        if column.name in self.computed:
            return
        if column.name in self.rows_of:
            yield from self._of_row(column)
            yield from self._flag(column, flagged)
            return
        match column.kind:
            case Labels():
                value = labels(column, hangs, open_ended=hangs is not None and hangs.parent in self.rows_of)
            case Moments() if column.name in self.follows:
                value = following(self.follows[column.name])
            case Numbers() | Moments():
                value = numbers(column, by, open_ended=by is not None and by.parent in self.rows_of)
            case OneValue() | Counter() | Uuids() | Texts() | Conversations():
                value = None
            case SampledTexts() if not self.copied.rows:
                value = self._listed(column)
            case _:
                value = other(column, self.locale)
        if value is not None:
            said = remarks(column, hangs, by)
            if column.name in self.follows:
                said = following_remark(column, self.follows[column.name])
            yield ProposedEntry(column.name, value, said)
        yield from self._flag(column, flagged)

    def _of_row(self, column: ColumnProfile) -> Iterator[ProposedEntry]:
        """A value that is taken from a row of the sample, with the row before the first that is."""
        row, owner = self.rows_of[column.name]
        value = f"{row}.{column.name}"
        if column.name != owner:
            yield ProposedEntry(column.name, value, (f"That of the {owner}, as in the sample.",))
            return
        yield ProposedEntry(
            row,
            {"from": SOURCE},
            (f"A row of the sample: each {owner} comes with its own {in_a_sentence(self.brings[owner])}.",),
        )
        yield ProposedEntry(column.name, value, remarks(column, None, None))

    def _flag(self, column: ColumnProfile, flagged: set[str]) -> Iterator[ProposedEntry]:
        """The parameter that says whether a value is missing, once for those that are missing together."""
        flag = self.flags.get(column.name)
        if flag is not None and flag not in flagged:
            flagged.add(flag)
            together = [n for n, f in self.flags.items() if f == flag]
            said = (f"Missing together: {', '.join(together)}.",) if len(together) > 1 else ()
            yield ProposedEntry(flag, f"bernoulli({round(column.missing, 4):g})", said)

    def _listed(self, column: ColumnProfile) -> list[Any]:
        """The values of a column that would be drawn from the sample, where no row of it can be copied."""
        values = next(c for c in self.profile.sample.columns if c.name == column.name).present
        distinct = {mark(v): v for v in values if not tells_of_people(str(v)) and len(str(v)) < LONGEST}
        return list(distinct.values())[:MOST_LISTED] or ["unknown"]

    def plan(self) -> Section | None:
        found = self.relations.correlated
        if not found:
            return None
        wanted = [{"between": [c.first, c.second], "rank": c.rank} for c in found]
        said = ["Spearman's rank correlations, as seen."]
        if self.relations.weaker:
            said.append(f"{self.relations.weaker:,} more from 0.3 on are left out: add those that matter.")
        return Section("plan", [ProposedEntry("correlate", wanted, tuple(said))])

    def fields(self) -> Section:
        entries: list[ProposedEntry] = []
        done: set[str] = set()
        for column in self.columns:
            if column.path:
                if column.header not in done:
                    done.add(column.header)
                    entries += self._object(column.header)
                continue
            entries.append(ProposedEntry(column.name, self._field(column), self._field_remark(column)))
        return Section("fields", entries)

    def _field_remark(self, column: ColumnProfile) -> tuple[str, ...]:
        match column.kind:
            case Texts():
                return text_remark(column)
            case Conversations():
                return talk_remark(column)
            case Numbers() if column.name in self.computed:
                said = f"in every row {self.computed[column.name].text}"
            case OneValue():
                said = "every value is the same"
            case Counter(start=start, step=step):
                said = f"{start:,} and up" if step == 1 else f"{start:,} and on by {step:,}"
            case Uuids():
                said = "universally unique identifiers"
            case _:
                return ()
        missing = f"; missing in {share(column.missing)} of the rows" if column.missing else ""
        return (f"{said[0].upper()}{said[1:]}{missing}.",)

    def _field(self, column: ColumnProfile) -> dict[str, Any]:
        if isinstance(column.kind, Texts):
            return text_rules(column)
        if isinstance(column.kind, Conversations):
            return talk_rules(column.kind)
        value = self._value(column)
        return {"value": value, "optional": True} if column.missing else {"value": value}

    def _value(self, column: ColumnProfile) -> str:
        """The expression of a column's field."""
        match column.kind:
            case OneValue(value=value):
                found = literal(value)
            case Counter(start=start, step=step):
                found = f"index() * {step} + {start}" if step != 1 else f"index() + {start}"
            case Uuids():
                found = "uuid()"
            case Numbers() if column.name in self.computed:
                found = self.computed[column.name].text
            case _:
                found = column.name
        flag = self.flags.get(column.name)
        return (
            f"if {flag} then null else {found}"
            if flag is not None and not isinstance(column.kind, Texts | Conversations)
            else found
        )

    def _object(self, header: str) -> Iterator[ProposedEntry]:
        """A field of the members of an object; members that a model writes are fields of their own before it."""
        members = [c for c in self.columns if c.path and c.header == header]
        for column in members:
            if isinstance(column.kind, Texts):
                yield ProposedEntry(column.name, self._field(column), self._field_remark(column))
        tree: dict[str, Any] = {}
        for column in members:
            place = tree
            for key in column.path[:-1]:
                place = place.setdefault(key, {})
            place[column.path[-1]] = self._value(column)
        name = next(c.name for c in members)
        name = name.removesuffix("_" + "_".join(members[0].path)) or name
        name = self.fresh(name) if name in self.taken else name
        yield ProposedEntry(
            name, {"type": "object", "value": _map(tree)}, (f"The object {quoted(header)}, of its members.",)
        )


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' if count != 1 else ''}"


def _map(tree: dict[str, Any]) -> str:
    parts = (f"{_key(k)}: {_map(v) if isinstance(v, dict) else v}" for k, v in tree.items())
    return "{" + ", ".join(parts) + "}"


def _key(name: str) -> str:
    return name if is_plain(name) else literal(name)
