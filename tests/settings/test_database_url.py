import pytest
from sqlalchemy.engine import make_url

from loyalty_core.errors import SettingsError
from loyalty_core.settings import with_driver, without_secrets


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("postgres://ann:pw@db:5432/app", "postgresql+psycopg://ann:pw@db:5432/app"),
        ("postgresql://ann:pw@db/app?sslmode=require", "postgresql+psycopg://ann:pw@db/app?sslmode=require"),
        ("postgresql+psycopg://db/app", "postgresql+psycopg://db/app"),
        ("sqlite:///state.db", "sqlite:///state.db"),
        (" duckdb:////data/warehouse.duckdb\n", "duckdb:////data/warehouse.duckdb"),
    ],
)
def test_names_the_driver(written: str, read: str):
    assert with_driver(written).render_as_string(hide_password=False) == read


def test_spark_is_known_before_any_warehouse_is_loaded():
    url = with_driver("spark://ana:secret@spark.example.com/loyalty?auth=ldap")
    assert url.get_dialect()().name == "spark"


def test_a_password_among_the_options_moves_to_where_it_is_hidden():
    url = with_driver("postgresql://ann@db/app?password=hush&sslmode=require")
    assert url.password == "hush"
    assert dict(url.query) == {"sslmode": "require"}


def test_without_secrets_hides_password_and_options():
    url = make_url("snowflake://ann:hush@account/db?private_key=hush")
    assert without_secrets(url) == "snowflake://ann:***@account/db"


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("", "cannot be read"),
        ("just words", "cannot be read"),
        ("postgresql://ann:hush@db:hush/app", "cannot be read"),
        ("postgresql://ann:hu@sh@db/app", "more than one @"),
        ("orakle://ann:hush@db/app", "“orakle”, which is not known"),
        ("postgresql+nodriver://ann:hush@db/app", "“postgresql+nodriver”, which is not known"),
        ("postgresql+pg8000://ann:hush@db/app", "driver for “postgresql+pg8000” is not installed"),
        ("oracle://ann:hush@db/app", "is not installed"),
    ],
)
def test_refuses_what_cannot_work_without_repeating_the_password(url: str, part: str):
    with pytest.raises(SettingsError) as refusal:
        with_driver(url)
    assert part in str(refusal.value)
    assert refusal.value.remedy
    assert "hush" not in str(refusal.value)
