"""What is looked at before training, each finding a plain sentence with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.evaluation import area_under_curve
from loyalty_core.ml.features import as_arrow, as_numbers, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from loyalty_core.warehouse.history import History

RECOMMENDED_ROWS = 1_000
FEWEST_ROWS = 200
FEWEST_OF_A_CLASS = 20
MOST_OFFERS = 200
GIVES_AWAY_AUC = 0.98
# Customers seen at several dates with the very same features at all of them.
_FROZEN_SHARE = 0.9
_FEWEST_REPEATED = 20
_MOST_ROWS_RANKED = 200_000

_BOOLEAN_WORDS = {"1": 1, "true": 1, "yes": 1, "y": 1, "t": 1, "0": 0, "false": 0, "no": 0, "n": 0, "f": 0}


class TrainingRefused(LoyaltyError):
    """The history cannot train a model; `findings` says all that is wrong with it."""

    code = "training_refused"

    def __init__(self, source: str, findings: tuple[Finding, ...]) -> None:
        first = next(finding for finding in findings if finding.severity == "stop")
        super().__init__(f"{source}: {first.sentence}", remedy=first.remedy)
        self.findings = findings


@dataclass(frozen=True)
class Finding:
    """A "stop" forbids training, a "warning" may spoil the model."""

    severity: Literal["stop", "warning"]
    sentence: str
    remedy: str


SINCE_IGNORED = Finding(
    "warning",
    "The start date has no effect: the rows have no date and the query does not use :start_date.",
    "Use :start_date in the query, or let it give the date column.",
)


@dataclass(frozen=True)
class Labels:
    """`classes` are 0, 1, … per row; `offers` are the offer ids in the order of the classes, empty for churn."""

    classes: npt.NDArray[np.intp]
    offers: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """Number of classes."""
        return len(self.offers) or 2


def read_labels(history: History) -> Labels:
    """The labels as classes; raises `TrainingRefused` when they are not 0 and 1, or not offer ids from 1 on."""
    if not len(history):
        finding = Finding("stop", "There are no rows with a label.", "Load the history, or choose an earlier start.")
        raise TrainingRefused(history.source, (finding,))
    return _churn_labels(history) if history.model == "churn" else _offer_labels(history)


def check_history(history: History, labels: Labels, today: date, window_days: int) -> tuple[Finding, ...]:
    """All findings about a history; `window_days` is how long after its date a churn label is known."""
    return (
        *check_amount(np.bincount(labels.classes, minlength=labels.count), labels.offers),
        *_features(history, labels),
        *_duplicates(history),
        *_dates(history, today, window_days),
    )


def refuse_if_stopped(history: History, findings: tuple[Finding, ...]) -> None:
    """Raise `TrainingRefused` when any finding is a stop."""
    if any(finding.severity == "stop" for finding in findings):
        raise TrainingRefused(history.source, findings)


def _churn_labels(history: History) -> Labels:
    values = history.labels.cast(pa.string()) if not pa.types.is_floating(history.labels.type) else history.labels
    distinct = {value: _as_class(value) for value in values.unique().to_pylist()}
    if wrong := [value for value, number in distinct.items() if number is None]:
        sentence = f"The label must be 0 (stayed) or 1 (churned), but it is also {_some(wrong)}."
        finding = Finding("stop", sentence, "Correct the label, or set DWH_CHURN_TRAINING_QUERY to one that does.")
        raise TrainingRefused(history.source, (finding,))
    encoded = values.dictionary_encode()
    of_code = np.array([distinct[value] for value in encoded.dictionary.to_pylist()], dtype=np.intp)
    return Labels(of_code[encoded.indices.to_numpy(zero_copy_only=False)])


def _as_class(value: object) -> int | None:
    if isinstance(value, float):
        return int(value) if value in (0.0, 1.0) else None
    return _BOOLEAN_WORDS.get(str(value).strip().lower().removesuffix(".0"))


def _offer_labels(history: History) -> Labels:
    labels = history.labels.cast(pa.float64()) if pa.types.is_decimal(history.labels.type) else history.labels
    try:
        offers = labels.cast(pa.int64())
    except pa.ArrowInvalid:
        offers = pa.array([0])
    distinct, classes = np.unique(offers.to_numpy(zero_copy_only=False), return_inverse=True)
    if distinct[0] < 1:
        sentence = (
            f"Offer ids must be whole numbers from 1 on, but there are {_some(history.labels.unique().to_pylist())}."
        )
    elif len(distinct) > MOST_OFFERS:
        sentence = f"There are {len(distinct):,} different offers, more than {MOST_OFFERS}: is this the offer's id?"
    else:
        return Labels(classes, tuple(distinct.tolist()))
    finding = Finding("stop", sentence, "Correct the label, or set DWH_NBO_TRAINING_QUERY to one that does.")
    raise TrainingRefused(history.source, (finding,))


def check_amount(counts: npt.NDArray[Any], offers: tuple[int, ...]) -> Iterator[Finding]:
    """Whether there are enough rows; `counts` are those of each class, `offers` as in `Labels`."""
    rows = int(counts.sum())
    if rows < FEWEST_ROWS:
        yield Finding(
            "stop", f"There are {rows:,} rows, fewer than the {FEWEST_ROWS} without which training makes no sense.",
            f"Collect more history; {RECOMMENDED_ROWS:,} rows are recommended.",
        )  # fmt: skip
    elif rows < RECOMMENDED_ROWS:
        yield Finding(
            "warning", f"There are {rows:,} rows; {RECOMMENDED_ROWS:,} or more are recommended.",
            "Expect rough predictions, and train again when there is more.",
        )  # fmt: skip
    if counts.min() < FEWEST_OF_A_CLASS and rows >= FEWEST_ROWS:
        rarest = int(counts.argmin())
        what = f"offer {offers[rarest]} was taken" if offers else ("stayed", "churned")[rarest]
        yield Finding(
            "stop", f"Only {counts.min()} rows say that {what}; {FEWEST_OF_A_CLASS} are needed.",
            "Collect more history, or leave that offer out with a query of your own." if offers
            else "Collect more history, or choose an earlier start.",
        )  # fmt: skip
    if len(offers) == 1:
        yield Finding("stop", f"Offer {offers[0]} is the only one.", "There must be two offers to choose from.")


def blank_feature(name: str) -> Finding:
    return Finding("warning", f"The feature {name!r} is blank in every row.", "Map another column, or fill it.")


def constant_feature(name: str) -> Finding:
    sentence = f"The feature {name!r} has the same value in every row."
    return Finding("warning", sentence, "It adds nothing: map another one.")


def repeated_rows(repeated: int, rows: int) -> Finding:
    return Finding(
        "warning",
        f"{repeated:,} of {rows:,} rows are exact copies of another row.",
        "Look for a join that multiplies rows; copies count double in training.",
    )


def check_age(days: int, window_days: int) -> Iterator[Finding]:
    """Whether the newest rows are old enough to say who churned."""
    if days < window_days:
        yield Finding(
            "warning",
            f"The newest rows are {days} days old, but who churned is known only after {window_days} days.",
            "Leave out younger rows, or set ACTIVE_WITHIN_DAYS to the time after which a customer counts as churned.",
        )


def _features(history: History, labels: Labels) -> Iterator[Finding]:
    for name in history.features.column_names:
        column = as_arrow(history.features[name])
        filled = column.drop_null()
        if not len(filled):
            yield blank_feature(name)
        elif len(filled.unique()) == 1 and not column.null_count:
            yield constant_feature(name)
        elif (area := _separation(name, column, labels)) > GIVES_AWAY_AUC:
            yield Finding(
                "warning",
                f"The feature {name!r} alone nearly gives the label away (AUC {area:.3f}).",
                "Make sure that it was known before the label, and that the label was not computed from it.",
            )


def _separation(name: str, column: pa.Array, labels: Labels) -> float:
    """How well a feature alone tells two classes, or one offer from the rest: the best AUC over the classes."""
    if len(labels.classes) > _MOST_ROWS_RANKED:
        step = -(-len(labels.classes) // _MOST_ROWS_RANKED)
        column, labels = (
            column.take(pa.array(np.arange(0, len(column), step))),
            Labels(labels.classes[::step], labels.offers),
        )
    best = 0.5
    for wanted in range(labels.count) if labels.offers else (1,):
        positive = labels.classes == wanted
        area = area_under_curve(_ranked(name, column, positive), positive)
        best = max(best, area, 1 - area)
    return best


def _ranked(name: str, column: pa.Array, positive: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Numbers as they are, blanks lowest; texts as the share of `positive` in their category."""
    if kind_of(name, column.type) != "text":
        return np.nan_to_num(as_numbers(name, column), nan=-np.inf)
    encoded = column.cast(pa.string()).fill_null("").dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    total = np.bincount(codes)
    if len(total) > len(codes) / 10:
        return np.zeros(len(codes))  # names and ids: every category is its own answer
    return (np.bincount(codes, weights=positive) / total)[codes]


