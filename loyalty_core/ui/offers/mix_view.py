"""What is recommended: key figures, the mix, how confident the model is, each offer's worth, and offers by segment."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from loyalty_core.analytics.offers import LOPSIDED_SHARE, Arbitration, OfferFigures, OfferMix
from loyalty_core.analytics.scope import condition
from loyalty_core.ml.tasks import NBO, UPTAKE
from loyalty_core.services import get_services
from loyalty_core.ui import charts, formatting, table_columns
from loyalty_core.ui.links import draw_link, open_rule
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.navigation import TRAINING
from loyalty_core.ui.offers import offer_charts
from loyalty_core.ui.offers.queries import OfferReader, default_policy, why_left_out
from loyalty_core.ui.text import escape

_ROW_HEIGHT = 34
_UPTAKE_UNKNOWN = (
    "How many customers take an offer is not known, so there are no expected conversions and no expected value. The "
    "propensities say which offer a customer takes if they take one."
)
_UPTAKE_NEEDS = (
    "For more, the history of offers needs the customers who took none: rows with a blank converted\\_offer\\_id. "
    "Then train Offer uptake, and score again."
)


def draw_no_offers(mix: OfferMix) -> None:
    """Why nobody in scope has an offer, and where to find what the offer model needs."""
    if not mix.customers:
        st.info("Nobody is in scope: the segment is empty.", icon=":material/help:")
        return
    said = "Nobody in scope has an offer: the version that scored the customers has no offer model."
    if reason := why_left_out(NBO.name):
        said = f"The training of the active version left out Next best offer: {escape(reason)}"
    st.info(said, icon=":material/help:")
    draw_link(TRAINING, "See what the offer model needs")


def draw_key_figures(reader: OfferReader, mix: OfferMix) -> None:
    """Customers with an offer, mean confidence, the top offer, and the expected value."""
    top, share = mix.top, mix.with_offer / mix.customers
    with st.container(horizontal=True):
        st.metric(
            f"With an offer · {formatting.percent(share)}",
            formatting.count(mix.with_offer),
            border=True,
            height="stretch",
            help=f"Of {formatting.count(mix.customers)} customers in scope.",
        )
        if mix.mean_confidence is not None:
            st.metric(
                "Mean confidence",
                formatting.percent(mix.mean_confidence, 1),
                border=True,
                height="stretch",
                help="The propensity of each customer's best offer, on average: how many of those who take any offer "
                "would take this one.",
            )
        if top is not None:
            st.metric(
                "Top offer",
                formatting.percent(top.share),
                # The name is smaller than a figure, so that five figures fit into a row.
                delta=escape(reader.name(top.offer_id)),
                delta_color="off",
                delta_arrow="off",
                border=True,
                height="stretch",
                help="The offer that is best for most customers, and their share of those with an offer.",
            )
        by_priority = _by_priority(reader, mix)
        _draw_expected(mix, by_priority)
    if by_priority is not None:
        _draw_advice(reader, mix, by_priority)
    if mix.conversions is None:
        reason = why_left_out(UPTAKE.name)
        more = (
            f"The training of the active version left out Offer uptake: {escape(reason)}" if reason else _UPTAKE_NEEDS
        )
        st.info(f"{_UPTAKE_UNKNOWN} {more}", icon=":material/help:")
    _draw_warnings(reader, mix)


def draw_mix(reader: OfferReader, mix: OfferMix) -> None:
    """Charts of the mix and of the confidence, the table of offers, and the heat map."""
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, height="stretch"):
        st.subheader("Recommended offers", anchor=False)
        charts.draw(partial(offer_charts.mix, mix, reader.name), "offer-mix", _in_words(reader, mix), height=320)
    with right.container(border=True, height="stretch"):
        st.subheader("How confident the model is", anchor=False)
        charts.draw(
            partial(offer_charts.confidence, mix),
            "offer-confidence",
            "Customers by confidence in their best offer.",
            height=320,
        )
    with st.container(border=True), errors_shown():
        _draw_table(reader, mix)
    with st.container(border=True), errors_shown():
        _draw_segments(reader, mix)


def _draw_expected(mix: OfferMix, by_priority: Arbitration | None) -> None:
    """Conversions and value, each only where it is known."""
    if mix.conversions is None or mix.conversions_interval is None:
        return
    low, high = (formatting.count(round(bound)) for bound in mix.conversions_interval)
    takers = "" if mix.takers is None else f" {formatting.count(round(mix.takers))} would take any of the offers."
    st.metric(
        "Expected conversions",
        formatting.count(round(mix.conversions)),
        delta=f"90%: {low} to {high}",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="How many take the offer recommended to them when it is shown once: the sum of propensity × uptake."
        f"{takers} The range covers chance only: it takes the probabilities as right.",
    )
    if by_priority is not None and by_priority.value_after is not None and mix.expected_value is not None:
        st.metric(
            "Expected value",
            escape(formatting.compact_money(by_priority.value_after)),
            delta=escape(f"{formatting.compact_money(mix.expected_value)} as recommended"),
            delta_color="off",
            delta_arrow="off",
            border=True,
            help=escape(
                "The sum of propensity × uptake × value when each customer gets the offer where it is highest, and "
                f"none that brings no gain: {formatting.money(by_priority.value_after)}. As recommended, each gets the "
                f"offer that they are most likely to accept: {formatting.money(mix.expected_value)}."
            ),
        )


def _by_priority(reader: OfferReader, mix: OfferMix) -> Arbitration | None:
    """The offers given by propensity × value; None where the offers have no known values."""
    if not any(offer.value.is_known for offer in mix.offers):
        return None
    return reader.arbitration(default_policy(mix))


def _draw_advice(reader: OfferReader, mix: OfferMix, by_priority: Arbitration) -> None:
    """Where the most likely offers are not the most valuable ones: what to do instead, and why."""
    brings = _gain_in_words(mix, by_priority)
    if not brings:
        return
    losing = [offer for offer in mix.offers if offer.customers and offer.value.amount < 0]
    worst = min(losing, key=lambda offer: offer.value.amount * offer.customers, default=None)
    why = ""
    if worst is not None:
        why = (
            f" {escape(reader.name(worst.offer_id))} alone, recommended to {formatting.percent(worst.share)}, loses "
            f"{escape(formatting.money(-worst.value.amount))} with every conversion."
        )
    st.info(
        "Recommended is the offer that a customer is most likely to accept, whatever it costs.\n\nWe advise giving "
        f"offers by **propensity × value**, as under Arbitration: that brings {brings}.{why}",
        icon=":material/lightbulb:",
    )


def _gain_in_words(mix: OfferMix, by_priority: Arbitration) -> str:
    """What giving offers by priority brings; empty where it brings nothing more."""
    after, before = by_priority.value_after, mix.expected_value
    if after is not None and before is not None:
        if round(after - before) <= 0:
            return ""
        return f"{escape(formatting.compact_money(after))} rather than {escape(formatting.compact_money(before))}"
    if by_priority.gain is None or round(by_priority.gain, 3) <= 0:
        return ""
    return f"{formatting.percent(by_priority.gain, 1)} more value, if all customers are equally likely to take an offer"


def _draw_warnings(reader: OfferReader, mix: OfferMix) -> None:
    if mix.is_uniform:
        st.warning(
            "Every customer has the same confidence, so the model does not tell customers apart. Look at "
            "Monitoring on the Training screen before you use these offers.",
            icon=":material/warning:",
        )
    elif mix.is_lopsided and mix.top is not None:
        st.warning(
            f"**{escape(reader.name(mix.top.offer_id))}** goes to {formatting.percent(mix.top.share, 1)} of the "
            f"customers. More than {formatting.percent(LOPSIDED_SHARE)} for one offer is rarely right: check what the "
            "model was trained on, or spread the offers under Arbitration.",
            icon=":material/warning:",
        )


def _draw_table(reader: OfferReader, mix: OfferMix) -> None:
    st.subheader("Each offer", anchor=False)
    ranked = sorted(mix.offers, key=lambda offer: -offer.customers)
    symbol = formatting.currency_symbol()
    st.dataframe(
        pd.DataFrame(
            {
                "Offer": [reader.name(offer.offer_id) for offer in ranked],
                "Customers": [offer.customers for offer in ranked],
                "Share": [formatting.rounded_share(offer.share) for offer in ranked],
                "Mean propensity": [formatting.rounded_share(offer.mean_propensity) for offer in ranked],
                "Value": [round(offer.value.amount, 2) for offer in ranked],
                **_expected_columns(ranked),
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "Offer": st.column_config.TextColumn(width="medium", pinned=True),
            "Customers": table_columns.count_column(help="Whose best offer it is"),
            "Share": table_columns.share_bar(),
            "Mean propensity": table_columns.share_column(help="Among those who take any offer, over all in scope"),
            "Conversions": table_columns.count_column(help="How many of its customers are expected to take it"),
            "Value": table_columns.decimal_column(f"Value ({symbol})", digits=2, help="Money per conversion"),
            "Expected value": table_columns.count_column(
                f"Expected value ({symbol})", help="Expected conversions × value"
            ),
        },
        alt="Each offer's customers, propensity and value",
    )
    # Below the table: above it, the table's toolbar would cover it.
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_how_valued(mix), width="stretch")
        chosen = st.menu_button(
            "Save as segment",
            [offer.offer_id for offer in ranked if offer.customers],
            format_func=lambda offer: f"Customers of {escape(reader.name(offer))}",
            icon=":material/group_add:",
            key="offer-to-segment",
            help="Opens the segment editor with the customers whose best offer it is.",
        )
    if chosen is not None:
        open_in_editor(reader, int(chosen))


def _expected_columns(offers: Sequence[OfferFigures]) -> dict[str, list[int]]:
    """Conversions and value by offer; no columns where they are not known."""
    known = [(one.conversions, one.expected_value) for one in offers]
    if any(conversions is None for conversions, _ in known):
        return {}
    return {
        "Conversions": [round(conversions or 0.0) for conversions, _ in known],
        "Expected value": [round(value or 0.0) for _, value in known],
    }


def open_in_editor(reader: OfferReader, offer: int) -> None:
    """Open the segment editor with the customers in scope whose best offer it is."""
    rule = reader.base.scope.rule_with(condition("==", reader.base.field("recommended_offer"), offer))
    open_rule(rule)


def _how_valued(mix: OfferMix) -> str:
    known = [offer for offer in mix.offers if offer.value.is_known]
    if not known or mix.basket is None:
        return "The warehouse knows no margins, so each conversion is valued at 1. Set values under Arbitration."
    formula = (
        f"Value = average basket ({escape(formatting.money(mix.basket))} = revenue ÷ purchases of those in scope) "
        "× margin − cost, by the table of offers. A negative value costs more than an average basket earns."
    )
    if len(known) < len(mix.offers):
        formula += f" {len(mix.offers) - len(known)} offers without a known margin are valued at 1."
    return formula


def _draw_segments(reader: OfferReader, mix: OfferMix) -> None:
    st.subheader("Best offers by segment", anchor=False)
    found = reader.by_segment()
    if not found:
        st.info("Segments that you save appear here, with the offers that suit their members.")
        return
    names = get_services().segments.names()
    figure = partial(offer_charts.by_segment, mix, found, reader.name, names)
    with st.container(key="offers-by-segment"):
        charts.draw(
            figure,
            "offer-segments",
            "Share of each segment's members by best offer.",
            height=90 + _ROW_HEIGHT * (len(found) + 1),
        )
    st.caption(
        "Percent of each segment's members whose best offer it is; in brackets: members with an offer."
        + (" The twelve largest segments." if len(names) > len(found) else "")
    )


def _in_words(reader: OfferReader, mix: OfferMix) -> str:
    ranked = sorted(mix.offers, key=lambda offer: -offer.customers)
    return "; ".join(f"{reader.name(offer.offer_id)} {formatting.percent(offer.share)}" for offer in ranked)
