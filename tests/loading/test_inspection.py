"""What is found in a file before it is loaded, and what only the user can tell."""

from __future__ import annotations

import gzip
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from loyalty_core.errors import DataError
from loyalty_core.loading import id_by_name
from loyalty_core.loading.inspection import SAMPLE_ROWS, inspect_file
from loyalty_core.loading.questions import in_words_of_the_form
from tests.workbench import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_customers_are_recognised(export: Callable[..., Path]):
    with gzip.open(ROOT / "tests/data/telco/Telco-Customer-Churn.csv.gz") as telco:
        found = inspect_file(export(b"".join(islice(telco, 501))))
    assert (found.kind, found.row_count, found.customers.id, found.customers.churn) == (
        "customers",
        500,
        "customerID",
        "Churn",
    )
    columns = {column.name: column for column in found.columns}
    assert (columns["tenure"].read_as, columns["MonthlyCharges"].read_as) == ("whole number", "number")
    assert columns["TotalCharges"].note == "Column TotalCharges: 1 blank value became empty (NULL)."
    assert columns["Contract"].examples == ["Month-to-month", "One year"]
    assert len(found.preview) == 10
    assert found.questions["customers"] == []


def test_purchases_are_recognised_by_customers_who_come_back(export: Callable[..., Path]):
    """By a sample alone, nobody would: each of them bought twice, and every second row is looked at."""
    lines = (f"{number // 2},2024-03-{number % 28 + 1:02},{number % 90}.5" for number in range(SAMPLE_ROWS * 2))
    found = inspect_file(export("card,sold_at,total\n" + "\n".join(lines)))
    assert (found.row_count, found.looked_at, found.kind) == (SAMPLE_ROWS * 2, SAMPLE_ROWS, "transactions")
    assert found.customers.id is None
    assert (found.purchases.customer, found.purchases.date, found.purchases.amount) == ("card", "sold_at", "total")


def test_what_is_not_clear_is_asked_in_the_words_of_the_form(export: Callable[..., Path]):
    found = inspect_file(export("card_no,member_no,exited,churned\n1,7,yes,no\n2,8,no,no\n3,9,no,yes\n"))
    assert (found.customers.id, found.customers.churn) == (None, None)
    first, second = found.questions["customers"]
    assert first.remedy == 'Name it, for example “Customer id” "card_no".'
    assert second.what == "Which column of export.csv says who left?"
    assert second.remedy == 'Name it, for example “Who left” "exited", or add “No column”.'


@pytest.mark.parametrize(("name", "taken"), [("left", True), ("has_left", True), ("left_handed", False)])
def test_a_column_named_left_says_who_left(export: Callable[..., Path], name: str, taken: bool):
    found = inspect_file(export(f"customer_id,visits,{name}\n1,7,yes\n2,8,no\n3,9,no\n"))
    assert (found.customers.churn == name) is taken


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["name", "Customer_ID", "member_id"], "Customer_ID"),
        (["Full Name", "Member No.", "Store No."], "Member No."),
        (["account", "region"], "account"),
        (["client_id", "card_id"], None),
        (["member since", "store_id"], None),
    ],
)
def test_the_id_of_a_view_by_its_name(names: list[str], found: str | None):
    assert id_by_name(names) == found


def test_a_file_that_cannot_be_read_says_why(export: Callable[..., Path]):
    with pytest.raises(DataError, match="has no rows"):
        inspect_file(export("a,b\n"))


def test_every_option_has_a_field():
    assert in_words_of_the_form("Choose with --date-order or --number-rows (see --snapshot).") == (
        "Choose with “Order of dates” or “The file has no ids: every row is a customer” (see “Day of the data”)."
    )
