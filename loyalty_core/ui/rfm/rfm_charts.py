"""Figures of the RFM screen."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Literal

import plotly.graph_objects as go

from loyalty_core.analytics.rfm import CurvePoint, Flow, Kind, RfmSegment, Spending, strength
from loyalty_core.ui import charts, formatting

Amount = Literal["customers", "money"]
Cell = tuple[int, int]

_SCORES = range(1, 6)
# A square that a click or a tap hits, smaller than a cell of the narrowest grid.
_TARGET_PIXELS = 44
# Between two nodes of the Sankey, in pixels and as a share of its height.
_GAP_PIXELS = 10
_GAP = 0.02
_VERBS: dict[Kind, str] = {
    "stayed": "stayed in {after}",
    "stronger": "moved up from {before} to {after}",
    "weaker": "moved down from {before} to {after}",
    "other": "moved from {before} to {after}",
    "new": "are new, and are in {after}",
    "gone": "were in {before} and have left the base",
}


def heat_map(
    grid: Mapping[Cell, Spending],
    colour: Amount,
    ranges: tuple[Mapping[int, str], Mapping[int, str]],
    chosen: Cell,
) -> go.Figure:
    """The 5×5 grid, text in each cell; `ranges` say what recency and frequency scores mean.

    Over each cell lies an invisible marker, since a heat map takes no clicks; its customdata is (recency, frequency).
    """
    amounts = {cell: _amount(spending, colour) for cell, spending in grid.items()}
    figure = go.Figure(
        go.Heatmap(
            x=[*_SCORES],
            y=[*_SCORES],
            z=[[amounts[r, f] for r in _SCORES] for f in _SCORES],
            colorscale=charts.sequence()[1:],
            showscale=False,
            xgap=3,
            ygap=3,
            hoverinfo="skip",
        )
    )
    cells = [(r, f) for f in _SCORES for r in _SCORES]
    figure.add_scatter(
        x=[r for r, _ in cells],
        y=[f for _, f in cells],
        customdata=cells,
        mode="markers+text",
        marker={"symbol": "square", "size": _TARGET_PIXELS, "opacity": 0},
        text=[_cell_text(grid[cell]) for cell in cells],
        # As text of the markers, since a heat map's own text has too little contrast on cells of the middle.
        textfont={"size": 12, "color": _inks([amounts[cell] for cell in cells])},
        textposition="middle center",
        hovertext=[_cell_sentence(cell, grid[cell]) for cell in cells],
        hoverinfo="text",
    )
    r, f = chosen
    edges = {"x0": r - 0.5, "x1": r + 0.5, "y0": f - 0.5, "y1": f + 0.5}
    figure.add_shape(type="rect", line={"width": 4, "color": charts.palette()[1]}, **edges)
    recency, frequency = ranges
    bare = {"showgrid": False, "zeroline": False, "ticks": ""}
    figure.update_xaxes(title="Recency score (days since the last purchase)", **bare)
    figure.update_yaxes(title="Frequency score (purchases)", **bare)
    figure.update_xaxes(tickvals=[*_SCORES], ticktext=[f"{charts.bold(str(s))}\n{recency[s]}" for s in _SCORES])
    figure.update_yaxes(tickvals=[*_SCORES], ticktext=[f"{charts.bold(str(s))}\n{frequency[s]}" for s in _SCORES])
    figure.update_layout(xaxis_range=[0.5, 5.5], yaxis_range=[0.5, 5.5], hovermode="closest")
    return figure


def segment_shares(segments: Sequence[RfmSegment]) -> go.Figure:
    """Two bars by segment, strongest on top: its share of the customers and of their money."""
    shown = list(reversed(segments))
    figure = go.Figure()
    for label, shares in (
        ("Revenue", [segment.money_share for segment in shown]),
        ("Customers", [segment.customer_share for segment in shown]),
    ):
        figure.add_bar(
            name=label,
            orientation="h",
            x=shares,
            y=[segment.name for segment in shown],
            customdata=[segment.name for segment in shown],
            text=[formatting.percent(share, 1) for share in shares],
            textposition="outside",
            cliponaxis=False,
            marker_color=charts.palette()[0 if label == "Customers" else 1],
            hovertext=[_segment_sentence(segment) for segment in shown],
            hoverinfo="text",
        )
    largest = max((max(s.money_share, s.customer_share) for s in segments), default=1)
    # Room for the shares to the right of the bars.
    figure.update_xaxes(charts.share_axis("Share of customers and of revenue", largest * 1.18))
    figure.update_yaxes(type="category")
    figure.update_layout(barmode="group", legend=charts.LEGEND_ABOVE | {"traceorder": "reversed"})
    return figure


def spending_curve(curve: Sequence[CurvePoint]) -> go.Figure:
    """Share of revenue against share of customers, the highest spenders first; the diagonal is an even base."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": charts.GREY, "width": 1.5}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=[0, *(point.customer_share for point in curve)],
        y=[0, *(point.money_share for point in curve)],
        mode="lines+markers",
        line={"color": charts.palette()[0]},
        hovertext=["", *(_curve_sentence(point) for point in curve)],
        hoverinfo="text",
    )
    for point in curve[:3]:
        figure.add_annotation(
            x=point.customer_share, y=point.money_share, text=point.segment, showarrow=False, xanchor="left", xshift=8
        )
    figure.update_xaxes(charts.share_axis("Share of customers, the highest spenders first"))
    figure.update_yaxes(charts.share_axis("Share of revenue"))
    return figure


