"""The suggested mapping in loyalty.toml."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from loyalty_core.loading.feature_suggestion import LeftOut, Suggestion
from loyalty_core.loading.mapping_file import use_mapping
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, DEFAULT_WAREHOUSE, Settings

NAMES = ["points", "a b", 'quo"te', "é", "a.b", "back\\slash"]
SUGGESTION = Suggestion({name: name for name in NAMES}, [LeftOut("nr\n", "it numbers the rows")])
STANDARD = DEFAULT_FEATURE_MAPPING.values()
TOML = Path("loyalty.toml")


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse where the settings look for it, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    DEFAULT_WAREHOUSE.parent.mkdir()
    with duckdb.connect(DEFAULT_WAREHOUSE) as connection:
        columns = ", ".join(f"1 AS {name}" for name in ('"' + name.replace('"', '""') + '"' for name in NAMES))
        connection.execute(f"CREATE TABLE customer_features_view AS SELECT {columns}, 2 AS other")
    return DEFAULT_WAREHOUSE


def test_it_is_in_force_whatever_the_names(out: Path) -> None:
    lines = use_mapping(out, SUGGESTION)
    assert lines[0] == "The models learn from 6 columns: " + ", ".join(NAMES) + "."
    settings = Settings()
    assert settings.ml_feature_mapping == {name: name for name in NAMES}
    assert settings.ml_model_input_size == 6
    assert "# Not nr : it numbers the rows." in TOML.read_text()


def test_other_settings_are_not_changed(out: Path) -> None:
    TOML.write_text('currency = "NOK"\n[ml_training]\nepochs = 3\n')
    use_mapping(out, SUGGESTION)
    settings = Settings()
    assert (settings.currency, settings.ml_training) == ("NOK", {"epochs": 3})
    assert len(settings.ml_feature_mapping) == 6


def test_what_somebody_chose_stays_while_its_columns_exist(out: Path) -> None:
    TOML.write_text('ml_model_input_size = 1\nml_feature_mapping.o = "other"\n')
    assert use_mapping(out, SUGGESTION) == ["ML_FEATURE_MAPPING is unchanged, as this file has its columns."]
    TOML.write_text('ml_model_input_size = 1\nml_feature_mapping.o = "gone"\n')
    lines = use_mapping(out, SUGGESTION)
    assert "ML_FEATURE_MAPPING is set to other columns. Replace it:" in lines
    assert "ml_model_input_size = 6" in lines
    assert Settings().ml_feature_mapping == {"o": "gone"}


def test_what_gives_a_label_away_does_not_stay(out: Path) -> None:
    use_mapping(out, SUGGESTION)
    with duckdb.connect(out) as connection:  # as after a load in which the points are the offer taken
        connection.execute("CREATE TABLE customer_offer_history AS SELECT * EXCLUDE points FROM customer_features_view")
    without = Suggestion({name: name for name in NAMES[1:]})
    use_mapping(out, without)
    assert list(Settings().ml_feature_mapping) == NAMES[1:]
    use_mapping(out, Suggestion({"other": "other"}, [LeftOut("é", "it is a copy of churned, written in another way")]))
    assert list(Settings().ml_feature_mapping) == ["other"]


def test_a_log_of_purchases_has_the_standard_mapping(out: Path) -> None:
    TOML.write_text('currency = "NOK"\n')
    use_mapping(out, SUGGESTION)
    with duckdb.connect(out) as connection:
        columns = ", ".join(f"1 AS {names if isinstance(names, str) else names[0]}" for names in STANDARD)
        connection.execute(f"CREATE OR REPLACE TABLE customer_features_view AS SELECT {columns}")
    assert use_mapping(out, None) == []
    assert TOML.read_text() == 'currency = "NOK"\n'


def test_the_environment_takes_precedence_and_is_named(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_FEATURE_MAPPING", '{"o": "gone"}')
    assert "ML_FEATURE_MAPPING is set to other columns. Replace it:" in use_mapping(out, SUGGESTION)


def test_a_warehouse_elsewhere_leaves_the_settings_alone(out: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    other.write_bytes(out.read_bytes())
    assert "ml_model_input_size = 6" in use_mapping(other, SUGGESTION)
    assert not TOML.exists()
