"""Answers from an earlier run: `replay:path/to/run.sqlite`. Free and exact, for tests of a spec.

A request is found by what it says, not by its key, which depends on the backend that answered. Of stored
requests of the same words, the one of the same prompt, combination, sample and attempt is its own, and is kept for it;
where there is none, the nearest not given yet: the n-th request of the same words gets the n-th completion.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.formats.recovery.thinking import thinking_in, without_thinking
from synthspec.inference.backends import BackendContext, Provider
from synthspec.inference.store import Store, StoreFault
from synthspec.spec.messages import BackendFault, FaultKind, Message, Reply, Request

if TYPE_CHECKING:
    from synthspec.spec import BackendChoice


AskedPlace = tuple[str, int, int, tuple[str | int, ...]]  # prompt, combination, attempt, sample or item


def open_backend(choice: BackendChoice, context: BackendContext) -> ReplayBackend:
    """Find the run and read which requests it holds."""
    path = _find_run(choice, context)
    try:
        store = Store.open_readonly(path)
    except StoreFault as e:
        raise BackendFault(FaultKind.BAD_REQUEST, f"'{choice.model}' is not a run to replay ({e})") from None
    try:
        return ReplayBackend(path.name, store)
    except StoreFault as e:
        store.shut()
        raise BackendFault(FaultKind.BAD_REQUEST, f"'{choice.model}' is not a run to replay ({e})") from None


PROVIDER = Provider(
    summary="Replay: answers from the run.sqlite of an earlier build",
    open=open_backend,
    free=True,
    in_process=True,
    tools=True,
    images=True,
    completes=True,
    reasons=True,
)


class ReplayBackend:
    """One run, open for reading."""

    seeded = False

    def __init__(self, name: str, store: Store) -> None:
        self._name = name
        self._store: Store | None = store
        self._held: dict[bytes, dict[AskedPlace, list[str]]] = {}  # by the words: where each call stood, and its key
        self._free: dict[bytes, dict[AskedPlace, list[str]]] = {}  # the same, given to nobody; made when one is lent
        self._given: dict[str, str] = {}  # key of a request -> key of its completion
        digest = hashlib.blake2b(digest_size=16)
        for call in sorted(store.iterate_requests(), key=lambda c: (c.combination, c.attempt)):
            places = self._held.setdefault(_words(call.request.turns if call.request else ()), {})
            variant = call.request.variant if call.request else ()
            places.setdefault((call.prompt, call.combination, call.attempt, variant), []).append(call.key)
            digest.update(call.key.encode())
        self.fingerprint = f"replay:{digest.hexdigest()}"

    async def complete(self, request: Request) -> Reply:
        """The stored completion of the same request."""
        key = self._given.get(request.key)
        if key is None:
            key = self._given[request.key] = self._take(request)
        if self._store is None:
            raise BackendFault(FaultKind.UNREACHABLE, f"{self._name} is closed", sent="no")
        try:
            found = self._store.get(key)
        except StoreFault as e:
            raise BackendFault(FaultKind.BAD_REQUEST, f"{self._name}: {e}", sent="no") from None
        assert found is not None
        return found.reply

    async def models(self) -> tuple[str, ...]:
        """None: a run is named by its path."""
        return ()

    async def close(self) -> None:
        """Close the run."""
        if self._store is not None:
            self._store.shut()
            self._store = None

    def _take(self, request: Request) -> str:
        words = _words(request.messages)
        place = (request.prompt, request.combination, request.attempt, request.variant)
        held = self._held.get(words, {})
        key = _first(held, place)
        if key is not None:
            _remove(self._free.get(words, {}), place, key)
            return key
        free = self._free.get(words)
        if free is None:
            free = self._free[words] = {p: list(keys) for p, keys in held.items() if keys}
        key = _first(free, min(free, key=lambda p: _distance(p, place), default=place))
        if key is None:
            raise self._missing(request)
        return key

    def _missing(self, request: Request) -> BackendFault:
        where = f"prompt '{request.prompt}', combination {request.combination}, attempt {request.attempt}"
        why = "the spec, its seed or its data differ from that run's"
        # costs this row alone: one that was begun beyond the last wanted need not have been begun in that run
        return BackendFault(FaultKind.REFUSED, f"{self._name} holds no completion for {where}: {why}")


def _first(places: dict[AskedPlace, list[str]], place: AskedPlace) -> str | None:
    """Take the first call that stood there."""
    keys = places.get(place)
    if not keys:
        return None
    key = keys.pop(0)
    if not keys:
        del places[place]
    return key


def _remove(places: dict[AskedPlace, list[str]], place: AskedPlace, key: str) -> None:
    keys = places.get(place, [])
    if key in keys:
        keys.remove(key)
        if not keys:
            del places[place]


def _distance(held: AskedPlace, wanted: AskedPlace) -> tuple[bool, bool, int, int]:
    return held[0] != wanted[0], held[3] != wanted[3], abs(held[1] - wanted[1]), abs(held[2] - wanted[2])


def _words(messages: Sequence[Message]) -> bytes:
    """A digest of what is said, thinking left out, which runs before 0.2 showed the model again."""
    spoken = json.dumps([[m.role, _told(m) if m.role == "assistant" else m.key_form] for m in messages])
    return hashlib.blake2b(spoken.encode(), digest_size=16).digest()


def _told(message: Message) -> Any:
    said = message.key_form
    return without_thinking(said).strip() or "(nothing)" if isinstance(said, str) and thinking_in(said) else said


def _find_run(choice: BackendChoice, context: BackendContext) -> Path:
    if not choice.model:
        raise BackendFault(FaultKind.BAD_REQUEST, "name the run: `replay:path/to/run.sqlite`")
    roots = [context.spec.path.resolve().parent, Path.cwd()]
    tried = [(root / choice.model).resolve() for root in roots]
    found = next((path for path in tried if path.is_file()), None)
    if found is None:
        raise BackendFault(FaultKind.BAD_REQUEST, f"there is no run '{choice.model}'; a build leaves one in its folder")
    allowed = (roots[0], (Path.cwd() / "build").resolve())
    by_command = choice.span.file.startswith("--")  # the person at the keyboard may name any file
    if not by_command and not any(found.is_relative_to(root) for root in allowed):
        why = "a spec may name a run below its own folder or below build/; --backend may name any"
        raise BackendFault(FaultKind.BAD_REQUEST, f"'{choice.model}' is out of bounds: {why}")
    return found
