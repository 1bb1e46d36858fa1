"""What a build works with, opened before anything is paid for: folder, store, backends, the rules between rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from synthspec.dataset.manifest import read_manifest
from synthspec.dataset.similarity.semantic import ModelFault
from synthspec.dataset.switch import SwitchFault, roll_forward
from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.errors import SynthspecError
from synthspec.generation.collecting import collecting_rarely
from synthspec.generation.validation.novelty import NoveltyIndex, open_novelty
from synthspec.inference.accounting.budget import Budget
from synthspec.inference.accounting.ledger import Ledger, Worst
from synthspec.inference.engines import Engine, EngineContext, engine_of, named_engine, open_engine
from synthspec.inference.events import Event
from synthspec.inference.requests import PromptWriter
from synthspec.inference.sending.endpoints import Endpoint, open_endpoints
from synthspec.inference.speaker_requests import open_speaker_writer
from synthspec.inference.store import Store
from synthspec.inference.store.batches import Batches
from synthspec.inference.store.derived.rows import key_text
from synthspec.plugins import plugin_names
from synthspec.sources import Table
from synthspec.spec import Novelty, Spec
from synthspec.spec.backends_used import backends_used
from synthspec.spec.messages import BackendFault


class BuildFault(SynthspecError):
    """The build cannot begin, or cannot go on; `help` says what to do about it."""


@asynccontextmanager
async def open_folder(
    spec: Spec, tables: Mapping[str, Table], folder: Path, *, accept_loss: bool, calls: bool = True
) -> AsyncIterator[tuple[Store, Mapping[str, Endpoint]]]:
    """The store of a folder and the backends of a spec (without `calls` those need no key), closed again whatever
    happens."""
    if not spec.fields:
        raise BuildFault("this spec declares no fields: it is a fragment to be extended", "add `fields:`", 1)
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_foreign(folder)
    with Store.open(folder, accept_loss=accept_loss) as store, collecting_rarely():
        try:
            roll_forward(folder)  # a build was cut off while it put its files in place
        except SwitchFault as e:
            raise BuildFault(e.message, e.help) from None
        endpoints = _open_endpoints(spec, tables, store, calls)
        try:
            yield store, endpoints
        finally:
            await asyncio.gather(*(endpoint.close() for endpoint in endpoints.values()), return_exceptions=True)
            await store.close()


def _refuse_foreign(folder: Path) -> None:
    """Keep out of a folder whose files a build would write over though no build made them."""
    if (folder / "run.sqlite").exists():
        return
    theirs = [n for n in ("README.md", "manifest.json", "quarantine.jsonl") if (folder / n).exists()]
    manifest = read_manifest(folder)
    if theirs and (manifest is None or "manifest" not in manifest):
        message = f"'{folder}' holds a {theirs[0]} that no build made, which this one would overwrite"
        raise BuildFault(message, "name another folder with --out", 1)


def _open_endpoints(spec: Spec, tables: Mapping[str, Table], store: Store, calls: bool) -> dict[str, Endpoint]:
    try:
        return open_endpoints(spec, tables, store, calls=calls)
    except BackendFault as e:
        raise BuildFault(e.message) from None


def _has_rules(novelty: Novelty) -> bool:
    rules = (novelty.near_duplicates, novelty.semantic, novelty.no_copies, novelty.decontaminate)
    return bool(novelty.unique or any(rules))


def open_cross_row_rules(novelty: Novelty, tables: Mapping[str, Table], folder: Path) -> NoveltyIndex | None:
    """The rules between rows, with their temporary files in this folder; None where there are none.

    Raises:
        BuildFault: a model that they need cannot be loaded.
        OSError: a temporary file cannot be written.
    """
    if not _has_rules(novelty):
        return None
    try:
        return open_novelty(novelty, tables, folder)
    except ModelFault as e:
        help = "name a folder that contains the model, or one that can be downloaded"
        raise BuildFault(f"novelty.semantic: {e}", help) from None


def open_ledger(spec: Spec, store: Store) -> Ledger:
    """The account of a run: what earlier runs of the folder used counts too."""
    limits = (spec.limits.budget, spec.limits.tokens, spec.limits.requests)
    durable = engine_of(named_engine(spec.limits.engine)[0]).durable
    sends = [send for sends in Batches(store).reserved().values() for send in sends] if durable else []
    under_way = {key_text(send.key): Worst(send.cost, send.tokens) for send in sends}
    metered = durable or any(limit is not None for limit in limits)
    return Ledger(store, Budget(spec.limits, store.spent()), metered, under_way)


def open_engine_of(
    spec: Spec,
    tables: Mapping[str, Table],
    store: Store,
    endpoints: Mapping[str, Endpoint],
    folder: Path,
    *,
    waits: bool,
    tell: Callable[[Event], None],
) -> Engine:
    """The engine that the spec names; before anything is spent it is known to be one that can be used.

    Raises:
        BuildFault: there is none of that name, it cannot be used, or calls of another engine are still under way.
    """
    name, argument = named_engine(spec.limits.engine)
    try:
        kind = engine_of(name)
        reserved = {} if kind.durable else Batches(store).reserved()
        pending = [batch for batch in Batches(store).pending() if batch.intent in reserved]
        if pending:
            count = sum(batch.count for batch in pending)
            raise BuildFault(
                f"{len(pending)} {'batch' if len(pending) == 1 else 'batches'} of '{folder}' with {count:,} requests "
                "are still under way: without them those would be paid for twice",
                f"go on with --engine batch, or see `synthspec status {folder}`, which can cancel or forget them",
            )
        return open_engine(name, EngineContext(spec, tables, endpoints, store, folder, argument, waits, tell))
    except LookupError:
        raise BuildFault(f"there is no engine '{name}'", did_you_mean(name, plugin_names("engines")), 1) from None
    except BackendFault as e:
        raise BuildFault(e.message) from None


def open_writers(spec: Spec, tables: Mapping[str, Table], endpoints: Mapping[str, Endpoint]) -> dict[str, PromptWriter]:
    """What writes the requests of each prompt, and of each of its speakers and tools, by endpoint."""
    return {
        name: open_speaker_writer(spec, prompt, endpoints[name].sender, tables, name if name != prompt.name else "")
        for name, (prompt, _) in backends_used(spec).items()
    }
