"""No task is forgotten: failures run again, and the end is heard by everyone."""

import asyncio
import gc

from casino.nursery import Nursery


async def test_a_loop_that_fails_runs_again():
    runs = asyncio.Queue()

    async def work() -> None:
        runs.put_nowait(None)
        if runs.qsize() == 1:
            raise RuntimeError
        await asyncio.Event().wait()

    async with Nursery() as nursery:
        nursery.keep(work, name="loop")
        async with asyncio.timeout(30):
            while runs.qsize() < 2:
                await asyncio.sleep(0.01)


async def test_a_task_that_swallows_its_first_cancellation_still_ends():
    heard = []

    async def stubborn() -> None:
        while len(heard) < 2:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                heard.append("cancelled")

    async with asyncio.timeout(30):
        nursery = Nursery()
        nursery.start(stubborn(), name="stubborn")
        await asyncio.sleep(0)
        await nursery.close()
    assert heard == ["cancelled", "cancelled"]


async def test_a_task_that_fails_does_not_take_others_with_it():
    done = asyncio.Event()

    async def fail() -> None:
        raise RuntimeError

    async def finish() -> None:
        await asyncio.sleep(0)
        done.set()

    async with Nursery() as nursery:
        nursery.start(fail(), name="fail")
        nursery.start(finish(), name="finish")
        async with asyncio.timeout(30):
            await done.wait()


async def test_a_task_cancelled_before_its_first_step_leaves_no_warning():
    async def work() -> None:
        await asyncio.sleep(3600)

    nursery = Nursery()
    nursery.start(work(), name="work")
    await nursery.close()
    gc.collect()  # a coroutine that was never awaited would warn here, and a warning is an error
