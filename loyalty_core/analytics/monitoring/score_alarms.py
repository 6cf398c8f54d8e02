"""Alarms about models that do not tell customers apart: one score or offer for nearly all, a constant input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from loyalty_core.analytics.churn import find_concentration
from loyalty_core.analytics.offers import LOPSIDED_SHARE
from loyalty_core.warehouse.mapping import resolve_mapping
from loyalty_core.warehouse.offers import offer_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loyalty_core.analytics.monitoring.score_drift import ScoredRun, Scores
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.columns import Column

Code = Literal["same_score", "one_offer", "constant_input"]


@dataclass(frozen=True)
class Alarm:
    """A problem as a sentence, with a remedy; `column` is that of a constant input."""

    code: Code
    sentence: str
    remedy: str
    column: str = ""


def score_alarms(scored: ScoredRun, offers: dict[int, str]) -> list[Alarm]:
    """Alarms about the predictions of a run, for each model version in it; `offers` maps ids to names."""
    several = len(scored.by_version) > 1
    return [
        alarm
        for version, scores in sorted(scored.by_version.items())
        for alarm in (
            *_same_score(scores, f" by {version}" if several else ""),
            *_one_offer(scores, offers, f" by {version}" if several else ""),
        )
    ]


def input_alarms(warehouse: Warehouse) -> list[Alarm]:
    """Alarms about mapped columns of the features view, from the statistics in the catalog."""
    columns = {column.name: column for column in warehouse.columns() if not column.is_masked}
    mapped = resolve_mapping(warehouse.settings.ml_feature_mapping, columns)
    found = (_constant(columns[one.column]) for one in mapped if one.column is not None)
    return [alarm for alarm in found if alarm is not None]


def _same_score(scores: Scores, by: str) -> Iterator[Alarm]:
    concentration = find_concentration(scores.thousandths)
    if concentration is not None:
        yield Alarm(
            "same_score",
            f"{concentration.share:.1%} of the customers scored{by} have nearly the same churn probability, "
            f"about {concentration.probability:.1%}.",
            "Check the models' inputs; if they are correct, train again or roll back.",
        )


def _one_offer(scores: Scores, names: dict[int, str], by: str) -> Iterator[Alarm]:
    if scores.with_offer < 2:
        return
    top = max(scores.offers, key=lambda offer: (scores.offers[offer], -offer))
    share = scores.offer_share(top)
    if share > LOPSIDED_SHARE:
        yield Alarm(
            "one_offer",
            f"{offer_name(names, top)} is the best offer of {share:.1%} of the customers scored{by}.",
            "Check what the model was trained on, train again, or spread the offers under Arbitration.",
        )


def _constant(column: Column) -> Alarm | None:
    remedy = "Check how the warehouse fills the column: models learn nothing from it."
    if column.blanks == 1:
        return Alarm("constant_input", f"{column.label} is blank for every customer.", remedy, column.name)
    only = _only_value(column)
    if only is None:
        return None
    others = f", or none ({column.blanks:.1%} are blank)" if column.blanks else ""
    sentence = f"Every customer has the same {column.label.lower()}, {only}{others}."
    return Alarm("constant_input", sentence, remedy, column.name)


def _only_value(column: Column) -> Any | None:
    """The only value of a column apart from blanks; None if there are several, or no statistics."""
    if column.kind == "number":
        return column.minimum if column.minimum == column.maximum else None
    return str(column.top_values[0][0]) if len(column.top_values) == 1 else None
