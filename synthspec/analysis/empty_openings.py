"""Openings of a dialogue that come to an empty text for values that parameters list: such a row is lost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from synthspec.diagnostics import Diagnostic, Span
from synthspec.document.paths import node_at
from synthspec.document.reader import MapNode, first_line
from synthspec.languages.expressions import compile_row, names_of
from synthspec.languages.templates.template import Template, TemplateFault
from synthspec.spec import Choice, Prompt, Speaker, Spec

MAX_TRIED = 2_000  # combinations of listed values


def empty_openings(spec: Spec, root: MapNode) -> Iterator[Diagnostic]:
    """The first of the listed values for which an opening says nothing, for each speaker."""
    for prompt in spec.prompts:
        for speaker in prompt.dialogue.speakers if prompt.dialogue is not None else ():
            values = None if speaker.opening is None else _emptied_by(spec, prompt, speaker.opening)
            if values is not None:
                said = " and ".join(f"{name} = {value!r}" for name, value in values.items())
                place = _place(root, prompt, speaker)
                message = f"this opening is empty for {said}, and a talk must begin with a text" if said else _NEVER
                help = "write a text for every value, or leave that value out of its list" if said else "write a text"
                yield Diagnostic("E699", message, place, help)


_NEVER = "this opening is empty, and a talk must begin with a text"


def _emptied_by(spec: Spec, prompt: Prompt, opening: Template) -> Mapping[str, Any] | None:
    """The values of the parameters that an opening reads for which it is empty; None where there are none, or where
    it reads what has no list of values."""
    draws = {p.name: p.draw for p in spec.parameters}
    told = {name: _listed(draws.get(name)) for name in sorted(opening.reads - {"turn"})}
    listed = {name: values for name, values in told.items() if values is not None}
    if len(listed) < len(told) or math.prod(map(len, listed.values())) > MAX_TRIED:
        return None
    for chosen in itertools.product(*listed.values()):
        values = dict(zip(listed, chosen, strict=True))
        if _is_left_out(spec, prompt, values):
            continue
        try:
            if not opening.render({"turn": 1, **values}).strip():
                return values
        except TemplateFault:
            return None  # which is said where it is met
    return None


def _listed(draw: Any) -> list[Any] | None:
    """The values that a parameter can have."""
    if not isinstance(draw, Choice):
        return None
    return [value for value, weight in zip(draw.values, draw.weights, strict=True) if weight > 0]


def _is_left_out(spec: Spec, prompt: Prompt, values: Mapping[str, Any]) -> bool:
    """Whether no talk is known to be held for these values."""
    if prompt.when is not None and not (
        names_of(prompt.when) <= values.keys() and compile_row(prompt.when)(values) is True
    ):
        return True
    excluded = (e.expression for e in spec.plan.exclude)
    return any(names_of(e) <= values.keys() and compile_row(e)(values) is True for e in excluded)


def _place(root: MapNode, prompt: Prompt, speaker: Speaker) -> Span:
    """Where the opening is written: of a speaker, or of a plain prompt with `tools` its `user`."""
    node = node_at(root, ("prompts", prompt.name))
    path = ("dialogue", speaker.name, "opening") if isinstance(node, MapNode) and node.get("dialogue") else ("user",)
    return first_line(node_at(node, path).span)
