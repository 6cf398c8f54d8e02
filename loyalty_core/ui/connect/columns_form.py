"""Which column is what: filled in where it was recognised, asked where it was not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.names import between_commas
from loyalty_core.ui import formatting
from loyalty_core.ui.connect.file_format_form import label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.loading.inspection import Inspection

_NONE = "No column"


def ask_customers(found: Inspection) -> tuple[dict[str, Any], str]:
    """The fields of `CustomerColumns` and the day, and what is still missing."""
    names, known = found.names, found.customers
    first, second, third = st.columns(3)
    with first:
        numbered = st.session_state.get("connect-number-rows", False)
        identifier = _column("id", names, known.id, "connect-id", disabled=numbered, help="Different in every row.")
        st.checkbox(label("number-rows"), key="connect-number-rows")
    with second:
        churn = _column(
            "churn",
            [_NONE, *names],
            known.churn or _NONE,
            "connect-churn",
            help="The label that the churn model learns from.",
        )
        churned = st.text_input(
            label("churned"), help="Separated by commas, where it is not yes, true, 1 or a word such as churned."
        )
    with third:
        offers = st.multiselect(
            label("offer"),
            names,
            help="One column of names, or several of yes and no. Blank means that none was taken.",
        )
        day = st.date_input(
            label("snapshot"),
            None,
            format=formatting.DAY_FIELD,
            help="The day of the data: it dates the histories, and days since the dates of the file are counted to it.",
        )
    numbers, more = _ask_more(names)
    columns = {
        "id": None if numbered else identifier,
        "has_ids": not numbered,
        "churn": None if churn == _NONE else churn,
        "has_churn": churn != _NONE,
        "churned": between_commas(churned),
        "offers": offers,
        **more,
    }
    missing = "" if numbered or identifier else "Choose the column that identifies a customer."
    if bool(more["treatment"]) != bool(more["outcomes"]):
        missing = "A test needs both who was contacted and its outcome."
    options: dict[str, Any] = {"columns": columns, "numbers": numbers}
    return options | ({"snapshot": day.isoformat()} if day else {}), missing


def _ask_more(names: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """The columns that are numbers, and the fields of `CustomerColumns` that few files need."""
    with st.expander(
        "More: numbers, what the models learn from, and a test of a message", icon=":material/more_horiz:"
    ):
        numbers = st.multiselect(label("number"), names, help="Read as numbers although they look like codes or flags.")
        features = st.multiselect(label("feature"), names, help="Even if they look like copies of the label.")
        treatment = _column(
            "treatment", [_NONE, *names], _NONE, "connect-treatment", help="Who was contacted, at random, in a test."
        )
        control = st.text_input(label("control"), help="Separated by commas, where it is not no, control and the like.")
        outcomes = st.multiselect(
            label("outcome"), names, help="The first is the outcome; others were measured at the same time."
        )
    return numbers, {
        "features": features,
        "treatment": None if treatment == _NONE else treatment,
        "control": between_commas(control),
        "outcomes": outcomes,
    }


def ask_purchases(found: Inspection) -> tuple[dict[str, Any], str]:
    """The fields of `PurchaseColumns` and the days without a purchase, and what is still missing."""
    names, known = found.names, found.purchases
    # Found as “pieces*price”.
    *pieces, amount = (known.amount or "").split("*") if known.amount not in names else [known.amount]
    first, second, third = st.columns(3)
    with first:
        customer = _column("customer", names, known.customer, "connect-customer", help="Who bought.")
        day = _column("date", names, known.date, "connect-date", help="When.")
    with second:
        money = _column("amount", names, amount or None, "connect-amount", help="A price or a total.")
        times = _column(
            "quantity",
            [_NONE, *names],
            pieces[0] if pieces else _NONE,
            "connect-times",
            help="Multiplied with the amount, where that is the price of one piece.",
        )
    with third:
        basket = _column(
            "transaction",
            [_NONE, *names],
            known.transaction or _NONE,
            "connect-basket",
            help="Lines with the same number are one purchase. Without it, each line is one.",
        )
        offer = _column("offer", [_NONE, *names], _NONE, "connect-offer", help="The offer or coupon that was used.")
    days = st.number_input(
        "Days without a purchase after which a customer counts as lost", min_value=1, max_value=3_660, value=90
    )
    chosen = {
        "customer": customer,
        "date": day,
        "amount": money if times == _NONE else f"{money}*{times}",
        "transaction": None if basket == _NONE else basket,
        "offer": None if offer == _NONE else offer,
    }
    unknown = [name for name, value in (("customer", customer), ("date", day), ("amount", money)) if not value]
    missing = f"Choose the column of the {' and of the '.join(unknown)}." if unknown else ""
    return {"columns": chosen, "churn_days": int(days)}, missing


def _column(
    option: str, names: Sequence[str], chosen: str | None, key: str, *, help: str, disabled: bool = False
) -> str | None:
    """A choice among columns; open where none was recognised."""
    place = list(names).index(chosen) if chosen is not None and chosen in names else None
    return st.selectbox(
        label(option),
        names,
        index=place,
        placeholder="Choose a column",
        key=f"{key}-{'|'.join(names)}-{chosen}",  # another file has another field
        help=help,
        disabled=disabled,
    )
