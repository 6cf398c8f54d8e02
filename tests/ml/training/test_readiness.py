"""What is reported of a history before training: the figures are those of plain SQL, the findings those of training."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from loyalty_core.errors import DataError, ViewUnusable
from loyalty_core.ml.tasks import CHURN_TIMING, TASKS
from loyalty_core.ml.training import Readiness, TrainingOptions, read_readiness
from loyalty_core.ml.training.checks import SINCE_IGNORED, UNTIL_IGNORED
from loyalty_core.ml.training.preparation import prepare
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, Settings
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.history import HistoryMissing
from loyalty_core.warehouse.mapping import MappingError
from tests.fixtures.warehouses import PostgresDatabase
from tests.workbench import ROOT, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workbench import Query

LABELS = {"churn": ("customer_churn_history", "churned", "snapshot_date"),
          "nbo": ("customer_offer_history", "converted_offer_id", "created_at")}  # fmt: skip
UNTIL = date(2025, 11, 30)
OLD = "DATE '2025-01-01' + CAST(i % 50 AS INTEGER)"
CHURN_HISTORY = "CREATE TABLE customer_churn_history AS SELECT {columns} FROM range({rows}) t(i)"
GOOD = {
    "customer_id": "'c' || i",
    "total_revenue": "i * 1.5",
    "tier": "'t' || i % 3",
    "churned": "CAST(i % 2 AS INTEGER)",
    "snapshot_date": OLD,
}
MAPPING: dict[str, Any] = {"revenue": "total_revenue", "tier": "tier"}


def read(
    url: str, model: Any = "churn", since: date | None = None, until: date | None = None, **settings: Any
) -> Readiness:
    with closing(Warehouse(Settings(dwh_url=url, **settings))) as warehouse:
        return read_readiness(warehouse, TASKS[model], since, until)


def churn(
    folder: Path, rows: int = 1_200, since: date | None = None, until: date | None = None, **columns: str
) -> Readiness:
    """The readiness of a history with these columns, in SQL of a row's number i, in place of good ones."""
    named = ", ".join(f"{sql} AS {name}" for name, sql in (GOOD | columns).items() if sql)
    file = folder / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(CHURN_HISTORY.format(columns=named, rows=rows))
    return read(f"duckdb:///{file}", since=since, until=until, ml_feature_mapping=MAPPING, ml_model_input_size=2)


def sentences(one: Readiness) -> list[str]:
    return [finding.sentence for finding in one.findings]


@pytest.mark.parametrize("model", ["churn", "nbo"])
@pytest.mark.parametrize("since", [None, date(2026, 3, 1)])
def test_the_figures_are_those_of_sql(demo_warehouse: Path, query_demo: Query, model: str, since: date | None):
    found = read(f"duckdb:///{demo_warehouse}", model, since)
    table, label, day = LABELS[model]
    within = f"FROM {table} WHERE CAST({day} AS DATE) >= ?"
    bound = since or date(1900, 1, 1)
    facts = (
        f"SELECT count(*), count(DISTINCT customer_id), min(CAST({day} AS DATE)), max(CAST({day} AS DATE)) "
        f"{within} AND {label} IS NOT NULL"
    )
    assert (found.rows, found.customers, found.first, found.last) == query_demo(facts, bound)[0]
    unlabelled = query_demo(f"SELECT count(*) {within} AND {label} IS NULL", bound)[0][0]
    assert (found.source, found.unlabelled) == (table, unlabelled)
    by_label = query_demo(f"SELECT {label}, count(*) {within} AND {label} IS NOT NULL GROUP BY 1", bound)
    assert found.classes == {str(int(name)): count for name, count in by_label}
    assert list(found.blanks) == list(DEFAULT_FEATURE_MAPPING)
    assert found.can_train


def test_it_finds_what_the_training_finds(demo_warehouse: Path):
    warehouse = Warehouse(Settings(dwh_url=f"duckdb:///{demo_warehouse}"))
    with pytest.raises(HistoryMissing):  # it does not say when customers left
        read_readiness(warehouse, CHURN_TIMING)
    for task in set(TASKS.values()) - {CHURN_TIMING}:
        assert read_readiness(warehouse, task).findings == prepare(warehouse, task, TrainingOptions()).findings
    warehouse.close()


def test_leaks_copies_and_labels_that_are_not_final_are_found_before_a_training(tmp_path: Path):
    """Rows from 2,400 on are copies of others; a fifth churned, and hardly anybody of the last month."""
    number = "(i % 2400)"
    month = f"({number} % 12)"
    churned = f"CASE WHEN {month} = 11 THEN {number} % 600 = 11 ELSE {number} % 5 = 0 END"
    columns = {
        "total_revenue": f"CASE WHEN {churned} THEN 900 ELSE 0 END + {number} % 97 + {number} / 7919.0",
        "tier": f"'t' || {number} % 41",
        "churned": f"({churned})::INTEGER",
        "snapshot_date": f"DATE '2025-01-15' + INTERVAL 1 MONTH * {month}",
    }
    found = churn(tmp_path, rows=2_600, **columns)
    leak, immature, copies = found.findings
    assert (leak.severity, leak.feature, immature.severity) == ("confirm", "revenue", "hold")
    assert "2025-12 say “churned”" in immature.sentence
    assert "--until 2025-11-30" in immature.remedy
    assert copies.sentence.startswith("200 of 2,600 customers are copies")
    assert found.can_train
    assert found.sampled_rows == 2_600

    url = f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
    own = {"ml_feature_mapping": MAPPING, "ml_model_input_size": 2}
    earlier = read(url, until=UNTIL, **own)
    assert [one.severity for one in earlier.findings] == ["confirm", "warning"]
    assert earlier.last == date(2025, 11, 15)
    with closing(Warehouse(Settings(dwh_url=url, **own))) as warehouse:
        trained = {until: prepare(warehouse, TASKS["churn"], TrainingOptions(until=until)) for until in (None, UNTIL)}
    assert {until: one.findings for until, one in trained.items()} == {None: found.findings, UNTIL: earlier.findings}


