"""The messages of a prompt as the spec writes them, for the values of one combination."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.inference.images import ImageFault, read_images
from synthspec.languages.expressions import compile_row
from synthspec.languages.templates.template import Template, TemplateFault
from synthspec.spec import Each, Prompt
from synthspec.spec.messages import Image, Message, Part

MOST_MESSAGES = 1_000  # of one request


class PromptMessages:
    """Writes them. Pictures are looked up in `folder`, the spec's."""

    def __init__(self, prompt: Prompt, folder: Path) -> None:
        self._prompt, self._folder = prompt, folder
        self._images = tuple(compile_row(e) for e in prompt.images)
        groups = [tuple(g) for _, g in itertools.groupby(prompt.messages, lambda m: m.group)]
        self._groups = tuple((g[0].each, g) for g in groups)
        self._lists = {n: compile_row(e.items) for n, (e, _) in enumerate(self._groups) if e is not None}

    def render(self, seen: Mapping[str, Any]) -> tuple[Message, ...]:
        """The messages where its templates see these values.

        Raises:
            TemplateFault: a value is not what the template needs.
        """
        messages = self._said_in(seen)
        if self._images:
            pictures = self._pictures(seen)
            messages[-1] = Message(messages[-1].role, (*pictures, *messages[-1].parts))
        return tuple(messages)

    def _pictures(self, seen: Mapping[str, Any]) -> Sequence[Part]:
        return [p for e in self._images for p in read_pictures(e(seen), self._folder)]

    def _filled(self, template: Template, seen: Mapping[str, Any]) -> str:
        return template.render(seen)

    def _said_in(self, seen: Mapping[str, Any]) -> list[Message]:
        if self._prompt.complete is not None:
            return [Message("user", self._filled(self._prompt.complete, seen))]
        if self._prompt.messages:
            return list(self._turns(seen))
        messages = [Message("user", self._filled(self._prompt.user, seen).strip("\n"))]
        if self._prompt.system is not None:
            messages.insert(0, Message("system", self._filled(self._prompt.system, seen).strip("\n")))
        return messages

    def _turns(self, seen: Mapping[str, Any]) -> Iterator[Message]:
        """The messages of `messages`, those of a `for` once for each item of its list; of null none."""
        count = 0
        for number, (each, templates) in enumerate(self._groups):
            for item in [{}] if each is None else self._items(number, each, seen):
                for template in templates:
                    count += 1
                    if count > MOST_MESSAGES:
                        raise TemplateFault(f"more than {MOST_MESSAGES} messages")
                    yield Message(template.role, self._filled(template.text, {**seen, **item}).strip("\n"))

    def _items(self, number: int, each: Each, seen: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What the name of a `for` stands for in turn."""
        return [{each.name: item} for item in listed(self._lists[number](seen))]

    def as_written(self) -> tuple[Message, ...]:
        """The templates themselves, nothing filled in."""
        if self._prompt.complete is not None:
            return (Message("user", self._prompt.complete.text),)
        if self._prompt.messages:
            return tuple(Message(m.role, m.text.text) for m in self._prompt.messages)
        user, system = Message("user", self._prompt.user.text), self._prompt.system
        return (user,) if system is None else (Message("system", system.text), user)


def listed(value: Any) -> Sequence[Any]:
    """The items of a list; none of null.

    Raises:
        TemplateFault: it is not a list.
    """
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise TemplateFault(f"`for` goes through a list; this is {type(value).__name__}")
    return value


def read_pictures(value: Any, folder: Path) -> list[Image]:
    """The pictures that a value stands for.

    Raises:
        TemplateFault: one cannot be used.
    """
    try:
        return list(read_images(value, folder))
    except ImageFault as fault:
        raise TemplateFault(str(fault)) from None
