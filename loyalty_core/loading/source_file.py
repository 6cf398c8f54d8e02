"""A CSV or Parquet file or a workbook as rows in DuckDB: the whole file, or an error that says why not."""

import re
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from loyalty_core.errors import DataError, SettingsError
from loyalty_core.loading.blanks import literal, value_of, words_of
from loyalty_core.loading.csv_text import GZIP_MAGIC, CsvText, plain_csv, utf16_of
from loyalty_core.loading.file_format import FileFormat
from loyalty_core.loading.packed_files import ZIP_MAGIC, unpacked
from loyalty_core.loading.warehouse_file import disk_is_full, write_warehouse
from loyalty_core.names import nearest_names

SOURCE_ROWS = "source_rows"

HEAD_BYTES = 256 * 1024
PARQUET_MAGIC = b"PAR1"
OLD_WORKBOOK_MAGIC = b"\xd0\xcf\x11\xe0"
WIDTH_FAULT = re.compile(r"on Line: (\d+).*?Expected Number of Columns: (\d+) Found: (\d+)", re.DOTALL)
LINE_FAULT = re.compile(r"on Line: (\d+)")


@dataclass
class SourceRows:
    """What was read into the temporary table `source_rows`: columns with their types, in the file's order.

    `notes` are sentences on how the file was interpreted; each later step appends its own.
    """

    file: Path
    types: dict[str, str]
    row_count: int
    format: FileFormat
    notes: list[str] = field(default_factory=list)
    has_heading: bool = True

    def value_of(self, name: str) -> str:
        """SQL of a column of values as text; NULL where it is blank or marks a missing value."""
        return value_of(quoted(name), self.format.blanks)

    def words_of(self, name: str) -> str:
        """SQL of a column of words as text; NULL where it is blank."""
        return words_of(quoted(name), self.format.blanks)

    def has(self, name: str) -> bool:
        return self._match(name) is not None

    def find(self, name: str, option: str) -> str:
        """The column that `name` refers to (ignoring case and outer spaces); DataError suggests the most similar."""
        if found := self._match(name) or self._match(f"column_{name.strip()}"):  # by its position, without a heading
            return found
        raise DataError(
            f"{self.file.name} has no column {name!r} ({option}).",
            f"Its columns are {listed(self.types)}.",
            _nearest(name, self.types),
        )

    def _match(self, name: str) -> str | None:
        if name in self.types:
            return name
        alike = [column for column in self.types if column.strip().lower() == name.strip().lower()]
        return alike[0] if len(alike) == 1 else None


@contextmanager
def open_load(
    file: Path,
    out: Path,
    written: FileFormat,
    *,
    overwrite: bool,
    first: Callable[[duckdb.DuckDBPyConnection], list[str]] = lambda _: [],
) -> Generator[tuple[duckdb.DuckDBPyConnection, SourceRows], None, None]:
    """Open a new warehouse at `out` with the rows of `file` in it, as `write_warehouse` does.

    `first` reads what comes from other files, before access to any file but `out` is denied; it returns notes.
    """
    if file.exists() and out.exists() and file.samefile(out):
        raise SettingsError(
            f"{out} is the file to be loaded.",
            "It would be replaced by the warehouse.",
            "Name another file with --out.",
        )
    if not _head_of(file).startswith(ZIP_MAGIC):
        _is_parquet(file)  # before anything is created for a file that cannot be read
    with write_warehouse(out, overwrite=overwrite) as connection:
        notes = first(connection)
        rows = read_source_rows(connection, file, written)
        rows.notes[:0] = notes
        _deny_other_files(connection, out)
        yield connection, rows


