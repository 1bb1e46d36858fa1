"""The messages of a call before all that they read is written: what is not known yet stands there by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.inference.prompt_messages import PromptMessages
from synthspec.inference.requests import PromptWriter
from synthspec.inference.speaker_requests import SpeakerWriter
from synthspec.inference.views import view_of
from synthspec.languages.expressions import names_of
from synthspec.languages.templates.partial import fill_known, unknown
from synthspec.languages.templates.template import Template
from synthspec.spec import Each, Prompt, Speaker
from synthspec.spec.conversation import Said
from synthspec.spec.messages import Message, Part, Text


def known_base(
    writer: PromptWriter, index: int, values: Mapping[str, Any], rows: int
) -> tuple[tuple[Message, ...], frozenset[str]]:
    """What `PromptWriter.base` gives as far as `values` tell it, and the names that have no value yet. Their places are
    marked: `languages.templates.partial.pieces_of` takes a text apart.

    Raises:
        TemplateFault: a value is not what the template needs.
    """
    if isinstance(writer, SpeakerWriter):
        return _spoken(writer, values, rows)
    seen, prompt = {**values, "rows": rows}, writer.prompt
    if (asked := prompt.examples) is not None and asked.reads <= values.keys():
        seen[asked.name] = writer.examples(index, values)
    missing = _reads(prompt) - seen.keys()
    return KnownMessages(prompt, writer.spec.path.parent, missing).render(seen), missing


class KnownMessages(PromptMessages):
    """Writes the messages of a prompt where some names have no value yet."""

    def __init__(self, prompt: Prompt, folder: Path, missing: frozenset[str]) -> None:
        super().__init__(prompt, folder)
        self._missing = missing

    def _filled(self, template: Template, seen: Mapping[str, Any]) -> str:
        return fill_known(template.text, seen, template.reads - seen.keys())

    def _items(self, number: int, each: Each, seen: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{}] if names_of(each.items) & self._missing else super()._items(number, each, seen)

    def _pictures(self, seen: Mapping[str, Any]) -> Sequence[Part]:
        wanted = [names_of(e) & self._missing for e in self._prompt.images]
        if not any(wanted):
            return super()._pictures(seen)
        return [Text(unknown("picture: " + ", ".join(sorted(names))) + "\n") for names in wanted if names]


def _reads(prompt: Prompt) -> frozenset[str]:
    """The names that the messages of a prompt take from outside."""
    whole = [t for t in (prompt.complete, prompt.system, prompt.user) if t is not None]
    found = frozenset[str]().union(*(t.reads for t in whole), *map(names_of, prompt.images))
    for message in prompt.messages:
        own = frozenset[str]() if message.each is None else frozenset((message.each.name,))
        found |= message.text.reads - own
        if message.each is not None:
            found |= names_of(message.each.items)
    return found


def _spoken(writer: SpeakerWriter, values: Mapping[str, Any], rows: int) -> tuple[tuple[Message, ...], frozenset[str]]:
    """The first call of a speaker. Those who speak before it have said what is given, or what is not known yet."""
    dialogue = writer.prompt.dialogue
    assert dialogue is not None
    me = writer.speaker.name
    place = [s.name for s in dialogue.speakers].index(me)
    given = next((n for n, s in enumerate(dialogue.speakers) if s.opening is None), len(dialogue.speakers))
    first = {**values, "rows": rows, "turn": 1}
    said = [_first_words(s, n < given, first) for n, s in enumerate(dialogue.speakers)]
    if place < given:  # its first message is given: it is asked for the second
        said += [_not_said(s, "next") for s in dialogue.speakers[:place]]
    else:
        del said[place:]
    messages = view_of(said, me, len(dialogue.speakers))
    if (system := writer.speaker.system) is None:
        return tuple(messages), frozenset()
    seen = {**first, "turn": 2 if place < given else 1}
    missing = system.reads - seen.keys()
    told = fill_known(system.text, seen, missing).strip("\n")
    return (Message("system", told), *messages), missing


def _first_words(speaker: Speaker, given: bool, seen: Mapping[str, Any]) -> Said:
    opening = speaker.opening
    if not given or opening is None:
        return _not_said(speaker, "first")
    return Said(speaker.name, (Text(fill_known(opening.text, seen, opening.reads - seen.keys()).strip()),))


def _not_said(speaker: Speaker, when: str) -> Said:
    return Said(speaker.name, (Text(unknown(f"what {speaker.name} says {when}")),))
