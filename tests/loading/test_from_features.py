"""Customer files as warehouses: the Telco file to the figure, and the ways in which exports are odd."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from loyalty_core.errors import DataError, SettingsError
from loyalty_core.loading import CustomerColumns, FileFormat, load_features
from tests.datasets import TELCO
from tests.fixtures.loading import rows_of, types_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.loading import LoadReport

    Export = Callable[..., Path]


def load(file: Path, out: Path, id_column: str = "id", churn: str | None = None, **options: Any) -> LoadReport:
    return load_features(file, out, CustomerColumns(id_column, churn, has_churn=churn is not None), **options)


def column(out: Path, name: str) -> list[Any]:
    return [value for (value,) in rows_of(out, f'SELECT "{name}" FROM customer_features_view ORDER BY customer_id')]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadReport, Path]:
    out = tmp_path_factory.mktemp("telco") / "telco.duckdb"
    report = load_features(TELCO, out, CustomerColumns("customerID", "Churn"), snapshot=date(2024, 1, 1))
    return report, out


class TestTelco:
    def test_every_customer_is_there_with_the_types_that_the_columns_have(
        self, loaded: tuple[LoadReport, Path]
    ) -> None:
        types = types_of(loaded[1])
        assert list(types)[:3] == ["customer_id", "gender", "SeniorCitizen"]
        assert len(types) == 20
        assert "Churn" not in types
        flags = {"SeniorCitizen", "Partner", "Dependents", "PhoneService", "PaperlessBilling"}
        assert {name for name, kind in types.items() if kind == "BOOLEAN"} == flags
        assert {name for name, kind in types.items() if kind in ("BIGINT", "DOUBLE")} == {
            "tenure",
            "MonthlyCharges",
            "TotalCharges",
        }

    def test_its_values_are_those_of_the_file(self, loaded: tuple[LoadReport, Path]) -> None:
        with gzip.open(TELCO, "rt") as text:
            lines = list(csv.DictReader(text))
        expected = sorted(
            (
                line["customerID"],
                int(line["tenure"]),
                float(line["TotalCharges"]) if line["TotalCharges"].strip() else None,
                line["SeniorCitizen"] == "1",
                line["PaymentMethod"],
            )
            for line in lines
        )
        query = """SELECT customer_id, tenure, TotalCharges, SeniorCitizen, PaymentMethod
            FROM customer_features_view ORDER BY customer_id"""
        assert rows_of(loaded[1], query) == expected

    def test_the_history_has_the_labels(self, loaded: tuple[LoadReport, Path]) -> None:
        types = types_of(loaded[1], "customer_churn_history")
        assert list(types)[-2:] == ["churned", "snapshot_date"]
        assert types["churned"] == "INTEGER"
        query = "SELECT count(*), sum(churned), min(snapshot_date), max(snapshot_date) FROM customer_churn_history"
        assert rows_of(loaded[1], query) == [(7043, 1869, date(2024, 1, 1), date(2024, 1, 1))]

    def test_the_report_lists_the_blanks(self, loaded: tuple[LoadReport, Path]) -> None:
        report, out = loaded
        assert report.rows_read == 7043
        assert "Column TotalCharges: 11 blank values became empty (NULL)." in report.notes
        facts = dict(rows_of(out, "FROM warehouse_info"))
        assert facts["source"] == "features file"
        assert facts["file_name"] == TELCO.name
        assert facts["rows_read"] == "7,043"
        assert facts["rows_left_out"] == "none"
        assert facts["snapshot_date"] == "2024-01-01"
        assert "1,869 of 7,043 customers churned" in facts["remarks"]


class TestTypes:
    @pytest.mark.parametrize(
        ("values", "kind", "expected"),
        [
            (["1", "-2", "0"], "BIGINT", [1, -2, 0]),
            (["1", "2.5", ".5"], "DOUBLE", [1.0, 2.5, 0.5]),
            (["1e3", "2E-1", "7"], "DOUBLE", [1000.0, 0.2, 7.0]),
            (["1", " ", "3"], "BIGINT", [1, None, 3]),
            (["1", "NA", "NaN"], "BIGINT", [1, None, None]),
            (['"1,234.50"', '"12"', '"999,999"'], "DOUBLE", [1234.5, 12.0, 999999.0]),
            (['"1,5"', '"1,25"', '"2"'], "DOUBLE", [1.5, 1.25, 2.0]),
            (["Yes", "no", "YES"], "BOOLEAN", [True, False, True]),
            (["true", "False", ""], "BOOLEAN", [True, False, None]),
            (["0", "1", "0"], "BIGINT", [0, 1, 0]),  # a column called value holds amounts
            (["0", "0", "0"], "BIGINT", [0, 0, 0]),
            (["Y", "N", "Y"], "BOOLEAN", [True, False, True]),
            (["F", "F", "F"], "VARCHAR", ["F", "F", "F"]),
            (["Yes", "No", "Maybe"], "VARCHAR", ["Yes", "No", "Maybe"]),
            (["2024-02-29", "2024-03-01", ""], "DATE", [date(2024, 2, 29), date(2024, 3, 1), None]),
            (
                ["31/12/2024", "01/02/2024", "5/4/2024"],
                "DATE",
                [date(2024, 12, 31), date(2024, 2, 1), date(2024, 4, 5)],
            ),
            (["12/31/24", "1/2/24", "5/4/24"], "DATE", [date(2024, 12, 31), date(2024, 1, 2), date(2024, 5, 4)]),
            (["1.2.2024", "3.4.2024", "5.6.2024"], "DATE", [date(2024, 2, 1), date(2024, 4, 3), date(2024, 6, 5)]),
            (
                ["05 Apr 2024", "6 May 2024", "07-JUN-2024"],
                "DATE",
                [date(2024, 4, 5), date(2024, 5, 6), date(2024, 6, 7)],
            ),
            (
                ["2024/1/2", "2024/12/31", "2024/02/03"],
                "DATE",
                [date(2024, 1, 2), date(2024, 12, 31), date(2024, 2, 3)],
            ),
            (
                ["31/12/2024 08:05", "1/2/2024 23:59:58", "1/2/2024"],
                "TIMESTAMP",
                [datetime(2024, 12, 31, 8, 5), datetime(2024, 2, 1, 23, 59, 58), datetime(2024, 2, 1)],
            ),
            (
                ["12/31/2024 8:05 am", "1/2/2024 11:59:58 PM", "1/2/2024 12:00 AM"],
                "TIMESTAMP",
                [datetime(2024, 12, 31, 8, 5), datetime(2024, 1, 2, 23, 59, 58), datetime(2024, 1, 2)],
            ),
            (["31/12/2024", "1/2/24", "1/2/24"], "VARCHAR", ["31/12/2024", "1/2/24", "1/2/24"]),
            (
                ["2024-01-01T00:30:00+02:00", "2024-06-01T12:00:00Z", "2024-06-01 12:00"],
                "TIMESTAMP",
                [datetime(2023, 12, 31, 22, 30), datetime(2024, 6, 1, 12), datetime(2024, 6, 1, 12)],
            ),
            (["2024-02-30", "2024-03-01", "2024-03-02"], "VARCHAR", ["2024-02-30", "2024-03-01", "2024-03-02"]),
            (["0150", "5003", "1234"], "VARCHAR", ["0150", "5003", "1234"]),
            (["+4791234567", "+4798765432", "+47"], "VARCHAR", ["+4791234567", "+4798765432", "+47"]),
            (["12345678901234567890", "1", "2"], "VARCHAR", ["12345678901234567890", "1", "2"]),
            (["123456789012345", "1", "2"], "BIGINT", [123456789012345, 1, 2]),
            (["", " ", ""], "VARCHAR", [None, None, None]),
            (["  Oslo ", "Bodø", "NA"], "VARCHAR", ["Oslo", "Bodø", "NA"]),
            (["1_000", "2", "3"], "VARCHAR", ["1_000", "2", "3"]),
        ],
    )
    def test_a_column_of_text_gets_the_type_of_all_its_values(
        self, export: Export, out: Path, values: list[str], kind: str, expected: list[Any]
    ) -> None:
        lines = "\n".join(f"{number},{value}" for number, value in enumerate(values))
        load(export(f"id,value\n{lines}\n"), out)
        assert list(types_of(out).items())[:2] == [("customer_id", "VARCHAR"), ("value", kind)]
        assert column(out, "value") == expected

    def test_commas_are_decimal_in_a_file_with_semicolons(self, export: Export, out: Path) -> None:
        load(export("id;charge;total\n1;12,50;1.234,50\n2;1,250;12\n"), out)
        assert column(out, "charge") == [12.5, 1.25]
        assert column(out, "total") == [1234.5, 12.0]

    def test_one_unreadable_value_leaves_the_column_as_text_and_is_reported(self, export: Export, out: Path) -> None:
        lines = "\n".join(f"c{number},{number * 10}" for number in range(99))
        report = load(export(f"id,points\n{lines}\nc99,many\n"), out)
        assert types_of(out)["points"] == "VARCHAR"
        assert report.notes == [
            "Column points stays text: 1 of its 100 values cannot be read as a number "
            "('many'; see --blank and --number)."
        ]

    def test_an_unreadable_value_far_down_the_file_is_noticed(self, export: Export, out: Path) -> None:
        lines = "\n".join(f"c{number},{number}" for number in range(30_000))
        load(export(f"id,points\n{lines}\nlast,none of yours\n"), out)
        assert types_of(out)["points"] == "VARCHAR"

    def test_dates_that_fit_both_orders_stay_text_until_the_order_is_given(self, export: Export, out: Path) -> None:
        file = export("id,joined\n1,01/02/2024\n2,03/04/2024\n")
        report = load(file, out)
        assert types_of(out)["joined"] == "VARCHAR"
        assert "day first or month first" in report.notes[0]
        load(file, out, written=FileFormat(date_order="month-first"), overwrite=True)
        assert column(out, "joined") == [date(2024, 1, 2), date(2024, 3, 4)]
        load(file, out, written=FileFormat(date_order="day-first"), overwrite=True)
        assert column(out, "joined") == [date(2024, 2, 1), date(2024, 4, 3)]

    def test_parquet_retains_its_types_without_lists(self, tmp_path: Path, out: Path) -> None:
        file = tmp_path / "customers.parquet"
        duckdb.sql("""SELECT 17850.0::DOUBLE AS id, 1::TINYINT AS small, 1.25::DECIMAL(9, 2) AS price,
            'nan'::DOUBLE AS nothing, 2::HUGEINT AS huge, '0042' AS code, '7' AS digits,
            TIMESTAMPTZ '2024-01-01 00:30:00+02' AS zoned, DATE '2024-05-06' AS day,
            [1, 2] AS list, 'a'::BLOB AS bytes, true AS flag""").write_parquet(str(file))
        report = load(file, out)
        assert types_of(out) == {
            "customer_id": "VARCHAR",
            "small": "BIGINT",
            "price": "DOUBLE",
            "nothing": "DOUBLE",
            "huge": "DOUBLE",
            "code": "VARCHAR",
            "digits": "BIGINT",
            "zoned": "TIMESTAMP",
            "day": "DATE",
            "flag": "BOOLEAN",
            "days_since_zoned": "BIGINT",
            "days_since_day": "BIGINT",
        }
        assert rows_of(out, "SELECT * EXCLUDE (flag) FROM customer_features_view") == [
            ("17850", 1, 1.25, None, 2.0, "0042", 7, datetime(2023, 12, 31, 22, 30), date(2024, 5, 6), 127, 0)
        ]
        assert report.notes == [
            "Column list is left out: it holds INTEGER[], not single values.",
            "Column bytes is left out: it holds BLOB, not single values.",
            "Columns added: days_since_zoned, days_since_day, counted to 2024-05-06, the newest date of the file "
            "(see --snapshot).",
        ]


class TestFiles:
    def test_unusual_names_are_unchanged(self, export: Export, out: Path) -> None:
        load(export('id,"a ""b"" c",é;x,1 = 1; DROP TABLE t,{},select\n1,2,3,4,5,6\n'), out)
        assert list(types_of(out))[1:] == ['a "b" c', "é;x", "1 = 1; DROP TABLE t", "{}", "select"]
        assert rows_of(out, "FROM customer_features_view") == [("1", 2, 3, 4, 5, 6)]

    @pytest.mark.parametrize("columns", [60, pytest.param(300, marks=pytest.mark.slow)])
    def test_many_columns(self, export: Export, out: Path, columns: int) -> None:
        heading = ",".join(["id", *(f"c{number}" for number in range(columns))])
        lines = [",".join([f"k{row}", *(str(row * number + 2) for number in range(columns))]) for row in range(50)]
        load(export("\n".join([heading, *lines])), out)
        assert len(types_of(out)) == columns + 1
        last = f"SELECT c{columns - 1} FROM customer_features_view WHERE customer_id = 'k49'"
        assert rows_of(out, last) == [(49 * (columns - 1) + 2,)]

    @pytest.mark.parametrize(
        ("content", "encoding", "noted"),
        [
            ("id,city\n1,Tromsø\n", "utf-8", False),
            ("id,city\n1,Tromsø\n", "utf-8-sig", False),
            ("id,city\n1,Tromsø\n", "cp1252", True),
            ("id,city\n1,Tromsø\n", "utf-16", False),
            ("id;city\n1;Tromsø\n", "utf-8", False),
            ("id\tcity\n1\tTromsø\n", "utf-8", False),
            ("id|city\r\n1|Tromsø\r\n", "utf-8", False),
            ("id,city\r1,Tromsø\r", "utf-8", False),
            ("id,city\r\n0,Bodø\n1,Tromsø\r\n", "utf-8", False),
            ("\n\nid,city\n1,Tromsø\n\n\n", "utf-8", False),
            (' ID ,"city"\n1,"Tromsø"', "utf-8", False),
        ],
    )
    def test_the_ways_in_which_a_csv_is_written(
        self, export: Export, out: Path, content: str, encoding: str, noted: bool
    ) -> None:
        report = load(export(content, encoding=encoding), out)
        assert rows_of(out, "SELECT city FROM customer_features_view WHERE customer_id = '1'") == [("Tromsø",)]
        assert any("Windows-1252" in note for note in report.notes) == noted

    def test_typographic_characters_of_windows(self, export: Export, out: Path) -> None:
        load(export("id,plan €\n1,“best” – 5 €\n", encoding="cp1252"), out)
        assert column(out, "plan €") == ["“best” – 5 €"]

    def test_a_gzipped_csv(self, export: Export, out: Path) -> None:
        load(export(gzip.compress("id,city\n1,Bodø\n".encode()), "customers.csv.gz"), out)
        assert column(out, "city") == ["Bodø"]

    def test_line_breaks_and_delimiters_inside_values(self, export: Export, out: Path) -> None:
        load(export('id,note\n1,"a, b\nc ""d"""\n2,x\n'), out)
        assert column(out, "note") == ['a, b\nc "d"', "x"]

    def test_a_name_with_wildcards_is_only_that_file(self, export: Export, out: Path) -> None:
        export("id,a\nwrong,1\n", "sales1.csv")
        load(export("id,a\nright,1\n", "sales[1].csv"), out)
        assert column(out, "customer_id") == ["right"]

    def test_a_folder_that_looks_like_a_partition_adds_no_column(self, tmp_path: Path, out: Path) -> None:
        (tmp_path / "year=2024").mkdir()
        file = tmp_path / "year=2024" / "a.csv"
        file.write_text("id,a\n1,2\n")
        load(file, out)
        assert list(types_of(out)) == ["customer_id", "a"]

    def test_blank_and_repeated_names_get_names_of_their_own(self, export: Export, out: Path) -> None:
        report = load(export("id,a,A,\n1,2,3,4\n"), out)
        assert list(types_of(out)) == ["customer_id", "a", "A_3", "column_4"]
        assert len(report.notes) == 2

    def test_the_id_column_is_found_whatever_its_case(self, export: Export, out: Path) -> None:
        load(export("KundeNr,a\n1,2\n"), out, "kundenr")
        assert column(out, "customer_id") == ["1"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", r"export.csv is empty"),
            (b" \n\n", r"export.csv is empty"),
            (b"id,a\n", r"has no rows"),
            (b"id,a,b\n1,2,3\n4,5\n6,7,8\n", r"Line 3 has 2 columns, the heading has 3"),
            (b"id,a,b\n1,2,3\n4,5,6,7\n6,7,8\n", r"Line 3 has 4 columns, the heading has 3"),
            (b'id,a\n1,"x\n2,y\n', r'Line 2 has a " that is never closed'),
            (bytes(range(256)) * 10, r"neither CSV nor Parquet"),
            (b"\xd0\xcf\x11\xe0 and more", r"a workbook of an old Excel.*Save the table as CSV"),
            (b"PK\x03\x04rest of a workbook", r"is a damaged workbook or archive"),
            (b"PAR1 but no more of it", r"cannot be read as Parquet"),
            (b"\x1f\x8b\x08\x00broken", r"damaged gzip file"),
            (b"id,a\n1,\x81\x8d\xff\n", r"neither UTF-8 nor UTF-16 nor Windows-1252"),
        ],
    )
    def test_a_file_that_cannot_be_read_is_reported(
        self, export: Export, out: Path, content: bytes, message: str
    ) -> None:
        with pytest.raises(DataError, match=message):
            load(export(content), out)
        assert not out.exists()

    def test_a_csv_cut_off_in_its_gzip_is_reported(self, export: Export, out: Path) -> None:
        whole = gzip.compress("".join(f"{n},{n * n}\n" for n in range(10_000)).encode())
        with pytest.raises(DataError, match="damaged gzip file"):
            load(export(whole[: len(whole) // 2], "a.csv.gz"), out)

    def test_a_file_or_folder_that_is_not_one(self, tmp_path: Path, out: Path) -> None:
        with pytest.raises(DataError, match="There is no file"):
            load(tmp_path / "missing.csv", out)
        with pytest.raises(DataError, match="cannot be read"):
            load(tmp_path, out)
        assert not out.parent.exists()

    def test_the_file_itself_is_never_replaced(self, export: Export) -> None:
        file = export("id,a\n1,2\n")
        with pytest.raises(SettingsError, match="is the file to be loaded"):
            load(file, file, overwrite=True)
        assert file.read_text() == "id,a\n1,2\n"

    def test_the_rows_of_a_faulty_csv_are_not_printed(self, export: Export, out: Path) -> None:
        with pytest.raises(DataError) as caught:
            load(export("id,a\n1,2\nsecret,person,4711\n"), out)
        assert "secret" not in str(caught.value)


class TestIds:
    def test_a_missing_column_is_reported_with_the_nearest(self, export: Export, out: Path) -> None:
        with pytest.raises(DataError, match=r"no column 'custmer_id' \(--id\).*Did you mean 'Customer_ID'\?"):
            load(export("Customer_ID,a\n1,2\n"), out, "custmer_id")

    def test_a_heading_that_is_missing_shows_in_the_columns_named(self, export: Export, out: Path) -> None:
        with pytest.raises(DataError, match=r"Its columns are 4711, Oslo\."):
            load(export("4711,Oslo\n4712,Bergen\n"), out)

    def test_blank_ids_are_refused(self, export: Export, out: Path) -> None:
        with pytest.raises(DataError, match=r"Column id is blank in 2 rows"):
            load(export("id,a\n1,2\n ,3\n,4\n"), out)

    def test_repeated_ids_are_refused_with_examples(self, export: Export, out: Path) -> None:
        with pytest.raises(DataError, match=r"2 ids in column id.*: 7 \(3 rows\), 5 \(2 rows\)\."):
            load(export("id,a\n7,1\n7,2\n7,3\n5,1\n5,2\n6,1\n"), out)

    def test_ids_that_differ_in_spaces_are_the_same(self, export: Export, out: Path) -> None:
        with pytest.raises(DataError, match="more than once"):
            load(export("id,a\nA1,1\n A1 ,2\n"), out)

    def test_exact_copies_are_dropped_and_counted(self, export: Export, out: Path) -> None:
        report = load(export("id,a,b\n1,x,\n2,y,3\n1,x,\n1,x,\n"), out)
        assert report.excluded_text == "2 exact copies of another row"
        assert report.loaded == "2 customers with 2 columns besides the id"
        assert column(out, "customer_id") == ["1", "2"]

    @pytest.mark.parametrize(
        ("ids", "expected"),
        [
            (["12346.0", "12347.0"], ["12346", "12347"]),
            (["12346.0", "A7"], ["12346.0", "A7"]),
            (["17850", "17851.0", "17852.00"], ["17850", "17851", "17852"]),
            (["0042.0", "7"], ["0042", "7"]),
            (["1.5", "2.0"], ["1.5", "2.0"]),
            (["4006381333931001", "4006381333931010"], ["4006381333931001", "4006381333931010"]),
            (["0042", "7"], ["0042", "7"]),
            (["123456789012345678901", "x"], ["123456789012345678901", "x"]),
            (["Åse", "日本"], ["Åse", "日本"]),
        ],
    )
    def test_ids_are_text_as_written(self, export: Export, out: Path, ids: list[str], expected: list[str]) -> None:
        load(export("id,a\n" + "".join(f"{value},1\n" for value in ids)), out)
        assert column(out, "customer_id") == expected

    def test_a_second_customer_id_column_is_refused(self, export: Export, out: Path) -> None:
        with pytest.raises(DataError, match="has a column Customer_ID besides card"):
            load(export("card,Customer_ID\n1,2\n"), out, "card")


class TestChurn:
    @pytest.mark.parametrize(
        "values", [("Yes", "No"), ("TRUE", "false"), ("1", "0"), ("y", "N"), ("1.0", "0.0"), (" t ", "F")]
    )
    def test_labels_are_read_however_they_are_written(self, export: Export, out: Path, values: tuple[str, str]) -> None:
        load(export(f"id,left\na,{values[0]}\nb,{values[1]}\n"), out, churn="left")
        assert rows_of(out, "SELECT customer_id, churned FROM customer_churn_history ORDER BY 1") == [
            ("a", 1),
            ("b", 0),
        ]
        assert list(types_of(out)) == ["customer_id"]

    def test_labels_in_parquet(self, tmp_path: Path, out: Path) -> None:
        file = tmp_path / "a.parquet"
        duckdb.sql("SELECT * FROM (VALUES (1, true, 3), (2, false, 4), (3, NULL, 5)) AS t(id, gone, a)").write_parquet(
            str(file)
        )
        load(file, out, churn="gone")
        query = "SELECT customer_id, a, churned FROM customer_churn_history ORDER BY 1"
        assert rows_of(out, query) == [("1", 3, 1), ("2", 4, 0)]

    def test_blank_labels_are_in_the_view_but_not_in_the_history(self, export: Export, out: Path) -> None:
        report = load(export("id,a,churned\n1,5,yes\n2,6,\n3,7,no\n4,8, \n"), out, churn="churned")
        assert column(out, "customer_id") == ["1", "2", "3", "4"]
        query = "SELECT customer_id, a, churned FROM customer_churn_history ORDER BY 1"
        assert rows_of(out, query) == [("1", 5, 1), ("3", 7, 0)]
        assert report.notes[-1] == (
            "Churn history: 1 of 2 customers churned (churned); 2 with a blank label are left out of it. "
            "The day of the data is not known, so the rows have none (see --snapshot)."
        )

    def test_labels_that_cannot_be_read_are_reported_with_examples(self, export: Export, out: Path) -> None:
        content = "id,left\n1,yes\n2,perhaps\n3,perhaps\n4,2\n5,no\n"
        with pytest.raises(DataError, match=r"It holds 'perhaps' \(2 rows\), '2' \(1 rows\).*--churned"):
            load(export(content), out, churn="left")

    def test_labels_of_one_kind_are_reported(self, export: Export, out: Path) -> None:
        report = load(export("id,left\n1,no\n2,no\n"), out, churn="left")
        assert "none can be trained on this" in report.notes[-1]

    def test_without_a_label_there_is_no_history(self, export: Export, out: Path) -> None:
        load(export("id,a\n1,2\n"), out)
        assert rows_of(out, "SELECT table_name FROM duckdb_tables() ORDER BY 1") == [
            ("customer_features",),
            ("warehouse_info",),
        ]

    def test_a_file_without_anything_to_learn_says_so_and_names_the_flags(self, export: Export, out: Path) -> None:
        file = export("id,default,a\n1,yes,2\n2,no,3\n")
        note = load_features(file, out, CustomerColumns("id")).notes[-1]
        assert note == (
            "No column was recognised as a label, so no model can be trained on this file. Name the column that says "
            "who left with --churn, or the offers taken with --offer. Columns of yes and no: default."
        )

    @pytest.mark.parametrize(
        "columns",
        [
            CustomerColumns("id", "default"),
            CustomerColumns("id", offers=["default"]),
            CustomerColumns("id", has_churn=False),
        ],
    )
    def test_a_file_whose_label_is_known_or_declined_does_not(
        self, export: Export, out: Path, columns: CustomerColumns
    ) -> None:
        report = load_features(export("id,default,a\n1,yes,2\n2,no,3\n"), out, columns)
        assert not any("recognised as a label" in note for note in report.notes)

    def test_the_history_is_dated_only_when_the_day_of_the_data_is_known(self, export: Export, out: Path) -> None:
        file = export("id,left,a\n1,yes,2\n2,no,3\n")
        load(file, out, churn="left")
        assert list(types_of(out, "customer_churn_history")) == ["customer_id", "a", "churned"]
        facts = dict(rows_of(out, "FROM warehouse_info"))
        assert "snapshot_date" not in facts
        assert facts["file_date"] == datetime.fromtimestamp(file.stat().st_mtime, UTC).date().isoformat()
        load(file, out, churn="left", snapshot=date(2020, 2, 29), overwrite=True)
        assert rows_of(out, "SELECT DISTINCT snapshot_date FROM customer_churn_history") == [(date(2020, 2, 29),)]
        assert dict(rows_of(out, "FROM warehouse_info"))["snapshot_date"] == "2020-02-29"

    def test_the_files_own_snapshot_dates_are_used(self, export: Export, out: Path) -> None:
        file = export("id,Snapshot_Date,left\n1,2024-01-01,yes\n2,2024-02-01,no\n3,,no\n")
        load(file, out, churn="left", snapshot=date(2020, 1, 1))
        query = "SELECT customer_id, snapshot_date FROM customer_churn_history ORDER BY 1"
        assert rows_of(out, query) == [("1", date(2024, 1, 1)), ("2", date(2024, 2, 1)), ("3", date(2020, 1, 1))]

    def test_another_column_called_churned_would_leak_and_is_refused(self, export: Export, out: Path) -> None:
        with pytest.raises(DataError, match="has a column Churned besides left"):
            load(export("id,left,Churned\n1,yes,1\n"), out, churn="left")

    def test_the_id_cannot_be_the_label(self, export: Export, out: Path) -> None:
        with pytest.raises(DataError, match="two of id, churn label and offer taken"):
            load(export("id,a\n1,2\n"), out, churn="id")