def _deny_other_files(connection: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Everything else happens in the new warehouse, which is compared with the one that it replaces."""
    paths = ", ".join(literal(f"{out.resolve()}{ending}") for ending in ("", ".wal"))
    connection.execute(f"SET allowed_paths = [{paths}]")
    connection.execute("SET enable_external_access = false")


def read_source_rows(connection: duckdb.DuckDBPyConnection, file: Path, written: FileFormat) -> SourceRows:
    """Read a CSV (also gzipped), a Parquet file or a workbook into the temporary table `source_rows`.

    CSV columns arrive as text, Parquet columns with the types they have. Raises DataError when the file is
    missing, empty, of another kind, damaged, or a CSV whose lines differ in their number of columns.
    """
    connection.execute("SET TimeZone = 'UTC'")  # times with a zone become UTC, those without are unchanged
    notes: list[str] = []
    has_heading = True
    with unpacked(file, written.sheet) as table:
        if _is_parquet(table):
            _read_parquet(connection, table)
        else:
            with plain_csv(table, written.encoding, written.heading) as text:
                _read_csv(connection, file, text)
            notes, has_heading = text.notes, text.has_heading
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {SOURCE_ROWS}").fetchall()}
    (row_count,) = connection.execute(f"SELECT count(*) FROM {SOURCE_ROWS}").fetchall()[0]  # noqa: S608
    if row_count == 0:
        raise DataError(f"{file.name} has no rows.", "It has a heading and nothing below it.", "Export it again.")
    return SourceRows(file, types, row_count, written, notes, has_heading)


def is_text(duckdb_type: str) -> bool:
    return duckdb_type.split("(", maxsplit=1)[0] in ("VARCHAR", "ENUM") and not duckdb_type.endswith("]")


def quoted(identifier: str) -> str:
    """An identifier as SQL, whatever characters it has."""
    return '"' + identifier.replace('"', '""') + '"'


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names as a part of a sentence, cut when they are many: `a, b, c and 20 more`."""
    every = list(names)
    shown = ", ".join(every[:most])
    return shown if len(every) <= most else f"{shown} and {len(every) - most:,} more"


def _nearest(name: str, columns: Iterable[str]) -> str:
    near = nearest_names(name.strip(), columns)
    return f"Did you mean {near[0]!r}?" if near else "Give one of these names."


def _is_parquet(file: Path) -> bool:
    """Whether the first bytes are those of Parquet rather than CSV; DataError if it is neither, empty or missing."""
    head = _head_of(file)
    if head.startswith(PARQUET_MAGIC):
        return True
    remedy = "Save the table as CSV (UTF-8), Parquet or a workbook (.xlsx) and load that."
    if head.startswith(OLD_WORKBOOK_MAGIC):
        raise DataError(f"{file.name} is a workbook of an old Excel (.xls).", remedy=remedy)
    if b"\0" in head and not head.startswith(GZIP_MAGIC) and not utf16_of(head):
        raise DataError(f"{file.name} is neither CSV nor Parquet.", "It holds binary data.", remedy)
    return False


def _head_of(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError:
        raise DataError(f"There is no file {file}.", remedy="Check its name and folder.") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read.", f"The system says: {error.strerror}.") from error
    if not head.strip():
        raise DataError(f"{file.name} is empty.", "It has neither a heading nor rows.", "Export it again.")
    return head


def _read_parquet(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    try:
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE {SOURCE_ROWS} AS
            FROM read_parquet(?, hive_partitioning = false)""",
            [_literal_path(file)],
        )
    except duckdb.Error as error:
        if disk_is_full(error):
            raise
        raise DataError(
            f"{file.name} cannot be read as Parquet, although it begins like one.",
            str(error).splitlines()[0] + ".",
            "It may have been cut off on the way; copy or export it again.",
        ) from error


def _read_csv(connection: duckdb.DuckDBPyConnection, file: Path, text: CsvText) -> None:
    """DuckDB's layout detection is not used: one short line can make it drop rows or merge columns."""
    layout = [text.delimiter, text.lines_above, text.compression, text.has_heading]
    try:
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE {SOURCE_ROWS} AS FROM read_csv(
                ?, columns = ?, delim = ?, skip = ?, compression = ?, header = ?, auto_detect = false,
                quote = '"', escape = '"', hive_partitioning = false)""",
            [_literal_path(text.path), dict.fromkeys(text.names, "VARCHAR"), *layout],
        )
    except duckdb.InvalidInputException as error:
        raise _csv_fault(file, str(error)) from error


def _csv_fault(file: Path, message: str) -> DataError:
    """DuckDB's error in one line, without the rows that it prints."""
    what = f"{file.name} cannot be read as a CSV."
    if width := WIDTH_FAULT.search(message):
        line, expected, found = width.groups()
        remedy = 'A value that contains the delimiter must be in "double quotes".'
        return DataError(what, f"Line {line} has {found} columns, the heading has {expected}.", remedy)
    line = LINE_FAULT.search(message)
    where = f"Line {line.group(1)}" if line else "One of its lines"
    if "unterminated quote" in message:
        return DataError(what, f'{where} has a " that is never closed.', 'Write a " inside a value as "".')
    return DataError(what, f"{where} is not well formed.", "Export it again as CSV (UTF-8).")


def _literal_path(file: Path) -> str:
    """The path with DuckDB's wildcards made literal, so that `sales[1].csv` is only ever that file."""
    return re.sub(r"([*?\[])", r"[\1]", str(file.resolve()))
