import re
import subprocess
import sys
from pathlib import Path

import pytest

from loyalty_core.errors import SettingsError
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, Settings

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no setting in the environment."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(**values: object) -> str:
    with pytest.raises(SettingsError) as refused:
        Settings(**values)
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_the_defaults_are_the_guides():
    settings = Settings()
    assert settings.dwh_customer_features_table == "customer_features_view"
    assert settings.ml_feature_mapping == DEFAULT_FEATURE_MAPPING
    assert settings.ml_model_input_size == len(DEFAULT_FEATURE_MAPPING) == 5
    assert settings.ml_mock_mode is False
    assert settings.dwh_url == "duckdb:///data/warehouse.duckdb"


def test_earlier_sources_win(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "loyalty.toml").write_text(
        'currency = "NOK"\ndwh_pool_size = 7\nACTIVE_WITHIN_DAYS = 30\nml_mock_mode = true'
    )
    (folder / ".env").write_text("DWH_POOL_SIZE=8\nACTIVE_WITHIN_DAYS=31\nML_MOCK_MODE=false\nUNRELATED=1\n")
    monkeypatch.setenv("ACTIVE_WITHIN_DAYS", "32")
    monkeypatch.setenv("ML_MOCK_MODE", "1")
    settings = Settings(ml_mock_mode=False)
    assert settings.currency == "NOK"
    assert settings.dwh_pool_size == 8
    assert settings.active_within_days == 32
    assert settings.ml_mock_mode is False


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DWH_URL", "")
    assert Settings().dwh_url == "duckdb:///data/warehouse.duckdb"


MAPPING = {"revenue": "sum", "days_since_last": ["a b", "c"]}


def test_the_mapping_is_read_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ML_FEATURE_MAPPING", '{"revenue": "sum", "days_since_last": ["a b", "c"]}')
    assert Settings().ml_feature_mapping == MAPPING


def test_the_mapping_is_read_from_dotenv_as_json(folder: Path):
    (folder / ".env").write_text("""ML_FEATURE_MAPPING='{"revenue": "sum", "days_since_last": ["a b", "c"]}'\n""")
    assert Settings().ml_feature_mapping == MAPPING


def test_the_mapping_is_read_from_toml_as_a_table(folder: Path):
    (folder / "loyalty.toml").write_text('[ML_FEATURE_MAPPING]\nrevenue = "sum"\ndays_since_last = ["a b", "c"]\n')
    assert Settings().ml_feature_mapping == MAPPING


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("DWH_POOL_SIZE", "0", "Allowed: greater than or equal to 1."),
        ("DWH_POOL_SIZE", "many", "Allowed: a whole number."),
        ("ACTIVE_WITHIN_DAYS", "1.5", "Allowed: a whole number."),
        ("DWH_STATEMENT_TIMEOUT_SECONDS", "soon", "Allowed: a number."),
        ("DWH_STATEMENT_TIMEOUT_SECONDS", "0", "Allowed: greater than 0."),
        ("DWH_STATEMENT_TIMEOUT_SECONDS", "nan", "Allowed: "),
        ("ML_MOCK_MODE", "maybe", "Allowed: true or false."),
        ("RFM_RULE", "quartile", "Allowed: 'default' or 'r'."),
        ("TIME_ZONE", "Europe/Olso", "Allowed: an IANA time zone such as Europe/Oslo; nearest: Europe/Oslo."),
        ("CURRENCY", "eur", "Allowed: an ISO 4217 code of three capital letters such as EUR."),
        ("DWH_CUSTOMER_FEATURES_TABLE", "a..b", "'a..b' is not the name of a table. Write customers, "),
        ("DWH_URL", "orakle://db/app", "“orakle”, which is not known"),
        ("STATE_DATABASE_URL", "duckdb:///x", "Allowed: sqlite:///"),
        ("REDIS_URL", "http://cache", "Allowed: a redis://, rediss:// or unix:// URL"),
        ("REDIS_URL", "redis://", "Allowed: a redis://, rediss:// or unix:// URL"),
        ("ML_FEATURE_MAPPING", "{revenue", 'Allowed: JSON, such as {"name": "column"}.'),
        ("ML_FEATURE_MAPPING", "[1]", "Allowed: a table of names and values."),
        ("ML_FEATURE_MAPPING", "{}", "Allowed: "),
        ("ML_FEATURE_MAPPING", '{"a": []}', "Allowed: a column name or a list of column names for every feature."),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(name: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, value)
    message = refusal()
    assert message.startswith(f"Setting {name} has the value ")
    assert value.strip("[]{}") in message
    assert allowed in message


