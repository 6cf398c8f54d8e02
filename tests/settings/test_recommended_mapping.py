"""The mapping recommended beside an embedded warehouse applies where no setting names another."""

from pathlib import Path

import pytest

from loyalty_core.errors import SettingsError
from loyalty_core.loading import write_warehouse
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, Settings, recommend_mapping, recommended_mapping_file

MAPPING = {"days": "last_purchase_days_ago", "late": "last_order_days_late"}


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "shop.duckdb"
    recommend_mapping(file, MAPPING)
    return file


def test_it_applies_to_its_warehouse_alone(warehouse: Path):
    settings = Settings(dwh_url=f"duckdb:///{warehouse}")
    assert (settings.ml_feature_mapping, settings.ml_model_input_size) == (MAPPING, 2)
    for other in ("duckdb:///other.duckdb", "postgresql://host/shop"):
        assert Settings(dwh_url=other).ml_feature_mapping == DEFAULT_FEATURE_MAPPING


def test_every_other_source_comes_before_it(warehouse: Path, monkeypatch: pytest.MonkeyPatch):
    url = f"duckdb:///{warehouse}"
    assert Settings(dwh_url=url, ml_model_input_size=5).ml_feature_mapping == DEFAULT_FEATURE_MAPPING
    Path("loyalty.toml").write_text(f'dwh_url = "{url}"\n', "utf-8")
    assert Settings().ml_feature_mapping == MAPPING
    with Path("loyalty.toml").open("a", encoding="utf-8") as file:
        file.write('ml_feature_mapping.age = "age"\n')
    assert Settings().ml_feature_mapping == {"age": "age"}
    monkeypatch.setenv("ML_FEATURE_MAPPING", '{"tenure": "tenure_days"}')
    assert Settings().ml_feature_mapping == {"tenure": "tenure_days"}


def test_a_new_warehouse_in_its_place_removes_it(warehouse: Path):
    with write_warehouse(warehouse) as connection:
        connection.execute("CREATE TABLE any_table (a INTEGER)")
    assert not recommended_mapping_file(warehouse).exists()


def test_a_damaged_one_is_named(warehouse: Path):
    recommended_mapping_file(warehouse).write_text("{", "utf-8")
    with pytest.raises(SettingsError, match=r"shop\.mapping\.json cannot be read"):
        Settings(dwh_url=f"duckdb:///{warehouse}")
