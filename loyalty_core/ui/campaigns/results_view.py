"""What a campaign has achieved: from entering to converting, against the holdout, and in money."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import plotly.graph_objects as go
import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.analytics.outcomes import Interval
from loyalty_core.campaigns import TITLES
from loyalty_core.ml.tasks import UPLIFT
from loyalty_core.ml.training import MIN_ROWS
from loyalty_core.services import get_services
from loyalty_core.ui import charts, formatting, table_columns
from loyalty_core.ui.api_links import api_link
from loyalty_core.ui.campaigns import wording
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.navigation import TRAINING
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loyalty_core.analytics.outcomes import Measure
    from loyalty_core.campaigns import Campaign, DayFigures, Effect, Figures, Performance

_REFRESH_SECONDS = 5.0
_FUNNEL = (
    ("Sent", "sent"),
    ("Delivered", "delivered"),
    ("Opened", "opened"),
    ("Clicked", "clicked"),
    ("Converted", "converted"),
)
_MIN_DAYS = 2


def draw_results(campaign: Campaign) -> None:
    """The results so far; of a running campaign they are read again every few seconds."""
    (_draw_live if campaign.state == "running" else _draw)(campaign)


@fragment(run_every=_REFRESH_SECONDS)
def _draw_live(campaign: Campaign) -> None:
    with errors_shown():
        _draw(campaign)


def _draw(campaign: Campaign) -> None:
    found = get_services().campaigns.performance(campaign)
    if not found.total.entered and not found.holdout.entered:
        _draw_nothing(campaign, found)
        return
    _draw_key_figures(found)
    _draw_effect(found)
    if found.effect.conversion is not None:
        _draw_training(campaign, found)
    funnel, time = st.columns(2, gap="large")
    with funnel:
        st.markdown("**From sent to converted**")
        charts.draw(_funnel(found.total), "campaign-funnel", "How many messages reached each step.", height=240)
    with time:
        st.markdown("**By day**")
        _draw_days(found.days)
    _draw_table("By variant", {f"Variant {name}": figures for name, figures in found.by_variant.items()})
    _draw_table("By offer", {wording.offer_title(offer): figures for offer, figures in found.by_offer.items()})
    _draw_table("By channel", {wording.channel_title(name): figures for name, figures in found.by_channel.items()})
    _draw_suppressed(found.suppressed)


def _draw_nothing(campaign: Campaign, found: Performance) -> None:
    if campaign.state in {"draft", "awaiting_approval"}:
        st.info("Results appear here once the campaign is started.", icon=":material/hourglass_empty:")
    else:
        by_hand = campaign.state == "running" and campaign.definition.trigger.kind == "by_hand"
        st.info(
            "Nobody has entered the campaign yet. "
            + ("It waits for “Write to the whole audience now” on the tab “Runs”. " if by_hand else "")
            + "The tab “Who gets it” shows who would get a message, and why others would not.",
            icon=":material/hourglass_empty:",
        )
    _draw_suppressed(found.suppressed)


def _draw_key_figures(found: Performance) -> None:
    total, held = found.total, found.holdout
    with st.container(horizontal=True):
        st.metric("Entered", formatting.count(total.entered), border=True, help="Customers who were to be written to.")
        st.metric("Sent", formatting.count(total.sent), border=True, help="Messages that a channel has accepted.")
        st.metric(
            "Converted",
            _of(total.converted, total.entered),
            border=True,
            help="Customers who entered and did what the campaign is for.",
        )
        st.metric(
            "Revenue", escape(formatting.compact_money(total.revenue)), border=True, help="Value of the conversions."
        )
        st.metric(
            "Holdout",
            formatting.count(held.entered),
            border=True,
            help=escape(
                f"Customers who were not written to, to compare with; {_of(held.converted, held.entered)} converted."
            ),
        )


def _draw_effect(found: Performance) -> None:
    effect = found.effect
    with st.container(border=True):
        icon = ":material/check_circle:" if effect.is_certain else ":material/hourglass_top:"
        st.markdown(f"{icon} **What the campaign changed.** {escape(effect.verdict)}")
        for line in _effect_lines(effect):
            st.caption(escape(line))


def _draw_training(campaign: Campaign, found: Performance) -> None:
    """There are enough outcomes to ask not only how much the campaign changes, but for whom."""
    recorded = get_services().campaigns.entry_features.recorded(campaign.id)
    refused = refusal(Action.EXPORT) or refusal(Action.SEE_PERSONAL_DATA)
    with st.container(border=True):
        st.markdown(f":material/model_training: **Whom did it change?** {_what_teaches(recorded, found)}")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.link_button(
                "Outcomes as CSV",
                api_link(f"campaigns/{quote(campaign.id)}/treatments/"),
                icon=":material/download:",
                disabled=bool(refused),
                help=refused or "Who was written to or held out, and who converted, once their time is over.",
            )
            st.page_link(f"pages/{TRAINING.file}", label="Training", icon=TRAINING.icon)
        if recorded >= MIN_ROWS:
            draw_job(
                "training",
                start_label="Train an uplift model",
                options={"models": [UPLIFT.name], "campaigns": [campaign.id], "trained_by": current_viewer().id},
                key="train-uplift",
                help="A new version; you decide on the Training screen whether it is used.",
            )


def _what_teaches(recorded: int, found: Performance) -> str:
    entered = found.total.entered + found.holdout.entered
    if not recorded:
        return (
            "These outcomes can train an uplift model: join the file in your warehouse with the features that "
            "customers had at the time, as customer\\_treatment\\_history. None were recorded at their entry."
        )
    channels = ", ".join(escape(f"{name} {formatting.count(one.entered)}") for name, one in found.by_channel.items())
    known = (
        f"The features of {formatting.count(recorded)} of {formatting.count(entered)} customers were recorded as they"
    )
    if recorded < MIN_ROWS:
        return f"{known} entered. Training an uplift model takes at least {MIN_ROWS}."
    kinds = f" One model learns from all channels ({channels})." if len(found.by_channel) > 1 else ""
    return f"{known} entered, so these outcomes can train an uplift model.{kinds}"


def _effect_lines(effect: Effect) -> list[str]:
    if effect.conversion is None or effect.revenue is None or effect.uplift is None:
        return []
    revenue = _stated(effect.revenue.value, effect.revenue.interval, formatting.money, ("more", "less"))
    # What each contact has added is uncertain, what the messages cost is not.
    added = Interval(*(end * effect.treated - effect.cost for end in effect.revenue.interval))
    money = _stated(effect.uplift, added, formatting.whole_money, ("added", "lost"))
    return [
        f"Conversion: {_points(effect.conversion)} compared with the holdout "
        f"({formatting.count(effect.treated)} written to, {formatting.count(effect.held)} held out; only those whose "
        "time to convert is over).",
        f"Revenue per contact: {revenue}.",
        f"In money: {money}, after {formatting.whole_money(effect.cost)} of cost.",
    ]


def _stated(value: float, interval: Interval, written: Callable[[float], str], words: tuple[str, str]) -> str:
    """An amount with its interval; only the interval where that has 0 in it."""
    low, high = interval
    span = f"{written(low)} to {written(high)}"
    if low <= 0 <= high:
        return f"no difference can be stated yet ({span})"
    return f"{written(abs(value))} {words[value < 0]} ({span})"


def _points(measure: Measure) -> str:
    """A difference of shares in percentage points, with its interval."""
    low, value, high = (
        formatting.signed(100 * number, 1) for number in (measure.interval.low, measure.value, measure.interval.high)
    )
    return f"{value} percentage points ({low} to {high})"


def _of(part: int, whole: int) -> str:
    return f"{formatting.count(part)} ({formatting.percent(part / whole, 1)})" if whole else formatting.count(part)


def _funnel(total: Figures) -> go.Figure:
    titles = [title for title, _ in _FUNNEL]
    sizes = [getattr(total, name) for _, name in _FUNNEL]
    figure = go.Figure(
        go.Bar(
            y=titles,
            x=sizes,
            orientation="h",
            text=[_of(size, total.sent) for size in sizes],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    figure.update_xaxes(visible=False, range=[0, 1.35 * max(*sizes, 1)])
    figure.update_yaxes(autorange="reversed")
    return figure


def _draw_days(days: Sequence[DayFigures]) -> None:
    if len(days) < _MIN_DAYS:
        st.caption("The curve appears after two days.")
        return
    dates = [date.fromisoformat(day.day) for day in days]
    figure = go.Figure(
        [
            go.Scatter(x=dates, y=[getattr(day, name) for day in days], name=title, mode="lines")
            for title, name in (("Entered", "entered"), *_FUNNEL)
            if any(getattr(day, name) for day in days)
        ]
    )
    figure.update_yaxes(rangemode="tozero", tickformat=charts.NUMBER_TICKS)
    figure.update_layout(legend=charts.LEGEND_ABOVE)
    charts.draw(figure, "campaign-days", "Customers and messages by day.", height=240, legend=True)


def _draw_table(title: str, groups: Mapping[str, Figures]) -> None:
    if not groups:
        return
    st.markdown(f"**{escape(title)}**")
    st.dataframe(
        [_row(name, figures) for name, figures in groups.items()],
        hide_index=True,
        column_config={
            "": st.column_config.TextColumn(width=150),
            **{
                name: table_columns.count_column()
                for name in ("Entered", "Sent", "Delivered", "Opened", "Clicked", "Converted")
            },
            "Conversion": table_columns.share_column(),
            "Revenue per contact": table_columns.decimal_column(
                f"Revenue per contact ({formatting.currency_symbol()})", digits=2
            ),
        },
        alt=title,
    )


def _row(name: str, figures: Figures) -> dict[str, Any]:
    rate, revenue = figures.conversion_rate, figures.revenue_per_contact
    return {
        "": name,
        # First, since a phone shows no more than these.
        "Conversion": None if rate is None else formatting.rounded_share(rate),
        "Revenue per contact": None if revenue is None else round(revenue, 2),
        "Entered": figures.entered,
        **{title: getattr(figures, part) for title, part in _FUNNEL},
    }


def _draw_suppressed(suppressed: Mapping[str, int]) -> None:
    if not suppressed:
        return
    titles: dict[str, str] = {**TITLES}
    with st.expander("Who got nothing, and why", icon=":material/filter_alt_off:"):
        st.dataframe(
            [{"Why": titles.get(reason, reason), "Customers": size} for reason, size in suppressed.items()],
            hide_index=True,
            column_config={"Customers": table_columns.count_column()},
        )
