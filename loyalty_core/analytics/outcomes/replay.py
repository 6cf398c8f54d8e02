"""Replays the active model on past months, since the outcomes of stored predictions take months to be known.

Every row of the history is scored as in a scoring run. Only counts are kept in memory, so that it does not grow with
the number of rows. Months that the model was trained on look too good, and are marked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.analytics.outcomes.figures import (
    ChurnFigures,
    OfferFigures,
    Share,
    churn_figures,
    count_scores,
)
from loyalty_core.analytics.outcomes.matching import NO_UPLIFT_OUTCOMES, OutcomesUnknown, required_day
from loyalty_core.analytics.outcomes.months import Month, MonthlyFigures, Role, role_of
from loyalty_core.ml.tasks import DECIMALS, BinaryTask, Labels, ModelTask, UpliftTask
from loyalty_core.warehouse.history import HistoryRows, find_history
from loyalty_core.warehouse.source import name_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.warehouse import Warehouse

Integers = npt.NDArray[np.int64]

# More rows would make the page too slow; the newest months are the most relevant ones.
MAX_ROWS = 2_000_000
_STEPS = 10**DECIMALS
_TOP_3, _TOP_1 = 1, 2


@dataclass(frozen=True)
class _Plan:
    """The months to replay; `roles` is by month (months since 1970)."""

    task: ModelTask
    history: HistoryRows
    roles: Mapping[int, Role]
    start: date
    remark: str


def replay_history(warehouse: Warehouse, bundle: Bundle, task: ModelTask) -> MonthlyFigures[Any]:
    """Replay a model on its history by month: `ChurnFigures` for a binary model, `OfferFigures` for a choice.

    Raises what `find_history` raises, `MappingError` and `FeatureCountMismatch` when history and model do not match,
    and `TrainingRefused` for labels that cannot be read.
    """
    if isinstance(task, UpliftTask):
        return MonthlyFigures(why_none=NO_UPLIFT_OUTCOMES)
    try:
        plan = _plan(warehouse, bundle, task)
    except OutcomesUnknown as unknown:
        return MonthlyFigures(why_none=str(unknown))
    if isinstance(task, BinaryTask):
        return _replay_binary(warehouse, bundle, plan, task)
    return _replay_choice(warehouse, bundle, plan)


def _replay_binary(warehouse: Warehouse, bundle: Bundle, plan: _Plan, task: BinaryTask) -> MonthlyFigures[ChurnFigures]:
    tally = _Tally()
    for features, labels, months in _rows(warehouse, bundle, plan):
        scores = task.probability(bundle.scores(task.name, features)).astype(np.float64)
        steps = np.rint(scores * _STEPS).astype(np.int64)
        keys = (months * (_STEPS + 1) + steps) * 2 + task.yes_or_no(labels.classes)
        tally.add(keys[task.is_known(labels.classes)])
    keys, counts = tally.result()
    score_keys, left = keys // 2, keys % 2 == 1
    months, scores = score_keys // (_STEPS + 1), score_keys % (_STEPS + 1) / _STEPS
    figures: dict[int, ChurnFigures] = {}
    for month in np.unique(months).tolist():
        rows = months == month
        figures[month] = churn_figures(count_scores(scores[rows], left[rows], counts[rows]))
    return MonthlyFigures(
        tuple(_month(plan, bundle, month, of_month) for month, of_month in figures.items()), "", plan.remark
    )


def _replay_choice(warehouse: Warehouse, bundle: Bundle, plan: _Plan) -> MonthlyFigures[OfferFigures]:
    name = plan.task.name
    tally: Counter[tuple[int, int, int]] = Counter()
    for features, labels, months in _rows(warehouse, bundle, plan):
        taken = np.array(labels.offers, np.int64)[labels.classes]
        ranks = _ranks(bundle.scores(name, features), np.array(bundle.offers(name), np.int64), taken)
        places = (ranks <= 3).astype(np.int64) + (ranks <= 1)
        groups, counts = np.unique(np.stack([months, taken, places], axis=1), axis=0, return_counts=True)
        tally.update({tuple(group): count for group, count in zip(groups.tolist(), counts.tolist(), strict=True)})
    figures = {month: _offer_figures(month, tally) for month in sorted({month for month, _, _ in tally})}
    return MonthlyFigures(
        tuple(_month(plan, bundle, month, of_month) for month, of_month in figures.items()), "", plan.remark
    )


def _plan(warehouse: Warehouse, bundle: Bundle, task: ModelTask) -> _Plan:
    """The newest months with at most `MAX_ROWS` rows in total, at least one month; raises `OutcomesUnknown`."""
    settings = warehouse.settings
    if not bundle.has(task.name):
        raise OutcomesUnknown(f"The active version {bundle.version} has no {task.noun}.")
    bundle.contract.require(list(settings.ml_feature_mapping))
    history = find_history(warehouse, task.history, settings.ml_feature_mapping)
    found = _months_of(warehouse, history)
    if not found:
        raise OutcomesUnknown(f"{history.source} has no rows with a label and a day.")
    chosen, rows = 0, 0
    while chosen < len(found) and (not chosen or rows + found[chosen]["rows"] <= MAX_ROWS):
        rows += found[chosen]["rows"]
        chosen += 1
    window = _window(warehouse, bundle, task.name)
    roles: dict[int, Role] = {
        _months_since_1970(month["first"]): role_of(month["first"], month["last"], window) for month in found[:chosen]
    }
    remark = f"Only the newest {chosen} of {len(found)} months are shown, {rows:,} rows." if found[chosen:] else ""
    return _Plan(task, history, roles, found[chosen - 1]["first"], remark)


def _months_of(warehouse: Warehouse, history: HistoryRows) -> list[dict[str, Any]]:
    """Rows, first and last day of each month, newest first."""
    day = required_day(history)
    groups = (sa.extract("year", day), sa.extract("month", day))
    first, last = sa.func.min(day).label("first"), sa.func.max(day).label("last")
    select = sa.select(sa.func.count().label("rows"), first, last).where(history.label.is_not(None), day.is_not(None))
    return warehouse.rows(select.group_by(*groups).order_by(first.desc()))


def _window(warehouse: Warehouse, bundle: Bundle, model: str) -> dict[str, Any]:
    """The model's training window; empty if it was trained on other data."""
    is_same_data = not bundle.trained_on or bundle.trained_on == name_data(warehouse)
    return bundle.manifest["models"][model]["window"] if is_same_data else {}


