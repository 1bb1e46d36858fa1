"""Any causal language model of Hugging Face, in this process: `transformers:folder` or `transformers:owner/name`.

Requests in flight are collected for a few milliseconds and written as one batch. A JSON schema, a regular expression
or a Lark grammar is held token by token. A text depends on its request's seed; the last bits of a batch's arithmetic
depend on its size, so `batch: 1` is for those who want the same bytes on every run.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.inference.backends import BackendContext, Provider
from synthspec.inference.transport import chat as _chat
from synthspec.inference.transport.errors import missing_package
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Request

if TYPE_CHECKING:
    from synthspec.inference.transport.local_model import LocalModel, Manner
    from synthspec.spec import BackendChoice

EXTRA = "transformers"
OPTIONS: Mapping[str, str] = {
    "device": "auto, cpu, cuda, cuda:1, mps (default auto)",
    "dtype": "auto, float32, bfloat16 or float16 (default auto)",
    "batch": "most requests written at once (default 16)",
    "local_files_only": "never download (default false)",
    "constrain": "whether replies are constrained to their schema, expression or grammar (default true)",
}

COLLECT = 0.005  # seconds to wait for company


def open_backend(choice: BackendChoice, context: BackendContext) -> TransformersBackend:
    """Check what can be checked without loading the model; that happens with the first call."""
    from synthspec.inference.transport.local_model import Manner, digest_of_model

    if context.calls and any(importlib.util.find_spec(name) is None for name in ("transformers", "torch")):
        raise missing_package("transformers", EXTRA)
    options, settings = _chat.options_of(choice, OPTIONS)
    known = {"temperature", "top_p", "max_tokens", "stop", "seed"}
    if unknown := next((k for k in settings if k not in known), None):
        raise BackendFault(FaultKind.BAD_REQUEST, f"transformers takes no '{unknown}' here")
    stop = settings.pop("stop", ())
    settings.pop("seed", None)
    manner = Manner(
        **settings,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        constrain=options.get("constrain", True) is not False,
        timeout=context.timeout,
    )
    folder = _folder_of(choice.model, context)
    source = str(folder) if folder is not None else choice.model
    return TransformersBackend(source, f"transformers:{digest_of_model(source, folder)}", options, manner)


PROVIDER = Provider(
    summary="transformers: a Hugging Face model in this process, on CPU or CUDA",
    open=open_backend,
    extra=EXTRA,
    package="transformers",
    options=OPTIONS,
    free=True,
    in_process=True,
    completes=True,
    reasons=True,
)


class TransformersBackend:
    """One model, loaded with the first call."""

    seeded = True

    def __init__(self, source: str, fingerprint: str, options: Mapping[str, Any], manner: Manner) -> None:
        dtype, constrain = options.get("dtype", "auto"), options.get("constrain", True)
        self.fingerprint = f"{fingerprint} {dtype}" + ("" if constrain else " free")
        self._load = (
            source,
            str(options.get("device", "auto")),
            str(dtype),
            options.get("local_files_only") is True,
        )
        self._batch = max(1, int(options.get("batch", 16)))
        self._manner = manner
        self._model: LocalModel | None = None
        self._waiting: list[tuple[Request, asyncio.Future[Reply]]] = []
        self._worker: asyncio.Task[None] | None = None
        self._stop = threading.Event()

    async def complete(self, request: Request) -> Reply:
        """Written in a batch with others."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await future

    async def models(self) -> tuple[str, ...]:
        """The models that are on this machine already."""
        from huggingface_hub import scan_cache_dir
        from huggingface_hub.errors import CacheNotFound

        try:
            cached = await asyncio.to_thread(scan_cache_dir)
        except CacheNotFound:
            return ()
        return tuple(sorted(r.repo_id for r in cached.repos if r.repo_type == "model"))

    async def close(self) -> None:
        """End what is being written, and let go of the model."""
        self._stop.set()
        if self._worker is not None:
            await asyncio.gather(self._worker, return_exceptions=True)
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(BackendFault(FaultKind.UNREACHABLE, "the model is closed"))
        self._waiting, self._model = [], None

    async def _work(self) -> None:
        await asyncio.sleep(COLLECT)
        while self._waiting and not self._stop.is_set():
            taken, self._waiting = self._waiting[: self._batch], self._waiting[self._batch :]
            wanted = [(r, f) for r, f in taken if not f.done()]
            outcomes = await asyncio.to_thread(self._write, [r for r, _ in wanted]) if wanted else []
            for (_, future), outcome in zip(wanted, outcomes, strict=True):
                if future.done():
                    continue
                if isinstance(outcome, Reply):
                    future.set_result(outcome)
                else:
                    future.set_exception(outcome)

    def _write(self, requests: list[Request]) -> list[Reply | BackendFault]:
        from synthspec.inference.transport.local_model import LocalModel

        try:
            if self._model is None:
                self._model = LocalModel(*self._load)
            return self._model.write(requests, self._manner, self._stop)
        except BackendFault as fault:
            return [BackendFault(fault.kind, fault.message) for _ in requests]
        except Exception as e:  # torch raises many kinds; a worker that dies would leave its callers waiting
            full = isinstance(e, MemoryError) or type(e).__name__ == "OutOfMemoryError" or _is_full_mps(e)
            kind = FaultKind.OVERLOADED if full else FaultKind.BAD_REQUEST
            hint = "; lower `batch`" if full else ""
            return [BackendFault(kind, f"{type(e).__name__}: {str(e)[:300]}{hint}") for _ in requests]


def _is_full_mps(error: Exception) -> bool:
    """Whether Apple's devices are out of memory, of which torch has only words."""
    return type(error) is RuntimeError and "MPS backend out of memory" in str(error)


def _folder_of(model: str, context: BackendContext) -> Path | None:
    for root in (context.spec.path.resolve().parent, Path.cwd()):
        folder = root / Path(model).expanduser()
        if (folder / "config.json").is_file():
            return folder.resolve()
    if model.startswith(("/", ".", "~")):
        raise BackendFault(FaultKind.BAD_REQUEST, f"there is no model in '{model}' (a folder with a config.json)")
    return None
