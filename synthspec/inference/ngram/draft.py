"""One row in the making: each field by its schema, its texts and values from rows of the source that fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthspec.inference.ngram.dice import Dice
from synthspec.inference.ngram.draw import draw_formatted, draw_number
from synthspec.inference.ngram.held import held, shaped
from synthspec.inference.ngram.kind import branch, is_allowed, is_brief, kind_of, text_rules
from synthspec.inference.ngram.origin import Origin, canonical
from synthspec.inference.ngram.quotes import quote_of
from synthspec.inference.ngram.reading import SLOT, normal
from synthspec.inference.ngram.stock import stock_words
from synthspec.inference.ngram.text import TextRules, write_text
from synthspec.inference.ngram.tokens import content_word, split
from synthspec.spec.conversation import ROLES, one_message

if TYPE_CHECKING:
    from synthspec.inference.ngram.rows import RowWriter
    from synthspec.inference.ngram.scene import Scene
    from synthspec.spec import Field

DEEPEST = 6  # objects and arrays inside one another
SAMPLE = 12  # values of the source looked at for one value


class RowDraft:
    """One row. Anchors, drawn values and shares are remembered, so that its fields hang together."""

    def __init__(self, writer: RowWriter, dice: Dice) -> None:
        self.writer, self.dice = writer, dice
        self.topic = dice.pick(writer.topics) if writer.topics else ""
        self.anchors: dict[int, int] = {}
        self.drawn: dict[str, Any] = {}  # fields of this row that are not text
        self.shares: dict[int, dict[int, float]] = {}  # origin -> row -> how much of this row's texts is from it

    def write(self) -> dict[str, Any]:
        """Values first, since texts follow them; given back in the order in which the prompt writes them."""
        row: dict[str, Any] = {}
        later: list[tuple[Field, Origin | None, str]] = []
        for field in self.writer.fields:
            origin, column = self.writer.source_of(field.name)
            if self._kind(field, field.schema, origin, column) == "text":
                later.append((field, origin, column))
            else:
                row[field.name] = self.value(field, field.schema, origin, column)
                self.drawn[field.name] = row[field.name]
        for field, origin, column in later:
            row[field.name] = self.text(field, field.schema, origin, column)
        return {field.name: row[field.name] for field in self.writer.fields}

    def value(self, field: Field, schema: Mapping[str, Any], origin: Origin | None, column: str, depth: int = 0) -> Any:
        """A value of any kind. `column` names it in its origin: the field, or a path below it."""
        schema = branch(schema)
        if "const" in schema:
            return schema["const"]
        kind = self._kind(field, schema, origin, column)
        seen = self._seen(origin, column)
        if "enum" in schema:
            return self._choice(schema, seen)
        if kind == "text":
            return self.text(field, schema, origin, column)
        if kind in ("integer", "number"):
            return draw_number(schema, seen, kind == "integer", self.dice)
        if kind == "boolean":
            told = next((t for v in seen if (t := canonical(v)) in ("yes", "no")), None)
            return told == "yes" if told else self.dice.roll() < 0.5
        if kind == "messages":
            return self._conversation(field, origin)
        if kind == "object":
            return self._object(field, schema, origin, column, depth)
        if kind == "array":
            return self._array(field, schema, origin, column, depth)
        if kind == "null":
            return None
        return self._string(field, schema, seen, kind, depth > 0)

    def _kind(self, field: Field, schema: Mapping[str, Any], origin: Origin | None, column: str) -> str:
        return kind_of(branch(schema), field, column, origin)

    def _seen(self, origin: Origin | None, column: str) -> list[Any]:
        """Values of rows that fit the combination; the anchor's first."""
        if origin is None:
            return []
        scene = self.writer.scene(origin)
        rows = [self._anchor(origin), *(scene.draw(self.dice) for _ in range(SAMPLE - 1))]
        values = [scene.pool.value(column, row) for row in rows]
        return [v for v in values if v is not None and (not isinstance(v, str) or v.strip())]

    def _anchor(self, origin: Origin) -> int:
        if id(origin) not in self.anchors:
            self.anchors[id(origin)] = self.writer.scene(origin).anchor(self.dice)
        return self.anchors[id(origin)]

    def _choice(self, schema: Mapping[str, Any], seen: list[Any]) -> Any:
        """One of an enum, as often as the source has it."""
        allowed = [v for v in schema["enum"] if is_allowed(v, schema)] or list(schema["enum"])
        by_text = {canonical(v): v for v in reversed(allowed)}
        found = next((by_text[t] for v in seen if (t := canonical(v)) in by_text), None)
        return found if found is not None else self.dice.pick(allowed)

    def _string(self, field: Field, schema: Mapping[str, Any], seen: list[Any], kind: str, below: bool) -> str:
        """A string that is no running text: in a format, by a pattern, or a label that the source has."""
        rules = self._rules(field, schema, field.name if not below else "")
        for label in seen if kind in ("label", "pattern") else ():
            if not rules.broken(str(label)):
                return str(label)
        if "format" in schema or kind in ("date", "datetime", "time"):
            named = {"datetime": "date-time"}.get(kind, kind)
            for _ in range(8):
                made = draw_formatted(schema.get("format", named), seen, self.dice)
                if made is not None and not rules.broken(made):
                    return made
        if rules.patterns:
            return shaped(rules.patterns[-1].text, rules, self.dice)
        return self.text(field, schema, None, field.name)

    def _object(
        self, field: Field, schema: Mapping[str, Any], origin: Origin | None, column: str, depth: int
    ) -> dict[str, Any]:
        if depth >= DEEPEST:
            return {}
        inside = self.writer.material.inside(origin, column) if origin else None
        made = {}
        for name, member in (schema.get("properties") or {}).items():
            path = f"{column}.{name}"
            if inside is not None and path in inside.columns:
                made[name] = self.value(field, member, inside, path, depth + 1)
            else:
                own = self.writer.material.origin(self.writer.prompt, name)
                made[name] = self.value(field, member, own, name if own else path, depth + 1)
        return made

    def _conversation(self, field: Field, origin: Origin | None) -> list[dict[str, Any]]:
        """Messages by both sides in turn, the user's first."""
        one = one_message(field)
        least = field.turns.minimum or 1
        count = self.dice.between(least, max(least, field.turns.maximum or least + 2))
        return [
            {"role": role, "content": self.text(one, one.schema, origin, field.name)}
            for _ in range(count)
            for role in ROLES
        ]

    def _array(
        self, field: Field, schema: Mapping[str, Any], origin: Origin | None, column: str, depth: int
    ) -> list[Any]:
        if depth >= DEEPEST:
            return []
        least = int(schema.get("minItems", 1))
        most = int(schema.get("maxItems", max(least, 3)))
        inside = self.writer.material.inside(origin, column) if origin else None
        count = self.dice.between(least, max(least, most))
        items = schema.get("items")
        first = [
            self.value(field, s, None, f"{column}[{i}]", depth + 1) for i, s in enumerate(schema.get("prefixItems", ()))
        ]
        if items is False:
            return first
        found: list[Any] = first
        for _ in range(count * 6):
            if len(found) >= count:
                break
            path = f"{column}[]"
            one = self.value(
                field,
                items if isinstance(items, Mapping) else {"type": "string", "maxLength": 30},
                inside if inside and path in inside.columns else None,
                path,
                depth + 1,
            )
            if not schema.get("uniqueItems") or one not in found:
                found.append(one)
        return found

    def text(self, field: Field, schema: Mapping[str, Any], origin: Origin | None, column: str) -> str:
        """Running text. It follows the anchor and what the row holds so far."""
        material = self.writer.material
        schema = branch(schema)
        rules = self._rules(field, schema, column)
        quote = self._quote(rules, column)
        if quote is not None:
            return quote
        if origin is None and is_brief(rules, column):
            return self._label(rules)
        if origin is None or not origin.reading(column).opening:
            origin = material.phrases(column, schema, bool(self.topic))
        scene = self.writer.scene(origin)
        corpus = scene.pool.corpus(column)
        anchor, shares = self._anchor(origin), self.shares.get(id(origin), {})
        clean = scene.pool.untainted(column, rules.rejects) if rules.rejects else 1.0
        weight = scene.welcome(anchor, self.drawn, shares, clean)
        start = scene.starts(corpus, anchor, weight, shares, self.dice)
        seen = self.writer.seen.setdefault(column, set())
        fill = self._filler(scene, anchor)
        written = write_text(corpus, start, weight, rules, self.dice, seen, fill)
        text = written.text
        for pattern in (p.text for p in rules.patterns if written.broken and not p.search(text)):
            guide = material.guide(pattern, origin, column)
            target = rules.words[0] or corpus.size[self.dice.pick(corpus.rows)]
            text = fill(held(pattern, (text, *written.others), rules, guide, target, self.dice))
        seen.add(normal(text))
        mine = self.shares.setdefault(id(origin), {})
        for row, share in written.shares.items():
            mine[row] = mine.get(row, 0.0) + share
        return text

    def _quote(self, rules: TextRules, column: str) -> str | None:
        """Words of another text of the row, where a check wants them from it."""
        source = self.writer.material.quoted.get(column)
        text = source(self.writer.request.values) if source is not None else None
        if not isinstance(text, str):
            return None
        seen = self.writer.seen.setdefault(column, set())
        quote = quote_of(text, rules, self.dice, seen)
        if quote is not None:
            seen.add(normal(quote))
        return quote

    def _label(self, rules: TextRules) -> str:
        """A word or two where there is no room for a sentence: a topic of the combination, or any noun."""
        topics = self.writer.topics
        words = tuple(dict.fromkeys(w for t in topics for p in split(t) if (w := content_word(p)) is not None))
        made = ""
        for _ in range(SAMPLE):
            made = self.dice.pick(words if words and self.dice.roll() < 0.5 else stock_words())
            if topics and self.dice.roll() < 0.3:
                made = self.dice.pick(topics)
            missing = (rules.words[0] or 1) - len(made.split())
            made = " ".join([made, *(self.dice.pick(stock_words()) for _ in range(missing))])
            if not rules.broken(made):
                break
        return made

    def _rules(self, field: Field, schema: Mapping[str, Any], column: str) -> TextRules:
        own = column in (field.name, self.writer.speaker)
        demand = self.writer.demands.get(column) if own else None
        return text_rules(field, schema, own, self.writer.lengths.get(column), demand)

    def _filler(self, scene: Scene, anchor: int) -> Any:
        """Puts this row's values, or else the anchor's, where a text has slots for them."""
        known = {**self.writer.known, **self.drawn}
        marks = {
            mark: str(known.get(name, scene.pool.value(name, anchor))) for name, mark in scene.pool.origin.slots.items()
        }
        marks[SLOT] = self.topic

        def fill(text: str) -> str:
            for mark, value in marks.items():
                if mark in text:
                    text = text.replace(mark, value)
                    text = text[:1].upper() + text[1:]
            return text

        return fill
