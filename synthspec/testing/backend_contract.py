"""What every backend must hold to. A third party's tests run it over its own module:

    from synthspec.testing.backend_contract import BackendContract
    import my_package.my_backend

    class TestMyBackend(BackendContract):
        module = my_package.my_backend
        model = "small"
        options = {"base_url": "http://127.0.0.1:8080"}      # a server of the test's own
        environment = {"MY_KEY": "secret-of-the-test"}

Tests that make calls run where `calls` is true: set it to False to check the module's shape alone. To check
faults too, override `open_failing`, which opens the backend so that its next call fails in a given way.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from synthspec.diagnostics import Span
from synthspec.inference.backends import Backend, BackendContext, Provider
from synthspec.spec import BackendChoice, Limits, Novelty, Output, PlanRules, Spec
from synthspec.spec.messages import BackendFault, Constraint, FaultKind, Message, Reply, Request

T = TypeVar("T")

FINISHES = ("stop", "length", "refused")
NOWHERE = Span("contract.yaml", 1, 1, 1, 1)
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "score": {"type": "integer"}},
    "required": ["text", "score"],
    "additionalProperties": False,
}


def a_request(number: int = 1, **changes: Any) -> Request:
    """A small request; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "key": f"{number:032x}",
        "prompt": "call",
        "combination": number,
        "attempt": 1,
        "messages": (
            Message("system", "You are brief."),
            Message("user", f"Write the line number {number}."),
        ),
        "rows": 1,
        "values": {"number": number},
        "seed": 7 + number,
        "worst_tokens": (40, 64),
    }
    return Request(**{**fields, **changes})


def a_context(timeout: float = 30.0) -> BackendContext:
    """A context with an empty spec, for backends that learn nothing from it."""
    nothing = BackendChoice("none", "", {}, {}, None, NOWHERE)
    spec = Spec(
        path=Path("contract.yaml"),
        name="contract",
        rows=1,
        seed=0,
        description="",
        license="",
        tags=(),
        sources={},
        parameters=(),
        plan=PlanRules(),
        prompts=(),
        fields=(),
        checks=(),
        novelty=Novelty(),
        gates=(),
        output=Output(),
        backend=nothing,
        limits=Limits(),
    )
    return BackendContext(spec, {}, timeout)


