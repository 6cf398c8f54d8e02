"""The customers of a cell or a segment: how many, what they bring, who they are, and a button to save them."""

from typing import Any

import streamlit as st

from loyalty_core.analytics.rfm import Spending
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.customer import draw_list, list_columns
from loyalty_core.ui.links import draw_save_as_segment, open_customer
from loyalty_core.ui.rfm.queries import RfmReader
from loyalty_core.ui.text import escape

_SHOWN = 10


def draw_selection(rule: Any, spending: Spending, total: Spending, key: str) -> None:
    """Key figures, and "Save as segment" with the rule."""
    if not spending.customers:
        st.info("Nobody is in this selection. Choose another cell or segment.")
        return
    with st.container(horizontal=True, gap="small"):
        st.metric(
            "Customers",
            formatting.count(spending.customers),
            border=True,
            help="Customers in the selection, as of the last scoring.",
        )
        st.metric(
            "Revenue",
            escape(formatting.compact_money(spending.money)),
            border=True,
            help="What these customers have spent in all.",
        )
        st.metric(
            "Average spend",
            _whole_money(spending.mean_money),
            border=True,
            help="Revenue per customer, without those whose revenue is blank.",
        )
        st.metric("Average order", _whole_money(spending.average_order), border=True, help="Revenue per purchase.")
    st.caption(_share_of(spending, total))
    draw_save_as_segment(rule, f"{key}-segment")


def draw_customers(reader: RfmReader, rule: Any, money: str, customers: int) -> None:
    """Those with the most in the column `money`; a click opens one."""
    if not customers:
        return
    identifier = get_services().settings.dwh_customer_id_column
    wanted = dict.fromkeys([*list_columns(), identifier, money])
    rows = reader.top_customers(rule, money, tuple(wanted), _SHOWN)
    with st.container(border=True):
        st.subheader("Who they are", anchor=False)
        chosen = draw_list(rows)
        shown = formatting.count(min(_SHOWN, customers))
        st.caption(f"The {shown} of {formatting.count(customers)} who have spent most. Click a row to open one.")
    if chosen is not None:
        open_customer(chosen)


def _share_of(spending: Spending, total: Spending) -> str:
    customers = formatting.percent(spending.customers / total.customers, 1)
    money = f" and {formatting.percent(spending.money / total.money, 1)} of the revenue" if total.money > 0 else ""
    return f"{customers} of the customers{money}."


def _whole_money(amount: float | None) -> str:
    return formatting.BLANK if amount is None else escape(formatting.whole_money(amount))
