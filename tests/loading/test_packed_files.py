"""Workbooks and archives: the table in them, or a question which one."""

from __future__ import annotations

import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from loyalty_core.errors import DataError
from loyalty_core.loading import CustomerColumns, FileFormat, load_features
from tests.fixtures.loading import rows_of, types_of

if TYPE_CHECKING:
    from pathlib import Path

# It asks for the time in a way that later versions of Python have deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_the_sheet_of_a_workbook_is_asked_for_where_there_are_several(tmp_path: Path, out: Path) -> None:
    customers = [
        [None, None],
        ["CustomerID", "Joined", "Spend", "Member"],
        *([n, datetime(2024, 1, n), 1.5 * n, n % 2 == 0] for n in range(1, 5)),
        [None, None],
    ]
    file = workbook(tmp_path / "E Commerce.xlsx", Dict=[["Variable", "Meaning"], ["a", "b"]], Comm=customers, Empty=[])
    with pytest.raises(DataError, match=r"Which sheet .* Its sheets are 'Dict', 'Comm'.*--sheet \"Comm\""):
        load_features(file, out, CustomerColumns())
    with pytest.raises(DataError, match=r"has no sheet 'Com'.*--sheet \"Comm\""):
        load_features(file, out, CustomerColumns(), written=FileFormat(sheet="Com"))
    load_features(file, out, CustomerColumns(), written=FileFormat(sheet="Comm"))
    assert types_of(out) == {
        **{"customer_id": "VARCHAR", "Joined": "DATE", "Spend": "DOUBLE", "Member": "BOOLEAN"},
        "days_since_joined": "BIGINT",
    }
    assert rows_of(out, "SELECT sum(Spend), count(*) FILTER (Member) FROM customer_features_view") == [(15.0, 2)]


def test_an_archive_with_one_table_is_unpacked(tmp_path: Path, out: Path) -> None:
    file = tmp_path / "archive.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data/customers.csv", "id,points\na,1\nb,2\n")
        archive.writestr("__MACOSX/data/._customers.csv", "x")
    load_features(file, out, CustomerColumns())
    assert rows_of(out, "FROM customer_features_view ORDER BY ALL") == [("a", 1), ("b", 2)]
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("more.csv", "id\n1\n")
    with pytest.raises(DataError, match=r"several tables: data/customers.csv, more.csv. Unpack it and load one"):
        load_features(file, out, CustomerColumns(), overwrite=True)
