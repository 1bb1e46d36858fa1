"""Plan → Request: the messages of one call, and the key under which its completion is kept for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from synthspec.formats import Shape, find_format
from synthspec.formats.recovery import verbalized
from synthspec.formats.recovery.thinking import kept_tags, thinking_in, without_thinking
from synthspec.inference.accounting.image_tokens import picture_tokens
from synthspec.inference.accounting.token_estimates import estimate_tokens, worst_tokens
from synthspec.inference.examples import ExampleRows
from synthspec.inference.prompt_messages import PromptMessages
from synthspec.languages.templates.template import TemplateFault
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import Table
from synthspec.spec import BackendChoice, Prompt, Spec
from synthspec.spec.asked import fields_asked
from synthspec.spec.conversation import CALLED
from synthspec.spec.messages import Constraint, Message, Request, Text
from synthspec.spec.rows import Rejection

KEY_VERSION = 1
DEFAULT_MAX_TOKENS = 4096  # what a reply may cost at worst where the spec sets no max_tokens
MAX_ECHO = 6_000  # characters of a failed reply shown to the model again


@dataclass(frozen=True, slots=True)
class Feedback:
    """A failed reply and what was wrong with it."""

    text: str
    rejections: tuple[Rejection, ...]
    rows: int  # still wanted


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reviewer says of a reply that made a row: the request is made again with it."""

    said: str
    text: str  # of the reply


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one request from another of the same words: where it stands in its row's history."""

    lineage: tuple[str, ...] = ()  # keys of the completions it builds on
    place: str = "0"  # of the row among those of its combination
    attempt: int = 1
    variant: tuple[str | int, ...] = ()  # what tells it from others of the same prompt and row
    remarks: tuple[Remark, ...] = ()  # with which it is made again
    earlier: tuple[Remark, ...] = ()  # with which attempts before it were


@dataclass(frozen=True, slots=True)
class RequestSettings:
    """A backend as far as requests depend on it."""

    choice: BackendChoice
    fingerprint: str
    seeded: bool

    @property
    def temperatures(self) -> tuple[float, ...]:
        given = self.choice.settings.get("temperature")
        return tuple(float(t) for t in given) if isinstance(given, list) else ()

    @property
    def max_tokens(self) -> int:
        return int(self.choice.settings.get("max_tokens", DEFAULT_MAX_TOKENS))


