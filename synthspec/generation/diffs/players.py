"""What an edit changes in the answers of prompts that play tools. One call a talk is compared, its arguments stood in
for: which calls a model makes is not known beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import islice
from typing import Any

from synthspec.generation.diffs.talks import talk_contents
from synthspec.generation.estimates.players import played_values
from synthspec.generation.estimates.talks import openings_in
from synthspec.inference.requests import RequestSettings
from synthspec.inference.speaker_requests import open_speaker_writer
from synthspec.planning.plan import Plan
from synthspec.sources import Table
from synthspec.spec import Prompt, Spec
from synthspec.spec.players import players_called


def player_contents(
    spec: Spec, name: str, plan: Plan, tables: Mapping[str, Table], stand_ins: Mapping[str, Any], count: int
) -> dict[int, str]:
    """For each combination, a digest of what a call of the tool hangs on: its words, and the talk up to the caller."""
    player = spec.players[name]
    choice = player.prompt.backend or spec.backend
    writer = open_speaker_writer(
        spec, player.prompt, RequestSettings(choice, "", choice.provider == "ngram"), tables, name
    )
    values = {**stand_ins, **played_values(spec, name, tables)}
    before: dict[int, list[str]] = {}
    for prompt in spec.prompts:
        place = _first_asked(spec, prompt, name)
        if place is None:
            continue
        said = talk_contents(spec, prompt, plan, tables, stand_ins, count)
        for index, digest in (said[place] if place < len(said) else {}).items():
            before.setdefault(index, []).append(digest)
    found: dict[int, str] = {}
    for index, combination in enumerate(islice(plan.combinations(0, count), count)):
        if index in before:
            own = writer.content(writer.drafted(index, {**combination, **values}, 1), index)
            found[index] = hashlib.blake2b("\x1f".join([own, *before[index]]).encode(), digest_size=16).hexdigest()
    return found


def _first_asked(spec: Spec, prompt: Prompt, player: str) -> int | None:
    """The place, among the messages of a talk that are asked for, of the first by a speaker who may call the tool."""
    if prompt.dialogue is None:
        return None
    given, speakers = openings_in(prompt.dialogue), prompt.dialogue.speakers
    places = [n for n, s in enumerate(speakers) if player in players_called(spec, s)]
    return min((n - given if n >= given else n + len(speakers) - given for n in places), default=None)
