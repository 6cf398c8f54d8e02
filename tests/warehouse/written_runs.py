"""Scoring runs of any time, written as a run itself would have left them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from loyalty_core.ml.tasks import RiskThresholds
from loyalty_core.settings import predictions_file
from loyalty_core.warehouse.predictions.earlier_tables import remark_on
from loyalty_core.warehouse.predictions.relation import DATA_KEY, NAME
from loyalty_core.warehouse.predictions.run_history import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

# customer, churn probability, version, scores of the offers 1, 2, …
Prediction = tuple[Any, ...]


def write_run(
    backend: Backend,
    warehouse: Warehouse,
    scored_at: datetime,
    predictions: Iterable[Prediction],
    *,
    present: bool,
    with_identity: bool = True,
) -> None:
    """One run; `present` makes it the one that the screens read."""
    data = warehouse.identity.key if with_identity else None
    rows = [_row(scored_at, *prediction) for prediction in predictions]
    if backend.name == "postgresql":
        comment = "Predictions" if present else remark_on(NAME)
        _write_table(
            backend,
            rows,
            NAME if present else f"{NAME}_{stamp(scored_at).lower()}",
            f"{comment}. Made on the data {data}" if data else comment,
        )
        return
    path = predictions_file(warehouse.settings, warehouse.dialect.file_of(warehouse.url))
    version = path.with_name(f"{path.stem}.{stamp(scored_at)}{path.suffix}")
    pq.write_table(pa.Table.from_pylist(rows, metadata={DATA_KEY: data} if data else None), version)
    if present:
        path.unlink(missing_ok=True)
        path.symlink_to(version.name)


def _row(
    scored_at: datetime, customer: Any, churn: float | None, version: str, *offers: float | None
) -> dict[str, Any]:
    best = max((score for score in offers if score is not None), default=None)
    return {
        "customer_id": customer,
        "churn_probability": churn,
        "churn_risk": None if churn is None else RiskThresholds(0.4, 0.7).of(churn),
        "recommended_offer": None if best is None else offers.index(best) + 1,
        **{f"offer_{place}": score for place, score in enumerate(offers, 1)},
        "rfm_segment": "Loyal",
        "model_version": version,
        "scored_at": scored_at,
    }


def _write_table(backend: Backend, rows: list[dict[str, Any]], name: str, comment: str) -> None:
    offers = "".join(f", {column} real" for column in rows[0] if column.startswith("offer_"))
    identifier = "bigint" if isinstance(rows[0]["customer_id"], int) else "text"
    values = ", ".join(f"({', '.join(map(_literal, row.values()))})" for row in rows)
    backend.execute(
        f"CREATE TABLE {name} (customer_id {identifier}, churn_probability double precision, churn_risk text, "
        f"recommended_offer integer"
        f"{offers}, rfm_segment text, model_version text, scored_at timestamptz);"
        f"INSERT INTO {name} VALUES {values};"
        f"COMMENT ON TABLE {name} IS '{comment}'"
    )


def _literal(value: Any) -> str:
    return "NULL" if value is None else str(value) if isinstance(value, int | float) else f"'{value}'"
