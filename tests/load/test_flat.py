"""Ten minutes of mixed load: the server's memory, open files, threads and temporary files do not grow.

`LOAD_TEST_SECONDS` sets another duration. Each figure is sampled all the time; the median of the last quarter may
exceed that of the second quarter by a tolerance only. The first quarter is for warming up: pools, caches and modules
fill, and Streamlit stores each session, with three open files, for two minutes after its browser has left. A run of
less than eight minutes is not through with that in the second quarter, so it may fail on open files.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import median

import duckdb
import psutil
import pytest

from tests.load import clients
from tests.workbench import serve

SECONDS = float(os.environ.get("LOAD_TEST_SECONDS", "600"))
_SAMPLES = 200


@dataclass(frozen=True)
class Sample:
    """What the server uses at one moment; `memory` is its resident set in MB."""

    memory: float
    files: float
    threads: float
    temporary: float


# How much more the last quarter may have than the second, as a share and beyond it.
TOLERANCE = Sample(memory=0.10, files=0.10, threads=0.10, temporary=0.0)
BEYOND = Sample(memory=40, files=10, threads=10, temporary=5)


def measure(process: psutil.Process, temporary: Path) -> Sample:
    return Sample(
        memory=process.memory_info().rss / 2**20,
        files=process.num_fds(),
        threads=process.num_threads(),
        temporary=sum(1 for _ in temporary.rglob("*")),
    )


def server_on(port: int) -> psutil.Process:
    """The process that listens there."""
    [process] = [
        one
        for one in psutil.process_iter(["cmdline"])
        if str(port) in (one.info["cmdline"] or ()) and "streamlit" in (one.info["cmdline"] or ())
    ]
    return process


def medians(samples: list[Sample]) -> Sample:
    return Sample(*(median(values) for values in zip(*map(astuple, samples), strict=True)))


def report(name: str, samples: list[Sample]) -> Sample:
    """The medians, which are written out too, for whoever runs this by hand."""
    found = medians(samples)
    sys.stderr.write(f"{name}: {found}\n")
    return found


@pytest.mark.slow
def test_nothing_grows_under_mixed_load(demo_warehouse: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="loyalty-load-"))
    temporary = folder / "temporary"
    temporary.mkdir()
    file = shutil.copy(demo_warehouse, folder / "warehouse.duckdb")
    with duckdb.connect(str(file), read_only=True) as connection:
        ids = [str(row[0]) for row in connection.execute("SELECT customer_id FROM customers LIMIT 500").fetchall()]
    settings = {"DWH_URL": f"duckdb:///{folder / 'warehouse.duckdb'}", "ML_MOCK_MODE": "true", "TMPDIR": str(temporary)}
    with serve(folder, **settings) as app:
        load, server = clients.Load(app, ids), server_on(app.port)
        samples = [measure(server, temporary)]
        load.start(clients.predict, pause=0.05, copies=2)
        load.start(clients.preview, pause=0.5, copies=2)
        load.start(clients.save_segments, pause=1)
        load.start(clients.export_in_background, pause=5)
        load.start(clients.visit_a_screen, pause=1, copies=2)
        load.start(clients.replace_the_warehouse, pause=15)
        load.start(clients.back_up, pause=20)
        end = time.monotonic() + SECONDS
        try:
            while time.monotonic() < end:
                time.sleep(SECONDS / _SAMPLES)
                samples.append(measure(server, temporary))
        finally:
            load.stop()
    quarter = len(samples) // 4
    report("start", samples[:1])
    second = report("second quarter", samples[quarter : 2 * quarter])
    last = report("last quarter", samples[-quarter:])
    sys.stderr.write(f"answers: {dict(sorted(load.answers.items()))}\nunavailable: {load.unavailable}\n")
    assert load.failures == []
    worked = {client for client, status in load.answers if status < 300}
    assert worked == {"predictions", "previews", "segments", "jobs", "screens", "replaced warehouses", "backups"}
    for field in fields(Sample):
        before, after = getattr(second, field.name), getattr(last, field.name)
        most = before * (1 + getattr(TOLERANCE, field.name)) + getattr(BEYOND, field.name)
        assert after <= most, f"{field.name}: {before:g} in the second quarter, {after:g} in the last"
