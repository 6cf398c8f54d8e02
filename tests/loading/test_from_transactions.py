"""Purchase logs as warehouses: Online Retail to the penny, churn history recomputed by other means, odd logs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pytest

from loyalty_core.errors import DataError
from loyalty_core.loading import CustomerColumns, FileFormat, PurchaseColumns, load_features, load_transactions
from loyalty_core.loading.purchase_history import snapshot_dates
from tests.datasets import ONLINE_RETAIL
from tests.fixtures.loading import rows_of, types_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from loyalty_core.loading import LoadReport

    Export = Callable[..., Path]

RETAIL = PurchaseColumns("CustomerID", "InvoiceDate", "Quantity*UnitPrice", transaction="InvoiceNo")
PLAIN = PurchaseColumns("customer", "day", "amount")
WINDOW = timedelta(days=90)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadReport, Path]:
    out = tmp_path_factory.mktemp("retail") / "retail.duckdb"
    return load_transactions(ONLINE_RETAIL, out, RETAIL), out


@pytest.fixture(scope="module")
def baskets() -> pd.DataFrame:
    """The purchases of Online Retail, cleaned and summed by pandas."""
    lines = pd.read_parquet(ONLINE_RETAIL)
    lines = lines[lines.CustomerID.notna() & (lines.Quantity > 0) & (lines.UnitPrice > 0)]
    lines = lines[~lines.InvoiceNo.str.startswith("C")]
    lines = lines.assign(customer_id=lines.CustomerID.astype(int).astype(str), amount=lines.Quantity * lines.UnitPrice)
    grouped = lines.groupby(["InvoiceNo", "customer_id"])
    return grouped.agg(at=("InvoiceDate", "min"), amount=("amount", "sum")).reset_index()


def features_by_pandas(baskets: pd.DataFrame, as_of: date) -> pd.DataFrame:
    day = pd.Timestamp(as_of)
    past = baskets[baskets["at"] < day]
    grouped = past.groupby("customer_id")
    features = grouped.agg(
        total_revenue=("amount", "sum"),
        transaction_count=("amount", "size"),
        avg_transaction_value=("amount", "mean"),
        first=("at", "min"),
        last=("at", "max"),
    )
    of_year = past[past["at"] >= day - pd.Timedelta(days=365)].groupby("customer_id").amount.sum()
    features["lifetime_value"] = features.total_revenue.add(of_year, fill_value=0)
    features["days_since_last_transaction"] = (day - features["last"].dt.normalize()).dt.days
    features["tenure_days"] = (day - features["first"].dt.normalize()).dt.days
    return features.sort_index()


def assert_same_features(actual: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(actual.index) == list(expected.index)
    for name in ("transaction_count", "days_since_last_transaction", "tenure_days"):
        assert (actual[name] == expected[name]).all(), name
    for name in ("total_revenue", "avg_transaction_value", "lifetime_value"):
        assert (actual[name] - expected[name]).abs().max() < 0.006, name  # both are in pence


def frame_of(warehouse: Path, query: str) -> pd.DataFrame:
    with duckdb.connect(warehouse, read_only=True) as connection:
        return connection.execute(query).df().set_index("customer_id").sort_index()


class TestOnlineRetail:
    def test_lines_customers_and_revenue_are_exact(self, loaded: tuple[LoadReport, Path]) -> None:
        report, out = loaded
        assert report.rows_read == 541_909
        assert report.excluded == {
            "without a customer": 135_080,
            "cancelled or returned (amount or quantity below zero)": 8_905,
            "with a zero price or quantity": 40,
        }
        query = "SELECT sum(items), count(*), count(DISTINCT customer_id), round(sum(amount), 2) FROM transactions"
        assert rows_of(out, query) == [(397_884, 18_532, 4_338, 8_911_407.90)]
        assert rows_of(out, "SELECT count(*) FROM customer_features_view") == [(4_338,)]

    def test_the_facts_read_well(self, loaded: tuple[LoadReport, Path]) -> None:
        facts = dict(rows_of(loaded[1], "FROM warehouse_info"))
        assert facts["source"] == "transactions file"
        assert facts["snapshot_date"] == "2011-12-10"
        assert facts["rows_left_out"] == (
            "135,080 without a customer; 8,905 cancelled or returned (amount or quantity below zero); "
            "40 with a zero price or quantity"
        )
        assert facts["loaded"] == (
            "397,884 lines, 18,532 transactions of 4,338 customers, revenue 8,911,407.90, 2010-12-01 to 2011-12-09"
        )

    def test_every_customers_features_agree_with_pandas(
        self, loaded: tuple[LoadReport, Path], baskets: pd.DataFrame
    ) -> None:
        view = frame_of(loaded[1], "FROM customer_features_view")
        assert_same_features(view, features_by_pandas(baskets, date(2011, 12, 10)))
        assert (view.last_purchase_days_ago == view.days_since_last_transaction).all()
        assert view.loc["12346", "customer_status"] == "inactive"
        assert view.loc["12347", "customer_status"] == "active"

    def test_the_country_is_taken_over_and_the_article_is_not(self, loaded: tuple[LoadReport, Path]) -> None:
        types = types_of(loaded[1])
        assert types["Country"] == "VARCHAR"
        assert not {"StockCode", "Description", "InvoiceNo"} & set(types)
        query = (
            "SELECT customer_id, Country FROM customer_features_view WHERE customer_id IN ('12347', '17850') ORDER BY 1"
        )
        assert rows_of(loaded[1], query) == [("12347", "Iceland"), ("17850", "United Kingdom")]

    def test_the_churn_history_agrees_with_pandas_at_every_snapshot(
        self, loaded: tuple[LoadReport, Path], baskets: pd.DataFrame
    ) -> None:
        days = [
            day for (day,) in rows_of(loaded[1], "SELECT DISTINCT snapshot_date FROM customer_churn_history ORDER BY 1")
        ]
        assert days == [date(2011, month, 1) for month in range(3, 10)]
        for day in days:
            history = frame_of(loaded[1], f"FROM customer_churn_history WHERE snapshot_date = DATE '{day}'")
            assert_same_features(history, features_by_pandas(baskets, day))
            start, end = pd.Timestamp(day), pd.Timestamp(day + WINDOW)
            returned = set(baskets[(baskets["at"] >= start) & (baskets["at"] < end)].customer_id)
            assert [customer not in returned for customer in history.index] == list(history.churned == 1)
            assert list(history.churned == 1) == list(history.left_at == start)

    def test_history_and_view_have_the_same_numbers_to_map(self, loaded: tuple[LoadReport, Path]) -> None:
        view, history = types_of(loaded[1]), types_of(loaded[1], "customer_churn_history")
        numbers = {name: kind for name, kind in view.items() if kind in ("BIGINT", "DOUBLE")}
        assert numbers.items() <= history.items()
        assert list(history)[-2:] == ["churned", "snapshot_date"]


def log(lines: Sequence[tuple[str, str, float]]) -> str:
    return "customer,day,amount\n" + "".join(f"{who},{day},{amount}\n" for who, day, amount in lines)


def year_of_purchases(later_amount: float = 10) -> str:
    """Four customers through 2024: a buys monthly, b stops in May, c starts in September, d buys once."""
    monthly = [("a", f"2024-{month:02}-15", 10 if month < 7 else later_amount) for month in range(1, 13)]
    stopped = [("b", f"2024-{month:02}-10", 20.0) for month in range(1, 6)]
    started = [("c", f"2024-{month:02}-20", later_amount) for month in range(9, 13)]
    return log([*monthly, *stopped, *started, ("d", "2024-03-01", 5.0), ("d", "2024-12-31", 5.0)])


class TestChurnHistory:
    def test_labels_at_the_edges_of_the_window(self, export: Export, out: Path) -> None:
        # 2024-07-01 + 90 days = 2024-09-29: a purchase at that instant is outside, one second before is inside.
        lines = [
            ("in", "2024-01-05 12:00:00", 1),
            ("in", "2024-09-28 23:59:59", 1),
            ("on", "2024-01-05 12:00:00", 1),
            ("on", "2024-09-29 00:00:00", 1),
            ("at", "2024-01-05 12:00:00", 1),
            ("at", "2024-07-01 00:00:00", 1),
            ("new", "2024-07-01 00:00:00", 1),
            ("last", "2024-12-31 12:00:00", 1),
        ]
        load_transactions(export(log(lines)), out, PLAIN)
        query = """SELECT customer_id, churned, transaction_count FROM customer_churn_history
            WHERE snapshot_date = DATE '2024-07-01' ORDER BY 1"""
        assert rows_of(out, query) == [("at", 0, 1), ("in", 0, 1), ("on", 1, 1)]

    def test_what_comes_after_a_snapshot_does_not_reach_its_features(self, export: Export, tmp_path: Path) -> None:
        """The later purchases a hundredfold: features before them stay, and so do the labels."""
        made = []
        for name, later in (("low", 10.0), ("high", 1000.0)):
            out = tmp_path / f"{name}.duckdb"
            load_transactions(export(year_of_purchases(later), f"{name}.csv"), out, PLAIN)
            made.append(
                rows_of(
                    out, "FROM customer_churn_history WHERE snapshot_date <= '2024-07-01' ORDER BY snapshot_date, 1"
                )
            )
        assert made[0] == made[1]
        assert len(made[0]) == 9  # a, b and d, in May, June and July

    def test_a_customer_who_returns_after_the_window_was_churned(self, export: Export, out: Path) -> None:
        load_transactions(export(year_of_purchases()), out, PLAIN)
        query = "SELECT snapshot_date, churned FROM customer_churn_history WHERE customer_id = 'd' ORDER BY 1"
        labels = {day.month: churned for day, churned in rows_of(out, query)}
        assert labels == {5: 1, 6: 1, 7: 1, 8: 1, 9: 1, 10: 1}

    def test_customers_leave_on_the_first_day_of_a_silence(self, export: Export, out: Path) -> None:
        load_transactions(export(year_of_purchases()), out, PLAIN)
        query = "SELECT customer_id, left_at, observed_until FROM customer_churn_history WHERE snapshot_date = '{}'"
        until = date(2024, 10, 3)  # 90 days before the day after the last purchase
        assert sorted(rows_of(out, query.format("2024-05-01"))) == [
            ("a", None, until), ("b", date(2024, 5, 11), until), ("d", date(2024, 5, 1), until)
        ]  # fmt: skip
        assert ("b", date(2024, 7, 1), until) in rows_of(out, query.format("2024-07-01"))

    def test_a_log_of_seven_months_does_not_tell_how_soon_customers_leave(self, export: Export, out: Path) -> None:
        lines = [("a", f"2024-{month:02}-01", 1.0) for month in range(1, 8)]
        load_transactions(export(log(lines)), out, PLAIN)
        assert list(types_of(out, "customer_churn_history"))[-3:] == ["customer_status", "churned", "snapshot_date"]

    def test_other_churn_days_change_window_and_snapshots(self, export: Export, out: Path) -> None:
        report = load_transactions(export(year_of_purchases()), out, PLAIN, churn_days=30)
        days = rows_of(out, "SELECT min(snapshot_date), max(snapshot_date) FROM customer_churn_history")
        assert days == [(date(2024, 3, 1), date(2024, 12, 1))]
        assert "no purchase in the 30 days" in report.notes[-1]
        assert rows_of(out, "SELECT customer_status FROM customer_features_view WHERE customer_id = 'b'") == [
            ("inactive",)
        ]

    def test_a_short_log_has_a_view_but_no_history(self, export: Export, out: Path) -> None:
        report = load_transactions(export(log([("a", "2024-01-01", 1), ("b", "2024-03-01", 2)])), out, PLAIN)
        assert "No churn history" in report.notes[-1]
        assert "covers 61 days" in report.notes[-1]
        assert "customer_churn_history" not in {name for (name,) in rows_of(out, "SHOW TABLES")}
        assert rows_of(out, "SELECT count(*) FROM customer_features_view") == [(2,)]

    def test_snapshots_are_month_starts_with_history_before_and_a_whole_window_after(self) -> None:
        days = snapshot_dates(date(2023, 11, 3), date(2024, 7, 1), 60)
        assert days == [date(2024, month, 1) for month in (2, 3, 4, 5)]
        assert snapshot_dates(date(2023, 11, 3), date(2024, 6, 30), 60) == [
            date(2024, month, 1) for month in (2, 3, 4, 5)
        ]
        assert snapshot_dates(date(2023, 11, 3), date(2024, 6, 29), 60) == [date(2024, month, 1) for month in (2, 3, 4)]

    def test_a_long_log_gives_the_latest_two_years_of_snapshots(self) -> None:
        days = snapshot_dates(date(2000, 1, 1), date(2024, 12, 31), 90)
        assert (len(days), days[0], days[-1]) == (24, date(2022, 11, 1), date(2024, 10, 1))


class TestLines:
    def test_lines_of_one_transaction_are_one_basket(self, export: Export, out: Path) -> None:
        lines = ["I1,a,2024-01-01 10:00,2.50,2", "I1,a,2024-01-01 10:01,1,3", "I2,a,2024-01-02,4,1"]
        content = "\n".join(["inv,customer,day,price,pieces", *lines])
        columns = PurchaseColumns("customer", "day", "pieces * price", transaction="inv", quantity="pieces")
        load_transactions(export(content), out, columns)
        assert rows_of(out, "FROM transactions ORDER BY transaction_id") == [
            ("I1", "a", datetime(2024, 1, 1, 10), 8.0, 5.0),
            ("I2", "a", datetime(2024, 1, 2), 4.0, 1.0),
        ]

    def test_without_a_transaction_column_each_line_is_one(self, export: Export, out: Path) -> None:
        load_transactions(export(log([("a", "2024-01-01", 1), ("a", "2024-01-01", 2)])), out, PLAIN)
        assert rows_of(out, "SELECT transaction_id, amount FROM transactions ORDER BY 1") == [
            ("line 1", 1.0),
            ("line 2", 2.0),
        ]

    def test_lines_with_a_blank_transaction_are_one_each(self, export: Export, out: Path) -> None:
        content = "inv,customer,day,amount\n,a,2024-01-01,1\n,a,2024-01-01,2\nI1,a,2024-01-01,3\n"
        load_transactions(export(content), out, PurchaseColumns("customer", "day", "amount", transaction="inv"))
        assert rows_of(out, "SELECT count(*), sum(amount) FROM transactions") == [(3, 6.0)]

    def test_each_reason_is_counted_once_for_a_line(self, export: Export, out: Path) -> None:
        ahead = datetime.now(UTC).date() + timedelta(days=400)
        good = "".join(f"I{number},a,2024-01-{number % 28 + 1:02},3,1\n" for number in range(60))
        odd = [
            "I1,,2024-01-01,5,1",
            "I2, ,never,5,1",
            "I3,a,never,5,1",
            "I4,a,,5,1",
            f"I5,a,{ahead},5,1",
            "I6,a,2024-01-01,dear,1",
            "I7,a,2024-01-01,,1",
            "C8,a,2024-01-01,5,-1",
            "C9,a,2024-01-01,-5,1",
            "C10,a,2024-01-01,-5,-1",
            "I11,a,2024-01-01,0,1",
            "I12,a,2024-01-01,5,0",
        ]
        file = export("inv,customer,day,price,pieces\n" + good + "\n".join(odd))
        report = load_transactions(
            file, out, PurchaseColumns("customer", "day", "pieces*price", transaction="inv", quantity="pieces")
        )
        assert report.excluded == {
            "without a customer": 2,
            "with a date that is blank or cannot be read": 2,
            "dated in the future": 1,
            "with an amount that is blank or cannot be read": 2,
            "cancelled or returned (amount or quantity below zero)": 3,
            "with a zero price or quantity": 2,
        }
        assert rows_of(out, "SELECT count(*), sum(amount) FROM transactions") == [(60, 180.0)]

    def test_a_quantity_below_zero_is_a_return_whatever_the_amount(self, export: Export, out: Path) -> None:
        content = "customer,day,amount,pieces\na,2024-01-01,5,1\na,2024-01-02,5,-1\n"
        report = load_transactions(
            export(content), out, PurchaseColumns("customer", "day", "amount", quantity="pieces")
        )
        assert report.excluded_text == "1 cancelled or returned (amount or quantity below zero)"

    def test_a_log_without_a_purchase_is_refused(self, export: Export, out: Path) -> None:
        with pytest.raises(DataError, match=r"no purchase in it.*1 without a customer; 2 cancelled"):
            load_transactions(
                export("customer,day,amount\na,2024-01-01,-1\n,2024-01-01,1\nb,2024-01-02,-5\n"), out, PLAIN
            )
        assert not out.exists()

    @pytest.mark.parametrize(
        ("amount", "total"),
        [("price", 7.0), ("pieces*price", 14.0), (" Pieces * PRICE ", 14.0), ("a*b", 3.0), ("a*b*pieces", 6.0)],
    )
    def test_an_amount_is_a_column_or_a_product_of_two(
        self, export: Export, out: Path, amount: str, total: float
    ) -> None:
        content = "customer,day,pieces,price,a*b\nk,2024-01-01,2,7,3\n"
        load_transactions(export(content), out, PurchaseColumns("customer", "day", amount))
        assert rows_of(out, "SELECT amount FROM transactions") == [(total,)]

    @pytest.mark.parametrize("amount", ["price*rate", "price*2", "price;DROP", "price*pieces*price", "*", "sum(price)"])
    def test_anything_else_as_amount_is_a_column_that_is_missing(self, export: Export, out: Path, amount: str) -> None:
        with pytest.raises(DataError, match=r"has no column .* \(--amount\)"):
            load_transactions(
                export("customer,day,pieces,price\nk,2024-01-01,2,7\n"), out, PurchaseColumns("customer", "day", amount)
            )

    def test_the_same_column_may_be_missing_for_each_option(self, export: Export, out: Path) -> None:
        file = export("customer,day,amount\nk,2024-01-01,2\n")
        for columns, option in (
            (PurchaseColumns("x", "day", "amount"), "--customer"),
            (PurchaseColumns("customer", "dy", "amount"), r"--date\).*Did you mean 'day'"),
            (PurchaseColumns("customer", "day", "amount", transaction="x"), "--transaction"),
            (PurchaseColumns("customer", "day", "amount", quantity="x"), "--quantity"),
        ):
            with pytest.raises(DataError, match=option):
                load_transactions(file, out, columns)


class TestIds:
    def test_an_id_with_and_without_decimals_is_one_customer(self, export: Export, out: Path) -> None:
        lines = [("17850", "2024-01-01", 1), ("17850.0", "2024-01-02", 2), ("A7", "2024-01-03", 4)]
        report = load_transactions(export(log(lines)), out, PLAIN)
        assert rows_of(out, "SELECT customer_id, sum(amount) FROM transactions GROUP BY 1 ORDER BY 1") == [
            ("17850", 3.0),
            ("A7", 4.0),
        ]
        assert "Ids in customer such as 17850.0 are read as 17850." in report.notes

    @pytest.mark.parametrize(
        "ids",
        [
            ["4.00638E+12", "12"],
            ["4,00638E+12", "12"],
            ["7E+12", "12"],
            ["4006381333931000", "5006381333931000", "6006381333931000"],
        ],
    )
    def test_rounded_ids_are_refused(self, export: Export, out: Path, ids: list[str]) -> None:
        file = export("customer;day;amount\n" + "".join(f"{value};2024-01-01;1\n" for value in ids))
        with pytest.raises(DataError, match=r"are rounded.*Export the file again from its source"):
            load_transactions(file, out, PLAIN)

    @pytest.mark.parametrize(("kind", "value"), [("DOUBLE", 2**53 + 2), ("FLOAT", 2**24 + 2)])
    def test_ids_beyond_the_digits_of_their_type_are_refused(
        self, tmp_path: Path, out: Path, kind: str, value: int
    ) -> None:
        file = tmp_path / "log.parquet"
        duckdb.sql(f"SELECT {value}::{kind} AS customer, DATE '2024-01-31' AS day, 2.5 AS amount").write_parquet(
            str(file)
        )
        with pytest.raises(DataError, match=f"1 ids in column customer of log.parquet are rounded: .* as {kind}"):
            load_transactions(file, out, PLAIN)


class TestPlaceholders:
    def year(self) -> list[tuple[str, str, float]]:
        return [("a", f"2024-{month:02}-{day:02}", 1) for month in range(1, 13) for day in range(1, 11)]

    @pytest.mark.parametrize(
        "odd", ["1900-01-01", "1970-01-01", "0204-05-06", "9999-12-31", "2000-01-01", "1753-01-01"]
    )
    def test_a_date_that_is_none_is_left_out(self, export: Export, out: Path, odd: str) -> None:
        report = load_transactions(export(log([*self.year(), ("b", odd, 1)])), out, PLAIN)
        assert report.excluded == {
            "with a placeholder as date (before 1971, in the year 9999 or years before all others)": 1
        }
        assert rows_of(out, "SELECT min(transaction_at), max(transaction_at) FROM transactions") == [
            (datetime(2024, 1, 1), datetime(2024, 12, 10))
        ]

    def test_an_early_customer_is_no_placeholder(self, export: Export, out: Path) -> None:
        early = [("b", f"2019-0{month}-01", 1.0) for month in range(1, 7)]
        report = load_transactions(export(log([*self.year(), *early])), out, PLAIN)
        assert report.excluded == {}
        assert rows_of(out, "SELECT min(transaction_at) FROM transactions") == [(datetime(2019, 1, 1),)]


class TestAmounts:
    def test_a_quantity_shows_the_decimal_mark_of_the_price(self, export: Export, out: Path) -> None:
        file = export("customer;day;pieces;price\na;2024-01-01;1,5;1.250\n")
        report = load_transactions(file, out, PurchaseColumns("customer", "day", "price", quantity="pieces"))
        assert rows_of(out, "SELECT amount, items FROM transactions") == [(1250.0, 1.5)]
        assert report.notes[:2] == [
            "Decimal comma in pieces.",
            "1.250 is 1250 and 1,250 is 1.25 in price, which alone could be read otherwise: "
            "pieces has a decimal comma (see --decimal).",
        ]

    def test_marks_that_contradict_each_other_are_asked_for(self, export: Export, out: Path) -> None:
        amounts = ["12.5"] * 18 + ["1.250", "7,5"]
        file = export("customer;day;amount\n" + "".join(f"a;2024-01-01;{amount}\n" for amount in amounts))
        with pytest.raises(DataError, match=r"1\.250 is 1\.25 or 1250.*--decimal"):
            load_transactions(file, out, PLAIN)
        report = load_transactions(file, out, PLAIN, written=FileFormat(decimal="."))
        assert report.excluded == {"with an amount that is blank or cannot be read": 1}

    def test_amounts_in_several_currencies_are_refused(self, export: Export, out: Path) -> None:
        file = export("customer,day,amount\na,2024-01-01,$5.00\na,2024-01-02,€5.00\n")
        with pytest.raises(DataError, match=r"holds several currencies \(\$, €\)"):
            load_transactions(file, out, PLAIN)

    def test_a_credit_in_brackets_is_a_return(self, export: Export, out: Path) -> None:
        file = export("customer,day,amount\na,2024-01-01,$5.00\na,2024-01-02,($5.00)\na,2024-01-03,5.00-\n")
        report = load_transactions(file, out, PLAIN)
        assert report.excluded == {"cancelled or returned (amount or quantity below zero)": 2}


class TestDates:
    @pytest.mark.parametrize(
        ("days", "expected"),
        [
            (["31/01/2024", "01/02/2024"], [datetime(2024, 1, 31), datetime(2024, 2, 1)]),
            (["1/31/24 8:05", "2/1/24 18:30"], [datetime(2024, 1, 31, 8, 5), datetime(2024, 2, 1, 18, 30)]),
            (["20240131", "20240201"], [datetime(2024, 1, 31), datetime(2024, 2, 1)]),
            (
                ["2024-01-31T23:30:00-05:00", "2024-02-01T00:00:00+00:00"],
                [datetime(2024, 2, 1, 4, 30), datetime(2024, 2, 1)],
            ),
            (["31.01.2024", "1.2.2024"], [datetime(2024, 1, 31), datetime(2024, 2, 1)]),
            (["2024-1-31", "2024-2-1"], [datetime(2024, 1, 31), datetime(2024, 2, 1)]),
            (["31-JAN-24 09.30.15.000000 AM", "01-FEB-24"], [datetime(2024, 1, 31, 9, 30, 15), datetime(2024, 2, 1)]),
        ],
    )
    def test_however_they_are_written(
        self, export: Export, out: Path, days: list[str], expected: list[datetime]
    ) -> None:
        load_transactions(export(log([(f"c{number}", day, 1) for number, day in enumerate(days)])), out, PLAIN)
        assert rows_of(out, "SELECT transaction_at FROM transactions ORDER BY customer_id") == [
            (at,) for at in expected
        ]

    def test_whole_numbers_in_parquet_can_be_dates(self, tmp_path: Path, out: Path) -> None:
        file = tmp_path / "log.parquet"
        duckdb.sql("SELECT 7 AS customer, 20240131 AS day, 2.5::DECIMAL(9, 2) AS amount").write_parquet(str(file))
        load_transactions(file, out, PLAIN)
        assert rows_of(out, "SELECT customer_id, transaction_at, amount FROM transactions") == [
            ("7", datetime(2024, 1, 31), 2.5)
        ]

    def test_dates_that_fit_both_orders_need_the_order(self, export: Export, out: Path) -> None:
        file = export(log([("a", "01/02/2024", 1), ("b", "03/04/2024", 1)]))
        with pytest.raises(DataError, match="--date-order day-first or --date-order month-first"):
            load_transactions(file, out, PLAIN)
        load_transactions(file, out, PLAIN, written=FileFormat(date_order="day-first"))
        assert rows_of(out, "SELECT max(transaction_at) FROM transactions") == [(datetime(2024, 4, 3),)]

    def test_dates_in_two_orders_are_refused(self, export: Export, out: Path) -> None:
        days = ["31/01/2024", "30/01/2024", "01/31/2024", "01/30/2024", "01/02/2024"]
        with pytest.raises(DataError, match=r"Only 3 of its 5 values can be read as a date"):
            load_transactions(export(log([("a", day, 1) for day in days])), out, PLAIN)

    def test_a_few_dates_in_the_other_order_are_refused_too(self, export: Export, out: Path) -> None:
        days = ["31/01/2024"] * 12 + ["01/02/2024", "01/31/2024"]
        file = export(log([("a", day, 1) for day in days]))
        with pytest.raises(DataError, match=r"The dates in day are written in both orders"):
            load_transactions(file, out, PLAIN)
        report = load_transactions(file, out, PLAIN, written=FileFormat(date_order="day-first"))
        assert report.excluded == {"with a date that is blank or cannot be read": 1}

    def test_a_column_that_holds_no_dates_or_amounts_is_refused(self, export: Export, out: Path) -> None:
        file = export(log([("a", "2024-01-01", 1), ("b", "2024-01-02", 1)]))
        with pytest.raises(DataError, match=r"Column customer of export.csv does not hold a date"):
            load_transactions(file, out, PurchaseColumns("day", "customer", "amount"))
        with pytest.raises(DataError, match=r"Column customer of export.csv does not hold a number"):
            load_transactions(file, out, PurchaseColumns("day", "day", "customer"))


class TestColumnsOfTheCustomer:
    def content(self, *columns: str) -> str:
        rows = [(f"c{number % 20}", f"2024-{1 + number // 20:02}-{1 + number % 20:02}", number) for number in range(60)]
        values: dict[str, Any] = {
            "tier": lambda who, number: "gold" if int(who[1:]) % 2 else "silver",
            "article": lambda who, number: f"A{number}",
            "currency": lambda who, number: "EUR",
            "customer_status": lambda who, number: who,
            'odd "name"': lambda who, number: who.upper() if number < 40 else "",
        }
        heading = ",".join(
            ["customer", "day", "amount", *(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in columns)]
        )
        lines = [
            ",".join([who, day, "5", *(values[name](who, number) for name in columns)]) for who, day, number in rows
        ]
        return "\n".join([heading, *lines])

    def test_what_is_the_same_on_all_lines_of_a_customer_is_taken_over(self, export: Export, out: Path) -> None:
        file = export(self.content("tier", "article", "currency", 'odd "name"'))
        report = load_transactions(file, out, PLAIN)
        assert list(types_of(out))[-2:] == ["tier", 'odd "name"']
        assert rows_of(out, 'SELECT tier, "odd ""name""" FROM customer_features_view WHERE customer_id = \'c3\'') == [
            ("gold", "C3")
        ]
        assert 'Columns added for each customer: tier, odd "name".' in report.notes

    def test_a_name_of_our_own_is_not_taken_over(self, export: Export, out: Path) -> None:
        load_transactions(export(self.content("customer_status")), out, PLAIN)
        assert rows_of(out, "SELECT DISTINCT customer_status FROM customer_features_view") == [("active",)]

    def test_customers_seen_on_one_day_prove_nothing(self, export: Export, out: Path) -> None:
        once = [f"once{number},2024-01-01,1,{'card' if number % 2 else 'cash'}" for number in range(2_000)]
        twice = [f"twice{number},2024-01-0{day},1,pay{day}" for number in range(10) for day in (1, 2)]
        load_transactions(export("\n".join(["customer,day,amount,payment", *once, *twice])), out, PLAIN)
        assert "payment" not in types_of(out)

    def test_a_rare_difference_takes_the_latest(self, export: Export, out: Path) -> None:
        lines = [f"c{number},2024-0{month}-01,1,Oslo" for number in range(200) for month in (1, 2)]
        lines.append("c7,2024-03-01,1,Bergen")
        lines.append("c8,2023-01-01,1,Bergen")
        load_transactions(export("customer,day,amount,city\n" + "\n".join(lines)), out, PLAIN)
        query = "SELECT customer_id, city FROM customer_features_view WHERE customer_id IN ('c7', 'c8') ORDER BY 1"
        assert rows_of(out, query) == [("c7", "Bergen"), ("c8", "Oslo")]


