"""Limits on work that runs at once: who waits, who is refused, and whose turn is next."""

import asyncio
import re
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from loyalty_core.limits import TooBusy, WorkLimit, WorkLimits
from tests.waiting import PATIENCE_SECONDS, wait_until


def limit_of(at_once: int, of_viewer: int = 9, most: int = 9) -> WorkLimit:
    return WorkLimit("reports", at_once=at_once, of_viewer=of_viewer, most=most, remedy="Wait.")


class Crowd:
    """Viewers who each work in a thread until they are released; `begun` says in which order they began."""

    def __init__(self, limit: WorkLimit, pool: ThreadPoolExecutor) -> None:
        self._limit = limit
        self._pool = pool
        self.begun: list[str] = []
        self.released = Event()

    def ask(self, viewer: str) -> Future[None]:
        """Let a viewer ask for a slot, and return once it runs or waits."""
        before = self._unfinished()
        asked = self._pool.submit(self._work, viewer)
        wait_until(lambda: self._unfinished() > before)
        return asked

    def _work(self, viewer: str) -> None:
        with self._limit.slot(viewer, patience=PATIENCE_SECONDS):
            self.begun.append(viewer)
            assert self.released.wait(PATIENCE_SECONDS)

    def _unfinished(self) -> int:
        depth = self._limit.depth()
        return depth.running + depth.waiting


def test_a_refusal_has_the_number_of_requests_of_that_viewer():
    limit = limit_of(9, of_viewer=2)
    with limit.slot("bob", patience=0), limit.slot("ann", patience=0), limit.slot("ann", patience=0):
        with pytest.raises(TooBusy, match=re.escape("Too many reports are under way. 2 are yours. Wait.")):
            limit.slot("ann", patience=0).__enter__()
        with limit.slot("eve", patience=0):
            assert limit.depth().running == 4


def test_no_more_than_the_most_are_accepted_in_all():
    limit = limit_of(9, most=2)
    with (
        limit.slot("bob", patience=0),
        limit.slot("ann", patience=0),
        pytest.raises(TooBusy, match="2 are unfinished"),
    ):
        limit.slot("eve", patience=0).__enter__()


def test_the_next_turn_is_of_the_viewer_with_the_fewest_running():
    limit = limit_of(2)
    with ThreadPoolExecutor() as pool:
        crowd = Crowd(limit, pool)
        with limit.slot("bob", patience=0):
            asked = [crowd.ask(viewer) for viewer in ("ann", "ann", "bob", "eve")]
            assert (limit.depth().running, limit.depth().waiting) == (2, 3)
        # Now one of ann's is running: bob, who came before eve, has none any more.
        wait_until(lambda: len(crowd.begun) == 2)
        crowd.released.set()
        for one in asked:
            one.result(PATIENCE_SECONDS)
    assert sorted(crowd.begun[:2]) == ["ann", "bob"]
    assert sorted(crowd.begun) == ["ann", "ann", "bob", "eve"]
    assert (limit.depth().running, limit.depth().waiting) == (0, 0)


def test_whoever_has_waited_too_long_is_refused_and_leaves_the_line():
    limit = limit_of(1)
    with limit.slot("bob", patience=0):
        with pytest.raises(TooBusy, match="no free slot within"):
            limit.slot("ann", patience=0.01).__enter__()
        assert (limit.depth().running, limit.depth().waiting) == (1, 0)
    with limit.slot("ann", patience=0):
        assert limit.depth().running == 1


def test_what_is_raised_while_waiting_ends_the_wait():
    limit = limit_of(1)

    def leave() -> None:
        raise KeyboardInterrupt

    with limit.slot("bob", patience=0):
        with pytest.raises(KeyboardInterrupt):
            limit.slot("ann", patience=PATIENCE_SECONDS, while_waiting=leave).__enter__()
        assert limit.depth().waiting == 0


def test_a_task_waits_for_a_thread_and_a_cancelled_one_leaves_the_line():
    limit = limit_of(1)

    async def hold() -> None:
        async with limit.slot_async("ann"):
            assert limit.depth().running == 1

    async def ask() -> None:
        with limit.slot("bob", patience=0):
            cancelled, waiting = asyncio.create_task(hold()), asyncio.create_task(hold())
            while limit.depth().waiting < 2:
                await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.gather(cancelled, return_exceptions=True)
            assert limit.depth().waiting == 1
        await waiting

    asyncio.run(asyncio.wait_for(ask(), PATIENCE_SECONDS))
    assert limit.depth().running == 0


def test_half_of_the_pool_of_connections_evaluates_at_once():
    assert [WorkLimits(size).evaluations.depth().at_once for size in (1, 5, 20)] == [1, 2, 10]
