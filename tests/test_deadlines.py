"""One time-out for many calls: each ends as with `asyncio.timeout`, by one timer."""

from __future__ import annotations

import asyncio

import pytest

from synthspec.inference.transport.deadlines import Deadlines


def test_each_that_takes_too_long_ends_and_others_do_not() -> None:
    async def run() -> list[str]:
        deadlines, never, said = Deadlines(0.01), asyncio.Event(), []

        async def one(name: str, waits: bool) -> None:
            try:
                with deadlines:
                    if waits:
                        await never.wait()
                said.append(f"{name} done")
            except TimeoutError:
                said.append(f"{name} late")

        await asyncio.gather(*(one(str(n), n % 2 == 1) for n in range(6)))
        await one("6", True)  # after the timer of the first ones
        task = asyncio.current_task()
        assert task is not None and task.cancelling() == 0
        return said

    assert sorted(asyncio.run(run())) == ["0 done", "1 late", "2 done", "3 late", "4 done", "5 late", "6 late"]


def test_a_task_cancelled_from_outside_is_cancelled() -> None:
    async def run() -> None:
        deadlines = Deadlines(60)

        async def wait() -> None:
            with deadlines:
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_a_task_cancelled_from_outside_after_its_time_is_cancelled() -> None:
    async def run() -> None:
        deadlines = Deadlines(0)
        inside = asyncio.Event()

        async def wait() -> None:
            with deadlines:
                inside.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    task.cancel()  # from outside, at the same time
                    raise

        task = asyncio.create_task(wait())
        await inside.wait()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_an_error_of_its_own_goes_through() -> None:
    async def run() -> None:
        with Deadlines(60):
            raise KeyError("own")

    with pytest.raises(KeyError, match="own"):
        asyncio.run(run())
