"""The demo warehouse: a simulated loyalty programme in one DuckDB file, and the truth about it beside."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import duckdb

from loyalty_core.demo.block import Block, simulate_block
from loyalty_core.demo.features_view import create_features_view
from loyalty_core.demo.history import create_history
from loyalty_core.demo.schema import create_tables, insert_customers, insert_history_customers, insert_responses, insert_transactions
from loyalty_core.demo.timeline import Timeline
from loyalty_core.demo.truth import truth_path, write_truth
from loyalty_core.demo.warehouse_file import record_source, write_warehouse
from loyalty_core.errors import SettingsError

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

    The same number, seed and snapshot give the same rows, whatever the number of threads. Raises
    SettingsError for a number or date that makes no sense, and when `out` cannot be written.
    """
    if customers < 1:
        raise SettingsError(
            f"A demo of {customers} customers is not possible.", remedy="Give a number of 1 or more."
        )
    timeline = Timeline.until(snapshot)
    with write_warehouse(out, overwrite=overwrite) as connection:
        connection.execute(f"SET threads = {threads:d}")
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        with write_truth(truth_path(out)) as truth:
            create_tables(connection)
            for block in _simulate(timeline, seed, customers):
                _store(connection, block)
                truth.write_table(block.truth)
        create_history(connection, timeline.churn_dates, timeline.mailing_dates)
        create_features_view(connection, snapshot)
        record_source(connection, "demo", snapshot_date=snapshot, customers=customers, seed=seed)


def _simulate(timeline: Timeline, seed: int, customers: int) -> Iterator[Block]:
    """Blocks of nearly equal size, in order."""
    blocks = -(-customers // BLOCK_MEMBERS)
    bounds = [customers * number // blocks for number in range(blocks + 1)]
    receipts = 0
    for number, (first, end) in enumerate(pairwise(bounds)):
        block = simulate_block(
            timeline, seed, number, first, end - first, receipts, with_history=first < HISTORY_MEMBERS
        )
        receipts += block.transactions.num_rows
        yield block


def _store(connection: duckdb.DuckDBPyConnection, block: Block) -> None:
    insert_customers(connection, block.customers)
    insert_transactions(connection, block.transactions)
    insert_responses(connection, block.responses)
    if block.with_history:
        insert_history_customers(connection, block.ids)
