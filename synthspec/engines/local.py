"""The local engine: every combination of a plan worked on in one process, on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from synthspec.engines.calls import INTERRUPTED, Caller
from synthspec.engines.combination import CombinationWork
from synthspec.engines.frontier import Frontier, Judge, Missing
from synthspec.engines.variety import Chain, Recent, mark_of
from synthspec.engines.workshop import Step, Workshop
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
    await _Engine(job).run()


class _Engine:
    """One run of a job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.frontier = Frontier(job.judge, job.sink, WINDOW if job.judge is None else WINDOW_JUDGED)
        self.shop = Workshop(job.spec, job.steps, job.validator, job.caller, self.frontier, job.tally, job.plan)
        job.tally.watch = self.shop.watch
        avoid = job.spec.novelty.avoid
        self.recent = Recent(avoid.last) if avoid is not None else None
        self.lanes = asyncio.Semaphore(_lanes(job))
        self.faults: list[BaseException] = []

    async def run(self) -> None:
        tasks: set[asyncio.Task[None]] = set()
        try:
            for index, combination in enumerate(self.job.plan.combinations(0, len(self.job.plan))):
                if self.faults or self.job.caller.stopping == INTERRUPTED:
                    break
                await self.frontier.room(index * self.shop.rows)
                await self.lanes.acquire()
                task = asyncio.create_task(self._guard(self._begin(index, combination), index, combination))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            while tasks:
                await asyncio.wait(set(tasks))
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.gather(*tasks, return_exceptions=True)
        if self.faults:
            raise self.faults[0]

    def _begin(self, index: int, combination: Mapping[str, Any]) -> Coroutine[Any, Any, None]:
        """What is done with one combination. Called in plan order; what it returns runs in any."""
        if self.recent is not None:
            return self._work_avoiding(index, combination, *self.recent.join(mark_of(self.shop.listed, combination)))
        context = self.shop.context(combination)
        try:
            openings = self.shop.openings.open(index, combination, context)
        except TemplateFault as e:
            return self._refuse(index, combination, f"the prompt: {e}")
        return CombinationWork(self.shop, index, combination, openings, context).run()

    async def _work_avoiding(self, index: int, combination: Mapping[str, Any], chain: Chain, place: int) -> None:
        """The same, once the texts it is to avoid are known."""
        texts: list[str] = []
        try:
            context = {**self.shop.context(combination), "avoid": await chain.before(place)}
            try:
                openings = self.shop.openings.open(index, combination, context)
            except TemplateFault as e:
                await self._refuse(index, combination, f"the prompt: {e}")
                return
            work = CombinationWork(self.shop, index, combination, openings, context)
            await work.run()
            texts = self._texts(work.kept)
        finally:
            chain.finish(place, texts)

    def _texts(self, rows: list[Mapping[str, Any]]) -> list[str]:
        avoid = self.job.spec.novelty.avoid
        assert avoid is not None
        return [" ".join(str(r.get(f) or "") for f in avoid.fields).strip() for r in rows]

    async def _refuse(self, index: int, combination: Mapping[str, Any], reason: str) -> None:
        for slot in CombinationWork(self.shop, index, combination, {}, {}).slots():
            self.frontier.give_up(Missing(index, slot, Stage.CALL, (reason,), combination))

    async def _guard(self, work: Coroutine[Any, Any, None], index: int, combination: Mapping[str, Any]) -> None:
        """Run the work; a fault of ours or of the store ends the run, with everything kept."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except BaseException as e:
            self.faults.append(e)
            self.job.caller.stop(str(e) or type(e).__name__)
            await self._refuse(index, combination, str(e))
        finally:
            self.lanes.release()


def _lanes(job: Job) -> int:
    """Combinations open at once: enough that every call in flight has another ready behind it.

    Rows that wait for their turn hold a lane too, so there are many more where rules between rows are set.
    """
    busy = 2 * job.spec.limits.concurrency + 16
    return busy if job.judge is None else busy + WINDOW_JUDGED // 4
