"""Who has already left, and so is not among the customers to contact."""

import streamlit as st

from loyalty_core.analytics.churn import ChurnCurve, gone_conditions
from loyalty_core.analytics.scope import ScopedBase
from loyalty_core.ui import formatting
from loyalty_core.ui.text import escape


def draw_gone(base: ScopedBase, everyone: ChurnCurve, to_contact: ChurnCurve) -> None:
    """The number of customers left out below, and how they are known to have left; nothing if there are none."""
    left = everyone.everyone.customers - to_contact.everyone.customers
    if not left:
        return
    conditions = gone_conditions(base.engine.fields(), base.warehouse.settings)
    rule = base.engine.compile({"or": conditions} if len(conditions) > 1 else conditions[0])
    customers, have = ("customer", "has") if left == 1 else ("customers", "have")
    st.info(
        f"**{formatting.count(left)} {customers} {have} already left**, and no contact keeps them. They are counted "
        f"above, and left out of whom to contact below: {escape(rule.describe())}. The settings "
        "GONE\\_AFTER\\_DAYS, GONE\\_STATUSES and GONE\\_BY\\_HISTORY say who has left.",
        icon=":material/door_open:",
    )
