"""Figures of the Next best offer screen."""

import textwrap
from collections.abc import Callable, Mapping, Sequence

import plotly.graph_objects as go

from loyalty_core.analytics.offers import BINS, Arbitration, OfferFigures, OfferMix, SegmentOffers
from loyalty_core.ui import charts, formatting

Name = Callable[[int], str]

_WIDEST_LABEL = 15


def mix(found: OfferMix, name: Name) -> go.Figure:
    """Customers by recommended offer, the most frequent on top."""
    shown = sorted(found.offers, key=lambda offer: offer.customers)
    bars = go.Bar(
        x=[offer.customers for offer in shown],
        y=[name(offer.offer_id) for offer in shown],
        orientation="h",
        text=[formatting.percent(offer.share, 1) for offer in shown],
        textposition="outside",
        cliponaxis=False,
        hovertext=[_recommended(offer, name) for offer in shown],
        hoverinfo="text",
    )
    figure = go.Figure(bars)
    # Room for the shares to the right of the bars.
    highest = max((offer.customers for offer in shown), default=0)
    figure.update_xaxes(title="Customers", range=[0, 1.15 * max(highest, 1)], tickformat=charts.NUMBER_TICKS)
    figure.update_yaxes(type="category")
    return figure


def confidence(found: OfferMix) -> go.Figure:
    """Customers by confidence in their best offer, in steps of five points."""
    bars = go.Bar(
        x=[(place + 0.5) / BINS for place in range(BINS)],
        y=found.confidence,
        hovertext=[
            f"{formatting.count(customers)} customers with a confidence of {formatting.percent(place / BINS)} to "
            f"{formatting.percent((place + 1) / BINS)}"
            for place, customers in enumerate(found.confidence)
        ],
        hoverinfo="text",
    )
    figure = go.Figure(bars)
    figure.update_xaxes(charts.share_axis("Confidence in the best offer"))
    figure.update_yaxes(title="Customers", rangemode="tozero", tickformat=charts.NUMBER_TICKS)
    return figure


def by_segment(
    found: OfferMix, segments: Sequence[SegmentOffers], name: Name, segment_names: Mapping[str, str]
) -> go.Figure:
    """Share of each segment's members whose best offer it is; the scope itself on top, to compare with."""
    offers = [offer.offer_id for offer in found.offers]
    rows = [("All in scope", found.with_offer, [offer.share for offer in found.offers])]
    rows += [(segment_names[one.segment_id], one.customers, [one.share(offer) for offer in offers]) for one in segments]
    shares = [row for _, _, row in rows]
    highest = max((share for row in shares for share in row), default=0.0) or 1.0
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=[*range(len(offers))],
            y=[*range(len(rows))],
            zmin=0,
            zmax=highest,
            colorscale=charts.sequence(),
            xgap=2,
            ygap=2,
            showscale=False,
            hovertext=[
                [
                    f"{name(offer)} is the best offer of {formatting.percent(share, 1)}\n"
                    f"of the {formatting.count(customers)} customers of {title}"
                    for offer, share in zip(offers, row, strict=True)
                ]
                for title, customers, row in rows
            ],
            hoverinfo="text",
        )
    )
    texts = [[formatting.decimal(100 * share, 0) for share in row] for row in shares]
    intensities = [[share / highest for share in row] for row in shares]
    charts.write_in_cells(figure, texts, intensities, first_row_on_top=True)
    # By number, since two long names may be written alike.
    titles = [f"{_shortened(title)} ({formatting.compact(customers)})" for title, customers, _ in rows]
    bare = {"showgrid": False, "zeroline": False}
    figure.update_yaxes(tickvals=[*range(len(rows))], ticktext=titles, **bare)
    figure.update_xaxes(tickvals=[*range(len(offers))], ticktext=[_wrapped(name(offer)) for offer in offers], **bare)
    figure.update_xaxes(side="top", autotickangles=[0, 90])
    return figure


def before_and_after(outcome: Arbitration, caps: Mapping[int, int | None], name: Name) -> go.Figure:
    """Customers by offer under the policy as bars, as recommended as diamonds, caps as short lines."""
    offers = list(outcome.after)[::-1]
    labels = [name(offer) for offer in offers]
    colours = charts.palette()
    figure = go.Figure()
    figure.add_bar(
        x=[outcome.after[offer].customers for offer in offers],
        y=labels,
        orientation="h",
        hovertext=[_with_policy(outcome, offer, name) for offer in offers],
        hoverinfo="text",
    )
    figure.add_scatter(
        x=[outcome.before[offer].customers for offer in offers],
        y=labels,
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": colours[1]},
        hovertext=[
            f"{name(offer)} is recommended to {formatting.count(outcome.before[offer].customers)} customers"
            for offer in offers
        ],
        hoverinfo="text",
    )
    capped = {offer: cap for offer in offers if (cap := caps.get(offer)) is not None}
    figure.add_scatter(
        x=list(capped.values()),
        y=[name(offer) for offer in capped],
        mode="markers",
        marker={"symbol": "line-ns", "size": 22, "line": {"width": 3, "color": colours[3]}},
        hovertext=[f"{name(offer)} has a cap of {formatting.count(cap)} customers" for offer, cap in capped.items()],
        hoverinfo="text",
    )
    figure.update_xaxes(title="Customers", rangemode="tozero", tickformat=charts.NUMBER_TICKS)
    figure.update_yaxes(type="category")
    return figure


def _recommended(offer: OfferFigures, name: Name) -> str:
    return (
        f"{name(offer.offer_id)} is the best offer of {formatting.count(offer.customers)} customers,\n"
        f"{formatting.percent(offer.share, 1)} of those with an offer"
    )


def _with_policy(outcome: Arbitration, offer: int, name: Name) -> str:
    after, before = outcome.after[offer].customers, outcome.before[offer].customers
    change = formatting.change(after - before)
    return f"{name(offer)} goes to {formatting.count(after)} customers,\n{change} compared with the recommendation"


def _wrapped(label: str) -> str:
    return "\n".join(textwrap.wrap(label, _WIDEST_LABEL, max_lines=2, placeholder="…"))


def _shortened(label: str) -> str:
    return textwrap.shorten(label, 26, placeholder="…")
