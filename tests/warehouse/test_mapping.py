"""ML_FEATURE_MAPPING against the columns of a table."""

import pytest

from loyalty_core.warehouse.mapping import MappedFeature, MappingError, required_columns, resolve_mapping


def test_the_first_candidate_that_exists_is_taken() -> None:
    mapping: dict[str, str | list[str]] = {"days": ["last_purchase_days_ago", "days_since_last_transaction"]}
    found = resolve_mapping(mapping, ["days_since_last_transaction", "other"])
    names = ("last_purchase_days_ago", "days_since_last_transaction")
    assert found == [MappedFeature("days", "days_since_last_transaction", names)]


def test_case_matters_only_where_nothing_else_fits() -> None:
    assert resolve_mapping({"a": "Total"}, ["TOTAL", "Total"])[0].column == "Total"
    assert resolve_mapping({"a": "total"}, ["TOTAL"])[0].column == "TOTAL"


def test_a_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(MappingError, match=r"history has no column for the feature 'r'.*nearest: total_revenue"):
        required_columns({"r": "total_revenu"}, ["customer_id", "total_revenue"], "history")


def test_required_columns_follow_the_order_of_the_mapping() -> None:
    assert list(required_columns({"b": "x", "a": "y"}, ["y", "x"], "t").items()) == [("b", "x"), ("a", "y")]


@pytest.mark.parametrize(
    ("wanted", "column", "nearest"),
    [
        ("revenue", "tenure", None),
        ("total_revenue", "TotalCharges", None),
        ("total_revenue", "RevenueTotal", "RevenueTotal"),
        ("transaction_count", "transactions", "transactions"),
        ("last_purchase_days_ago", "days_since_last_purchase", "days_since_last_purchase"),
        ("lifetime_value", "life_time_value", "life_time_value"),
    ],
)
def test_a_column_is_suggested_only_where_it_may_be_meant(wanted: str, column: str, nearest: str | None) -> None:
    assert resolve_mapping({"f": wanted}, ["gender", column])[0].nearest == nearest
