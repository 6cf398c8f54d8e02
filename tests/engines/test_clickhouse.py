"""What is known of ClickHouse alone: its folder, and the end of a process that has it open."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loyalty_core.errors import WarehouseUnavailable
from loyalty_core.ml.in_sql import NotInSql
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from tests.engines import clickhouse

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engines

SETTINGS: dict[str, Any] = {"ml_feature_mapping": {"revenue": "total_revenue"}, "ml_model_input_size": 1}
_USE = """
import sys
from loyalty_core.errors import LoyaltyError
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
warehouse = Warehouse(Settings(dwh_url=sys.argv[1]))
found = warehouse.health()
print(found.error or found.server)
"""


def used_elsewhere(folder: Path) -> subprocess.CompletedProcess[str]:
    """Another process opens the folder, and ends without closing it."""
    command = [sys.executable, "-c", _USE, f"clickhouse+chdb:///{folder}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_process_that_has_it_open_ends_in_order(chdb_folder: Path, tmp_path: Path):
    del chdb_folder  # chDB is there
    found = used_elsewhere(tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("ClickHouse 26.")


def test_a_folder_is_open_in_one_process_only(chdb_folder: Path):
    warehouse = Warehouse(Settings(dwh_url=f"clickhouse+chdb:///{chdb_folder}"))
    assert warehouse.health().ok
    found = used_elsewhere(chdb_folder)
    warehouse.close()
    assert "Only one process at a time can open a folder of chDB" in found.stdout


def test_a_folder_that_is_not_there_is_not_made(chdb_folder: Path, tmp_path: Path):
    del chdb_folder  # chDB is there
    warehouse = Warehouse(Settings(dwh_url=f"clickhouse+chdb:///{tmp_path}/typo"))
    with pytest.raises(WarehouseUnavailable, match=r"The folder .*typo does not exist"):
        _ = warehouse.features
    assert not (tmp_path / "typo").exists()


def test_models_are_not_computed_as_sql(request: pytest.FixtureRequest, tmp_path: Path):
    customers = pa.table({"customer_id": ["a", "b"], "total_revenue": [1.0, 2.0]})
    pq.write_table(customers, tmp_path / "customer_features_view.parquet")
    with clickhouse.ENGINE.open(request) as place:
        place.load(tmp_path)
        warehouse = Warehouse(Settings(**SETTINGS, dwh_url=place.url, models_dir=tmp_path))
        with pytest.raises(NotInSql, match="ClickHouse cannot compute models"):
            score_base(warehouse, MockModels({"revenue": "number"}), in_warehouse=True)
        assert warehouse.predictions is None
        warehouse.close()
