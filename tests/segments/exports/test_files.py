"""Files that exports prepare: whole or not there, known by name, gone after some days."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loyalty_core.segments.exports import ExportFailed, ExportNotFound, find_export, remove_old, write_export
from tests.workbench import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.small_disk import SmallDisk

pytestmark = pytest.mark.extended


BATCH = pa.record_batch({"customer_id": ["a", "b"], "name": ["=1+1", "Ann"]})
DAY = 86_400

KILLED = """
import os, signal, sys
from pathlib import Path
import pyarrow as pa
from loyalty_core.segments.exports.files import write_export

def batches():
    yield pa.record_batch({"customer_id": ["a", "b"], "name": ["=1+1", "Ann"]})
    os.kill(os.getpid(), signal.SIGKILL)

write_export(Path(sys.argv[1]), "vip", sys.argv[2], batches())
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_older(file: Path, seconds: float) -> None:
    os.utime(file, (time.time() - seconds,) * 2)


def test_every_export_has_a_file_with_every_row(tmp_path: Path):
    folder = tmp_path / "data" / "exports"
    as_csv = write_export(folder, "vip", "csv", iter([BATCH] * 3))
    as_parquet = write_export(folder, "vip", "parquet", iter([BATCH] * 3))
    assert as_csv.customers == as_parquet.customers == 6
    assert names(folder) == sorted([as_csv.file.name, as_parquet.file.name])
    assert as_csv.file.name.startswith("vip-20")
    with as_csv.file.open(newline="") as file:
        assert list(csv.reader(file)) == [["customer_id", "name"], *[["a", "'=1+1"], ["b", "Ann"]] * 3]
    assert pq.read_table(as_parquet.file).to_pylist() == BATCH.to_pylist() * 3
    assert as_csv.bytes == as_csv.file.stat().st_size
    assert as_csv.file.stat().st_mode & 0o777 == 0o600


def test_an_export_that_stops_leaves_nothing(tmp_path: Path):
    def stopping() -> Iterator[pa.RecordBatch]:
        yield BATCH
        assert [name[0] for name in names(tmp_path)] == ["."]
        raise InterruptedError("enough")

    with pytest.raises(ExportFailed):
        write_export(tmp_path, "vip", "csv", stopping())
    assert names(tmp_path) == []


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_killed_export_has_no_file_and_its_leftover_goes(tmp_path: Path, form: str):
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path, form], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    (leftover,) = tmp_path.iterdir()
    assert leftover.name.startswith(".vip-")
    with pytest.raises(ExportNotFound):
        find_export(tmp_path, leftover.name, 7)
    remove_old(tmp_path, 7)
    assert leftover.exists()  # it might be about to be locked
    make_older(leftover, 61)
    remove_old(tmp_path, 7)
    assert names(tmp_path) == []


def test_what_is_being_written_is_left_alone(tmp_path: Path):
    def slow() -> Iterator[pa.RecordBatch]:
        yield BATCH
        (unfinished,) = tmp_path.iterdir()
        make_older(unfinished, 3600)
        remove_old(tmp_path, 7)
        yield BATCH

    assert write_export(tmp_path, "vip", "csv", slow()).customers == 4


def test_a_file_goes_after_its_days_and_others_stay(tmp_path: Path):
    old, new = (write_export(tmp_path, "vip", "csv", iter([BATCH])).file for _ in range(2))
    make_older(old, 7 * DAY + 1)
    make_older(new, 7 * DAY - 60)
    (tmp_path / "notes.csv").write_text("mine")
    make_older(tmp_path / "notes.csv", 100 * DAY)
    with pytest.raises(ExportNotFound):
        find_export(tmp_path, old.name, 7)
    remove_old(tmp_path, 7)
    assert names(tmp_path) == ["notes.csv", new.name]
    assert find_export(tmp_path, new.name, 7) == new


def test_where_no_file_was_ever_prepared_there_is_nothing_to_remove(tmp_path: Path):
    remove_old(tmp_path / "nowhere", 7)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["../state.db", "/etc/passwd", "notes.csv", "", ".", "vip-20261125T120000Z-0.csv"])
def test_only_names_of_exports_are_looked_for(tmp_path: Path, name: str):
    (tmp_path / "notes.csv").write_text("mine")
    with pytest.raises(ExportNotFound, match="does not exist"):
        find_export(tmp_path, name, 7)


def test_a_full_disk(small_disk: SmallDisk):
    small_disk.fill(leaving=8_000)
    many = pa.record_batch({"customer_id": [f"customer {number}" for number in range(20_000)]})
    with pytest.raises(ExportFailed, match="No space left on device"):
        write_export(small_disk.folder, "vip", "csv", iter([many]))
    assert names(small_disk.folder) == ["filler"]


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "exports").write_text("a file where the folder should be")
    with pytest.raises(ExportFailed, match="cannot be written: "):
        write_export(tmp_path / "exports", "vip", "csv", iter([BATCH]))
