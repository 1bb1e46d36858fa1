"""The batch engine: calls handed to the batches of their providers, at half the price (`inference/batches/`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthspec.inference.batches.offers import batch_fault, batch_share
from synthspec.inference.engines import EngineContext, EngineKind

if TYPE_CHECKING:
    from synthspec.inference.batches.engine import BatchEngine


def open_batch(context: EngineContext) -> BatchEngine:
    """The engine of a run over the batches of its providers.

    Raises:
        BackendFault: a provider has none, or its SDK is not installed.
    """
    from synthspec.inference.batches.engine import BatchEngine
    from synthspec.inference.batches.opening import open_places

    places = open_places(context.endpoints)
    return BatchEngine(places, context.store, context.folder, waits=context.waits, tell=context.tell)


ENGINE = EngineKind(
    summary="half the price: calls handed to the batches of OpenAI, Anthropic and Google, answered within a day",
    open=open_batch,
    durable=True,
    faults=batch_fault,
    share=batch_share,
)
