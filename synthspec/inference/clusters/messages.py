"""What travels between a driver and its workers, and what both must have in common before a call is made."""

from __future__ import annotations

import os
import platform
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from synthspec import __version__
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Request, Sent

if TYPE_CHECKING:
    from synthspec.inference.backends import Backend
    from synthspec.sources import Table
    from synthspec.spec import BackendChoice, Spec


@dataclass(frozen=True, slots=True)
class Setting:
    """What a worker is begun with. `choices` are the backends, by a name of the driver's."""

    choices: Mapping[str, BackendChoice]
    spec: Spec
    tables: Mapping[str, Table]  # those that embedded models learn from; else none
    timeout: float  # seconds for one call


@dataclass(frozen=True, slots=True)
class Order:
    """One call to be made."""

    number: int
    backend: str  # of `Setting.choices`
    request: Request


@dataclass(frozen=True, slots=True)
class PortableFault:
    """A fault of a call, as it travels."""

    kind: FaultKind
    message: str
    retry_after: float | None
    sent: Sent

    @classmethod
    def of(cls, fault: BackendFault) -> PortableFault:
        return cls(fault.kind, fault.message, fault.retry_after, fault.sent)

    def raised(self) -> BackendFault:
        """The fault as the driver knows it."""
        return BackendFault(self.kind, self.message, self.retry_after, self.sent)


@dataclass(frozen=True, slots=True)
class WorkerAnswer:
    """What came of an order; `latency` in seconds."""

    number: int
    result: Reply | PortableFault
    latency: float


@dataclass(frozen=True, slots=True)
class WorkerAnswers:
    """What came of some orders, and how many seconds of work one of them took the worker."""

    answers: Sequence[WorkerAnswer]
    work: float


@dataclass(frozen=True, slots=True)
class WorkerBackend:
    """A backend as it is on one node: what its answers depend on, and the server it asks."""

    fingerprint: str
    seeded: bool
    server: str


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a node has. Of the keys of providers it tells the names, never what they hold."""

    node: str
    versions: Mapping[str, str]  # of synthspec, Python, and what brings messages
    keys: frozenset[str]
    backends: Mapping[str, WorkerBackend | str]  # by name; why one cannot be used there


def greeting_of(keys: Sequence[str], backends: Mapping[str, WorkerBackend | str]) -> Greeting:
    """What this node has; `keys` are the names that are looked for."""
    ray = getattr(sys.modules.get("ray"), "__version__", None)  # only where it is what brings messages
    versions = {"synthspec": __version__, "Python": platform.python_version(), **({"Ray": str(ray)} if ray else {})}
    present = frozenset(name for name in keys if os.environ.get(name, "").strip())
    return Greeting(socket.gethostname(), versions, present, backends)


def opened_as(backend: Backend) -> WorkerBackend:
    """A backend as it is here."""
    return WorkerBackend(backend.fingerprint, backend.seeded, getattr(backend, "server", ""))


def difference(ours: Greeting, theirs: Greeting) -> str | None:
    """Why a node cannot work for this driver, in a sentence; None where it can."""
    for name, version in ours.versions.items():
        there = theirs.versions.get(name, "none")
        if there != version:
            return (
                f"the node {theirs.node} has {name} {there} and this machine {name} {version}: install the same on both"
            )
    missing = sorted(ours.keys - theirs.keys)
    if missing:
        return f"the node {theirs.node} has no {missing[0]} in its environment: set it where Ray is started there"
    for name, here in ours.backends.items():
        there_opened = theirs.backends.get(name, "it is not known there")
        if isinstance(there_opened, str):
            return f"the node {theirs.node} cannot use the backend '{name}': {there_opened}"
        assert isinstance(here, WorkerBackend)
        if there_opened.server != here.server:
            asked = f"asks {there_opened.server or 'no server'} there and {here.server or 'no server'} here"
            return f"the backend '{name}' of the node {theirs.node} {asked}: set the same address on both"
        if there_opened != here:
            return f"the backend '{name}' of the node {theirs.node} is not the same as here: {there_opened.fingerprint}"
    return None
