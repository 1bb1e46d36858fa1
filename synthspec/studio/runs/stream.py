"""A run as server-sent events: a snapshot at once, then what is new, at most ten times a second.

The id of an event is the offset in the run's file up to which it tells. Whoever comes again gets a snapshot, so it
need not be known what was told before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from synthspec.studio.context import finite
from synthspec.studio.runs.record import RunRecord
from synthspec.studio.runs.registry import Runs

EVERY = 0.1  # seconds between two frames
BEAT = 100  # frames without news, after which something is sent all the same
WAIT = 2.0  # seconds between two looks at a process


def stream_of(runs: Runs, record: RunRecord, request: Request) -> StreamingResponse:
    """The events of a run for one page, until the run ends or the page goes."""
    return StreamingResponse(_frames(runs, record, request), media_type="text/event-stream")


async def _frames(runs: Runs, record: RunRecord, request: Request) -> AsyncIterator[str]:
    file = runs.events(record)
    state = await run_in_threadpool(runs.state, record)
    offset, figures, rows, change = file.snapshot()
    yield _frame("snapshot", offset, {"run": state, "figures": figures, "rows": rows})
    clock = asyncio.get_running_loop().time
    looked, quiet = clock(), 0
    while state["state"] != "ended":
        await asyncio.sleep(EVERY)
        if await request.is_disconnected():
            return
        await run_in_threadpool(file.read_on)
        news = file.offset != offset
        if news or clock() - looked > WAIT:
            before, state, looked = state, await run_in_threadpool(runs.state, record), clock()
            news = news or state != before
        quiet = 0 if news else quiet + 1
        if news:
            offset, figures, rows, change = file.news(change)
            yield _frame("frame", offset, {"run": state, "figures": figures, "rows": rows})
        elif quiet >= BEAT:
            quiet = 0
            yield ": still here\n\n"
    yield _frame("over", offset, {"run": state})


def _frame(name: str, offset: int, value: Any) -> str:
    return f"event: {name}\nid: {offset}\ndata: {json.dumps(finite(value))}\n\n"
