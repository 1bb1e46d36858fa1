"""The local engine: every combination of a plan worked on in one process, on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from synthspec.engines.calls import INTERRUPTED, Caller
from synthspec.engines.combination import CombinationWork
from synthspec.engines.frontier import Frontier, Judge, Missing, Poisoned, Stop
from synthspec.engines.variety import Chain, Recent, Watch, mark_of
from synthspec.engines.workshop import Step, Workshop
from synthspec.planner import Plan
from synthspec.records import Row, Stage
from synthspec.spec import Spec
from synthspec.tally import Tally
from synthspec.template import TemplateFault
from synthspec.validate import Validator

SATURATED = "the model only repeats itself (novelty.on_saturation: stop)"
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
        watch = Watch(tuple(f.name for f in job.spec.fields if f.value is None))
        window = WINDOW if job.judge is None else WINDOW_JUDGED
        stop = Stop(self._announce, self._dropped) if job.spec.novelty.on_saturation == "stop" else None
        self.frontier = Frontier(job.judge, job.sink, window, watch, stop)
        self.shop = Workshop(job.spec, job.steps, job.validator, job.caller, self.frontier, job.tally, job.plan)
        job.tally.watch = watch
        avoid = job.spec.novelty.avoid
        self.recent = Recent(avoid.last) if avoid is not None else None
        self.lanes = asyncio.Semaphore(_lanes(job))
        self.turn: asyncio.Future[None] | None = None  # resolved once the combination before has its keys

    async def run(self) -> None:
        tasks: set[asyncio.Task[None]] = set()
        try:
            await self._open_all(tasks)
            while tasks:  # after a fault too: what is in flight is paid for
                await asyncio.wait(set(tasks))
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.gather(*tasks, return_exceptions=True)
        if self.frontier.fault is not None:
            raise self.frontier.fault

    async def _open_all(self, tasks: set[asyncio.Task[None]]) -> None:
        """Begin the work on every combination, in plan order, as far ahead as there is room."""
        try:
            for index, combination in enumerate(self.job.plan.combinations(0, len(self.job.plan))):
                if self.job.caller.stopping == INTERRUPTED:
                    return
                await self.frontier.room(index * self.shop.rows)
                await self.lanes.acquire()
                task = asyncio.create_task(self._guard(self._begin(index, combination)))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        except Poisoned:
            return
        except Exception as e:
            self._poison(e)

    def _poison(self, fault: BaseException) -> None:
        self.frontier.poison(fault)
        self.job.caller.stop(str(fault) or type(fault).__name__)

    def _begin(self, index: int, combination: Mapping[str, Any]) -> Coroutine[Any, Any, None]:
        """What is done with one combination. Called in plan order; what it returns runs in any."""
        if self.recent is not None:
            before, self.turn = self.turn, asyncio.get_running_loop().create_future()
            place = self.recent.join(mark_of(self.shop.listed, combination))
            return self._work_avoiding(index, combination, *place, before, self.turn)
        context = self.shop.context(combination)
        try:
            openings = self.shop.openings.open(index, combination, context)
        except TemplateFault as e:
            return self._refuse(index, combination, f"the prompt: {e}")
        return CombinationWork(self.shop, index, combination, openings, context).run()

    async def _work_avoiding(
        self,
        index: int,
        combination: Mapping[str, Any],
        chain: Chain,
        place: int,
        before: asyncio.Future[None] | None,
        mine: asyncio.Future[None],
    ) -> None:
        """The same, once the texts it is to avoid are known. Keys count repeats of a text: given in plan order."""
        texts: list[str] = []
        try:
            try:
                context = {**self.shop.context(combination), "avoid": await chain.before(place)}
                if before is not None:
                    await before
                openings = self.shop.openings.open(index, combination, context)
            except TemplateFault as e:
                await self._refuse(index, combination, f"the prompt: {e}")
                return
            finally:
                mine.set_result(None)
            work = CombinationWork(self.shop, index, combination, openings, context)
            await work.run()
            texts = self._texts([row for _, row in sorted(work.kept.items())])
        finally:
            chain.finish(place, texts)

    def _texts(self, rows: list[Mapping[str, Any]]) -> list[str]:
        avoid = self.job.spec.novelty.avoid
        assert avoid is not None
        return [" ".join(str(r.get(f) or "") for f in avoid.fields).strip() for r in rows]

    async def _refuse(self, index: int, combination: Mapping[str, Any], reason: str) -> None:
        for slot in CombinationWork(self.shop, index, combination, {}, {}).slots():
            self.frontier.give_up(Missing(index, slot, Stage.CALL, (reason,), combination))

    def _announce(self) -> None:
        self.job.caller.stop(SATURATED)

    def _dropped(self, slot: int) -> Missing:
        index = slot // self.shop.rows
        return Missing(index, slot, Stage.CALL, (SATURATED,), self.job.plan[index])

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the work; a fault of ours or of the store ends the run, with everything kept."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except BaseException as e:
            self._poison(e)
        finally:
            self.lanes.release()


def _lanes(job: Job) -> int:
    """Combinations open at once: enough that every call in flight has another ready behind it.

    Rows that wait for their turn hold a lane too, so there are many more where rules between rows are set.
    """
    busy = 2 * job.spec.limits.concurrency + 16
    return busy if job.judge is None else busy + WINDOW_JUDGED // 4
