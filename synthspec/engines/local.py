"""The local engine: every combination of a plan worked on in one process, on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from synthspec.engines.calls import Caller, Line
from synthspec.engines.combination import CombinationWork, Step, Workshop
from synthspec.engines.frontier import Frontier, Judge, Missing
from synthspec.planner import Plan
from synthspec.records import Row, Stage
from synthspec.spec import Spec
from synthspec.tally import Tally
from synthspec.template import TemplateFault
from synthspec.validate import Validator

WINDOW = 16_384  # rows that may be worked on ahead of the first that is not final
WINDOW_JUDGED = 4_096  # the same where rows wait for their turn


@dataclass(frozen=True, slots=True)
class Job:
    """All that a run works with."""

    spec: Spec
    plan: Plan
    steps: tuple[Step, ...]
    validator: Validator
    judge: Judge | None
    caller: Caller
    tally: Tally
    sink: Callable[[Row | Missing], None]


async def run_job(job: Job) -> None:
    """Ask, check and hand on every row of a plan, in plan order."""
    window = WINDOW if job.judge is None else WINDOW_JUDGED
    frontier = Frontier(job.judge, job.sink, window)
    shop = Workshop(job.spec, job.steps, job.validator, job.caller, frontier, job.tally)
    lanes = asyncio.Semaphore(_lanes(job))
    faults: list[BaseException] = []
    tasks: set[asyncio.Task[None]] = set()

    async def work(item: CombinationWork) -> None:
        try:
            await item.run()
        except asyncio.CancelledError:
            raise
        except BaseException as e:
            faults.append(e)
            job.caller.stop(str(e) or type(e).__name__)
            for slot in item.slots():
                frontier.give_up(Missing(item.index, slot, Stage.CALL, (str(e),), item.combination))
        finally:
            lanes.release()

    try:
        for index, combination in enumerate(job.plan.combinations(0, len(job.plan))):
            if faults:
                break
            first = index * shop.rows
            await frontier.room(first)
            await lanes.acquire()
            try:
                openings = shop.open(index, combination)
            except TemplateFault as e:
                lanes.release()
                for slot in CombinationWork(shop, index, combination, {}).slots():
                    frontier.give_up(Missing(index, slot, Stage.CALL, (f"the prompt: {e}",), combination))
                continue
            task = asyncio.create_task(work(CombinationWork(shop, index, combination, openings)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        while tasks:
            await asyncio.wait(set(tasks))
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)
    if faults:
        raise faults[0]


def _lanes(job: Job) -> int:
    """Combinations open at once: enough that every call in flight has another ready behind it.

    Rows that wait for their turn hold a lane too, so there are many more where rules between rows are set.
    """
    busy = 2 * job.spec.limits.concurrency + 16
    return busy if job.judge is None else busy + WINDOW_JUDGED // 4


def close_lines(lines: list[Line]) -> Callable[[], asyncio.Future[list[object]]]:
    """Close every backend, whatever one of them says."""

    def close() -> asyncio.Future[list[object]]:
        return asyncio.gather(*(line.backend.close() for line in lines), return_exceptions=True)

    return close