def sankey(flows: Sequence[Flow], amount: Amount) -> go.Figure:
    """The segments then on the left, now on the right; bands are customers or their money, coloured by direction."""
    values = [flow.customers if amount == "customers" else flow.money for flow in flows]
    then = _totals([flow.before for flow in flows], values)
    now = _totals([flow.after for flow in flows], values)
    left, right = list(then), list(now)
    bands = {
        "source": [left.index(flow.before) for flow in flows],
        "target": [len(left) + right.index(flow.after) for flow in flows],
        "value": values,
        "color": [_band_colour(flow.kind) for flow in flows],
        "customdata": [flow_sentence(flow) for flow in flows],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    nodes = {
        "label": [*(name or "Joined since then" for name in left), *(name or "Left since then" for name in right)],
        "x": [0.001] * len(left) + [0.999] * len(right),
        "y": [*_middles([*then.values()]), *_middles([*now.values()])],
        "color": charts.GREY,
        "thickness": 14,
        "pad": _GAP_PIXELS,
        "line": {"width": 0},
        "customdata": [_node_sentence(value, amount) for value in (*then.values(), *now.values())],
        "hovertemplate": "%{label}: %{customdata}<extra></extra>",
    }
    text = charts.theme("textColor")
    return go.Figure(
        go.Sankey(
            node=nodes,
            link=bands,
            arrangement="fixed",
            textfont={"color": text, "size": 13},
            # A band's own colour, which lets others through, would be the label's too.
            hoverlabel={"bgcolor": charts.theme("backgroundColor"), "font": {"color": text}},
        )
    )


def flow_sentence(flow: Flow) -> str:
    """What a flow is, with its money where that is known."""
    what = _VERBS[flow.kind].format(before=flow.before, after=flow.after)
    money = "" if flow.kind == "gone" else f"\nThey have spent {formatting.compact_money(flow.money)}."
    return f"{formatting.count(flow.customers)} customers {what}.{money}"


def _totals(names: Sequence[str | None], values: Sequence[float]) -> dict[str | None, float]:
    """What each segment has, strongest first; None, for those outside the base, last."""
    ordered = sorted(set(names), key=lambda name: (name is None, -strength(name or ""), name or ""))
    return {one: sum(value for name, value in zip(names, values, strict=True) if name == one) for one in ordered}


def _middles(totals: Sequence[float]) -> list[float]:
    """Vertical positions of the nodes of one side, 0 at the top to 1, with a gap between them."""
    room = 1 - _GAP * (len(totals) - 1)
    heights = [room * total / sum(totals) for total in totals]
    return [
        upto + _GAP * place - height / 2
        for place, (upto, height) in enumerate(zip(accumulate(heights), heights, strict=True))
    ]


def _node_sentence(value: float, amount: Amount) -> str:
    return f"{formatting.count(round(value))} customers" if amount == "customers" else formatting.compact_money(value)


def _band_colour(kind: Kind) -> str:
    colours = charts.palette()
    colour = {"stronger": colours[0], "weaker": colours[1], "new": colours[2], "gone": colours[3]}.get(
        kind, charts.GREY
    )
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {0.22 if kind == 'stayed' else 0.6})"


def _inks(amounts: Sequence[float | None]) -> list[str]:
    """The colour of each cell's text, by where its amount lies between the lowest and the highest."""
    known = [amount for amount in amounts if amount is not None]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    return [
        charts.theme("textColor") if amount is None else charts.ink((amount - low) / (span or 1)) for amount in amounts
    ]


def _amount(spending: Spending, colour: Amount) -> float | None:
    if not spending.customers:
        return None
    return spending.customers if colour == "customers" else spending.mean_money


def _cell_text(spending: Spending) -> str:
    if not spending.customers:
        return "–"
    mean = spending.mean_money
    money = formatting.BLANK if mean is None else formatting.whole_money(mean)
    return f"{charts.bold(formatting.count(spending.customers))}\n{money}"


def _cell_sentence(cell: Cell, spending: Spending) -> str:
    where = f"recency {cell[0]} and frequency {cell[1]}"
    if not spending.customers:
        return f"Nobody has {where}."
    mean = spending.mean_money
    money = "" if mean is None else f"\n{formatting.money(mean)} on average. Click to see them."
    return f"{formatting.count(spending.customers)} customers have {where}.{money}"


def _segment_sentence(segment: RfmSegment) -> str:
    return (
        f"{segment.name}: {formatting.count(segment.spending.customers)} customers, "
        f"{formatting.percent(segment.customer_share, 1)} of all,\nbring "
        f"{formatting.compact_money(segment.spending.money)}, "
        f"{formatting.percent(segment.money_share, 1)} of the revenue. Click to see them."
    )


def _curve_sentence(point: CurvePoint) -> str:
    return (
        f"Down to {point.segment}: {formatting.percent(point.customer_share, 1)} of the customers\n"
        f"bring {formatting.percent(point.money_share, 1)} of the revenue."
    )
