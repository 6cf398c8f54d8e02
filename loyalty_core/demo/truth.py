"""The true probabilities of the demo, in a Parquet file outside the warehouse, for evaluating models."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from loyalty_core.demo.arrow_columns import Floats
from loyalty_core.demo.offers import OFFERS
from loyalty_core.files import replacing

Kind = Literal["churn", "offer", "current", "treatment"]
OFFER_COLUMNS = [f"p_offer_{number}" for number in range(1, len(OFFERS) + 1)]
SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        ("kind", pa.string()),
        ("true_churn_probability", pa.float32()),
        *[(name, pa.float32()) for name in OFFER_COLUMNS],
        ("true_best_offer", pa.int8()),
        ("true_cause", pa.string()),
        ("true_uptake_probability", pa.float32()),
        ("true_outcome_if_treated", pa.float32()),
        ("true_outcome_if_not_treated", pa.float32()),
        ("true_uplift", pa.float32()),
        ("true_response", pa.string()),
    ]
)


def truth_path(warehouse: Path) -> Path:
    """The path of the truth about a demo warehouse: beside it."""
    return warehouse.with_name(f"{warehouse.stem}.truth.parquet")


@contextmanager
def write_truth(path: Path) -> Generator[pq.ParquetWriter, None, None]:
    """Open a truth file for writing; it replaces the old one only if the block succeeds."""
    with replacing(path) as unfinished, pq.ParquetWriter(unfinished, SCHEMA, compression="zstd") as writer:
        yield writer


def truth_rows(ids: pa.Array, as_of: date, kind: Kind, columns: Mapping[str, pa.Array | Floats]) -> pa.Table:
    """Truth about the members `ids`; what is not among `columns` is blank."""
    known = {
        "customer_id": ids,
        "as_of": pa.repeat(pa.scalar(as_of), len(ids)),
        "kind": pa.repeat(kind, len(ids)),
        **columns,
    }
    return pa.table(
        [
            pa.array(known[field.name], field.type) if field.name in known else pa.nulls(len(ids), field.type)
            for field in SCHEMA
        ],
        schema=SCHEMA,
    )


def offer_columns(offers: Floats) -> dict[str, Floats]:
    """The columns about offers, from probabilities of shape (members, 8)."""
    best = {"true_best_offer": offers.argmax(axis=1) + 1}
    return dict(zip(OFFER_COLUMNS, offers.T, strict=True)) | best