CDNOW = "".join(
    f" {n % 60 + 1:05} 1997{n // 30 % 9 + 1:02}{n % 28 + 1:02} {n % 3 + 1:2} {n % 50 + 0.77:6.2f}\n" for n in range(400)
)


class TestLogsWithoutWords:
    def test_values_in_columns_without_a_heading_are_read_where_one_reading_fits(
        self, export: Export, out: Path
    ) -> None:
        report = load_transactions(export(CDNOW, "CDNOW_master.txt"), out, PurchaseColumns())
        assert report.notes[:3] == [
            "The values of CDNOW_master.txt are separated by spaces.",
            "The first line is data: the columns are called column_1 to column_4 (see --heading).",
            "Read as --customer column_1, --date column_2, --amount column_4.",
        ]
        query = (
            "SELECT count(*), count(DISTINCT customer_id), round(sum(amount), 2), min(customer_id) FROM transactions"
        )
        assert rows_of(out, query) == [(400, 60, 10108.0, "00001")]

    def test_two_columns_that_may_be_the_customer_are_asked_about(self, export: Export, out: Path) -> None:
        file = export("".join(f"{line[:6]} {line[3:]}" for line in CDNOW.splitlines(keepends=True)))
        question = r'the customer\?.*column_1 \(00001\), column_2.*--customer "column_1" --date "column_3"'
        with pytest.raises(DataError, match=question):
            load_transactions(file, out, PurchaseColumns())
        load_transactions(file, out, PurchaseColumns("1", "3", "5"))
        assert rows_of(out, "SELECT count(DISTINCT customer_id) FROM transactions") == [(60,)]

    def test_columns_of_a_shop_are_found_by_their_names(self, export: Export, out: Path) -> None:
        heading = "Invoice,StockCode,Quantity,InvoiceDate,Price,Customer ID,Country\n"
        lines = [f"{500 + n // 2},M{n},2,2010-10-{n % 28 + 1:02} 08:26:00,3.50,{n // 2}.0,UK" for n in range(40)]
        report = load_transactions(export(heading + "\n".join(lines)), out, PurchaseColumns())
        read_as = "Read as --customer Customer ID, --date InvoiceDate, --amount Quantity*Price, --transaction Invoice."
        assert read_as in report.notes
        assert rows_of(out, "SELECT count(*), sum(amount) FROM transactions") == [(20, 280.0)]

    def test_a_heading_of_years_is_told_from_data_and_can_be_stated(self, export: Export, out: Path) -> None:
        file = export("card,2023,2024\nk1,5,6\nk2,7,8\n")
        load_features(file, out, CustomerColumns("card"))
        assert types_of(out) == {"customer_id": "VARCHAR", "2023": "BIGINT", "2024": "BIGINT"}
        load_features(file, out, CustomerColumns("1"), written=FileFormat(heading=False), overwrite=True)
        assert rows_of(out, "SELECT count(*) FROM customer_features_view") == [(3,)]
