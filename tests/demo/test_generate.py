"""The demo warehouse: its tables fit together, its history knows no future, and it can be made again."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loyalty_core.demo.generate import generate
from loyalty_core.demo.nordic import CITIES
from loyalty_core.demo.truth import truth_path
from loyalty_core.errors import SettingsError

SNAPSHOT = date(2026, 11, 1)
CUSTOMERS = 2_000
GUIDE_CUSTOMER = "123e4567-e89b-12d3-a456-426614174000"
GUIDE_COLUMNS = [
    "customer_id",
    "total_revenue",
    "transaction_count",
    "days_since_last_transaction",
    "avg_transaction_value",
    "lifetime_value",
    "churn_score",
    "customer_status",
    "active_products_count",
    "points_balance",
    "last_purchase_days_ago",
    "last_login_days_ago",
    "customer_tier",
    "segment",
    "city",
    "region",
    "country",
    "age",
    "gender",
    "campaign_engagement_rate",
    "email_verified",
    "phone_verified",
]
TABLES = [
    "customers",
    "transactions",
    "offers",
    "offer_responses",
    "customer_features",
    "customer_churn_history",
    "customer_offer_history",
    "customer_treatment_history",
]

Row = dict[str, Any]
Query = Callable[..., list[Row]]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "loyalty.duckdb"
    generate(out, CUSTOMERS)
    return out


@pytest.fixture(scope="module")
def connection(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(warehouse, read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def query(connection: duckdb.DuckDBPyConnection) -> Query:
    def run(sql: str, *values: object) -> list[Row]:
        cursor = connection.execute(sql, list(values))
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return run


@pytest.fixture(scope="module")
def purchases(query: Query) -> dict[str, list[tuple[datetime, Decimal]]]:
    """Every customer's purchases, as plain Python values."""
    found: dict[str, list[tuple[datetime, Decimal]]] = {}
    for row in query("SELECT customer_id, transaction_at, amount FROM transactions"):
        found.setdefault(row["customer_id"], []).append((row["transaction_at"], row["amount"]))
    return found


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def features_by_hand(purchases: list[tuple[datetime, Decimal]], day: date) -> Row:
    """The five standard features from the purchases before a day, without any SQL."""
    past = [(at, amount) for at, amount in purchases if at < midnight(day)]
    revenue = sum((amount for _, amount in past), Decimal(0))
    year = sum((amount for at, amount in past if at >= midnight(day - timedelta(days=365))), Decimal(0))
    mean = (revenue / len(past)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {
        "total_revenue": float(revenue),
        "transaction_count": len(past),
        "days_since_last_transaction": (day - max(at for at, _ in past).date()).days,
        "avg_transaction_value": pytest.approx(float(mean), abs=0.0101),
        "lifetime_value": float(revenue + year),
    }


def fingerprints(warehouse: Path) -> dict[str, Row]:
    with duckdb.connect(warehouse, read_only=True) as connection:
        tables = {
            table: connection.execute(f"SELECT count(*), bit_xor(hash(t)), sum(hash(t)) FROM {table} t").fetchone()
            for table in TABLES
        }
        truth = f"SELECT count(*), bit_xor(hash(t)), sum(hash(t)) FROM '{truth_path(warehouse)}' t"
        return tables | {"truth": connection.execute(truth).fetchone()}


def test_the_same_seed_makes_the_same_tables_whatever_the_threads(tmp_path: Path) -> None:
    made = []
    for threads, seed in ((1, 7), (4, 7), (2, 8)):
        out = tmp_path / f"{threads}.duckdb"
        generate(out, 600, seed=seed, threads=threads)
        made.append(fingerprints(out))
    assert made[0] == made[1]
    assert all(made[0][table] != made[2][table] for table in [*TABLES, "truth"] if table != "offers")


def test_blocks_do_not_depend_on_each_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("loyalty_core.demo.generate.BLOCK_MEMBERS", 300)
    monkeypatch.setattr("loyalty_core.demo.generate.HISTORY_MEMBERS", 600)
    generate(tmp_path / "small.duckdb", 300)
    generate(tmp_path / "large.duckdb", 900)
    with duckdb.connect(tmp_path / "large.duckdb", read_only=True) as connection:
        connection.execute(f"ATTACH '{tmp_path / 'small.duckdb'}' AS small (READ_ONLY)")
        for table in TABLES:
            missing = connection.execute(f"FROM small.{table} EXCEPT FROM {table}").fetchall()
            assert missing == [], table
        ids = "SELECT count(DISTINCT customer_id), count(DISTINCT transaction_id) = count(*) FROM transactions"
        assert connection.execute(ids).fetchone()[1]
        with_history = connection.execute("SELECT count(DISTINCT customer_id) FROM customer_churn_history").fetchone()
        assert 450 < with_history[0] <= 600


def test_the_view_has_the_columns_of_the_guide(query: Query) -> None:
    columns = {row["column_name"]: row["column_type"] for row in query("DESCRIBE customer_features_view")}
    assert set(GUIDE_COLUMNS) <= set(columns)
    assert columns["signup_date"] == "DATE"
    assert columns["total_revenue"] == "DOUBLE"
    assert columns["email_verified"] == "BOOLEAN"
    assert len(query("FROM customer_features_view")) == CUSTOMERS


def test_every_column_of_the_view_is_explained(query: Query) -> None:
    rows = query("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'customer_features_view'")
    assert len(rows) == 40
    assert [row["column_name"] for row in rows if not row["comment"]] == []


def test_the_guides_customer_is_a_member_who_buys(query: Query) -> None:
    [row] = query("FROM customer_features_view WHERE customer_id = ?", GUIDE_CUSTOMER)
    assert row["transaction_count"] >= 5
    assert row["full_name"]
    assert query("FROM customer_churn_history WHERE customer_id = ?", GUIDE_CUSTOMER)


def test_the_views_behaviour_follows_from_the_purchases(query: Query, purchases: dict[str, Any]) -> None:
    for row in query("FROM customer_features_view WHERE transaction_count > 0 LIMIT 200"):
        expected = features_by_hand(purchases[row["customer_id"]], SNAPSHOT)
        assert {name: row[name] for name in expected} == expected
        assert row["last_purchase_days_ago"] == row["days_since_last_transaction"]


def test_members_who_never_bought_have_blanks_not_zeros(query: Query, purchases: dict[str, Any]) -> None:
    rows = query("FROM customer_features_view WHERE customer_id NOT IN (SELECT customer_id FROM transactions)")
    assert len(rows) == CUSTOMERS - len(purchases) > 20
    for row in rows:
        assert (row["transaction_count"], row["total_revenue"], row["points_balance"]) == (0, 0, 0)
        assert row["avg_transaction_value"] is None
        assert row["days_since_last_transaction"] is None
        assert (row["customer_status"], row["segment"], row["customer_tier"]) == ("new", "Prospect", "Bronze")


@pytest.mark.parametrize(
    "column", ["age", "gender", "city", "email", "last_login_days_ago", "campaign_engagement_rate"]
)
def test_profiles_have_gaps(query: Query, column: str) -> None:
    [row] = query(f"SELECT count(*) - count({column}) AS blanks FROM customer_features_view")
    assert 0 < row["blanks"] < CUSTOMERS / 4


def test_places_names_and_addresses_belong_together(query: Query) -> None:
    places = {(place.name, place.region, place.country) for place in CITIES}
    rows = query("FROM customers WHERE city IS NOT NULL AND country IS NOT NULL")
    assert {(row["city"], row["region"], row["country"]) for row in rows} == places
    emails = [row["email"] for row in rows if row["email"]]
    assert len(set(emails)) == len(emails)
    assert all(email.isascii() and email.split("@")[1].startswith("example.") for email in emails)


def test_everything_happens_between_joining_and_the_snapshot(query: Query) -> None:
    assert query("FROM transactions JOIN customers USING (customer_id) WHERE transaction_at < signup_date") == []
    assert query("FROM transactions WHERE transaction_at >= ?", SNAPSHOT) == []
    assert query("FROM offer_responses JOIN customers USING (customer_id) WHERE sent_at < signup_date") == []
    assert query("FROM offer_responses WHERE opened_at < sent_at OR converted_at < opened_at") == []
    assert query("FROM offer_responses WHERE converted_at > sent_at + INTERVAL 28 DAY") == []
    assert query("FROM customers WHERE last_login_at < signup_date OR last_login_at >= ?", SNAPSHOT) == []
    assert query("FROM customers WHERE signup_date < birth_date + INTERVAL 17 YEAR") == []


def test_offers_are_redeemed_at_a_purchase(query: Query) -> None:
    redeemed = query("FROM offer_responses WHERE offer_id IS NOT NULL")
    at_a_purchase = query(
        "FROM offer_responses r JOIN transactions t ON t.customer_id = r.customer_id AND transaction_at = converted_at"
    )
    assert len(redeemed) == len(at_a_purchase) > 1_000


def test_points_are_earned_before_they_are_redeemed(query: Query) -> None:
    balances = """
        SELECT sum(points_earned - points_redeemed) OVER purchases - points_earned AS left_before_earning
        FROM transactions WINDOW purchases AS (PARTITION BY customer_id ORDER BY transaction_at)"""
    rows = query(balances)
    assert min(row["left_before_earning"] for row in rows) == 0
    [total] = query("SELECT sum(points_redeemed) AS redeemed, sum(points_earned) AS earned FROM transactions")
    assert 0.3 < total["redeemed"] / total["earned"] < 0.7
    [view] = query("SELECT sum(points_balance) AS balance FROM customer_features_view")
    assert view["balance"] == total["earned"] - total["redeemed"]


def test_the_base_looks_like_a_loyalty_programme(query: Query) -> None:
    tiers = query("SELECT customer_tier, count(*) AS n FROM customer_features_view GROUP BY ALL ORDER BY n DESC")
    assert [row["customer_tier"] for row in tiers] == ["Bronze", "Silver", "Gold", "Platinum"]
    statuses = query("SELECT customer_status, count(*) AS n FROM customer_features_view GROUP BY ALL ORDER BY n DESC")
    assert {row["customer_status"] for row in statuses} == {"active", "at_risk", "inactive", "new"}
    days = query("SELECT dayname(transaction_at) AS day, count(*) AS n FROM transactions GROUP BY ALL ORDER BY n")
    assert (days[0]["day"], days[-1]["day"]) == ("Sunday", "Saturday")
    [basket] = query("SELECT median(amount) AS middle, min(amount) AS least, max(amount) AS most FROM transactions")
    assert 25 < basket["middle"] < 50
    assert basket["least"] >= 1
    assert basket["most"] < 4_000


def test_churn_history_contains_the_past_only(query: Query, purchases: dict[str, Any]) -> None:
    rows = query("FROM customer_churn_history ORDER BY customer_id, snapshot_date LIMIT 400")
    for row in rows:
        day, own = row["snapshot_date"], purchases[row["customer_id"]]
        expected = features_by_hand(own, day)
        assert {name: row[name] for name in expected} == expected
        end = midnight(day + timedelta(days=90))
        assert row["churned"] == (not any(midnight(day) <= at < end for at, _ in own))
        assert day + timedelta(days=90) <= SNAPSHOT


def test_churn_history_has_everyone_who_had_bought(query: Query, purchases: dict[str, Any]) -> None:
    for row in query("SELECT snapshot_date, count(*) AS members FROM customer_churn_history GROUP BY ALL"):
        day = midnight(row["snapshot_date"])
        assert row["members"] == sum(min(own)[0] < day for own in purchases.values())


def test_offer_history_is_the_last_six_mailings_with_features_before_them(
    query: Query, purchases: dict[str, Any]
) -> None:
    rows = query("FROM customer_offer_history ORDER BY customer_id, created_at")
    sent = {
        (row["customer_id"], row["sent_at"].date()): row["offer_id"]
        for row in query(
            "FROM offer_responses SEMI JOIN transactions USING (customer_id) WHERE sent_at >= '2026-05-01'"
        )
        if min(purchases[row["customer_id"]])[0] < midnight(row["sent_at"].date())
    }
    assert {(row["customer_id"], row["created_at"]): row["converted_offer_id"] for row in rows} == sent
    for row in rows[:400]:
        expected = features_by_hand(purchases[row["customer_id"]], row["created_at"])
        assert {name: row[name] for name in expected} == expected


def test_shares_and_the_last_order_follow_from_the_purchases(query: Query) -> None:
    by_hand = """
        SELECT
            customer_id, round(avg((channel <> 'store')::INT), 4) AS online_share,
            round(avg(reduced::INT), 4) AS discount_share,
            round(sum(points_redeemed) / greatest(sum(points_earned), 1), 4) AS points_redeemed_share,
            max_by(coalesce(days_late, 0), transaction_at) AS last_order_days_late
        FROM transactions GROUP BY customer_id"""
    rows = query(f"""
        SELECT greatest(
                abs(v.online_share - h.online_share), abs(v.discount_share - h.discount_share),
                abs(v.points_redeemed_share - h.points_redeemed_share)
            ) AS difference,
            v.last_order_days_late AS late, h.last_order_days_late AS late_by_hand, days_since_last_transaction AS days
        FROM customer_features_view v JOIN ({by_hand}) h USING (customer_id)""")
    assert max(row["difference"] for row in rows) < 0.0002  # the shares are rounded
    assert all(row["late"] == row["late_by_hand"] for row in rows if row["days"] > 20)


def test_the_warehouse_names_its_source(query: Query) -> None:
    facts = {row["key"]: row["value"] for row in query("FROM warehouse_info")}
    assert facts["source"] == "demo"
    assert facts["snapshot_date"] == "2026-11-01"
    assert facts["seed"] == "7"


def test_the_truth_is_beside_the_warehouse_and_not_in_it(query: Query, warehouse: Path) -> None:
    assert truth_path(warehouse).name == "loyalty.truth.parquet"
    names = [row["column_name"] for row in query("SELECT column_name FROM duckdb_columns() WHERE NOT internal")]
    hidden = ("rate", "drift", "taste", "cause", "price_sensitivity")
    assert not [name for name in names if name.startswith(("true_", "p_offer")) or name in hidden]


@pytest.mark.parametrize(
    ("table", "day", "kind"),
    [
        ("customer_churn_history", "snapshot_date", "churn"),
        ("customer_offer_history", "created_at", "offer"),
        ("customer_treatment_history", "treated_at::DATE", "treatment"),
        ("customer_features_view", f"DATE '{SNAPSHOT}'", "current"),
    ],
)
def test_the_truth_has_a_row_for_every_row(query: Query, warehouse: Path, table: str, day: str, kind: str) -> None:
    in_warehouse = query(f"SELECT customer_id, {day} AS as_of FROM {table} ORDER BY ALL")
    path = truth_path(warehouse)
    assert query(f"SELECT customer_id, as_of FROM '{path}' WHERE kind = ? ORDER BY ALL", kind) == in_warehouse


def test_one_customer_is_enough(tmp_path: Path) -> None:
    generate(tmp_path / "one.duckdb", 1, snapshot=date(2025, 6, 30))
    with duckdb.connect(tmp_path / "one.duckdb", read_only=True) as connection:
        assert connection.execute("SELECT customer_id FROM customer_features_view").fetchall() == [(GUIDE_CUSTOMER,)]


@pytest.mark.parametrize(
    "wrong", [{"customers": 0}, {"customers": -5}, {"seed": -1}, {"snapshot": date(1, 1, 1)}], ids=str
)
def test_senseless_numbers_are_refused_before_anything_is_written(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        generate(tmp_path / "demo.duckdb", **({"customers": 10} | wrong))
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_leaves_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "demo.duckdb"
    generate(out, 50)
    before = fingerprints(out)
    monkeypatch.setattr("loyalty_core.demo.generate.create_history", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        generate(out, 60)
    assert fingerprints(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.duckdb", "demo.truth.parquet"]
