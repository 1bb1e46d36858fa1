"""An engine over a cluster, opened: what workers are begun with, how many, and that each fits this driver."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from synthspec.inference.backends import Backend, provider_of
from synthspec.inference.clusters.crew import LARGEST, Cluster, Crew, Hand
from synthspec.inference.clusters.engine import ClusterEngine
from synthspec.inference.clusters.messages import Greeting, Setting, greeting_of, opened_as
from synthspec.inference.engines import EngineContext
from synthspec.inference.sending.endpoints import each_server, with_limits
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.backends_used import backends_used
from synthspec.spec.messages import BackendFault, FaultKind

if TYPE_CHECKING:
    from synthspec.sources import Table
    from synthspec.spec import BackendChoice, Spec

BATCH = 16  # requests that a local model writes at once, where its options do not say


@dataclass(frozen=True, slots=True)
class Needs:
    """What the workers of a build need of a cluster."""

    setting: bytes
    concurrency: int
    models: bool  # a model runs inside each worker, on a GPU where there is one
    in_process: bool  # workers do the work themselves, and ask no server


class Musterable(Cluster, Protocol):
    """A cluster that can be asked for all its workers at once, before a build begins."""

    def muster(self) -> list[tuple[Hand, Greeting]]:
        """Begin the workers, and greet each."""
        ...


class ClusterOpening(Protocol):
    def __call__(self, needs: Needs) -> Musterable: ...


def open_over(context: EngineContext, open_cluster: ClusterOpening) -> ClusterEngine:
    """The engine over a cluster, its workers begun and found to fit. No call is made.

    Raises:
        BackendFault: there is no cluster, or a node of it cannot work for this driver.
    """
    spec = context.spec
    backends, choices = _backends_of(context)
    providers = [provider_of(c.provider) for c in choices.values()]
    in_process = any(p.in_process for p in providers)
    setting = _packed(Setting(choices, _travelling(spec), context.tables if in_process else {}, spec.limits.timeout))
    needs = Needs(setting, spec.limits.concurrency, any(p.in_process and p.package for p in providers), in_process)
    cluster = open_cluster(needs)
    try:
        opened = {name: opened_as(backend) for name, backend in backends.items()}
        ours = greeting_of([key for p in providers for key in p.keys], opened)
        crew = Crew(cluster, ours, spec.limits.timeout, least=_least_block(choices))
        for hand, greeting in cluster.muster():
            crew.join(hand, greeting)
    except BaseException:
        cluster.close()
        raise
    names = {id(backend): name for name, backend in backends.items()}
    return ClusterEngine(context.endpoints, spec.limits.timeout, crew, names)


def workers_for(needs: Needs, processors: int, gpus: int) -> int:
    """How many workers are begun: one a GPU for local models, one a processor where the work is theirs, else as many
    as keep all calls in flight.

    >>> workers_for(Needs(b"", 200, models=False, in_process=False), processors=16, gpus=0)
    4
    """
    if needs.models and gpus:
        return gpus
    most = needs.concurrency if needs.in_process else math.ceil(needs.concurrency / LARGEST)
    return max(1, min(processors, most))


def _backends_of(context: EngineContext) -> tuple[dict[str, Backend], dict[str, BackendChoice]]:
    """Every backend that is open, with the choice that it was opened by, under a name for workers."""
    backends: dict[str, Backend] = {}
    choices: dict[str, BackendChoice] = {}
    seen: set[int] = set()
    for name, (_, given) in backends_used(context.spec).items():
        endpoint = context.endpoints[name]
        several = each_server(with_limits(given, context.spec.limits))
        for place, (backend, choice) in enumerate(
            zip(endpoint.backends or (endpoint.backend,), several, strict=True), 1
        ):
            if id(backend) not in seen:
                seen.add(id(backend))
                full = name if len(several) == 1 else f"{name} {place}"
                backends[full], choices[full] = backend, choice
    return backends, choices


def _least_block(choices: Mapping[str, BackendChoice]) -> int:
    """What a local model writes at once; 1 where none runs in a worker."""
    batches = [
        int(choice.options.get("batch", BATCH))
        for choice in choices.values()
        if "batch" in provider_of(choice.provider).options
    ]
    return max(batches, default=1)


def _travelling(spec: Spec) -> Spec:
    """The spec without what asks its files for their digests, which is the driver's business."""
    sources = {name: replace(source, digest=None) for name, source in spec.sources.items()}
    return replace(spec, sources=sources, path=spec.path.resolve())


def _packed(setting: Setting) -> bytes:
    try:
        return pickle.dumps(setting)
    except Exception as e:
        table = next((name for name, t in setting.tables.items() if not _travels(t)), None)
        what = f"the source '{table}'" if table else "the spec"
        said = f"{what} cannot be sent to other machines ({' '.join(str(e).split())[:120]})"
        raise BackendFault(FaultKind.BAD_REQUEST, f"{said}: build with --engine local") from None


def _travels(table: Table) -> bool:
    try:
        pickle.dumps(table)
    except Exception:
        return False
    return True
