"""The requests of one speaker of a dialogue: the talk from its side, and what it may write next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from synthspec.formats.instructions.descriptions import message_facts
from synthspec.inference.accounting.token_estimates import tool_tokens
from synthspec.inference.requests import KEY_VERSION, Feedback, Identity, PromptWriter, RequestSettings
from synthspec.inference.views import view_of
from synthspec.languages.templates.template import TemplateFault
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import Table
from synthspec.spec import Prompt, Speaker, Spec
from synthspec.spec.backends_used import endpoints_of_speaker
from synthspec.spec.conversation import SO_FAR, TalkSoFar
from synthspec.spec.messages import Constraint, Message, Request
from synthspec.spec.players import spec_of_player

MOST_TOLD = 8  # reasons for which an earlier attempt was rejected
MOST_KEPT = 256  # system messages of a speaker
_PLAIN = (str, int, float, bool, type(None))


@dataclass(slots=True)
class SpeakerWriter(PromptWriter):
    """Writes the requests of one speaker."""

    speaker: Speaker = field(init=False)
    besides: str = field(init=False)  # what the speaker is told that the spec does not say
    _kept: dict[Any, Message] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        PromptWriter.__post_init__(self)
        dialogue = self.prompt.dialogue
        assert dialogue is not None
        names = {name: s for s in dialogue.speakers for name in endpoints_of_speaker(self.prompt, s)}
        self.speaker = names[self.endpoint]
        self.besides = self._instructions_of()
        choice = self.sender.choice
        settings = {k: v for k, v in choice.settings.items() if k != "temperature" or not isinstance(v, list)}
        seed = self.spec.seed if self.sender.seeded else None
        said = [choice.provider, choice.model, self.sender.fingerprint, settings, self.prompt.name, self.speaker.name]
        self.fixed = json.dumps([KEY_VERSION, "dialogue", *said, seed], sort_keys=True, default=str)

    def _instructions_of(self) -> str:
        """What the speaker is told besides what the spec says: to write one message, and its rules."""
        if not self.prompt.instructions:
            return ""
        told = (
            f"You are {self.speaker.name} in a conversation. Reply with your next message and nothing else: no name "
            "before it, no quotation marks around it, and nothing that anybody else says."
        )
        rules = [fact for f in self.shape.fields for fact in message_facts(f)]
        return f"{told}\nThe message: {'; '.join(rules)}." if rules else told

    def base(
        self, index: int, values: Mapping[str, Any], rows: int, shown: Sequence[Mapping[str, Any]] | None = None
    ) -> tuple[Message, ...]:
        """The speaker's system message and the talk so far, as it sees it; a dialogue shows no examples.

        Raises:
            TemplateFault: a value is not what the template needs.
        """
        dialogue = self.prompt.dialogue
        assert dialogue is not None
        talk = values.get(SO_FAR, TalkSoFar())
        messages = view_of(talk.said, self.speaker.name, len(dialogue.speakers))
        if self.speaker.system is not None:
            messages.insert(0, self._system({"turn": 1, "rows": rows, **values}))
        return tuple(messages)

    def _system(self, seen: Mapping[str, Any]) -> Message:
        """The speaker's system message; it is the same in most exchanges of a talk, so the last few are kept."""
        system = self.speaker.system
        assert system is not None
        read = tuple([seen.get(name) for name in system.reads])
        plain = all(type(value) in _PLAIN for value in read)
        mark = (read, tuple(map(type, read))) if plain else None  # 1, 1.0 and true are equal, and written otherwise
        found = self._kept.get(mark) if mark is not None else None
        if found is None:
            found = Message("system", system.render(seen).strip("\n"))
            if mark is not None:
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                self._kept[mark] = found
        return found

    def drafted(self, index: int, values: Mapping[str, Any], rows: int) -> tuple[Message, ...]:
        """The messages for stand-in values; the templates as written where these cannot be filled in."""
        try:
            return self.base(index, {"avoid": [], **values}, rows)
        except TemplateFault:
            system = self.speaker.system
            written = self.base(index, {SO_FAR: values.get(SO_FAR, TalkSoFar())}, rows) if system is None else ()
            return written or (Message("system", system.text if system else ""), Message("user", ""))

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
        """The call itself: what the spec says, what the message must be, and what was wrong before."""
        talk = values.get(SO_FAR, TalkSoFar())
        said = tuple(dict.fromkeys(remark.said for remark in (*identity.earlier, *identity.remarks)))
        messages = self.instructed(base, talk.rejected if self.spec.repair else (), said)
        if said:  # of the conversation, not of its last message
            identity = replace(identity, earlier=(), remarks=())
        request = self.sent(index, values, messages, key, identity, rows, feedback)
        if not talk.tools:
            return request
        asked, reply = request.worst_tokens
        return replace(request, tools=talk.tools, worst_tokens=(asked + tool_tokens(talk.tools), reply))

    def instructed(
        self, base: Sequence[Message], rejected: Sequence[str] = (), remarks: Sequence[str] = ()
    ) -> tuple[Message, ...]:
        """The messages with what the speaker is told besides, at the end of its system message: why an attempt at the
        conversation was rejected, and what reviewers say of one that was not."""
        parts = [self.besides] if self.besides else []
        if rejected:
            listed = "\n".join(f"- {reason}" for reason in dict.fromkeys(rejected[:MOST_TOLD]))
            parts.append(f"An earlier attempt at this conversation was rejected:\n{listed}")
        if remarks:
            listed = "\n".join(f"- {line}" for said in remarks for line in said.splitlines() if line.strip())
            parts.append(
                f"A reader of an earlier version of this conversation says:\n{listed}\nPut that right in this one."
            )
        if not parts:
            return tuple(base)
        if base[0].role == "system":
            return (Message("system", "\n\n".join([base[0].content, *parts])), *base[1:])
        return (Message("system", "\n\n".join(parts)), *base)

    def instructions(self, rows: int) -> str:
        """Nothing that stands at the end of the last message."""
        return ""

    def constraint(self, rows: int) -> Constraint:
        """None: a message is free text."""
        return Constraint()


def open_speaker_writer(
    spec: Spec, prompt: Prompt, sender: RequestSettings, tables: Mapping[str, Table], endpoint: str = ""
) -> PromptWriter:
    """What writes the requests of a prompt for one of its endpoints."""
    if endpoint in spec.players:
        return PromptWriter(spec_of_player(spec, endpoint), prompt, sender, tables, endpoint)
    if prompt.dialogue is None:
        return PromptWriter(spec, prompt, sender, tables, endpoint)
    first = endpoints_of_speaker(prompt, prompt.dialogue.speakers[0])[0]
    return SpeakerWriter(spec, prompt, sender, tables, endpoint or first)
