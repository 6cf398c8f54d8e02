"""What is packed in a workbook (.xlsx) or a ZIP archive: the one table in it, as a CSV or Parquet file."""

import csv
import shutil
import tempfile
import zipfile
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, time
from itertools import islice
from pathlib import Path, PurePosixPath

from loyalty_core.errors import DataError
from loyalty_core.names import nearest_names

ZIP_MAGIC = b"PK\x03\x04"
_WORKBOOK_PART = "xl/workbook.xml"
_TABLES = (".csv", ".tsv", ".txt", ".parquet")


@contextmanager
def unpacked(file: Path, sheet: str | None = None) -> Generator[Path, None, None]:
    """The file itself, or what is packed in it, in a folder that lives as long as the block.

    `sheet` names the sheet of a workbook. Raises DataError where there is no table in it, or several.
    """
    with file.open("rb") as stream:
        is_packed = stream.read(len(ZIP_MAGIC)) == ZIP_MAGIC
    if not is_packed:
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            table = _unpack(file, sheet, Path(folder))
        except (zipfile.BadZipFile, KeyError) as error:
            raise DataError(f"{file.name} is a damaged workbook or archive.", remedy="Copy it again.") from error
        yield table


def _unpack(file: Path, sheet: str | None, folder: Path) -> Path:
    with zipfile.ZipFile(file) as archive:
        members = archive.namelist()
        if _WORKBOOK_PART not in members:
            return _extracted(file, archive, members, folder)
    return _sheet_as_csv(file, sheet, folder / "sheet.csv")


def _extracted(file: Path, archive: zipfile.ZipFile, members: Sequence[str], folder: Path) -> Path:
    """The only table of an archive; folders and what macOS adds do not count."""
    tables = [name for name in members if name.lower().endswith(_TABLES) and not name.startswith("__MACOSX")]
    if len(tables) != 1:
        what = f"several tables: {', '.join(tables[:5])}" if tables else "no CSV or Parquet file"
        raise DataError(f"{file.name} is an archive with {what}.", remedy="Unpack it and load one file.")
    target = folder / PurePosixPath(tables[0]).name
    with archive.open(tables[0]) as packed, target.open("wb") as copy:
        shutil.copyfileobj(packed, copy)
    return target


def _sheet_as_csv(file: Path, sheet: str | None, target: Path) -> Path:
    import openpyxl  # noqa: PLC0415 (most files are no workbooks)

    with closing(openpyxl.load_workbook(file, read_only=True, data_only=True)) as workbook:
        for one in workbook.worksheets:
            one.reset_dimensions()  # some programs write wrong ones
        tables = [one.title for one in workbook.worksheets if len(list(islice(one.iter_rows(), 2))) > 1]
        name = _chosen(file, sheet, tables)
        with target.open("w", encoding="utf-8", newline="") as copy:
            writer = csv.writer(copy, lineterminator="\n")
            writer.writerows(_filled(workbook[name].iter_rows(values_only=True)))
    return target


def _chosen(file: Path, sheet: str | None, tables: Sequence[str]) -> str:
    if sheet is None and len(tables) == 1:
        return tables[0]
    if sheet in tables:
        return str(sheet)
    if not tables:
        raise DataError(f"{file.name} has no sheet with rows.", remedy="Save the table as CSV (UTF-8) and load that.")
    near = nearest_names(sheet, tables) if sheet else []
    raise DataError(
        f"{file.name} has no sheet {sheet!r}." if sheet else f"Which sheet of {file.name} is to be loaded?",
        f"Its sheets are {', '.join(map(repr, tables))}.",
        f'Name it, for example --sheet "{near[0] if near else tables[-1]}".',
    )


def _filled(rows: Iterable[Sequence[object]]) -> Generator[list[str], None, None]:
    """The rows as texts, without blank ones, and without the blank columns to the right of the heading."""
    width = 0
    for row in rows:
        texts = [_as_text(value) for value in row]
        if not any(texts):
            continue
        width = width or max(place for place, text in enumerate(texts, start=1) if text)
        yield texts[:width]


def _as_text(value: object) -> str:
    """A cell as it would be in a CSV: 5 rather than 5.0, and a day without its midnight."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    return str(value)
