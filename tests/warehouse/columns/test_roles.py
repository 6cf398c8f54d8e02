"""Which column plays which part."""

import pytest

from loyalty_core.settings import Settings
from loyalty_core.warehouse.columns import Column, Kind, Role, column_for, is_money

pytestmark = pytest.mark.usefixtures("configure")


def columns(**kinds: Kind) -> list[Column]:
    return [Column(name, kind, "", "") for name, kind in kinds.items()]


@pytest.mark.parametrize(
    ("role", "name", "kind"),
    [
        ("revenue", "total_revenue", "number"),
        ("revenue", "TotalCharges", "number"),
        ("revenue", "Total Revenue", "number"),
        ("recency", "recency_days", "number"),
        ("transactions", "ORDERS", "number"),
        ("status", "Customer_Status", "text"),
        ("category", "Contract", "text"),
        ("signup", "joined_at", "datetime"),
        ("signup", "SignupDate", "date"),
        ("tier", "loyalty-tier", "text"),
    ],
)
def test_well_known_names_are_found_however_written(role: Role, name: str, kind: Kind):
    found = column_for(role, columns(other="number", **{name: kind}), Settings())
    assert found is not None
    assert found.name == name


def test_the_mapping_comes_first():
    settings = Settings(ml_feature_mapping={"revenue": ["missing", "spend_eur"]}, ml_model_input_size=1)
    found = column_for("revenue", columns(total_revenue="number", spend_eur="number"), settings)
    assert found is not None
    assert found.name == "spend_eur"


def test_a_column_of_another_kind_does_not_fit():
    assert column_for("revenue", columns(total_revenue="text", status="text"), Settings()) is None
    assert column_for("signup", columns(signup_date="text"), Settings()) is None


def test_no_columns_play_no_part():
    assert column_for("tier", [], Settings()) is None


def test_what_rfm_reads_is_what_all_screens_read():
    settings = Settings(rfm_columns={"recency": "idle_days", "monetary": "spend_eur"})
    shown = columns(
        days_since_last_transaction="number", idle_days="number", total_revenue="number", spend_eur="number"
    )
    assert [column_for(role, shown, settings).name for role in ("recency", "revenue")] == ["idle_days", "spend_eur"]


@pytest.mark.parametrize(("role", "name"), [("revenue", "HourSpendOnApp"), ("recency", "months_since_last_order")])
def test_a_column_in_another_unit_does_not_play_the_role(role: Role, name: str):
    feature = {"revenue": "revenue", "recency": "days_since_last"}[role]
    settings = Settings(ml_feature_mapping={feature: name}, ml_model_input_size=1)
    assert column_for(role, columns(**{name: "number"}), settings) is None


def test_a_money_column_has_the_name_and_the_values_of_money():
    assert is_money(Column("CashbackAmount", "number", "", "", minimum=0.0, maximum=325.0))
    assert not is_money(Column("HourSpendOnApp", "number", "", "", minimum=0.0, maximum=5.0))
    assert not is_money(Column("amount_of_items", "number", "", "", minimum=1, maximum=9))
    assert not is_money(Column("price_range", "text", "", ""))
