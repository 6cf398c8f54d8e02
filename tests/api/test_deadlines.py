"""Deadlines: results in time, waits that end, and cancellations that are not theirs."""

import asyncio

import pytest

from loyalty_core.api.deadlines import Deadlines


def test_what_comes_in_time_is_returned() -> None:
    async def wait() -> str:
        deadlines = Deadlines(60)
        return await deadlines.wait(asyncio.sleep(0, "done"), deadlines.next())

    assert asyncio.run(wait()) == "done"


def test_what_does_not_come_ends_with_its_task_otherwise_intact() -> None:
    async def wait() -> str:
        deadlines = Deadlines(0.05)
        for _ in range(2):  # the timer is set again after nobody has waited
            with pytest.raises(TimeoutError):
                await deadlines.wait(asyncio.Event().wait(), deadlines.next())
            await asyncio.sleep(0.02)
        return "goes on"

    assert asyncio.run(wait()) == "goes on"


def test_only_those_whose_time_is_over_end() -> None:
    async def wait() -> list[object]:
        deadlines, now = Deadlines(0.05), asyncio.get_running_loop().time()
        released = asyncio.Event()
        early = asyncio.create_task(deadlines.wait(released.wait(), now))
        late = asyncio.create_task(deadlines.wait(released.wait(), now + 1_000))
        await asyncio.wait([early])
        released.set()
        return await asyncio.gather(early, late, return_exceptions=True)

    early, late = asyncio.run(wait())
    assert isinstance(early, TimeoutError)
    assert late is True


def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def wait() -> None:
        deadlines = Deadlines(60)
        task = asyncio.create_task(deadlines.wait(asyncio.Event().wait(), deadlines.next()))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(wait())
