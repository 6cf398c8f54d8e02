"""A batch of predictions against single requests on one connection: `python -m benchmarks.batch`, on a demo warehouse.

The server is the one of production, with tiny models. Features are cached, unless a line says otherwise.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import httpx

from benchmarks.timing import compare, show
from loyalty_core.demo.generate import generate
from loyalty_core.ml.bundles import activate, write_bundle
from tests.ml.fixtures import bundle_parts
from tests.workbench import API, serve

if TYPE_CHECKING:
    from collections.abc import Callable

CUSTOMERS = 1_000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warehouse, models = folder / "warehouse.duckdb", folder / "models"
        generate(warehouse, customers=2 * CUSTOMERS)
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            found = connection.execute(f"SELECT customer_id FROM customer_features_view LIMIT {CUSTOMERS}").fetchall()
        activate(models, write_bundle(models, bundle_parts()), by="benchmark")
        settings = {"DWH_URL": f"duckdb:///{warehouse}", "MODELS_DIR": str(models)}
        (folder / "app").mkdir()
        with serve(folder / "app", **settings) as app, httpx.Client(base_url=f"{app.url}{API}", timeout=60) as client:
            compare_with_single_requests(client, [customer_id for (customer_id,) in found])


def compare_with_single_requests(client: httpx.Client, ids: list[str]) -> None:
    for kind in ("churn", "nbo", "rfm"):
        candidates: dict[str, Callable[[], object]] = {
            f"{len(ids):,} requests": lambda kind=kind: one_by_one(client, kind, ids),
            "one batch": lambda kind=kind: batch(client, kind, ids),
            "one batch, features read from the warehouse": lambda kind=kind: uncached(client, kind, ids),
        }
        show(f"{kind} for {len(ids):,} customers", compare(candidates, 5))


def one_by_one(client: httpx.Client, kind: str, ids: list[str]) -> None:
    for customer_id in ids:
        client.post(f"/dwh/ml/{kind}/", json={"customer_id": customer_id}).raise_for_status().json()


def batch(client: httpx.Client, kind: str, ids: list[str]) -> None:
    answer = client.post(f"/dwh/ml/{kind}/", json={"customer_ids": ids}).raise_for_status().json()
    if len(answer["results"]) != len(ids):
        raise ValueError(f"{len(answer['results'])} of {len(ids)} customers were answered")


def uncached(client: httpx.Client, kind: str, ids: list[str]) -> None:
    client.post("/dwh/cache/invalidate/").raise_for_status()
    batch(client, kind, ids)


if __name__ == "__main__":
    main()
