"""What a person does who takes a remedy at its word, as edits of the text. Whether it helps is not known here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from synthspec.diagnostics import Diagnostic, Span
from synthspec.language_service.removal import removals
from synthspec.language_service.values import Edit
from synthspec.lazy_dataclass import dataclass

MOST = 12  # ways to follow one remedy


@dataclass(frozen=True, slots=True)
class Way:
    """One way to follow a remedy. A `certain` one is what the spec was surely meant to say."""

    title: str
    edits: tuple[Edit, ...]
    certain: bool = False


_Rule = Callable[[Sequence[str], Diagnostic, "re.Match[str]"], Iterator[Way]]


def ways(lines: Sequence[str], found: Diagnostic) -> Iterator[Way]:
    """The ways to follow the remedy of a diagnostic of these lines, the likeliest first."""
    span = found.span
    if not 1 <= span.line <= len(lines) or span.end_line > len(lines):
        return
    count = 0
    if found.suggestion:
        for way in _instead(lines, found, found.suggestion):
            count += 1
            yield way
    for pattern, rule in _RULES:
        match = re.search(pattern, found.help)
        if match is None or (found.suggestion and rule is _meant):
            continue
        for way in rule(lines, found, match):
            count += 1
            if count <= MOST:
                yield way


def written_at(lines: Sequence[str], span: Span) -> str:
    """What stands in a span of one line; "" for one of several."""
    return lines[span.line - 1][span.column - 1 : span.end_column - 1] if span.line == span.end_line else ""


def _put(found: Diagnostic, text: str, title: str = "", certain: bool = False) -> Way:
    return Way(title or f"write {text}", (Edit(found.span, text),), certain)


def _instead(lines: Sequence[str], found: Diagnostic, word: str) -> Iterator[Way]:
    """A word in the place of what stands there, in the quotation marks that it stands in."""
    there = written_at(lines, found.span)
    if not there:
        return
    quote = there[0] if there[0] in "'\"" and there[-1] == there[0] and len(there) > 1 else ""
    bare = there[1:-1] if quote else there
    yield _put(found, f"{quote}{word}{quote}", f"write '{word}'", surely(bare, word))


def _meant(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    yield from _instead(lines, found, match[2])


def _one_of(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    for word in match[1].split(", "):
        if word != "…":
            yield from (Way(w.title, w.edits) for w in _instead(lines, found, word.strip("'")))


def _word(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    """`write 'and'`: a sign of another language."""
    yield _put(found, match[1], certain=found.code == "E302")


def _number(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    yield _put(found, match[1], certain=True)


def _list(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    yield _put(found, match[1], certain=True)


def _bound(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    yield _put(found, match[1])


def _spaces(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    """Spaces for the tabs in the indentation of every line."""
    edits: list[Edit] = []
    for number, line in enumerate(lines, start=1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent:
            place = Span(found.span.file, number, 1, number, len(indent) + 1)
            edits.append(Edit(place, indent.replace("\t", "  ")))
    yield Way("indent with spaces", tuple(edits), True)


def _quoted(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    """A template that begins a value, in quotes: the value goes on to the end of the line."""
    span = found.span
    line = lines[span.line - 1]
    start = line.rfind(match[1].split(" ")[0][:2], 0, span.column + 1)
    if start < 0:
        return
    value = line[start:].rstrip()
    quote = "'" if "'" not in value else '"'
    if quote in value:
        return
    place = Span(span.file, span.line, start + 1, span.line, start + len(value) + 1)
    yield Way("put the text in quotes", (Edit(place, f"{quote}{value}{quote}"),), True)


def _written(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    """What is to be written takes the place of the value, or of the key with its value."""
    text = match[1]
    certain = found.code in ("E601", "E851", "E866") or (found.code == "E204" and text.startswith("{file:"))
    there = written_at(lines, found.span)
    if there:
        yield _put(found, text, certain=certain)
    key, colon, value = text.partition(": ")
    line = lines[found.span.line - 1]
    own = re.compile(rf"\b{re.escape(key)}: (?P<value>[^,}}#]+?)(?=\s*(?:[,}}#]|$))") if colon else None
    for begun in own.finditer(line) if own is not None else ():
        place = Span(
            found.span.file, found.span.line, begun.start("value") + 1, found.span.line, begun.end("value") + 1
        )
        yield Way(f"write {text}", (Edit(place, value),))


def _added(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    """A key that the whole file lacks."""
    place = Span(found.span.file, 1, 1, 1, 1)
    yield Way(f"add {match[1]}", (Edit(place, f"{match[1]}\n"),), True)


def _removed(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    named = re.search(r"remove `(\w+)`", match[0])
    what = written_at(lines, found.span) if named is None else named[1]
    for edit in removals(lines, found.span, named[1] if named is not None else ""):
        yield Way(f"remove {what}", (edit,))


def _typed(lines: Sequence[str], found: Diagnostic, match: re.Match[str]) -> Iterator[Way]:
    """Another type for the field at which the diagnostic stands, or above it."""
    for number in range(found.span.line, 0, -1):
        begun = re.search(r"\btype: (\w+)", lines[number - 1])
        if begun is not None:
            place = Span(found.span.file, number, begun.start(1) + 1, number, begun.end(1) + 1)
            yield Way(f"set type: {match[1]}", (Edit(place, match[1]),))
            return


_RULES: tuple[tuple[str, _Rule], ...] = (
    (r"did you mean (['\"])(.+?)\1\?", _meant),
    (r"^known here: (.+)$", _one_of),
    (r"^write '([^']+)'$", _word),
    (r"^write the number without quotes: (\S+)$", _number),
    (r"^write a list: (\[.*\])$", _list),
    (r"^write one that is at (?:least|most) ([\d.]+)$", _bound),
    (r"^indent with spaces", _spaces),
    (r"^write '(\{\{.*)' in quotes$", _quoted),
    (r"^add `(synthspec: 1)`", _added),
    (r"write `([^`…]+)`", _written),
    (r"set `type: (\w+)`", _typed),
    (r"declare it with `type: (\w+)`", _typed),
    (r"(?:^|, or )(?:remove (?:it|one|`\w+`)|keep one of the two)", _removed),
)


def surely(there: str, meant: str) -> bool:
    """Whether a word can only be a misspelling of another: alike but for case and signs, or a letter apart.

    >>> surely("sumary", "summary"), surely("max_words", "maxWords"), surely("tome", "tone"), surely("size", "rows")
    (True, True, True, False)
    """
    folded = [re.sub(r"[-_ ]", "", text).casefold() for text in (there, meant)]
    if folded[0] == folded[1]:
        return True
    if min(map(len, folded)) < 4:
        return False
    return _distance(folded[0], folded[1]) <= (1 if min(map(len, folded)) < 6 else 2)


def _distance(a: str, b: str) -> int:
    """How many letters are to be put in, taken out, changed, or swapped with the next."""
    if abs(len(a) - len(b)) > 2:
        return 3
    rows = [list(range(len(b) + 1))]
    for i, left in enumerate(a, start=1):
        row = [i]
        for j, right in enumerate(b, start=1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
