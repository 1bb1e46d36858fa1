"""What a model is asked to write, the rules its texts keep, and what must not repeat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.profiling.columns.languages import NAMES
from synthspec.profiling.columns.profile import Codes, ColumnProfile, Conversations, Labels, Texts
from synthspec.profiling.draws import SOURCE
from synthspec.profiling.naming import in_a_sentence
from synthspec.profiling.profile import Profile
from synthspec.profiling.proposal import ProposedEntry, Section
from synthspec.profiling.remarks import ROOM
from synthspec.profiling.source_copy import SampleCopy

FEWEST_EXAMPLES = 8
SHOWN = 800  # characters of a text that an example shows
LEAST_VOCABULARY = 300  # different words: of fewer no new text is unlike all others
MOST_BESIDE = 8  # labels that a prompt for a conversation names
LEAST_WORDS = 8  # of the middle text, from which on near duplicates are told from the likeness that all have


def prompts(profile: Profile, flags: Mapping[str, str], copied: SampleCopy) -> Section:
    """One prompt writes the texts that every row has; each text that is sometimes missing has a prompt of its own."""
    texts = [c for c in profile.columns if isinstance(c.kind, Texts)]
    always = [c for c in texts if not c.missing]
    entries = []
    if always:
        entries.append(ProposedEntry("write", _prompt(always, [], flags, copied)))
    for column in texts:
        if column.missing:
            found = _prompt([column], always, flags, copied)
            entries.append(ProposedEntry(f"write_{column.name}", {**found, "when": f"not {flags[column.name]}"}))
    entries += [
        ProposedEntry(f"talk_{c.name}", _talk(c.name, c.kind, [*_beside(profile, copied), *always], flags))
        for c in profile.columns
        if isinstance(c.kind, Conversations)
    ]
    return Section("prompts", entries)


def _beside(profile: Profile, copied: SampleCopy) -> Sequence[ColumnProfile]:
    """What a conversation is about, as far as labels say it."""
    return copied.beside or [c for c in profile.columns if isinstance(c.kind, Labels)][:MOST_BESIDE]


def _talk(name: str, kind: Conversations, known: Sequence[ColumnProfile], flags: Mapping[str, str]) -> dict[str, Any]:
    """A prompt that writes a whole conversation in one reply."""
    manner = f" in {NAMES[kind.language].split(' or ')[0]}" if kind.language else ""
    often = f"{kind.fewest}" if kind.fewest == kind.most else f"{kind.fewest} to {kind.most}"
    lines = [f"Write a conversation between a user and an assistant{manner}.",
             f"The user speaks {often} time{'s' * (kind.most > 1)}, and the assistant answers each time."]  # fmt: skip
    if known:
        lines.append("It has:")
        lines += [f"{c.name}: {_value(c.name, flags)}" for c in known]
    return {"user": "\n".join(lines), "format": {"turns": {"User": "user", "Assistant": "assistant"}}, "writes": [name]}


def talk_rules(kind: Conversations) -> dict[str, Any]:
    """The field of a conversation."""
    turns = {"min": kind.fewest, "max": kind.most}
    return {"type": "messages", "turns": turns, "words": {"min": kind.least_words, "max": kind.most_words}}


def _prompt(
    texts: Sequence[ColumnProfile], known: Sequence[ColumnProfile], flags: Mapping[str, str], copied: SampleCopy
) -> dict[str, Any]:
    """A prompt that writes `texts`, with what is drawn and the texts that are known beside it."""
    shown = sum(all(c.name in row for c in texts) for row in copied.rows)
    found: dict[str, Any] = {}
    if shown >= FEWEST_EXAMPLES:
        found["examples"] = {"from": SOURCE, "rows": 3}
        if any(c.missing for c in texts):
            found["examples"]["where"] = f"row.{texts[0].name} != null"
    found["user"] = "\n".join(_message(texts, known, flags, copied, examples=bool(found)))
    found["writes"] = [c.name for c in texts]
    return found


def _message(
    texts: Sequence[ColumnProfile],
    known: Sequence[ColumnProfile],
    flags: Mapping[str, str],
    copied: SampleCopy,
    *,
    examples: bool,
) -> Iterator[str]:
    named = [c.name for c in texts]
    names = in_a_sentence(named)
    languages = [c.kind.language for c in texts if isinstance(c.kind, Texts) and c.kind.language]
    manner = f" in {NAMES[languages[0]].split(' or ')[0]}" if languages else ""
    yield f"Write {names} of a new record{manner}."
    drawn = [*copied.beside]
    if drawn or known:
        yield "It has:"
        yield from (f"{c.name}: {_value(c.name, flags)}" for c in drawn)
        yield from (f"{c.name}: {{{{ {c.name} }}}}" for c in known)
    if examples:
        yield ""
        yield "These records show the manner. Repeat none of them, and name no real person."
        yield "{% for e in examples %}"
        for column in (*drawn, *known, *texts):
            yield f"{column.name}: {_example(column)}"
        yield "{% endfor %}"


def _value(name: str, flags: Mapping[str, str]) -> str:
    if name in flags:
        return f"{{{{ 'unknown' if {flags[name]} else {name} }}}}"
    return f"{{{{ {name} }}}}"


def _example(column: ColumnProfile) -> str:
    kind = column.kind
    if isinstance(kind, Texts) and kind.most * 6 > SHOWN:
        return f"{{{{ e.{column.name} | truncate({SHOWN}) }}}}"
    if column.missing:
        return f"{{{{ 'unknown' if e.{column.name} is none else e.{column.name} }}}}"
    return f"{{{{ e.{column.name} }}}}"


def text_rules(column: ColumnProfile) -> dict[str, Any]:
    """The field of a text."""
    assert isinstance(column.kind, Texts)
    rules: dict[str, Any] = {"type": "string", "words": {"min": column.kind.least, "max": column.kind.most}}
    if column.missing:
        rules["optional"] = True
    return {**rules, "clean": ["strip"]}


def novelty(profile: Profile, copied: SampleCopy) -> Section | None:
    """No copies of the sample, and no near duplicates, where texts are long enough and many enough to tell."""
    long = [
        c.name
        for c in profile.columns
        if isinstance(c.kind, Texts)
        and c.kind.median >= LEAST_WORDS
        and c.kind.vocabulary >= LEAST_VOCABULARY
        and not c.missing
        and c.distinct >= 50
    ]
    rules = _unique(profile)
    said = ["No code twice."] * bool(rules)
    if long and len(copied.rows) >= 50:
        rules.append(ProposedEntry("near_duplicates", {"fields": long, "similarity": 0.8}))
        rules.append(ProposedEntry("no_copies", {"from": SOURCE, "fields": long, "similarity": 0.8}))
        said.append("No text nearly twice, and none that repeats the sample.")
    return Section("novelty", rules, (" ".join(said),)) if rules else None


def _unique(profile: Profile) -> list[ProposedEntry]:
    """No code of the first column of codes twice, where so many are to be had that hardly a row is lost to it."""
    enough = next(
        (
            c.name
            for c in profile.columns
            if isinstance(c.kind, Codes) and c.kind.unique and not c.missing and not c.path
            and c.kind.counted is None and c.kind.pattern.digits >= ROOM
        ),
        None,
    )  # fmt: skip
    return [] if enough is None else [ProposedEntry("unique", enough)]