class BackendContract:
    """Subclass it, set `module`, and let pytest collect it. Attributes may be properties."""

    module: ModuleType
    model: str = "model"
    options: Mapping[str, Any] = {}
    settings: Mapping[str, Any] = {}
    environment: Mapping[str, str] = {}  # set while a test runs; secrets among them must never be shown
    calls: bool = True  # whether calls can be made

    def context(self) -> BackendContext:
        """What the backend may know; override it for one that learns from a spec's sources."""
        return a_context()

    def open(self, **options: Any) -> Backend:
        """Open the backend as the contract does everywhere."""
        provider = self.module.__name__.rsplit(".", 1)[-1]
        choice = BackendChoice(provider, self.model, {**self.options, **options}, self.settings, None, NOWHERE)
        backend: Backend = self.module.PROVIDER.open(choice, self.context())
        return backend

    def open_failing(self, kind: FaultKind) -> Backend | None:
        """The backend, its next call set to fail with this kind; None where a test cannot do that."""
        return None

    def run(self, use: Callable[[Backend], Awaitable[T]], backend: Backend | None = None) -> T:
        """Open, use and close the backend in a loop of its own."""

        async def main() -> T:
            opened = backend or self.open()
            try:
                return await use(opened)
            finally:
                await opened.close()

        with self.set_environment():
            return asyncio.run(main())

    @contextmanager
    def set_environment(self) -> Iterator[None]:
        """The test's environment variables, and afterwards those that were there before."""
        before = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value

    def test_describes_itself(self) -> None:
        """The module's `PROVIDER` says what it is, in the words and types of the contract."""
        import jsonschema

        provider = self.module.PROVIDER
        assert isinstance(provider, Provider)
        assert provider.summary
        assert "\n" not in provider.summary
        assert all(isinstance(k, str) and k == k.upper() for k in provider.keys)
        for name, about in provider.options.items():
            assert isinstance(name, str)
            if isinstance(about, Mapping):
                jsonschema.Draft202012Validator.check_schema(about)
            words = about.get("description") if isinstance(about, Mapping) else about
            assert isinstance(words, str) and words, f"say what the option `{name}` means"
        assert len(provider.most_image) == 2
        assert all(isinstance(n, int) and n >= 0 for n in provider.most_image)
        if provider.image_tokens is not None:
            count = provider.image_tokens(self.model, 640, 480)
            assert count is None or (isinstance(count, int) and count > 0)

    def test_opens_alike_and_shows_no_secret(self) -> None:
        """Two openings have the same fingerprint; no secret is in it, nor in a `repr`."""
        if not self.calls:
            return

        async def look(backend: Backend) -> None:
            second = self.open()
            assert isinstance(backend.fingerprint, str)
            assert backend.fingerprint
            assert backend.fingerprint == second.fingerprint
            assert isinstance(backend.seeded, bool)
            for secret in self.environment.values():
                if len(secret) > 8 and "://" not in secret:
                    assert secret not in backend.fingerprint + repr(backend) + repr(vars(backend))
            await second.close()

        self.run(look)

    def test_answers(self) -> None:
        """A call gives a whole reply."""
        if self.calls:
            check_reply(self.run(lambda b: b.complete(a_request())))

    def test_answers_under_every_constraint(self) -> None:
        """A constraint a backend cannot hold to is left out, not an error."""
        if not self.calls:
            return
        for constraint in (
            Constraint(json_schema=SCHEMA),
            Constraint(regex=r"[a-z]{1,20}"),
            Constraint(grammar='start: "yes" | "no"'),
        ):
            request = a_request(constraint=constraint)
            check_reply(self.run(lambda b, r=request: b.complete(r)))  # type: ignore[misc]

    def test_answers_many_at_once(self) -> None:
        """Calls in flight together do not disturb one another."""
        if not self.calls:
            return

        async def many(backend: Backend) -> list[Reply]:
            return list(await asyncio.gather(*(backend.complete(a_request(i)) for i in range(20))))

        for reply in self.run(many):
            check_reply(reply)

    def test_lists_models(self) -> None:
        """Names, in order."""
        if not self.calls:
            return
        listed = self.run(lambda b: b.models())
        assert isinstance(listed, tuple)
        assert all(isinstance(name, str) and name for name in listed)
        assert list(listed) == sorted(listed)

    def test_closes_twice(self) -> None:
        """Closing again, or without a call, does nothing."""
        if self.calls:
            self.run(lambda b: b.close())

    def test_says_which_key_is_missing(self) -> None:
        """Without a secret, `open` names the variable to set."""
        keys = self.module.PROVIDER.keys
        if not self.calls or not any(k in self.environment for k in keys):
            return
        with self.set_environment():
            for name in keys:
                os.environ.pop(name, None)
            try:
                self.open()
            except BackendFault as fault:
                assert fault.kind is FaultKind.UNAUTHORISED
                assert any(name in fault.message for name in keys)
            # No fault: it needs no key at this address.

    def test_fails_with_the_right_kind(self) -> None:
        """Each way of failing becomes its kind, with a message for people and no secret in it."""
        for kind in FaultKind if self.calls else ():
            if (backend := self.open_failing(kind)) is None:
                continue
            fault = self.run(fault_of, backend)
            assert fault is not None, f"no fault where {kind} was to be"
            assert fault.kind is kind
            assert fault.message
            assert not any(s in fault.message for s in self.environment.values() if len(s) > 8)
            assert fault.retry_after is None or fault.retry_after >= 0


async def fault_of(backend: Backend) -> BackendFault | None:
    """The fault one call ends in."""
    try:
        await backend.complete(a_request())
    except BackendFault as fault:
        return fault
    return None


def check_reply(reply: Reply) -> None:
    """A reply is text that can be stored, counts that are counts, and one of three ways to finish."""
    assert isinstance(reply, Reply)
    assert isinstance(reply.text, str)
    reply.text.encode("utf-8")
    assert isinstance(reply.reasoning, str)
    reply.reasoning.encode("utf-8")
    assert reply.finish in FINISHES
    assert isinstance(reply.model, str)
    assert reply.usage.prompt_tokens is None or reply.usage.prompt_tokens >= 0
    assert reply.usage.completion_tokens is None or reply.usage.completion_tokens >= 0
