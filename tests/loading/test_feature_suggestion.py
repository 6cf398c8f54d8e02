"""What the models should learn from, on the shapes of files that newcomers try first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.loading import CustomerColumns, load_features
from tests.fixtures import own_files
from tests.fixtures.loading import rows_of, types_of

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.loading import LoadReport

pytestmark = pytest.mark.extended

SHAPES = {
    "bank": CustomerColumns(),
    "telecom": CustomerColumns(has_ids=False),
    "telco_extended": CustomerColumns(),
    "shop": CustomerColumns(),
    "credit_cards": CustomerColumns(),
    "club": CustomerColumns(),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shapes")


@pytest.fixture(scope="module")
def reports(folder: Path) -> dict[str, LoadReport]:
    """Each file as it is loaded without a word on its columns."""
    found: dict[str, LoadReport] = {}
    for name, columns in SHAPES.items():
        file = folder / f"{name}.csv"
        file.write_text(own_files.as_csv(getattr(own_files, name)))
        found[name] = load_features(file, folder / f"{name}.duckdb", columns)
    return found


def left_out(report: LoadReport) -> dict[str, str]:
    assert report.suggestion is not None
    return {one.column: one.reason for one in report.suggestion.left_out}


def features(report: LoadReport) -> dict[str, str]:
    assert report.suggestion is not None
    return report.suggestion.features


@pytest.mark.parametrize(
    ("shape", "id_name", "label", "churned"),
    [
        ("bank", "CustomerId", "Exited", 133),
        ("telecom", "the number of their row", "Churn", 56),
        ("telco_extended", "CustomerID", "Churn Label", 94),
        ("shop", "CustomerID", "Churn", 68),
        ("credit_cards", "CLIENTNUM", "Attrition_Flag", 84),
        ("club", "Kundennummer", "abgewandert", 124),
    ],
)
def test_the_id_and_the_label_are_found(
    reports: dict[str, LoadReport], folder: Path, shape: str, id_name: str, label: str, churned: int
) -> None:
    notes = " ".join(reports[shape].notes)
    assert f"Customers are identified by {id_name}" in notes
    assert f"{churned} of 400 customers churned ({label})" in notes
    query = "SELECT count(*), sum(churned) FROM customer_churn_history"
    assert rows_of(folder / f"{shape}.duckdb", query) == [(400, churned)]


def test_texts_and_flags_are_taken_but_no_row_numbers_ids_and_names(reports: dict[str, LoadReport]) -> None:
    report = reports["bank"]
    assert list(features(report).values()) == [
        *("CreditScore", "Geography", "Gender", "Age", "Tenure", "Balance", "NumOfProducts", "HasCrCard"),
        *("IsActiveMember", "EstimatedSalary"),
    ]
    assert left_out(report) == {
        "RowNumber": "it numbers the rows",
        "Surname": "360 different texts, most of them rare",
    }


def test_copies_of_the_label_in_any_form_are_left_out(reports: dict[str, LoadReport]) -> None:
    report = reports["telco_extended"]
    copy, only = "it is a copy of Churn Label, written in another way", "it is filled for one answer of Churn Label"
    found = left_out(report)
    assert found["Churn Value"] == found["Customer Status"] == copy
    assert found["Churn Reason"].startswith(only)
    assert found["Churn Category"].startswith(only)
    assert left_out(reports["club"])["aktiv"] == "it is a copy of abgewandert, written in another way"
    assert left_out(reports["club"])["days_since_gekündigt_am"].startswith("it is filled for one answer")
    assert "Naive_Bayes_Classifier_Attrition_Flag_1" in left_out(reports["credit_cards"])


def test_a_score_of_somebody_else_is_asked_about(reports: dict[str, LoadReport], folder: Path, out: Path) -> None:
    assert reports["telco_extended"].suggestion is not None
    asked = [line for line in reports["telco_extended"].suggestion.lines() if "Churn Score" in line]
    assert "which you should decide: it alone nearly says Churn Label (AUC 0.9" in asked[0]
    assert '--feature "Churn Score"' in asked[0]
    report = load_features(folder / "telco_extended.csv", out, CustomerColumns(features=["Churn Score"]))
    assert features(report)["Churn Score"] == "Churn Score"


def test_constants_and_what_is_nearly_one_are_left_out(reports: dict[str, LoadReport]) -> None:
    assert left_out(reports["telco_extended"])["Count"] == "it is the same for everybody"
    assert left_out(reports["club"])["Testkunde"] == "it is the same for all but 1"


def test_codes_are_categories(reports: dict[str, LoadReport], folder: Path) -> None:
    assert types_of(folder / "telecom.duckdb")["Area code"] == "VARCHAR"
    assert features(reports["telecom"])["Area code"] == "Area code"
    assert features(reports["club"])["PLZ"] == "PLZ"
    assert left_out(reports["telco_extended"])["Zip Code"] == (
        "356 different codes, most of them rare: for regions, add a column with their first characters"
    )


def test_dates_are_taken_as_days(reports: dict[str, LoadReport], folder: Path) -> None:
    names = features(reports["club"]).values()
    assert {"days_since_beigetreten", "days_since_letzter_besuch"} <= set(names)
    assert {"Beigetreten", "letzter Besuch"}.isdisjoint({*names, *left_out(reports["club"])})
    query = """SELECT bool_and(days_since_beigetreten = DATE '2023-12-28' - Beigetreten) FROM customer_features_view"""
    assert rows_of(folder / "club.duckdb", query) == [(True,)]
    assert any("counted to 2023-12-28, the newest date of the file" in note for note in reports["club"].notes)


@pytest.mark.parametrize(
    ("shape", "roles"),
    [
        ("telco_extended", {"revenue": "Total Charges"}),
        ("credit_cards", {"revenue": "Total_Trans_Amt", "transaction_count": "Total_Trans_Ct"}),
        ("shop", {"days_since_last": "DaySinceLastOrder", "transaction_count": "OrderCount"}),
        ("club", {"revenue": "Umsatz"}),
        ("telecom", {}),
    ],
)
def test_revenue_is_money_and_no_other_column_takes_its_place(
    reports: dict[str, LoadReport], shape: str, roles: dict[str, str]
) -> None:
    assert {name: column for name, column in features(reports[shape]).items() if name != column} == roles


def test_several_columns_that_may_be_the_id_are_asked_about(export, out: Path) -> None:
    rows = "\n".join(f"{number},u{number},c{number},{number % 7}" for number in range(50))
    file = export(f"nr,user_id,card_id,points\n{rows}\n")
    with pytest.raises(Exception, match=r'Which column .* identifies a customer\? .*user_id, card_id.* --id "user_id"'):
        load_features(file, out, CustomerColumns())
