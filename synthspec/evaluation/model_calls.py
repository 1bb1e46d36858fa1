"""The calls that a report makes go the way of a build's: stored, set aside, limited, retried, and made once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from synthspec.dataset.names import safe_name
from synthspec.diagnostics import Span
from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.inference.accounting.budget import Budget
from synthspec.inference.accounting.counters import Tally
from synthspec.inference.accounting.ledger import Ledger
from synthspec.inference.accounting.prices import price_of
from synthspec.inference.backends import Backend
from synthspec.inference.requests import RequestSettings
from synthspec.inference.sending.client import complete_all
from synthspec.inference.sending.endpoints import Endpoint
from synthspec.inference.sending.governor import Governor
from synthspec.inference.store import Store
from synthspec.inference.transport.keys import TYPED
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import BackendChoice, Limits
from synthspec.spec.messages import BackendFault, Completion, FaultKind, Request

CONCURRENCY = 8
TIMEOUT = 60.0  # seconds of one call


@dataclass(frozen=True, slots=True)
class ModelCalls:
    """Where a report keeps the completions it asks for, and what they may cost.

    The budget counts over all reports of the folder, like that of a build.
    """

    folder: Path
    budget: float | None = None  # US dollars
    tally: Tally = field(default_factory=Tally)

    @property
    def limits(self) -> Limits:
        """The limits of every call."""
        return Limits(budget=self.budget, concurrency=CONCURRENCY, timeout=TIMEOUT)

    def choice(self, provider: str, model: str, base_url: str | None, settings: dict[str, Any]) -> BackendChoice:
        """A model named on the command line.

        Raises:
            BackendFault: a budget is set and the price of the model is not known.
        """
        prices = price_of(provider, model)
        if prices is None and self.budget is not None:
            message = f"a budget is set, but the price of '{provider}:{model}' is not known: leave --budget out"
            raise BackendFault(FaultKind.BAD_REQUEST, message)
        options = {"base_url": base_url} if base_url else {}
        return BackendChoice(provider, model, options, settings, prices, Span(TYPED if base_url else "", 1, 1, 1, 1))

    def ask(
        self, choice: BackendChoice, opening: Callable[[], Backend], requests: Sequence[Request], free: bool = False
    ) -> list[Completion | None]:
        """The completion of each request, None where the provider would not answer it.

        Raises:
            BackendFault: the model cannot be asked, or a limit is reached; what came is kept for the next report.
            StoreFault: the completions cannot be kept.
        """
        return _run(self._ask(choice, opening, requests, free))

    async def _ask(
        self, choice: BackendChoice, opening: Callable[[], Backend], requests: Sequence[Request], free: bool
    ) -> list[Completion | None]:
        backend = opening()
        try:
            with Store.open(self.folder) as store:
                ledger = Ledger(store, Budget(self.limits, store.spent()), metered=self.budget is not None)
                sender = RequestSettings(choice, backend.fingerprint, backend.seeded)
                endpoint = Endpoint(sender, backend, Governor(self.limits), free=free)
                try:
                    return await complete_all(requests, endpoint, ledger, TIMEOUT, self.tally)
                finally:
                    await store.close()
        finally:
            await backend.close()


def _run(work: Coroutine[Any, Any, list[Completion | None]]) -> list[Completion | None]:
    """Run to the end, in a thread of its own where a loop runs already (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def stored_calls_of(corpus: Corpus, budget: float | None = None) -> ModelCalls:
    """The calls of reports about a dataset: kept in its build's folder, or below `build/` for a file."""
    folder = corpus.folder / "report-calls" if corpus.folder is not None else _folder_for(corpus.name)
    return ModelCalls(folder, budget)


def _folder_for(name: str) -> Path:
    return Path("build") / "reports" / safe_name(name)


def key_of(*parts: Any) -> str:
    """32 hex digits over all that could change an answer."""
    return blake2b(json.dumps(parts, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()