@dataclass(slots=True)
class PromptWriter:
    """Writes the requests of one prompt."""

    spec: Spec
    prompt: Prompt
    sender: RequestSettings
    tables: Mapping[str, Table]
    endpoint: str = ""  # the name of the one it writes for; "" for the prompt's own
    shape: Shape = field(init=False)
    shown: ExampleRows | None = field(init=False, default=None)
    fixed: str = field(init=False)  # what all its keys hang on besides words and fields
    _instructions: dict[int, str] = field(init=False, default_factory=dict)
    _constraints: dict[int, Constraint] = field(init=False, default_factory=dict)
    _schema_tokens: dict[int, int] = field(init=False, default_factory=dict)
    _written: PromptMessages = field(init=False)

    def __post_init__(self) -> None:
        fields = fields_asked(self.prompt, {f.name: f for f in self.spec.fields})
        self.shape = Shape(fields, self.prompt.rows, self.prompt.format_options)
        self._written = PromptMessages(self.prompt, self.spec.path.parent)
        if (asked := self.prompt.examples) is not None:
            seed = f"{self.spec.seed}/{self.prompt.name}"
            self.shown = ExampleRows(asked, self.tables[asked.source], seed)
        choice = self.sender.choice
        settings = {k: v for k, v in choice.settings.items() if k != "temperature" or not isinstance(v, list)}
        self.fixed = json.dumps(
            [
                KEY_VERSION,
                choice.provider,
                choice.model,
                self.sender.fingerprint,
                settings,
                self.prompt.name,
                self.prompt.format,
                dict(self.prompt.format_options),
                [(f.name, f.type.kind) for f in fields],
                self.prompt.verbalize,
                self.spec.seed if self.sender.seeded else None,
                *(["complete"] if self.prompt.complete is not None else []),
            ],
            sort_keys=True,
            default=str,
        )

    def asks_for(self, rows: int) -> Shape:
        """The shape of a reply of so many rows."""
        return Shape(self.shape.fields, rows, self.shape.options)

    def base(
        self, index: int, values: Mapping[str, Any], rows: int, shown: Sequence[Mapping[str, Any]] | None = None
    ) -> tuple[Message, ...]:
        """The messages as the spec writes them; with `shown` in place of the examples.

        Raises:
            TemplateFault: a value is not what the template needs.
        """
        seen = dict(values)
        seen["rows"] = rows
        if self.prompt.examples is not None:
            name = self.prompt.examples.name
            seen[name] = self.examples(index, values) if shown is None else shown
        if CALLED in seen:
            seen.update(seen[CALLED])
        return self._written.render(seen)

    def drafted(self, index: int, values: Mapping[str, Any], rows: int) -> tuple[Message, ...]:
        """The messages for stand-in values; the templates as written where these cannot be filled in."""
        asked = self.prompt.examples
        shown = None
        if asked is not None and not asked.reads <= {p.name for p in self.spec.parameters}:  # hangs on what is unknown
            table = self.tables[asked.source]
            shown = table.rows(range(min(asked.rows, len(table))))
        try:
            return self.base(index, {"avoid": [], **values}, rows, shown)
        except TemplateFault:
            return self._written.as_written()

    def told(self, base: Sequence[Message], rows: int) -> list[Message]:
        """The messages with what the format says of the reply, at the end of the last."""
        told = self.instructions(rows)
        if not told:
            return list(base)
        *parts, said = base[-1].parts
        assert isinstance(said, Text)
        return [*base[:-1], Message("user", (*parts, Text(f"{said.text}\n\n{told}")))]

    def content(self, base: Sequence[Message], index: int) -> str:
        """A digest of all that a person wrote into the request: not its instructions, which follow the field rules."""
        spoken = [self.fixed, self._temperature(index), [(m.role, m.key_form) for m in base]]
        return hashlib.blake2b(json.dumps(spoken).encode(), digest_size=16).hexdigest()

    def request(
        self,
        index: int,
        values: Mapping[str, Any],
        base: tuple[Message, ...],
        key: str,
        identity: Identity,
        rows: int,
        feedback: Feedback | None,
    ) -> Request:
        """The call itself: base messages, the format's instructions, and what was wrong before."""
        return self.sent(index, values, self.told(base, rows), key, identity, rows, feedback)

    def sent(
        self,
        index: int,
        values: Mapping[str, Any],
        told: Sequence[Message],
        key: str,
        identity: Identity,
        rows: int,
        feedback: Feedback | None,
    ) -> Request:
        """The call of these messages and, where one was made before, what was wrong with its reply."""
        messages = list(told)
        raw = self.prompt.complete is not None
        messages += self._remarked(identity.earlier)
        if feedback is not None and self.spec.repair and not raw:
            messages.append(Message("assistant", self._said(feedback.text)[:MAX_ECHO] or "(nothing)"))
            messages.append(Message("user", _complaint(feedback)))
        messages += self._remarked(identity.remarks)
        return Request(
            key=key,
            prompt=self.prompt.name,
            combination=index,
            attempt=identity.attempt,
            messages=tuple(messages),
            rows=rows,
            values=values,
            constraint=self.constraint(rows),
            seed=int.from_bytes(hashlib.blake2b(key.encode(), digest_size=6).digest(), "big"),
            worst_tokens=(self._worst_tokens(messages) + self._constraint_tokens(rows), self.sender.max_tokens),
            temperature=self._temperature(index),
            endpoint=self.endpoint,
            variant=identity.variant,
            raw=raw,
        )

    def _remarked(self, remarks: Sequence[Remark]) -> list[Message]:
        """Replies that a reviewer was shown, each with what was said of it; none where there is no talk to go on."""
        if self.prompt.complete is not None:
            return []
        found: list[Message] = []
        for remark in remarks:
            found.append(Message("assistant", self._said(remark.text)[:MAX_ECHO] or "(nothing)"))
            found.append(Message("user", _remark_text(remark.said)))
        return found

    def _worst_tokens(self, messages: Sequence[Message]) -> int:
        pictures = picture_tokens(self.sender.choice, messages) if self.prompt.images else 0
        return worst_tokens(messages) + (pictures or 0)  # not known without a limit alone: E477

    def _said(self, text: str) -> str:
        """A failed reply as the model is shown it: never what it thought."""
        return without_thinking(text, kept_tags(self.shape)).strip() if thinking_in(text) else text

    def instructions(self, rows: int) -> str:
        """What the format adds to the prompt for so many rows."""
        if not self.prompt.instructions:
            return ""
        if rows not in self._instructions:
            module = find_format(self.prompt.format)
            told = module.instructions(self.asks_for(rows))
            if self.prompt.verbalize > 1:
                told = f"{verbalized.instructions(self.prompt.verbalize)}\n\n{told}"
            self._instructions[rows] = told
        return self._instructions[rows]

    def constraint(self, rows: int) -> Constraint:
        """What a backend may hold a reply of so many rows to; nothing where a reply holds several answers."""
        if self.prompt.verbalize > 1:
            return Constraint()
        if rows not in self._constraints:
            module = find_format(self.prompt.format)
            self._constraints[rows] = module.constraint(self.asks_for(rows))
        return self._constraints[rows]

    def _constraint_tokens(self, rows: int) -> int:
        """What a schema sent along may count for."""
        if rows not in self._schema_tokens:
            sent = self.constraint(rows)
            text = json.dumps(sent.json_schema) if sent.json_schema is not None else (sent.regex or sent.grammar or "")
            self._schema_tokens[rows] = estimate_tokens(text)
        return self._schema_tokens[rows]

    def _temperature(self, index: int) -> float | None:
        cycle = self.sender.temperatures
        return cycle[index % len(cycle)] if cycle else None

    def examples(self, index: int, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a source shown for one combination."""
        assert self.shown is not None
        return self.shown.rows(index, values)


def request_key(content: str, *parts: object) -> str:
    """32 hex digits for a request: its content, and what tells it from others of the same content."""
    text = "\x1f".join([content, *map(str, parts)])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def retry_key(key: str, said: str) -> str:
    """The key under which a request is made again with a reviewer's remark."""
    return request_key(key, "retry", said)


def combined_key(keys: Sequence[str]) -> str:
    """One name for several completions that something was made of; "" for none."""
    return request_key("several", *keys) if keys else ""


def _complaint(feedback: Feedback) -> str:
    """What a failed reply is answered with."""
    said = list(dict.fromkeys(r.reason for r in feedback.rejections))[:8]
    if not said:
        return f"That is not all. Write {_rows(feedback.rows)} more, different from those above, in the same form."
    listed = "\n".join(f"- {s}" for s in said)
    return (
        f"That cannot be used as it is:\n{listed}\n\n"
        f"Write {_rows(feedback.rows)} again, new and free of these faults, in the form asked for above. "
        "Reply with nothing else."
    )


def _remark_text(said: str) -> str:
    """What a reply is answered with that a reviewer wants written again."""
    listed = "\n".join(f"- {line}" for line in said.splitlines() if line.strip())
    return (
        f"A reader of this says:\n{listed}\n\n"
        "Write it again with that put right, in the form asked for above. Reply with nothing else."
    )


def _rows(count: int) -> str:
    return "it" if count == 1 else f"{count} rows"