def test_blanks_are_null_nan_and_empty_texts(tmp_path: Path):
    found = churn(
        tmp_path,
        total_revenue="CASE i % 10 WHEN 0 THEN NULL WHEN 1 THEN 'NaN'::DOUBLE ELSE i END",
        tier="CASE WHEN i < 7 THEN '' ELSE 'a' || i % 3 END",
    )
    assert found.blanks == {"revenue": 240, "tier": 7}
    assert found.findings == ()


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"total_revenue": "NULL::DOUBLE"}, "The feature 'revenue' is blank in every row."),
        ({"tier": "'gold'"}, "The feature 'tier' has the same value in every row."),
        ({"total_revenue": "7"}, "The feature 'revenue' has the same value in every row."),
        ({"total_revenue": "true"}, "The feature 'revenue' has the same value in every row."),
        ({"churned": "CAST(i < 5 AS INTEGER)"}, "Only 5 rows say “churned”; 20 are needed."),
        ({"churned": "i % 3"}, "The label must be 0 (stayed) or 1 (churned), but some rows have '2'."),
        ({"churned": "NULL::INTEGER"}, "There are no rows with a label."),
    ],
)
def test_what_is_wrong_with_a_history(tmp_path: Path, columns: dict[str, str], sentence: str):
    found = churn(tmp_path, **columns)
    assert sentences(found) == [sentence]
    assert found.findings[0].remedy
    assert found.can_train == ("feature" in sentence)


@pytest.mark.parametrize(("rows", "severity"), [(150, "stop"), (500, "warning")])
def test_few_rows(tmp_path: Path, rows: int, severity: str):
    (finding,) = churn(tmp_path, rows=rows).findings
    assert (finding.severity, finding.sentence.startswith(f"There are {rows} rows")) == (severity, True)


def test_copies_of_rows_are_counted(tmp_path: Path):
    (finding,) = churn(
        tmp_path,
        customer_id="'c' || i // 2",
        total_revenue="i // 2 * 1.5",
        tier="'t' || i // 2 % 3",
        churned="CAST(i // 2 % 2 AS INTEGER)",
        snapshot_date="DATE '2025-01-01' + CAST(i // 2 % 50 AS INTEGER)",
    ).findings
    assert finding.sentence == "600 of 1,200 rows are exact copies of another row."


def test_rows_too_recent_to_show_who_churned(tmp_path: Path):
    today = datetime.now(UTC).date()
    found = churn(tmp_path, snapshot_date=f"DATE '{today - timedelta(days=10)}' - CAST(i % 50 AS INTEGER)")
    (sentence,) = sentences(found)
    assert sentence.startswith("The newest rows are 1")
    assert "known only after 90 days" in sentence


def test_a_start_and_an_end_without_dates_have_no_effect(tmp_path: Path):
    found = churn(tmp_path, snapshot_date="", since=date(2025, 2, 1), until=date(2025, 3, 1))
    assert (found.rows, found.first, found.last) == (1_200, None, None)
    assert found.findings == (SINCE_IGNORED, UNTIL_IGNORED)


def test_what_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(DataError, match="has no column 'churned'"):
        churn(tmp_path, churned="")
    (tmp_path / "warehouse.duckdb").unlink()
    with pytest.raises(MappingError, match="'tier'"):
        churn(tmp_path, tier="")
    with pytest.raises(ViewUnusable, match="no table customer_offer_history"):
        read(f"duckdb:///{tmp_path / 'warehouse.duckdb'}", "nbo")


def test_postgresql_gives_the_same(postgres_database: str):
    PostgresDatabase(postgres_database).execute(
        "CREATE TABLE customer_churn_history AS SELECT 'c' || i AS customer_id, "
        "CASE WHEN i % 10 = 0 THEN 'NaN'::float8 ELSE i END AS total_revenue, "
        "i % 2 = 0 AS tier, i % 4 = 0 AS churned, DATE '2025-01-01' + i % 50 AS snapshot_date "
        "FROM generate_series(0, 1199) i"
    )
    found = read(postgres_database, ml_feature_mapping=MAPPING, ml_model_input_size=2)
    assert (found.rows, found.customers, found.first, found.last) == (
        1_200, 1_200, date(2025, 1, 1), date(2025, 2, 19),
    )  # fmt: skip
    assert found.classes == {"0": 900, "1": 300}
    assert found.blanks == {"revenue": 120, "tier": 0}
    assert found.findings == ()


def test_it_needs_neither_tensorflow_nor_scikit_learn():
    code = (
        "import sys, loyalty_core.ml.training.readiness; print({'tensorflow', 'keras', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
