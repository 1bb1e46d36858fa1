"""Ask → Request: the messages of one call, and the key under which its completion is kept.

The first request of a prompt that needs no other is keyed by what it says and by how often that was said before in plan
order; every other by what it says and by the row's history. A row's path is in no key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from synthspec.generation.machine.program import Program
from synthspec.generation.machine.states import Ask, Combination
from synthspec.generation.machine.steps import Step
from synthspec.generation.scheduling.occurrences import Occurrences
from synthspec.inference.requests import Identity, PromptWriter, Remark, request_key, retry_key
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.fan_outs import asked_at
from synthspec.spec.messages import Image, Message, Request
from synthspec.spec.rows import RowPath, path_text


def remade_keys(retries: Mapping[str, Remark]) -> dict[str, tuple[Remark, ...]]:
    """The remarks that a request was made again with, by the key under which it was.

    >>> first, second = Remark("shorter", "a long text"), Remark("kinder", "a text")
    >>> found = remade_keys({"k": first, retry_key("k", "shorter"): second})
    >>> [[remark.said for remark in remarks] for remarks in found.values()]
    [['shorter'], ['shorter', 'kinder']]
    """
    made = {retry_key(key, remark.said) for key, remark in retries.items()}
    found: dict[str, tuple[Remark, ...]] = {}
    for start in retries.keys() - made:
        key, remarks = start, tuple[Remark, ...]()
        while (remark := retries.get(key)) is not None:
            key, remarks = retry_key(key, remark.said), (*remarks, remark)
            found[key] = remarks
    return found


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """The first request of a prompt that needs no other: written when its combination's turn came, in plan order."""

    base: tuple[Message, ...]
    key: str


Firsts = dict[tuple[str, RowPath], FirstRequest]  # by opening, and by the row's path in its combination


def _key_at(ask: Ask, content: str, parts: tuple[str, ...], opens: bool, attempt: int) -> str:
    """The key of an attempt at what a row asks for."""
    key = content if opens and attempt == 1 else request_key(content, *parts, ask.place, attempt)
    return request_key(key, *ask.variant) if ask.variant else key


