"""A scheduled campaign of a million customers into the outbox: `python -m benchmarks.campaigns`.

Ours streams the audience from the warehouse to a temporary table of the state store, decides about each customer
(re-entry, opt-outs, both caps, holdout, two variants, quiet hours) and writes entries and messages with their indexes.
The comparison is a bare `INSERT … SELECT` of as many rows into entries and outbox from a table that is there already.
Each runs in a process of its own on a new SQLite file, so that its peak memory is its own.
"""

import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from loyalty_core.campaigns import Campaign, Definition
from loyalty_core.campaigns.enrolment import enter_staged
from loyalty_core.services import Services
from loyalty_core.settings import Settings
from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.messages import OutboxRecord

SIZES = (100_000, 1_000_000)
ROUNDS = 3
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
_MESSAGES = {"log": {"body": "Hello"}}
DEFINITION = {
    "variants": [{"name": name, "share": 50, "messages": _MESSAGES} for name in ("A", "B")],
    "channels": {"use": ["log"]},
    "frequency": {"campaign": {"messages": 1, "days": 7}},
    "re_entry": {"kind": "after_days", "days": 30},
    "holdout": {"share": 1},
    "quiet_hours": {"from": "21:00", "until": "08:00"},
}


def main() -> None:
    if len(sys.argv) > 1:
        measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
        return
    with tempfile.TemporaryDirectory() as name:
        for size in SIZES:
            make_warehouse(Path(name) / f"{size}.duckdb", size)
            for what in ("ours", "bare"):
                found = [run(what, Path(name), size) for _ in range(ROUNDS)]
                seconds, megabytes = min(one[0] for one in found), max(one[1] for one in found)
                print(f"{size:>9,} customers  {what:<5} {seconds:7.2f} s  peak {megabytes:,.0f} MB  {found[0][2]}")


def run(what: str, folder: Path, size: int) -> tuple[float, float, str]:
    command = [sys.executable, "-m", "benchmarks.campaigns", what, str(folder), str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, megabytes, note = done.stdout.strip().split("|")
    return float(seconds), float(megabytes), note


def measure(what: str, folder: Path, size: int) -> None:
    """Print the seconds, the peak memory, and what was done."""
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(
            dwh_url=f"duckdb:///{folder / f'{size}.duckdb'}",
            state_database_url=f"sqlite:///{Path(name) / 'state.db'}",
            frequency_cap_messages=3,
        )
        services = Services(settings)
        services.store.migrate()
        saved = services.campaigns.repository.create("Million", Definition.from_json(DEFINITION), actor="benchmark")
        campaign = services.campaigns.repository.start(saved.id, actor="benchmark", now=NOW)
        seconds, note = (enter if what == "ours" else insert)(services, campaign, size)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000
        print(f"{seconds}|{memory}|{note}")


def enter(services: Services, campaign: Campaign, _size: int) -> tuple[float, str]:
    started, parts, last = time.perf_counter(), list[float](), time.perf_counter()

    def note(_done: int) -> None:
        nonlocal last
        parts.append(time.perf_counter() - last)
        last = time.perf_counter()

    with services.campaigns.staged(campaign.definition, campaign, NOW) as staged:
        staging = time.perf_counter() - started
        last = time.perf_counter()
        enter_staged(services.store, staged.connection, campaign, staged.terms, staged.placing, "run:1", note)
    seconds = time.perf_counter() - started
    return seconds, f"staging {staging:.2f} s, longest transaction {max(parts):.2f} s, {counted(services)}"


def insert(services: Services, campaign: Campaign, size: int) -> tuple[float, str]:
    with services.store.connection() as connection:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :size)"
        connection.execute(
            sa.text(f"CREATE TEMP TABLE source AS {numbers} SELECT i, printf('C%09d', i) AS customer_id FROM n"),
            {"size": size},
        )
        connection.commit()
        started = time.perf_counter()
        with services.store.session(on=connection) as session:
            for statement in bare_statements():
                session.execute(sa.text(statement), {"campaign": campaign.id, "now": "2026-03-10 12:00:00.000000"})
        return time.perf_counter() - started, counted(services)


def bare_statements() -> tuple[str, str]:
    return (
        "INSERT INTO campaign_entries (campaign_id, customer_id, number, entered_at, cause, version, status, variant, "
        "is_simulated) SELECT :campaign, customer_id, 1, :now, 'run:1', 1, 'queued', 'A', 0 FROM source",
        "INSERT INTO outbox (campaign_id, entry_id, customer_id, channel, key, version, variant, queued_at, due_at, "
        "status, attempts, is_simulated) SELECT :campaign, i, customer_id, 'log', printf('%032d', i), 1, 'A', :now, "
        ":now, 'waiting', 0, 0 FROM source",
    )


def counted(services: Services) -> str:
    with services.store.session(read_only=True) as session:
        entries: Any = session.scalar(sa.select(sa.func.count(CampaignEntryRecord.id)))
        messages: Any = session.scalar(sa.select(sa.func.count(OutboxRecord.id)))
    return f"{entries:,} entries, {messages:,} messages"


def make_warehouse(file: Path, size: int) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "CREATE TABLE customer_features_view AS SELECT format('C{:09d}', i) AS customer_id, i AS points, "
            f"true AS consent, 'Europe/Oslo' AS time_zone FROM range(1, {size} + 1) t(i)"
        )


if __name__ == "__main__":
    main()
