"""The cards of the dashboard as data; the dashboard and the plain layout draw the same ones."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, pairwise
from typing import Any

from loyalty_core.analytics.overview import Outlook, Tally, TopSegment
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, charts, formatting
from loyalty_core.ui.made_before import FigureMaker, made_before
from loyalty_core.ui.navigation import CHURN, OFFERS, RFM, SEGMENTS, Screen
from loyalty_core.ui.overview import queries as reading
from loyalty_core.ui.overview.card import Card, Mark, Shape
from loyalty_core.ui.overview.figures import ring
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import Histogram
from loyalty_core.warehouse.offers import offer_name

_BASE_CARDS = 4
_MAX_ROWS = 12
_MAX_VALUES = 8
_UNCHANGED = "± 0"
_NOT_SCORED = "No predictions yet: score the customers first."
_NOT_PREDICTED = "The last scoring run did not predict this."


def all_cards(outlook: Outlook | None) -> list[Card]:
    """Every card that this warehouse has something for, in the order of the first layout."""
    base = list(islice(_base_cards(), _BASE_CARDS))
    over_time = [card for card in base if card.id == "months"]
    return [
        *over_time,
        _risk_card(outlook),
        _rfm_card(outlook),
        _offers_card(outlook),
        *_segments_card(),
        *(card for card in base if card not in over_time),
    ]


def _base_cards() -> Iterator[Card]:
    if get_services().warehouse.smallest_group:
        # The only one of these that leaves small groups out.
        if category := _category_card():
            yield category
        return
    if months := _months_card():
        yield months
    if category := _category_card():
        yield category
    for number, (column, spread) in enumerate(_spreads(), start=1):
        figure = partial(charts.histogram, spread, column)
        labels = [formatting.compact(low) for low, _ in pairwise(spread.edges)]
        if spread.open_ended:
            labels[-1] += "+"
        yield _columns(f"spread-{number}", f"Customers by {column.label.lower()}", figure, labels)


def _months_card() -> Card | None:
    if spend := cached_reads.spend_by_month():
        labels = [formatting.short_month(month.month) for month in spend]
        card = _columns("months", "Revenue by month", partial(charts.money_by_month, spend), labels)
        if until := charts.unfinished_month(spend):
            return replace(card, note=f"The last month is unfinished: purchases to {formatting.day(until)}.")
        return card
    if signup := cached_reads.column_for("signup"):
        months = cached_reads.customers_by_month(signup.name)
        labels = [formatting.short_month(month) for month, _ in months]
        figure = partial(charts.count_by_month, months, signup.label)
        return _columns("months", f"Customers by {signup.label.lower()}", figure, labels)
    return None


def _category_card() -> Card | None:
    few_values = (
        c for c in cached_reads.catalog().columns if c.kind == "text" and 1 < len(c.top_values) <= _MAX_VALUES
    )
    category = cached_reads.column_for("category") or next(few_values, None)
    if category is None or not category.top_values:
        return None
    everyone = cached_reads.key_figures().customers
    marks = []
    for value, customers in category.top_values[:_MAX_VALUES]:
        name, share = formatting.value(category, value), formatting.percent(customers / everyone, 1)
        sentence = f"{name}: {_customers(customers)}, {share}."
        shown = f"{formatting.count(customers)} · {share}"
        marks.append(Mark(name, customers, sentence, shown, share=customers / everyone))
    return Card("category", f"Customers by {category.label.lower()}", "ranking", tuple(marks))


def _spreads() -> Iterator[tuple[Column, Histogram]]:
    known = [of for of in (cached_reads.column_for("revenue"), cached_reads.column_for("recency")) if of is not None]
    identifier = get_services().settings.dwh_customer_id_column
    numbers = [c for c in cached_reads.catalog().columns if c.kind == "number" and c.minimum != c.maximum]
    others = ([column] for column in numbers if column not in known and column.name != identifier)
    for together in (known, *others):
        found = cached_reads.histograms(tuple(column.name for column in together))
        yield from ((of, spread) for of, spread in zip(together, found, strict=True) if spread)


def _risk_card(outlook: Outlook | None) -> Card:
    low, medium, _, high = charts.palette()[:4]
    colours = {"low": low, "medium": medium, "high": high}
    marks = [
        _predicted(str(tally.value).capitalize(), tally, outlook, colours.get(tally.value), of="risk")
        for tally in (outlook.risks if outlook else ())
    ]
    return _prediction_card("risk", "Churn risk", "ring", marks, outlook, CHURN)


def _rfm_card(outlook: Outlook | None) -> Card:
    marks = [_predicted(tally.value, tally, outlook) for tally in (outlook.rfm_segments if outlook else ())]
    return _prediction_card("rfm", "RFM segments", "ranking", marks, outlook, RFM)


def _offers_card(outlook: Outlook | None) -> Card:
    names = cached_reads.offer_names() if outlook else {}
    marks = [
        _predicted(offer_name(names, tally.value), tally, outlook)
        for tally in (outlook.offers[:_MAX_ROWS] if outlook else ())
    ]
    return _prediction_card("offers", "Recommended offers", "ranking", marks, outlook, OFFERS)


def _segments_card() -> Iterator[Card]:
    segments = reading.largest_segments()
    if segments is None:
        return
    marks = [
        Mark(
            segment.name,
            segment.customers,
            f"{segment.name}: {_customers(segment.customers)}, {formatting.percent(segment.share, 1)} of the base"
            + ("" if segment.change is None else f"; {_change(segment.change)} than at the previous count")
            + _changed_since(segment),
            f"{formatting.count(segment.customers)} · {formatting.percent(segment.share, 1)}",
            "" if segment.change is None else _signed(segment.change),
            share=segment.share,
            segment_id=segment.id,
        )
        for segment in segments
    ]
    empty = "No segment has been counted yet. Create and compute some on Segments."
    marks, note = _noted(marks, "the previous count")
    yield Card("segments", "Top segments", "ranking", marks, note=note, empty=empty, screen=SEGMENTS)


def _changed_since(segment: TopSegment) -> str:
    if segment.is_stale:
        return "; its rule has changed since."
    return "; the data has changed since." if segment.data_changed else "."


def _columns(card_id: str, title: str, figure: FigureMaker, labels: Sequence[str]) -> Card:
    return made_before(partial(_card_of_columns, card_id, title, figure, labels))


def _card_of_columns(card_id: str, title: str, make_figure: FigureMaker, labels: Sequence[str]) -> Card:
    """A chart of columns; value and sentence of each come from the figure."""
    figure = make_figure()
    bars: Any = figure.data[0]
    layout: Any = figure.layout
    opacities = bars.marker.opacity or [1.0] * len(labels)
    marks = [
        Mark(label, float(value), sentence.replace("\n", ": "), opacity=opacity)
        for label, value, sentence, opacity in zip(labels, bars.y, bars.hovertext, opacities, strict=True)
    ]
    titles = layout.xaxis.title.text, layout.yaxis.title.text
    return Card(card_id, title, "columns", tuple(marks), make_figure, *titles)


def _predicted(label: str, tally: Tally, outlook: Outlook | None, color: str | None = None, of: str = "") -> Mark:
    share = formatting.percent(tally.share, 1)
    name = f"{label} {of}".strip()
    sentence = f"{name}: {_customers(tally.customers)}, {share}"
    if outlook and outlook.before and tally.change is not None:
        sentence += f"; {_change(tally.change)} than in the scoring of {formatting.moment(outlook.before.scored_at)}"
    change = "" if tally.change is None else _signed(tally.change)
    return Mark(
        label,
        tally.customers,
        f"{sentence}.",
        f"{formatting.count(tally.customers)} · {share}",
        change,
        color,
        tally.share,
    )


def _prediction_card(
    card_id: str,
    title: str,
    shape: Shape,
    marks: Iterable[Mark],
    outlook: Outlook | None,
    screen: Screen,
) -> Card:
    since = formatting.moment(outlook.before.scored_at) if outlook and outlook.before else ""
    marks, note = _noted(marks, since)
    figure = partial(ring, marks) if shape == "ring" else None
    empty = _NOT_PREDICTED if outlook else _NOT_SCORED
    return Card(card_id, title, shape, marks, figure, note=note, empty=empty, screen=screen)


def _noted(marks: Iterable[Mark], since: str) -> tuple[tuple[Mark, ...], str]:
    """The marks with a note on their changes; where nothing changed, the note alone says so."""
    marks = tuple(marks)
    changes = {mark.change for mark in marks} - {""}
    if changes == {_UNCHANGED}:
        return tuple(replace(mark, change="") for mark in marks), f"No change since {since}"
    return marks, f"Change since {since}" if changes else ""


def _customers(number: int) -> str:
    return f"{formatting.count(number)} customer{'' if number == 1 else 's'}"


def _change(change: int) -> str:
    if not change:
        return "no more and no fewer"
    return f"{formatting.count(abs(change))} {'more' if change > 0 else 'fewer'}"


def _signed(change: int) -> str:
    return f"{'▲' if change > 0 else '▼'} {formatting.count(abs(change))}" if change else _UNCHANGED
