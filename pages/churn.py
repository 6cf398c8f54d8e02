"""Who is likely to leave, what would leave with them, and whom to contact about it.

The URL holds the customers in scope, the threshold and the campaign's terms, so a link shows a colleague the same.
"""

import streamlit as st

from loyalty_core.analytics.churn import ModelQuality, find_shift, model_quality, still_here
from loyalty_core.analytics.scope import ScopedBase
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.tasks import RiskThresholds
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads
from loyalty_core.ui.churn.budget_view import draw_budget
from loyalty_core.ui.churn.customer_table import draw_customers
from loyalty_core.ui.churn.gone_view import draw_gone
from loyalty_core.ui.churn.groups import draw_groups
from loyalty_core.ui.churn.key_figures import draw_key_figures
from loyalty_core.ui.churn.queries import ChurnReader
from loyalty_core.ui.churn.threshold import draw_threshold
from loyalty_core.ui.first_training import awaits_decision
from loyalty_core.ui.frame import page_title
from loyalty_core.ui.links import draw_link
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.navigation import TRAINING
from loyalty_core.ui.scope_bar import draw_scope

BUDGET, CUSTOMERS, GROUPS = "Budget", "Customers", "Drivers and groups"


def quality() -> ModelQuality | None:
    try:
        return model_quality(get_services().inference.models())
    except LoyaltyError:
        return None  # stored predictions can be read without a working model


def draw_analysis(base: ScopedBase) -> None:
    reader = ChurnReader.of(base)
    curve = reader.curve()
    if not curve.everyone.customers:
        if awaits_decision():
            st.info("Nobody has a churn probability: a trained version awaits a decision on Training.")
        else:
            st.info(
                "Nobody in scope has a churn probability: the segment is empty, or the churn model was not trained."
            )
        draw_link(TRAINING, "See what the churn model needs")
        return
    risks, model = RiskThresholds.from_settings(get_services().settings), quality()
    everyone = reader.curve_of_everyone()
    shift = find_shift(model, everyone.everyone, reader.drift()) if model else None
    draw_key_figures(curve, risks, cached_reads.column_for("revenue"), model, shift)
    to_contact = reader.curve_to_contact()
    draw_gone(base, curve, to_contact)
    if not to_contact.everyone.customers:
        return
    contacted = still_here(base)
    draw_threshold(contacted, to_contact, everyone, risks, model)
    budget, customers, groups = st.tabs([BUDGET, CUSTOMERS, GROUPS], key="view", bind="query-params")
    if budget.open:
        with budget, errors_shown():
            draw_budget(reader, contacted, to_contact)
    if customers.open:
        with customers, errors_shown():
            draw_customers(reader, curve)
    if groups.open:
        with groups, errors_shown():
            draw_groups(reader, curve)


page_title("Churn", "Who is likely to leave, what would leave with them, and whom to contact.")
in_scope = draw_scope()
if in_scope is not None:
    draw_analysis(in_scope)
