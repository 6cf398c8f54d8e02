"""Encodings: what a file is written in is found over all of it, and what cannot be read is named."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from loyalty_core.errors import DataError
from loyalty_core.loading import CustomerColumns, FileFormat, load_features
from tests.fixtures.loading import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Export = Callable[..., Path]

CITIES = "id,city\n1,Tromsø\n2,Bodø\n3,Ålesund\n"
ROWS = [("1", "Tromsø"), ("2", "Bodø"), ("3", "Ålesund")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_a_file_is_written_in_is_found(export: Export, out: Path, encoding: str, packed: bool) -> None:
    content = CITIES.encode(encoding)
    file = export(gzip.compress(content), "cities.csv.gz") if packed else export(content)
    load_features(file, out, CustomerColumns("id", has_churn=False))
    assert rows_of(out, "FROM customer_features_view ORDER BY 1") == ROWS


@pytest.mark.parametrize("packed", [False, True])
def test_one_broken_byte_does_not_change_the_encoding(export: Export, out: Path, packed: bool) -> None:
    content = CITIES.encode() + b"4,Vad\xf8\n" + "5,Hamarøy\n".encode()
    file = export(gzip.compress(content), "cities.csv.gz") if packed else export(content, "cities.csv")
    report = load_features(file, out, CustomerColumns("id", has_churn=False))
    assert rows_of(out, "FROM customer_features_view ORDER BY 1") == [*ROWS, ("4", "Vad\ufffd"), ("5", "Hamarøy")]
    assert report.notes == [
        f"Line 5 is not valid UTF-8 as the rest of {file.name} is: what cannot be read became \ufffd."
    ]


def test_many_bad_lines_are_named_in_part(export: Export, out: Path) -> None:
    intact = "".join(f"{number},å\n" for number in range(10, 30)).encode()
    content = CITIES.encode() + intact + b"".join(b"%d,\xf8\n" % number for number in range(40, 48))
    report = load_features(export(content), out, CustomerColumns("id", has_churn=False))
    assert report.notes == [
        "Lines 25, 26, 27, 28, 29 and 3 more are not valid UTF-8 as the rest of export.csv is: "
        "what cannot be read became \ufffd."
    ]


def test_another_encoding_is_named(export: Export, out: Path) -> None:
    file = export("id,city\n1,Łódź\n", encoding="cp1250")
    load_features(file, out, CustomerColumns("id", has_churn=False), written=FileFormat(encoding="cp1250"))
    assert rows_of(out, "SELECT city FROM customer_features_view") == [("Łódź",)]
    with pytest.raises(DataError, match="It is not klingon"):
        load_features(
            file, out, CustomerColumns("id", has_churn=False), written=FileFormat(encoding="klingon"), overwrite=True
        )


@pytest.mark.parametrize("first", ["sep=;\n", "\ufeffsep=;\r\n", '"sep=;"\n', "SEP=;\n", "\nsep=;\n"])
def test_a_line_that_names_the_delimiter(export: Export, out: Path, first: str) -> None:
    load_features(export(first + "id;a,b\n1;x\n"), out, CustomerColumns("id", has_churn=False))
    assert rows_of(out, 'SELECT customer_id, "a,b" FROM customer_features_view') == [("1", "x")]


def test_a_delimiter_that_only_its_line_names(export: Export, out: Path) -> None:
    load_features(export("sep=^\nid^city\n1^Oslo\n"), out, CustomerColumns("id", has_churn=False))
    assert rows_of(out, "FROM customer_features_view") == [("1", "Oslo")]
