"""Reading, scoring and saving at the same time: the slow work of each releases Python's global lock."""

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_ITEMS_AHEAD = 2
_MAX_WORKERS = 4


@dataclass(frozen=True)
class _End:
    error: BaseException | None


def prefetch(items: Generator[Item]) -> Generator[Item]:
    """Take items in a thread while the caller works on earlier ones; errors in the thread are raised here."""
    taken: queue.Queue[Item | _End] = queue.Queue(maxsize=_ITEMS_AHEAD)
    stopped = threading.Event()

    def put(item: Item | _End) -> bool:
        while not stopped.is_set():
            try:
                taken.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def take() -> None:
        error: BaseException | None = None
        try:
            with closing(items):
                all(put(item) for item in items)
        except BaseException as raised:  # noqa: BLE001  raised again where the items are used
            error = raised
        put(_End(error))

    thread = threading.Thread(target=take, name="prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := taken.get(), _End):
            yield item
        if item.error:
            raise item.error
    finally:
        stopped.set()
        thread.join()


def map_ordered(work: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result]:
    """The results of `work` for each item, in the items' order, a few worked on at the same time."""
    workers = min(_MAX_WORKERS, os.cpu_count() or 1)
    under_way: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="map-ordered") as pool:
        for item in items:
            under_way.append(pool.submit(work, item))
            if len(under_way) > workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
