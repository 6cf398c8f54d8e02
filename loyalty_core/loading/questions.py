"""The options of `loyalty load` in the words of a form, for whoever loads a file without a terminal."""

from __future__ import annotations

import re

from loyalty_core.errors import DataError

FIELDS = {
    "id": "Customer id",
    "number-rows": "The file has no ids: every row is a customer",
    "churn": "Who left",
    "no-churn": "No column",
    "churned": "Values of those who left",
    "snapshot": "Day of the data",
    "number": "Columns of numbers",
    "feature": "Columns the models learn from in any case",
    "customer": "Customer",
    "date": "Date",
    "amount": "Amount",
    "transaction": "Purchase number",
    "quantity": "Quantity",
    "offer": "Offer taken",
    "offers": "A file of the offers taken",
    "offers-column": "Columns of the file of offers",
    "treatment": "Who was contacted",
    "control": "Values of those who were not contacted",
    "outcome": "Outcome",
    "date-order": "Order of dates",
    "decimal": "Decimal mark",
    "thousands": "Thousands mark",
    "blank": "Texts that mean no value",
    "sheet": "Sheet",
    "heading": "The first line names the columns",
    "encoding": "Encoding",
}
"""Option → label of its field."""
CUSTOMERS, PURCHASES = "One row per customer", "One row per purchase, or per line of one"
_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)")


def in_words_of_the_form(text: str) -> str:
    """A sentence about options as one about fields: `--id "card"` becomes `“Customer id” "card"`."""
    plain = text.replace("`loyalty load transactions`", f"“{PURCHASES}”")
    return _OPTION.sub(lambda found: f"“{FIELDS.get(found.group(1), found.group(1))}”", plain)


def asked_in_the_form(error: DataError) -> DataError:
    """The error with its remedy in the words of the form."""
    return DataError(*(in_words_of_the_form(part) for part in (error.what, error.why, error.remedy)))
