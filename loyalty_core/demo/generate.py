"""Generates the demo warehouse: a simulated loyalty programme in a DuckDB file, and its truth file."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import pairwise
from pathlib import Path

from loyalty_core.demo.block import Block, BlockPlan, simulate_block
from loyalty_core.demo.features_view import create_features_view
from loyalty_core.demo.history import create_history
from loyalty_core.demo.schema import create_tables, insert_block
from loyalty_core.demo.signals import COLUMNS as SIGNALS
from loyalty_core.demo.timeline import Timeline
from loyalty_core.demo.truth import truth_path, write_truth
from loyalty_core.errors import SettingsError
from loyalty_core.loading import record_source, write_warehouse
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING

# What the models of a demo learn from: the standard features and the signals, in which the causes are to be found.
MAPPING = DEFAULT_FEATURE_MAPPING | {name: name for name in SIGNALS}
DEFAULT_SEED = 7
DEFAULT_SNAPSHOT = date(2026, 11, 1)
BLOCK_MEMBERS = 20_000
HISTORY_MEMBERS = 80_000  # five churn rows each make some 400 thousand
MEMORY_LIMIT = "2GB"


def generate(
    out: Path,
    customers: int,
    *,
    seed: int = DEFAULT_SEED,
    snapshot: date = DEFAULT_SNAPSHOT,
    overwrite: bool = False,
    threads: int = 2,
) -> None:
    """Simulate `customers` members up to `snapshot` and write the warehouse `out` and its truth file.

    The same number, seed and snapshot give the same rows, whatever the number of threads. Raises `SettingsError` for an
    invalid number or date, and when `out` cannot be written.
    """
    if customers < 1 or seed < 0:
        raise SettingsError(
            f"A demo of {customers} customers with seed {seed} is not possible.",
            "The number of customers must be 1 or more, and the seed 0 or more.",
            "Use other numbers.",
        )
    timeline = Timeline.until(snapshot)
    with write_warehouse(out, overwrite=overwrite) as connection, write_truth(truth_path(out)) as truth:
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        connection.execute("SET threads = 1")  # the simulation needs the other core; row groups come out whole
        create_tables(connection)
        connection.begin()
        for block in _simulate(timeline, seed, _plan(customers)):
            insert_block(connection, block)
            truth.write_table(block.truth)
        connection.commit()
        connection.execute(f"SET threads = {threads:d}")
        create_history(connection, timeline.churn_dates, timeline.offer_dates)
        create_features_view(connection, snapshot)
        record_source(connection, "demo", snapshot_date=snapshot, customers=customers, seed=seed)


def _plan(customers: int) -> list[BlockPlan]:
    """Blocks of nearly equal size, so that none is too small to have any purchases."""
    blocks = -(-customers // BLOCK_MEMBERS)
    bounds = pairwise(customers * number // blocks for number in range(blocks + 1))
    return [
        BlockPlan(number, first, end - first, with_history=first < HISTORY_MEMBERS)
        for number, (first, end) in enumerate(bounds)
    ]


def _simulate(timeline: Timeline, seed: int, plans: list[BlockPlan]) -> Iterator[Block]:
    """The blocks in order; the next block is simulated while the previous one is written."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        pending = executor.submit(simulate_block, timeline, seed, plans[0])
        for plan in plans[1:]:
            block = pending.result()
            pending = executor.submit(simulate_block, timeline, seed, plan)
            yield block
        yield pending.result()