def _rows(
    warehouse: Warehouse, bundle: Bundle, plan: _Plan
) -> Iterator[tuple[npt.NDArray[np.float32], Labels, Integers]]:
    """Encoded features, labels and months of the rows to replay, in batches."""
    history, day = plan.history, required_day(plan.history)
    aliases = {name: f"feature_{index}" for index, name in enumerate(history.features)}
    features = (history.rows.c[history.features[name]].label(alias) for name, alias in aliases.items())
    select = sa.select(*features, history.label.label("label"), day.label("day"))
    for batch in warehouse.stream_arrow(select.where(history.label.is_not(None), day >= plan.start)):
        if not batch.num_rows:
            continue
        encoded = bundle.contract.encode({name: batch.column(alias) for name, alias in aliases.items()})
        labels = plan.task.read_labels(batch.column("label"), history.source)
        yield encoded.values, labels, _months(batch.column("day"))


def _months(days: pa.Array) -> Integers:
    return days.cast(pa.date32()).to_numpy(zero_copy_only=False).astype("datetime64[M]").astype(np.int64)


def _ranks(scores: npt.NDArray[np.float32], offers: Integers, taken: Integers) -> npt.NDArray[np.float64]:
    """The rank of the offer taken, with ties at their mean; infinite if the model does not know the offer."""
    known = np.isin(taken, offers)
    order = np.argsort(offers)
    index = order[np.searchsorted(offers, np.where(known, taken, offers[0]), sorter=order)]
    of_taken = scores[np.arange(len(scores)), index][:, None]
    rank = (scores > of_taken).sum(axis=1) + ((scores == of_taken).sum(axis=1) + 1) / 2
    return np.where(known, rank, np.inf)


def _offer_figures(month: int, tally: Counter[tuple[int, int, int]]) -> OfferFigures:
    by_offer: Counter[int] = Counter()
    by_place: Counter[int] = Counter()
    for (of_month, offer, place), count in tally.items():
        if of_month == month:
            by_offer[offer] += count
            by_place[place] += count
    rows = by_place.total()
    return OfferFigures(
        top_1=Share(by_place[_TOP_1], rows),
        top_3=Share(by_place[_TOP_1] + by_place[_TOP_3], rows),
        popular=Share(max(by_offer.values()), rows),
    )


def _month(plan: _Plan, bundle: Bundle, month: int, figures: Any) -> Month[Any]:
    return Month(date(1970 + month // 12, 1 + month % 12, 1), bundle.version, figures, plan.roles[month])


def _months_since_1970(day: date) -> int:
    return 12 * (day.year - 1970) + day.month - 1


class _Tally:
    """Counts of keys. Batches are collected until they outnumber the counted keys, so that each is sorted few times."""

    def __init__(self) -> None:
        self._keys, self._counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._pending: list[tuple[Integers, Integers]] = []

    def add(self, keys: Integers) -> None:
        self._pending.append(np.unique(keys, return_counts=True))
        if sum(len(pending) for pending, _ in self._pending) > len(self._keys):
            self.result()

    def result(self) -> tuple[Integers, Integers]:
        """The distinct keys, and how often each was added."""
        if self._pending:
            keys = np.concatenate([self._keys, *(keys for keys, _ in self._pending)])
            counts = np.concatenate([self._counts, *(counts for _, counts in self._pending)])
            self._keys, index = np.unique(keys, return_inverse=True)
            self._counts = np.bincount(index, counts, len(self._keys)).astype(np.int64)
            self._pending.clear()
        return self._keys, self._counts
