"""Every call of a combination as it will be sent: messages, derived instructions, shape of the reply, settings, tools.

Nothing is invented: a prompt that reads what is written later shows its name in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from synthspec.generation.estimates.several import CallsPerRow, calls_by_endpoint, known_value
from synthspec.generation.estimates.talks import exchanges_of, openings_in
from synthspec.generation.machine.program import Program
from synthspec.generation.machine.toolbox import Kit, Toolbox
from synthspec.generation.validation.rules import Validator
from synthspec.inference.known_messages import known_base
from synthspec.inference.requests import PromptWriter, RequestSettings
from synthspec.inference.speaker_requests import SpeakerWriter, open_speaker_writer
from synthspec.languages.expressions import compile_row, names_of
from synthspec.languages.templates.partial import Piece, pieces_of
from synthspec.languages.templates.template import TemplateFault
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.plan import Plan
from synthspec.sources import Table
from synthspec.spec import BackendChoice, Prompt, Spec, ToolDraw
from synthspec.spec.backends_used import choice_text, endpoint_chosen, endpoints_of, endpoints_of_speaker
from synthspec.spec.messages import Constraint, Image, Message, Text, ToolDeclaration


@dataclass(frozen=True, slots=True)
class DraftedMessage:
    """A message as it will be sent. `derived` is what is added to it that the spec does not say."""

    role: str
    pieces: tuple[Piece, ...]
    derived: str = ""
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PromptDraft:
    """A call as it will be sent to one backend. `fault` says why it cannot be written; nothing else is there then."""

    prompt: str
    endpoint: str
    backend: str
    settings: Mapping[str, Any]
    calls: CallsPerRow | None  # for a row of this combination; None where it is not known
    messages: tuple[DraftedMessage, ...] = ()
    missing: tuple[str, ...] = ()  # names that have no value yet
    notes: tuple[str, ...] = ()
    constraint: Constraint = field(default_factory=Constraint)  # that the backend may hold the reply to
    constrained: bool = True  # whether the spec lets it
    tools: tuple[ToolDeclaration, ...] = ()
    rows: int = 1
    raw: bool = False  # text to go on from, no messages
    fault: str = ""


@dataclass(frozen=True, slots=True)
class CombinationDrafts:
    """A combination, the fields computed from it alone, and its calls in the order of the prompts."""

    index: int
    values: Mapping[str, Any]
    computed: Mapping[str, Any]
    prompts: tuple[PromptDraft, ...]


def draft_combination(plan: Plan, tables: Mapping[str, Table], index: int) -> CombinationDrafts:
    """The calls of the combination of this number, from 0.

    Raises:
        DrawFault: a draw has nothing to give for it.
    """
    spec, values = plan.spec, plan[index]
    computed = Program(spec, Validator(spec), tables).context(values)
    drafting = _Drafting(spec, tables, index, {**computed, **values})
    return CombinationDrafts(index, values, computed, tuple(drafting.all()))


@dataclass(frozen=True, slots=True)
class _Drafting:
    spec: Spec
    tables: Mapping[str, Table]
    index: int
    known: Mapping[str, Any]
    toolbox: Toolbox = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "toolbox", Toolbox(self.spec, self.tables))

    def all(self) -> Iterator[PromptDraft]:
        for prompt in self.spec.asked:
            calls = self._calls(prompt)
            for endpoint, choice in self._endpoints(prompt).items():
                yield self._draft(prompt, endpoint, choice, calls.get(endpoint))
        for name, player in self.spec.players.items():
            yield self._draft(player.prompt, name, player.prompt.backend or self.spec.backend, None)

    def _calls(self, prompt: Prompt) -> dict[str, CallsPerRow]:
        """Calls for a row by endpoint, as far as they are known."""
        dialogue = prompt.dialogue
        if dialogue is None:
            return calls_by_endpoint(self.spec, prompt, [self.known])
        if not names_of(dialogue.minimum) | names_of(dialogue.maximum) <= self.known.keys():
            return {}
        (least, most), given = exchanges_of(dialogue, self.known), openings_in(dialogue)
        return {
            endpoint: CallsPerRow(least - (place < given), most - (place < given))
            for place, speaker in enumerate(dialogue.speakers)
            for endpoint in endpoints_of_speaker(prompt, speaker)
        }

    def _endpoints(self, prompt: Prompt) -> dict[str, BackendChoice]:
        """The backends that a prompt may be asked of here: one where it is known which."""
        found = endpoints_of(self.spec, prompt)
        if prompt.choose is None or prompt.dialogue is not None or prompt.map is not None:
            return found
        name = known_value(prompt.choose.expression, self.known)
        chosen = endpoint_chosen(prompt, choice_text(name))
        return {chosen: found[chosen]} if name is not None and chosen in found else found

    def _draft(self, prompt: Prompt, endpoint: str, choice: BackendChoice, calls: CallsPerRow | None) -> PromptDraft:
        settings = RequestSettings(choice, "", False)
        own = endpoint if endpoint != prompt.name else ""
        writer = open_speaker_writer(self.spec, prompt, settings, self.tables, own)
        notes = tuple(self._notes(prompt, calls))
        draft = PromptDraft(
            prompt.name, endpoint, f"{choice.provider}:{choice.model}", self._settings(settings), calls, notes=notes
        )
        try:
            values = {**self.known, **self._bound(prompt)}
            base, missing = known_base(writer, self.index, values, prompt.rows)
            tools = self._tools(writer, values)
        except TemplateFault as fault:
            return replace(draft, fault=str(fault))
        if isinstance(tools, str):
            return replace(draft, fault=tools)
        told = writer.instructed(base) if isinstance(writer, SpeakerWriter) else writer.told(base, prompt.rows)
        return replace(
            draft,
            messages=tuple(_drafted(base, tuple(told))),
            missing=tuple(sorted(missing)),
            constraint=writer.constraint(prompt.rows),
            constrained=choice.options.get("constrain", True) is not False,
            tools=tuple(ready.declaration for ready in tools.values()),
            rows=prompt.rows,
            raw=prompt.complete is not None,
        )

    def _settings(self, settings: RequestSettings) -> dict[str, Any]:
        """What goes with the call, the temperature that is this combination's turn."""
        found = dict(settings.choice.settings)
        if cycle := settings.temperatures:
            found["temperature"] = cycle[self.index % len(cycle)]
        return found

    def _bound(self, prompt: Prompt) -> dict[str, Any]:
        """The names that a call of this prompt has of its own: of an item, of a round, as far as they are known."""
        found: dict[str, Any] = {}
        for each in (e for e in (*(p.each for p in self.spec.prompts), prompt.map) if e is not None):
            items = known_value(each.items, {**self.known, **found})
            if isinstance(items, list | tuple) and items:
                found[each.name] = items[0]
        if prompt.repeat is not None:
            seed = {n: e for n, e in prompt.repeat.seed.items() if names_of(e) <= self.known.keys()}
            found |= {"round": 1, **{n: compile_row(e)(self.known) for n, e in seed.items()}}
        return found

    def _notes(self, prompt: Prompt, calls: CallsPerRow | None) -> Iterator[str]:
        if prompt.when is not None:
            if not names_of(prompt.when) <= self.known.keys():
                yield "asked only if its `when` is true, which is not known yet"
            elif not compile_row(prompt.when)(self.known):
                yield "not asked for this combination: its `when` is false"
        if prompt.each is not None:
            yield f"asked for each `{prompt.each.name}`; where the list is known, the first is shown"
        if prompt.map is not None:
            yield f"asked once for each `{prompt.map.name}`; where the list is known, the first is shown"
        if prompt.samples is not None:
            yield f"asked {prompt.samples} times for a row"
        if prompt.repeat is not None:
            yield "asked round after round; the first round is shown"
        if prompt.dialogue is not None:
            yield "one message of a conversation; the speaker's first call is shown"
        if prompt.images:
            yield "pictures go with the last message"
        if prompt in (p.prompt for p in self.spec.players.values()):
            yield "asked where a model calls the tool that it plays"

    def _tools(self, writer: PromptWriter, values: Mapping[str, Any]) -> Kit | str:
        """The tools of a speaker; none where what they hang on is not known."""
        if not isinstance(writer, SpeakerWriter) or writer.speaker.tools is None:
            return {}
        tools = writer.speaker.tools
        reads = tools.rows.reads if isinstance(tools, ToolDraw) else names_of(tools)
        if not reads <= values.keys():
            return {}
        return self.toolbox.kit_of(writer.speaker, writer.prompt.name)(self.index, values)


def _drafted(base: tuple[Message, ...], told: tuple[Message, ...]) -> Iterator[DraftedMessage]:
    """Each message with what is added to it told apart."""
    added = len(told) - len(base)
    for place, message in enumerate(told):
        before = base[place - added].content if place >= added else ""
        text = "".join(p.text for p in message.parts if isinstance(p, Text))
        assert text.startswith(before)
        pictures = tuple(_picture(p) for p in message.parts if isinstance(p, Image))
        yield DraftedMessage(message.role, pieces_of(before), text[len(before) :].lstrip("\n"), pictures)


def _picture(image: Image) -> str:
    """`img/a.png, image/png, 1,204 bytes`."""
    return ", ".join(filter(None, (image.path, image.media_type, f"{len(image.data):,} bytes")))
