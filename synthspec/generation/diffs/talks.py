"""What an edit changes in dialogues: each message builds on those before, so one that differs changes all after it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from synthspec.generation.estimates.talks import chosen_endpoint, exchanges_of, openings_in
from synthspec.generation.machine.toolbox import KitOf, Toolbox
from synthspec.inference.requests import RequestSettings
from synthspec.inference.speaker_requests import SpeakerWriter, open_speaker_writer
from synthspec.languages.templates.template import TemplateFault
from synthspec.planning.plan import Plan
from synthspec.sources import Table
from synthspec.spec import Prompt, Speaker, Spec
from synthspec.spec.backends_used import endpoints_of, endpoints_of_speaker

SAME_AFTER = 12  # exchanges after which what a speaker is told is taken to be the same


def talk_contents(
    spec: Spec, prompt: Prompt, plan: Plan, tables: Mapping[str, Table], stand_ins: Mapping[str, Any], count: int
) -> list[dict[int, str]]:
    """For each message of a talk that is asked for, a digest of all that it hangs on, by combination."""
    dialogue = prompt.dialogue
    assert dialogue is not None
    by_endpoint: dict[str, SpeakerWriter] = {}
    for name, choice in endpoints_of(spec, prompt).items():
        writer = open_speaker_writer(
            spec, prompt, RequestSettings(choice, "", choice.provider == "ngram"), tables, name
        )
        assert isinstance(writer, SpeakerWriter)
        by_endpoint[name] = writer
    toolbox = Toolbox(spec, tables)
    kits = [toolbox.kit_of(speaker, prompt.name) for speaker in dialogue.speakers]
    found: list[dict[int, str]] = []
    for index, combination in enumerate(islice(plan.combinations(0, count), count)):
        values = {**stand_ins, **combination}
        writers = [by_endpoint[_endpoint(spec, prompt, s, values)] for s in dialogue.speakers]
        for place, digest in enumerate(_digests(writers, _declared(kits, index, values), index, values, prompt)):
            if place == len(found):
                found.append({})
            found[place][index] = digest
    return found


def _endpoint(spec: Spec, prompt: Prompt, speaker: Speaker, values: Mapping[str, Any]) -> str:
    """Where a speaker speaks for a row; the first of its backends where that is not known beforehand."""
    return chosen_endpoint(spec, prompt, speaker, values) or endpoints_of_speaker(prompt, speaker)[0]


def _declared(kits: list[KitOf], index: int, values: Mapping[str, Any]) -> list[str]:
    """What the keys of each speaker's messages know of the tools it may call."""
    found = [kit(index, values) for kit in kits]
    forms = (k if isinstance(k, str) else [ready.declaration.key_form for ready in k.values()] for k in found)
    return [json.dumps(form, sort_keys=True) for form in forms]


def _digests(
    writers: list[SpeakerWriter], declared: list[str], index: int, values: Mapping[str, Any], prompt: Prompt
) -> Iterable[str]:
    dialogue = prompt.dialogue
    assert dialogue is not None
    before = ""
    given = openings_in(dialogue)
    told: dict[tuple[int, int], str] = {}
    for exchange in range(1, exchanges_of(dialogue, values)[1] + 1):
        for place, writer in enumerate(writers):
            if exchange == 1 and place < given:
                before = _mixed(before, _opening(writer, values))
                continue
            turn = min(exchange, SAME_AFTER)
            if (place, turn) not in told:
                said = writer.content(writer.drafted(index, {**values, "turn": turn}, 1), index)
                told[place, turn] = _mixed(said, declared[place])
            before = _mixed(before, told[place, turn])
            yield before


def _opening(writer: SpeakerWriter, values: Mapping[str, Any]) -> str:
    opening = writer.speaker.opening
    assert opening is not None
    try:
        return opening.render({**values, "turn": 1})
    except TemplateFault:
        return opening.text


def _mixed(*parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