def test_an_error_inside_a_table_names_its_path_and_the_allowed_values():
    message = refusal(ml_feature_mapping={"revenue": 1})
    assert message == "Setting ML_FEATURE_MAPPING has the value '1' (at revenue). Allowed: a text or a list."


def test_all_errors_are_reported_together():
    message = refusal(dwh_pool_size=0, currency="x")
    assert "DWH_POOL_SIZE" in message
    assert "CURRENCY" in message


def test_long_values_are_cut():
    assert len(refusal(currency="x" * 5000)) < 300


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+nodriver://ann:hush@db/app",
        "postgresql+nodriver://ann:hush@hush@db/app",
        "postgresql+nodriver://ann:hush/hush@db/app",
        "postgresql://ann:hush",
        "ann:hush@db/app",
        "postgresql+nodriver://db/app?user=ann&password=hush",
        "postgresql+nodriver://ann:1@db/app?sslmode=x&ssl_key=hush",
        "postgresql://ann:hush@db:hush@port/app",
    ],
)
@pytest.mark.parametrize("name", ["dwh_url", "state_database_url", "redis_url"])
def test_an_error_never_contains_a_password(name: str, url: str):
    assert "hush" not in refusal(**{name: url})


def test_the_settings_as_text_contain_no_password():
    settings = Settings(
        dwh_url="postgresql://ann:hush@db/app", redis_url="redis://:hush@cache:6379/0", state_database_url="sqlite:///a"
    )
    for text in (repr(settings), str(settings)):
        assert "hush" not in text
        assert "postgresql://ann:***@db/app" in text


def test_an_unknown_name_in_toml_is_refused_with_the_nearest(folder: Path):
    (folder / "loyalty.toml").write_text('dwh_ulr = "duckdb:///x"')
    assert refusal() == "loyalty.toml has a setting 'dwh_ulr' that does not exist. Did you mean 'dwh_url'?"


def test_an_unknown_name_like_no_other_points_to_the_list(folder: Path):
    (folder / "loyalty.toml").write_text("zzz = 1")
    assert refusal().endswith("docs/settings.md lists all settings.")


@pytest.mark.parametrize("content", [b"dwh_url = ", b"\xff\xfe"])
def test_an_unreadable_toml_is_named(folder: Path, content: bytes):
    (folder / "loyalty.toml").write_bytes(content)
    assert refusal().startswith("loyalty.toml cannot be read: ")


def test_an_unreadable_dotenv_is_named(folder: Path):
    (folder / ".env").write_bytes(b"CURRENCY=\xff\xfe\n")
    assert refusal().startswith(".env cannot be read: ")


def test_every_setting_is_documented_with_its_default():
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) ?\| .+ \|$", DOCS.read_text("utf-8"), re.MULTILINE))
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    simple = {n: f for n, f in Settings.model_fields.items() if isinstance(f.default, str | int | float | None)}
    for name, field in simple.items():
        assert rows[name.upper()] == ("" if field.default is None else f"`{shown(field.default)}`"), name


def shown(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_documented_example_works(folder: Path):
    (example,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    (folder / "loyalty.toml").write_text(example)
    settings = Settings()
    assert settings.ml_feature_mapping["days_since_last"] == ["last_purchase_days_ago", "recency_days"]


def test_settings_and_warehouse_start_without_the_heavy_libraries():
    code = (
        "import sys, loyalty_core.settings.settings, loyalty_core.warehouse;"
        "print(sorted({'tensorflow', 'streamlit', 'pandas', 'sklearn', 'polars'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=DOCS.parents[1], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
