"""The backends that a spec uses, each under the name of its endpoint.

`answers` is the backend of the prompt of that name, `answers#2` the second of its list, `answers=small` the one chosen
under that name, `talk/agent` that of a speaker, `talk/agent=small` the one chosen for it, `service/weather` that of a
prompt that plays a tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.spec import BackendChoice, Prompt, Speaker, Spec


def endpoint_of_sample(prompt: Prompt, sample: int) -> str:
    """The name of the endpoint that a sample, from 0, goes to: each to the next of the prompt's list."""
    place = sample % max(1, len(prompt.backends))
    return f"{prompt.name}#{place + 1}" if place else prompt.name


def choice_text(value: Any) -> str:
    """A value as `of` names it, as YAML writes it.

    >>> choice_text(True), choice_text(3), choice_text("small")
    ('true', '3', 'small')
    """
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def endpoint_chosen(prompt: Prompt, name: str) -> str:
    """The name of the endpoint for one name of `backend: {choose: …, of: …}`."""
    return f"{prompt.name}={name}"


def endpoint_of_speaker(prompt: Prompt, speaker: str) -> str:
    """The name of a speaker's endpoint."""
    return f"{prompt.name}/{speaker}"


def endpoints_of_speaker(prompt: Prompt, speaker: Speaker) -> tuple[str, ...]:
    """The names of every endpoint that a speaker may speak through."""
    own = endpoint_of_speaker(prompt, speaker.name)
    return (own,) if speaker.choose is None else tuple(f"{own}={name}" for name in speaker.choose.of)


def endpoints_of(spec: Spec, prompt: Prompt) -> dict[str, BackendChoice]:
    """Every backend that a prompt may be asked of."""
    own = prompt.backend or spec.backend
    if prompt.choose is not None:
        return {endpoint_chosen(prompt, name): choice for name, choice in prompt.choose.of.items()}
    if prompt.backends:
        return {endpoint_of_sample(prompt, place): choice for place, choice in enumerate(prompt.backends)}
    if prompt.dialogue is not None:
        return {
            endpoint: choice
            for s in prompt.dialogue.speakers
            for endpoint, choice in zip(
                endpoints_of_speaker(prompt, s),
                (s.backend or own,) if s.choose is None else s.choose.of.values(),
                strict=True,
            )
        }
    return {prompt.name: own}


def backends_used(spec: Spec) -> Mapping[str, tuple[Prompt, BackendChoice]]:
    """Every endpoint of a spec: the prompt it is of, and its backend."""
    rows = {name: (p, choice) for p in spec.asked for name, choice in endpoints_of(spec, p).items()}
    return {**rows, **{name: (p.prompt, p.prompt.backend or spec.backend) for name, p in spec.players.items()}}
