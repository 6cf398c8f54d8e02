"""The warehouse file: whole or not at all, and never in the place of data that nobody else has."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest

from loyalty_core.errors import DataError, SettingsError
from loyalty_core.loading import read_source, record_source, write_warehouse
from tests.fixtures.loading import rows_of

ROOT = Path(__file__).parents[2]


def make(out: Path, source: str = "demo", value: int = 1, *, overwrite: bool = False) -> None:
    with write_warehouse(out, overwrite=overwrite) as connection:
        connection.execute("CREATE TABLE t AS SELECT ? AS value", [value])
        record_source(connection, source)  # type: ignore[arg-type]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_file_appears_whole_and_alone_in_a_folder_that_was_not_there(out: Path) -> None:
    with write_warehouse(out) as connection:
        connection.execute("CREATE TABLE t AS SELECT 42 AS value")
        assert not out.exists()
    assert rows_of(out, "SELECT value FROM t") == [(42,)]
    assert names_in(out.parent) == ["made.duckdb"]
    assert [path.stat().st_mode & 0o777 for path in (out.parent, out)] == [0o700, 0o600]


def test_a_long_query_writes_no_progress_bar_into_the_report(out: Path) -> None:
    with write_warehouse(out) as connection:
        assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]


def test_an_error_leaves_the_old_file_and_nothing_else(out: Path) -> None:
    make(out, value=1)
    before = out.read_bytes()
    with pytest.raises(DataError, match="no good"), write_warehouse(out) as connection:
        connection.execute("CREATE TABLE t AS SELECT 2 AS value")
        raise DataError("no good")
    assert out.read_bytes() == before
    assert names_in(out.parent) == ["made.duckdb"]


def test_an_interruption_leaves_the_old_file_and_nothing_else(out: Path) -> None:
    make(out, value=1)
    with pytest.raises(KeyboardInterrupt), write_warehouse(out) as connection:
        connection.execute("CREATE TABLE t AS SELECT 2 AS value")
        raise KeyboardInterrupt
    assert rows_of(out, "SELECT value FROM t") == [(1,)]
    assert names_in(out.parent) == ["made.duckdb"]


def test_facts_are_stored_as_texts_in_order(out: Path) -> None:
    with write_warehouse(out) as connection:
        record_source(connection, "features file", file_name="a.csv", rows_read=541909, share=0.256, nothing=None)
    with duckdb.connect(out, read_only=True) as connection:
        facts = read_source(connection)
    assert list(facts) == ["source", "created_at", "file_name", "rows_read", "share"]
    assert facts["source"] == "features file"
    assert facts["rows_read"] == "541,909"
    assert facts["share"] == "0.26"
    assert facts["created_at"].endswith("+00:00")


def test_a_warehouse_of_another_make_has_no_facts(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "other.duckdb") as connection:
        assert read_source(connection) == {}
        connection.execute("CREATE TABLE warehouse_info (something INTEGER)")
        assert read_source(connection) == {}


def test_a_demo_is_replaced_unasked(out: Path) -> None:
    make(out, "demo", 1)
    make(out, "features file", 2)
    assert rows_of(out, "SELECT value FROM t") == [(2,)]


@pytest.mark.parametrize("source", ["features file", "transactions file"])
def test_own_data_is_replaced_only_when_asked(out: Path, source: str) -> None:
    make(out, source, 1)
    with pytest.raises(SettingsError, match=f"holds the data of a {source}.*--overwrite"):
        make(out, "demo", 2)
    assert rows_of(out, "SELECT value FROM t") == [(1,)]
    make(out, "demo", 3, overwrite=True)
    assert rows_of(out, "SELECT value FROM t") == [(3,)]


def test_a_file_that_is_not_ours_is_replaced_only_when_asked(out: Path) -> None:
    out.parent.mkdir()
    out.write_text("my thesis")
    with pytest.raises(SettingsError, match="not written by this program"):
        make(out)
    assert out.read_text() == "my thesis"
    make(out, overwrite=True)
    assert rows_of(out, "SELECT value FROM t") == [(1,)]


def test_somebody_elses_duckdb_file_is_replaced_only_when_asked(out: Path) -> None:
    out.parent.mkdir()
    with duckdb.connect(out) as connection:
        connection.execute("CREATE TABLE years_of_work AS SELECT 1 AS a")
    with pytest.raises(SettingsError, match="not written by this program"):
        make(out)
    assert rows_of(out, "SELECT a FROM years_of_work") == [(1,)]


def test_a_log_left_by_a_program_that_died_does_not_reach_the_new_file(out: Path) -> None:
    make(out, "features file")
    died = run_python(
        """
        import os, sys, duckdb
        connection = duckdb.connect(sys.argv[1])
        connection.execute("SET checkpoint_threshold = '1GB'")
        connection.execute("CREATE TABLE stale AS SELECT 1 AS a")
        os._exit(9)
        """,
        out,
    )
    assert died.returncode == 9
    assert (out.parent / "made.duckdb.wal").exists()
    make(out, value=5, overwrite=True)
    assert rows_of(out, "SELECT table_name FROM duckdb_tables() ORDER BY 1") == [("t",), ("warehouse_info",)]


def test_a_warehouse_that_another_program_writes_to_is_left_alone(out: Path) -> None:
    make(out)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()",
            out,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "1\n"
        with pytest.raises(SettingsError, match="is being written to"):
            make(out)
    finally:
        holder.communicate("\n")


def test_a_reader_stays_on_its_warehouse_while_a_new_one_replaces_it(out: Path) -> None:
    make(out, value=1)
    with duckdb.connect(out, read_only=True) as reader:
        replaced = run_python(
            """
            import sys
            from pathlib import Path
            from loyalty_core.loading import write_warehouse
            with write_warehouse(Path(sys.argv[1])) as connection:
                connection.execute("CREATE TABLE t AS SELECT 2 AS value")
            """,
            out,
        )
        assert replaced.stderr == ""
        assert reader.execute("SELECT value FROM t").fetchall() == [(1,)]
    assert rows_of(out, "SELECT value FROM t") == [(2,)]


def test_a_symbolic_link_still_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link.duckdb"
    link.symlink_to(tmp_path / "disk" / "real.duckdb")
    make(link, value=7)
    assert link.is_symlink()
    assert rows_of(tmp_path / "disk" / "real.duckdb", "SELECT value FROM t") == [(7,)]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"is a folder.*--out"):
        make(tmp_path)


def test_a_device_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"/dev/null is not a file"):
        make(Path("/dev/null"))


def test_a_file_where_the_folder_should_be_is_reported(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("x")
    with pytest.raises(SettingsError, match=r"could not be written.*--out"):
        make(tmp_path / "notes" / "made.duckdb")


def test_an_unwritable_folder_is_reported() -> None:
    with pytest.raises(SettingsError, match=r"could not be written.*The system says"):
        make(Path("/proc/made.duckdb"))


def test_a_full_disk_is_reported_and_leaves_the_old_file(out: Path) -> None:
    make(out, value=1)
    full = run_python(
        """
        import resource, sys
        from pathlib import Path
        from loyalty_core.loading import write_warehouse
        from loyalty_core.errors import SettingsError
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        try:
            with write_warehouse(Path(sys.argv[1])) as connection:
                connection.execute("CREATE TABLE t AS SELECT random() AS value FROM range(2_000_000)")
        except SettingsError as error:
            print(error)
        """,
        out,
    )
    assert "no room left on the disk" in full.stdout
    assert rows_of(out, "SELECT value FROM t") == [(1,)]
    assert names_in(out.parent) == ["made.duckdb"]