def _duplicates(history: History) -> Iterator[Finding]:
    columns = {name: as_arrow(history.features[name]) for name in history.features.column_names}
    identity = {"": history.customers, " ": history.dates}
    if history.customers is None:
        return
    table = pa.table({**columns, "  ": history.labels, **{k: v for k, v in identity.items() if v is not None}})
    repeated = len(table) - table.group_by(table.column_names).aggregate([]).num_rows
    if repeated:
        yield repeated_rows(repeated, len(table))


def _dates(history: History, today: date, window_days: int) -> Iterator[Finding]:
    if history.since_ignored:
        yield SINCE_IGNORED
    if history.dates is None or history.dates.null_count == len(history.dates):
        return
    if history.model == "churn":
        yield from check_age((today - max(history.dates.drop_null().unique().to_pylist())).days, window_days)
    if history.customers is not None and _features_frozen(history):
        yield Finding(
            "warning",
            "Customers have the same features at all their dates, so the features were not read at those dates.",
            "Take each row's features as they were before its label's time began; else the model learns the outcome.",
        )


def _features_frozen(history: History) -> bool:
    """Whether customers with several dates hardly ever have different features at them."""
    names = history.features.column_names
    features = [as_arrow(history.features[name]) for name in names]
    places = [f"f{place}" for place in range(len(names))]
    table = pa.table([*features, history.customers, history.dates], names=[*places, "customer", "day"])
    days = table.group_by("customer").aggregate([("day", "count_distinct")])
    states = table.group_by(["customer", *places]).aggregate([]).group_by("customer").aggregate([("customer", "count")])
    both = days.join(states, "customer").to_pydict()
    several = np.array(both["day_count_distinct"]) > 1
    return several.sum() >= _FEWEST_REPEATED and np.mean(np.array(both["customer_count"])[several] == 1) > _FROZEN_SHARE


def _some(values: list[object]) -> str:
    shown = ", ".join(repr(value) for value in values[:3])
    return f"{shown}, …" if len(values) > 3 else shown
