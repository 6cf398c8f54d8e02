"""What is measured for one data set and event: each way's probabilities for customers held out and later in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.horizons.events import Times, times_to
from benchmarks.quality.data_set import DataSet
from loyalty_core.ml.evaluation.baselines import LIGHTGBM, fit_baselines
from loyalty_core.ml.evaluation.bootstrap import Bootstrap
from loyalty_core.ml.evaluation.metrics import binary_metrics
from loyalty_core.ml.training.fitting import Rows
from loyalty_core.ml.training.hazards import train_hazards
from loyalty_core.ml.training.network import train_network
from loyalty_core.ml.training.preparation import encode_history, fit_encoding
from loyalty_core.warehouse.history import HORIZON_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.horizons.events import Event
    from benchmarks.horizons.snapshots import Snapshots
    from loyalty_core.ml.training import TrainingOptions

SEPARATE, HAZARD, MONTHS_AS_CLASSES, KAPLAN_MEIER = (
    "three networks", "hazard per month", "months as classes", "Kaplan-Meier"
)  # fmt: skip
METRICS = ("auc", "log_loss", "brier", "calibration_error")
_LEARNED_ROWS = 8_000
_TRAIN, _VALIDATION = 0.45, 0.15

Probabilities = npt.NDArray[np.float64]


class _Part(NamedTuple):
    """Scaled inputs, and the times to the event of the same rows, as they were known when the models learned."""

    inputs: npt.NDArray[np.float32]
    times: Times

    def within(self, horizon: int) -> Rows:
        """The rows that are followed for so many days, with whether the event happened by then."""
        known = self.times.followed >= horizon
        return Rows(self.inputs[known], (self.times.event[known] <= horizon).astype(np.intp))

    def months(self) -> Rows:
        """All rows, with the classes of `ChurnTimingTask`."""
        month = np.searchsorted(HORIZON_DAYS, self.times.event)
        followed = np.searchsorted(HORIZON_DAYS, self.times.followed, side="right")
        first = np.array([7, 4, 0])[followed - 1]
        return Rows(self.inputs, first + np.minimum(month, followed))

    def classes(self) -> Rows:
        """The rows that are followed for all months, with the month or the number after the last."""
        rows = self.months()
        known = rows.classes <= len(HORIZON_DAYS)
        return Rows(rows.inputs[known], rows.classes[known])


class _Task(NamedTuple):
    train: _Part
    validation: _Part
    asked: npt.NDArray[np.float32]
    features: npt.NDArray[np.intp]


def measure(data: Snapshots, event: Event, options: TrainingOptions) -> dict[str, Any]:
    """Metrics of each way and horizon with intervals, and paired differences to the three networks, as JSON."""
    learned, tested = _times(data, event, data.learned_until), _times(data, event, data.end)
    part = np.random.default_rng(0).random(len(data.purchases))[data.customer]
    usable = (data.day < data.learned_until) & learned.is_at_risk & (learned.followed >= HORIZON_DAYS[0])
    asked = (data.day >= data.learned_until) & tested.is_at_risk & (tested.followed >= HORIZON_DAYS[-1])
    known = part < _TRAIN + _VALIDATION
    train = _thinned(np.flatnonzero(usable & (part < _TRAIN)), _LEARNED_ROWS)
    validation = _thinned(np.flatnonzero(usable & (part >= _TRAIN) & known), _LEARNED_ROWS // 3)
    test = np.flatnonzero(asked & ~known)
    task = _task(data, learned, (train, validation, test))
    ways: dict[str, Callable[[], Probabilities]] = {
        SEPARATE: lambda: _separate(task, options),
        HAZARD: lambda: _hazard(task, options),
        MONTHS_AS_CLASSES: lambda: _months_as_classes(task, options),
        LIGHTGBM: lambda: _lightgbm(task),
        KAPLAN_MEIER: lambda: _kaplan_meier(task),
    }
    answers, seconds = {}, {}
    for name, way in ways.items():
        started = time.process_time()
        answers[name] = way()
        seconds[name] = time.process_time() - started
    happened = np.stack([tested.event[test] <= horizon for horizon in HORIZON_DAYS], axis=1).astype(np.intp)
    return {
        "set": data.name,
        "about": data.about,
        "event": event,
        "teacher": options.teacher,
        "rows": {
            "train": len(train),
            "train_complete": len(task.train.classes().classes),
            "validation": len(validation),
            "test": len(test),
            "rates": happened.mean(axis=0).tolist(),
        },
        "seconds": seconds,
        "crossing": {name: float((np.diff(found, axis=1) < 0).any(axis=1).mean()) for name, found in answers.items()},
        "horizons": [
            _compared(happened[:, k], {name: found[:, k] for name, found in answers.items()}, data.customer[test])
            for k in range(len(HORIZON_DAYS))
        ],
    }


def _task(data: Snapshots, learned: Times, split: tuple[npt.NDArray[np.intp], ...]) -> _Task:
    train, validation, test = split
    happened = (learned.event <= HORIZON_DAYS[-1]).astype(np.intp)
    prepared = DataSet(data.name, data.about, data.features, happened, data.customer).prepared(
        (train, validation, test)
    )
    encoding = fit_encoding([prepared])
    scaled = encoding.scaler.transform(encode_history(encoding, prepared.history))
    inputs = encoding.contract.inputs
    parts = [_Part(scaled[rows], Times(*(column[rows] for column in learned))) for rows in (train, validation)]
    features = np.repeat(np.arange(len(inputs)), [one.width for one in inputs])
    return _Task(parts[0], parts[1], scaled[test], features)


def _compared(
    classes: npt.NDArray[np.intp], answers: dict[str, Probabilities], customers: npt.NDArray[np.intp]
) -> dict[str, Any]:
    bootstrap = Bootstrap(binary_metrics, classes, answers, customers)
    found: dict[str, Any] = {}
    for name in answers:
        figures, beside = bootstrap.with_intervals(name), bootstrap.differences(name, SEPARATE)
        found[name] = {key: [figures[key], *figures["intervals"][key]] for key in METRICS}
        found[name]["beside"] = {key: [beside[key].value, beside[key].low, beside[key].high] for key in METRICS}
    return found


def _times(data: Snapshots, event: Event, end: float) -> Times:
    """The times of all rows as they are known at `end`; rows of that day or later are not followed."""
    found = Times(np.full(len(data.day), np.inf), np.full(len(data.day), -np.inf), np.zeros(len(data.day), dtype=bool))
    for day in np.unique(data.day[data.day < end]):
        rows = np.flatnonzero(data.day == day)
        times = times_to(event, [data.purchases[customer] for customer in data.customer[rows]], day, end)
        for column, values in zip(found, times, strict=True):
            column[rows] = values
    return found


def _thinned(rows: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    return rows if len(rows) <= most else np.sort(np.random.default_rng(1).choice(rows, most, replace=False))


def _separate(task: _Task, options: TrainingOptions) -> Probabilities:
    columns = []
    for horizon in HORIZON_DAYS:
        rows = task.train.within(horizon), task.validation.within(horizon)
        network = train_network(*rows, 1, options, features=task.features)
        columns.append(network.predict(task.asked)[:, 0].astype(np.float64))
    return np.stack(columns, axis=1)


def _hazard(task: _Task, options: TrainingOptions) -> Probabilities:
    network = train_hazards(task.train.months(), task.validation.months(), options, features=task.features)
    return network.predict(task.asked).astype(np.float64)


def _months_as_classes(task: _Task, options: TrainingOptions) -> Probabilities:
    """One network that chooses between the months and later, of rows that are followed for all months."""
    rows, count = (task.train.classes(), task.validation.classes()), len(HORIZON_DAYS)
    network = train_network(*rows, count + 1, options, features=task.features)
    return np.cumsum(network.predict(task.asked).astype(np.float64), axis=1)[:, :count]


def _lightgbm(task: _Task) -> Probabilities:
    columns = []
    for horizon in HORIZON_DAYS:
        rows = task.train.within(horizon).with_(task.validation.within(horizon))
        columns.append(fit_baselines(*rows, task.asked, 2, seed=7)[LIGHTGBM][:, 1])
    return np.stack(columns, axis=1)


def _kaplan_meier(task: _Task) -> Probabilities:
    """The product-limit estimator by month: the same for every customer."""
    event, followed, _ = (np.concatenate(both) for both in zip(task.train.times, task.validation.times, strict=True))
    stays, start = [1.0], -np.inf
    for end in HORIZON_DAYS:
        at_risk = (event > start) & (followed >= end)
        stays.append(stays[-1] * (1 - (event[at_risk] <= end).mean()))
        start = end
    return np.tile(1 - np.array(stays[1:]), (len(task.asked), 1))
