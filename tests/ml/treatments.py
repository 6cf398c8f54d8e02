"""A simulated treatment history whose uplift is known: persuadables, sure things, lost causes and sleeping dogs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

# Probability of converting if contacted, and if not.
KINDS = {
    "persuadable": (0.55, 0.15),
    "sure thing": (0.75, 0.75),
    "lost cause": (0.08, 0.08),
    "sleeping dog": (0.25, 0.5),
}


class Treatments(NamedTuple):
    """`inputs` (rows, 3) tell the kind of each customer, `classes` 2 × contacted + converted, `uplift` the truth."""

    inputs: npt.NDArray[np.float32]
    classes: npt.NDArray[np.intp]
    uplift: npt.NDArray[np.float64]


def simulate(rows: int, *, contacted_share: float = 0.5, seed: int = 1) -> Treatments:
    """Customers of the four kinds in equal parts, each contacted at random."""
    random = np.random.default_rng(seed)
    kind = random.integers(4, size=rows)
    # Two features that tell the kind by their signs, with some noise, and one that tells nothing.
    signs = np.stack([np.where(kind % 2, 1.0, -1.0), np.where(kind // 2, 1.0, -1.0), np.zeros(rows)], axis=1)
    inputs = (signs + random.normal(0, [0.5, 0.5, 1.0], (rows, 3))).astype(np.float32)
    rates = np.array(list(KINDS.values()))[kind]
    contacted = random.random(rows) < contacted_share
    converted = random.random(rows) < np.where(contacted, rates[:, 0], rates[:, 1])
    return Treatments(inputs, (2 * contacted + converted).astype(np.intp), rates[:, 0] - rates[:, 1])


def write_tables(connection: duckdb.DuckDBPyConnection, treatments: Treatments) -> None:
    """The features view and customer_treatment_history in the documented form, one row for each customer."""
    columns = {f"x{place}": treatments.inputs[:, place].astype(np.float64) for place in range(3)}
    rows = pa.table({**columns, "class": treatments.classes, "i": np.arange(len(treatments.classes))})
    connection.register("simulated", rows)
    connection.execute(
        """
        CREATE TABLE customer_features_view AS SELECT 'C' || i AS customer_id, x0, x1, x2 FROM simulated;
        CREATE TABLE customer_treatment_history AS
            SELECT 'C' || i AS customer_id, TIMESTAMP '2026-03-01' + to_days((i % 60)::INTEGER) AS treated_at,
                   class >= 2 AS treated, 'email' AS channel, class % 2 = 1 AS outcome, 10.0 * (class % 2) AS spend,
                   x0, x1, x2
            FROM simulated;
        """
    )
    connection.unregister("simulated")
