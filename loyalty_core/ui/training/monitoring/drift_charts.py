"""Figures of the Monitoring tab."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from loyalty_core.analytics.monitoring import ScoredRun
from loyalty_core.ml.features import Distribution, FeatureDrift
from loyalty_core.ml.tasks import title_of
from loyalty_core.ui import charts, formatting

if TYPE_CHECKING:
    from loyalty_core.ml.tasks import Risk

# There are no more distinguishable colours.
_MAX_OFFERS = 7
_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
_BELOW = {"orientation": "h", "y": -0.3, "yanchor": "top", "x": 0, "traceorder": "normal"}
_BAR_WIDTH = 0.55


def then_and_now(drift: FeatureDrift) -> go.Figure:
    """Share of customers by bin, at training and today; the rows of each model can be added from the legend."""
    colours = charts.palette()
    figure = go.Figure()
    names = [name.capitalize() for name in drift.bins.names]
    for distribution, word, colour in ((drift.then, "At training", charts.GREY), (drift.now, "Today", colours[0])):
        figure.add_bar(
            x=names,
            y=distribution.shares,
            name=word,
            marker_color=colour,
            hovertext=_sentences(names, word, distribution),
            hoverinfo="text",
        )
    for (model, rows), colour in zip(drift.training.items(), colours[1:], strict=False):
        word = f"Rows of the {title_of(model).lower()} model"
        figure.add_scatter(
            x=names,
            y=rows.shares,
            name=word,
            mode="markers",
            marker={"symbol": "diamond", "size": 9, "color": colour},
            hovertext=_sentences(names, word, rows),
            hoverinfo="text",
            visible="legendonly",
        )
    figure.update_layout(barmode="group", legend=_ABOVE)
    figure.update_xaxes(type="category")
    every = (drift.then, drift.now, *drift.training.values())
    figure.update_yaxes(charts.share_axis("Customers", max(share for spread in every for share in spread.shares)))
    return figure


def risk_by_run(runs: Sequence[ScoredRun]) -> go.Figure:
    """Share of customers by risk band, run by run, oldest first, with the mean churn probability as a line."""
    low, medium, line, high, *_ = charts.palette()
    colours: dict[Risk, str] = {"high": high, "medium": medium, "low": low}
    figure = go.Figure()
    for risk, colour in colours.items():
        _add_bars(figure, f"{risk.capitalize()} risk", [one.scores.risk_share(risk) for one in runs], colour)
    means = [one.scores.mean for one in runs]
    figure.add_scatter(
        x=list(range(len(runs))),
        y=means,
        name="Mean probability",
        mode="lines+markers",
        line={"color": line, "width": 3},
        marker={"size": 10, "line": {"width": 1.5, "color": "white"}},
        hovertext=[_sentence("Mean probability", mean) for mean in means],
        hoverinfo="text",
    )
    return _by_run(figure, runs)


def offers_by_run(runs: Sequence[ScoredRun], names: Mapping[int, str]) -> go.Figure:
    """Share of customers by best offer, run by run, oldest first; the rarest offers are taken together."""
    newest = runs[-1].scores
    ids = {offer for one in runs for offer in one.scores.offers}
    ranked = sorted(ids, key=lambda offer: (-newest.offers.get(offer, 0), offer))
    figure = go.Figure()
    for offer, colour in zip(ranked[:_MAX_OFFERS], charts.palette(), strict=False):
        _add_bars(figure, names[offer], [one.scores.offer_share(offer) for one in runs], colour)
    if rest := ranked[_MAX_OFFERS:]:
        word = names[rest[0]] if len(rest) == 1 else f"{len(rest)} others"
        _add_bars(figure, word, [sum(one.scores.offer_share(offer) for offer in rest) for one in runs], charts.GREY)
    return _by_run(figure, runs)


def _add_bars(figure: go.Figure, word: str, shares: Sequence[float], colour: str) -> None:
    figure.add_bar(
        x=list(range(len(shares))),
        y=shares,
        name=word,
        width=_BAR_WIDTH,
        marker_color=colour,
        hovertext=[_sentence(word, share) for share in shares],
        hoverinfo="text",
    )


def _by_run(figure: go.Figure, runs: Sequence[ScoredRun]) -> go.Figure:
    """Runs stand at equal distances, whatever lies between them: two may be of the same minute."""
    moments = [formatting.moment(one.run.scored_at).replace(", ", "\n") for one in runs]
    figure.update_layout(barmode="stack", legend=_BELOW)
    figure.update_xaxes(tickvals=list(range(len(runs))), ticktext=moments, range=[-0.6, len(runs) - 0.4])
    figure.update_yaxes(charts.share_axis("Customers"))
    return figure


def _sentences(names: Sequence[str], word: str, distribution: Distribution) -> list[str]:
    return [f"{name}\n{_sentence(word, share)}" for name, share in zip(names, distribution.shares, strict=True)]


def _sentence(word: str, share: float | None) -> str:
    return f"{word}: {formatting.BLANK if share is None else formatting.percent(share, 1)}"