class RequestWriter:
    """Writes the requests of a run. First requests are written in plan order, for their keys count repeats."""

    def __init__(
        self, program: Program, writers: Mapping[str, PromptWriter], retries: Mapping[str, Remark] | None = None
    ) -> None:
        self._program = program
        self._writers = writers
        self._retries = retries or {}  # what reviewers say of replies, by the key of the request
        self._remade = remade_keys(self._retries)
        self._seen = Occurrences()
        self.marks: dict[int, list[int]] = {}  # by combination, of its first requests; for whoever takes them away
        self.pictures: dict[int, dict[str, str]] = {}  # by combination, the files that its requests showed: digests
        self.keeps_marks = False

    def twin(self) -> RequestWriter:
        """One that goes on from here on its own."""
        twin = RequestWriter(self._program, self._writers, self._retries)
        twin._seen = self._seen.copy()
        return twin

    def open(self, combination: Combination, *, moved: int | str | None = None) -> Firsts:
        """Write the openings of every prompt that needs no other. Called in plan order.

        A row that came here from another combination, known as `moved`, has keys of its own.

        Raises:
            TemplateFault: a value is not what a template needs.
        """
        firsts: Firsts = {}
        index, seen = combination.index, {**combination.context, **combination.values}
        for path, names in self._known((index,), seen):
            for step in self._program.steps:
                if asked_at(step.prompt) == len(path) - 1 and self._program.opens(step) and step.wanted(names):
                    self._open(firsts, step, path, names, moved)
        return firsts

    def _known(self, path: RowPath, seen: Mapping[str, Any]) -> Iterator[tuple[RowPath, Mapping[str, Any]]]:
        """The rows of a combination that lists of its parameters make, in order, with what their templates see."""
        yield path, seen
        level = self._program.levels[len(path) - 1]
        if level.items is None or self._program.makers[len(path)]:
            return
        items = level.items(seen)
        for number, item in enumerate(items if isinstance(items, list | tuple) else ()):
            names = {**seen, level.name: item}
            yield from self._known((*path, number), {**names, **self._program.context(names)})

    def _open(
        self, firsts: Firsts, step: Step, path: RowPath, seen: Mapping[str, Any], moved: int | str | None
    ) -> None:
        index = path[0]
        for opening in step.openings(index, seen):
            writer = self._writers[opening.endpoint or step.prompt.name]
            base = writer.base(index, {**seen, **opening.seen} if opening.seen else seen, step.prompt.rows)
            content = writer.content(base, index)
            self._note_pictures(writer, path, base)
            if moved is not None:
                key = request_key(content, "moved", moved)
            else:
                key = request_key(content, "first", self._count(index, content))
            firsts[opening.name, path[1:]] = FirstRequest(() if step.prompt.images else base, key)

    def _count(self, index: int, content: str) -> int:
        """How many requests of this content came before."""
        mark = int(content[:15], 16)
        if self.keeps_marks:
            self.marks.setdefault(index, []).append(mark)
        return self._seen.add(mark)

    def _note_pictures(self, writer: PromptWriter, path: RowPath, messages: Iterable[Message]) -> None:
        if not self.keeps_marks or not writer.prompt.images:
            return
        shown = [part for m in messages for part in m.parts if isinstance(part, Image) and part.path]
        self.pictures.setdefault(path[0], {}).update((image.path, image.digest) for image in shown)

    def retried(self, key: str) -> str:
        """The key under which a request is made, where a reviewer wants it made again."""
        while (remark := self._retries.get(key)) is not None:
            key = retry_key(key, remark.said)
        return key

    def skip(self, marks: Iterable[int]) -> None:
        """First requests of a combination that an earlier build settled: counted, not written."""
        for mark in marks:
            self._seen.add(mark)

    def request(self, ask: Ask, firsts: Mapping[tuple[str, RowPath], FirstRequest]) -> Request:
        """The call that a row asks for.

        Raises:
            TemplateFault: a value is not what a template needs.
        """
        prompt, combination = self._program.step(ask.prompt).prompt, ask.combination
        writer, index = self._writers[ask.endpoint or ask.prompt], ask.combination.index
        place = ask.path[1 : asked_at(prompt) + 1]
        first = firsts.get((ask.opening, place)) if ask.opening else None
        values = {**ask.values, **ask.seen} if ask.seen else ask.values
        parts: tuple[str, ...] = ()
        other = ask.attempt > 1 or ask.rows != prompt.rows
        if first is not None:
            base, content = first.base, first.key
            if prompt.images:  # not kept while the row is worked on: pictures are large
                base = writer.base(index, {**combination.context, **values}, prompt.rows)
            if other and not self._program.spec.repair and "rows" in prompt.reads:
                base = writer.base(index, {**combination.context, **values}, ask.rows)
        else:
            base = writer.base(index, {**combination.context, **values}, ask.rows)
            content, parts = writer.content(base, index), ask.lineage
        self._note_pictures(writer, ask.path, base)
        opens = first is not None and ask.rows == prompt.rows  # so that its first attempt has the key of its words
        key, remarks, earlier = self._remarked(partial(_key_at, ask, content, parts, opens), ask)
        moved = ask.path[0] != index  # to this combination: rows of several may have come to it
        row = ("row", path_text(ask.path if moved else ask.path[1:])) if moved or len(ask.path) > 1 else ()
        identity = Identity(ask.lineage, ask.place, ask.attempt, (*ask.variant, *row), remarks, earlier)
        return writer.request(index, values, base, key, identity, ask.rows, ask.feedback)

    def _remarked(self, key_at: Callable[[int], str], ask: Ask) -> tuple[str, tuple[Remark, ...], tuple[Remark, ...]]:
        """The key of an attempt, the remarks with which it is made again, and those of attempts and of a conversation
        before it, which its key hangs on too."""
        attempt = ask.attempt
        if not self._retries:
            return key_at(attempt), (), ()
        earlier = tuple(remark for key in ask.before for remark in self._remade.get(key, ()))
        for number in range(1, attempt + 1):
            key, own = key_at(number), list[Remark]()
            if earlier:
                key = request_key(key, "after", *(remark.said for remark in earlier))
            while (remark := self._retries.get(key)) is not None:
                own.append(remark)
                key = retry_key(key, remark.said)
            if number < attempt:
                earlier = (*earlier, *own)
        return key, tuple(own), earlier
