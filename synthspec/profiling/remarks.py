"""What is said of a column above its parameter: what was seen, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.extras import install_command
from synthspec.profiling.columns.fitting import Fit
from synthspec.profiling.columns.languages import NAMES
from synthspec.profiling.columns.profile import (
    Codes,
    ColumnProfile,
    Conversations,
    Labels,
    Moments,
    Numbers,
    People,
    SampledTexts,
    Texts,
    Times,
)
from synthspec.profiling.draws import has_faker
from synthspec.profiling.relations.relation import ByLabel, Depends, Follows

ROOM = 7  # decimal places of a code from which on two of 500 are hardly ever alike


def remarks(profile: ColumnProfile, hangs: Depends | None, by: ByLabel | None) -> tuple[str, ...]:
    """The comments of a column, a line each."""
    said = [s for s in _said(profile, hangs, by) if s]
    if profile.header != profile.name and not profile.path:
        said.insert(0, f"the column {quoted(profile.header)}")
    return (_capital("; ".join([*said, *profile.notes])) + ".",) if said or profile.notes else ()


def _said(profile: ColumnProfile, hangs: Depends | None, by: ByLabel | None) -> Iterator[str]:
    kind = profile.kind
    match kind:
        case Labels(values=values, counts=counts):
            if hangs is not None and hangs.exact:
                yield f"{len(values)} values, each {hangs.parent} has one of them"
            elif hangs is not None:
                yield f"{len(values)} values, weighted by {hangs.parent} (Cramér's V {hangs.strength:.2f})"
            else:
                how = "weights as in the sample" if len(set(counts)) > 1 else "as often as each other"
                yield f"{len(values)} values, {how} (n = {sum(counts):,})"
        case Numbers(low=low, high=high):
            yield f"{_short(low)} to {_short(high)}"
            yield from _fitted(kind.fit, by)
        case Moments(first=first, last=last):
            yield f"{first} to {last}"
            yield from _fitted(kind.fit, by)
        case Times(first=first, last=last):
            yield f"{first} to {last}, all alike"
        case Codes(counted=counted) if counted is not None:
            yield "codes of one form, no two alike: numbered on from the least"
        case Codes(pattern=pattern):
            unlike = "in the sample no two alike" if kind.unique else f"{profile.distinct:,} different ones"
            yield f"codes of one form, {unlike}; the pattern matches all of them, and {pattern.many} texts in all"
            if pattern.digits < ROOM:
                yield "values may repeat"
        case People(personal=personal):
            yield f"looks like {personal.kind.name} ({personal.share:.0%} of the values): none of them stands here"
            if has_faker():
                yield "Faker makes up others"
            else:
                yield (
                    f"a pattern makes up others; for likely ones: {install_command('faker')}, then "
                    f"`{{faker: {personal.kind.provider}}}`"
                )
        case SampledTexts(distinct=distinct, lists=lists):
            what = "lists" if lists else "short texts"
            yield f"{distinct:,} different {what}, taken from the sample"
    if profile.missing:
        yield f"missing in {share(profile.missing)} of the rows"


def following_remark(profile: ColumnProfile, found: Follows) -> tuple[str, ...]:
    """What is said of a date that follows another."""
    parts = [f"never before {found.parent}", *_fitted(found.fit, None)]
    if profile.missing:
        parts.append(f"missing in {share(profile.missing)} of the rows")
    return (_capital("; ".join([*parts, *profile.notes])) + ".",)


def text_remark(profile: ColumnProfile) -> tuple[str, ...]:
    """What is said of a column of running text, above its field."""
    kind = profile.kind
    assert isinstance(kind, Texts)
    parts = [f"{kind.median} words in the middle, nearly all within these bounds"]
    if kind.language:
        parts.append(f"{NAMES[kind.language]} ({kind.certainty:.0%} of the texts that could be recognized)")
    if kind.telling:
        parts.append(
            f"{kind.telling:,} texts have e-mail addresses, phone, card or account numbers: their rows are not copied"
        )
    if profile.missing:
        parts.append(f"missing in {share(profile.missing)} of the rows")
    if profile.header != profile.name and not profile.path:
        parts.insert(0, f"the column {quoted(profile.header)}")
    return (_capital("; ".join([*parts, *profile.notes])) + ".",)


def talk_remark(profile: ColumnProfile) -> tuple[str, ...]:
    """What is said of a column of conversations, above its field."""
    kind = profile.kind
    assert isinstance(kind, Conversations)
    parts = ["conversations; nearly all messages have this many words"]
    if kind.language:
        parts.append(NAMES[kind.language])
    if kind.systems:
        parts.append(f"{kind.systems:,} begin with a system message, which `output.shape` can put before them")
    return (_capital("; ".join([*parts, *profile.notes])) + ".",)


def _fitted(fit: Fit, by: ByLabel | None) -> Iterator[str]:
    if by is not None:
        worst = max(f.distance for f in by.fits.values())
        yield f"by {by.parent}, which explains {by.explained:.0%} of the differences in rank"
        yield f"KS distance at most {worst:.2f} in each (n = {fit.rows:,})"
    elif fit.family == "pieces":
        name = (
            "no distribution is near"
            if fit.nearest is None
            else f"nearest is {fit.nearest[0]}, KS {fit.nearest[1]:.2f}"
        )
        yield f"the sample's own distribution in pieces, for no other is near ({name})" if fit.nearest else name
        yield f"KS distance {fit.distance:.2f} (n = {fit.rows:,})"
    else:
        yield f"{fit.family.replace('_', ' ')}, KS distance {fit.distance:.2f} from the sample (n = {fit.rows:,})"


def share(part: float) -> str:
    """A share in per cent: never 0 of something that is there.

    >>> share(0.25), share(0.0004)
    ('25%', 'less than 1%')
    """
    return f"{part:.0%}" if part >= 0.01 else "less than 1%"


def quoted(header: str) -> str:
    """A header as it stands in the file, on one line."""
    text = " ".join(header.split())
    return f"'{text if len(text) <= 60 else text[:57] + '…'}'"


def _short(x: float) -> str:
    return f"{x:,.10g}" if abs(x) < 1e15 else f"{x:.4g}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
