"""The true probabilities of the demo, in a Parquet file outside the warehouse, for evaluating models."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from loyalty_core.demo.arrow_columns import Floats
from loyalty_core.demo.offers import OFFERS
from loyalty_core.files import replacing

Kind = Literal["churn", "offer", "current"]
OFFER_COLUMNS = [f"p_offer_{number}" for number in range(1, len(OFFERS) + 1)]
SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        ("kind", pa.string()),
        ("true_churn_probability", pa.float32()),
        *[(name, pa.float32()) for name in OFFER_COLUMNS],
        ("true_best_offer", pa.int8()),
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


def truth_rows(ids: pa.Array, as_of: date, kind: Kind, churn: Floats, offers: Floats) -> pa.Table:
    """Truth about the members `ids`: `churn` has shape (members,), `offers` (members, 8)."""
    columns = [
        ids,
        pa.repeat(pa.scalar(as_of), len(ids)),
        pa.repeat(kind, len(ids)),
        pa.array(churn.astype(np.float32)),
        *[pa.array(column) for column in offers.T.astype(np.float32)],
        pa.array((offers.argmax(axis=1) + 1).astype(np.int8)),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)
