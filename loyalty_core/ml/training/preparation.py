"""Before a network is trained: the history is read, checked, split and encoded."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import StandardScaler

from loyalty_core.errors import DataError, LoyaltyError
from loyalty_core.ml.bundles import Scaler, read_scaler
from loyalty_core.ml.features import FeatureContract, fit_contract
from loyalty_core.ml.tasks import Finding, HistoryTooSmall, Labels, ModelTask, TrainingRefused, UpliftTask, task_named
from loyalty_core.ml.training.checks import check_history, refuse_if_stopped
from loyalty_core.ml.training.copies import describe_copies, find_copies
from loyalty_core.ml.training.progress import Progress
from loyalty_core.ml.training.reading import customer_numbers, read_columns
from loyalty_core.ml.training.splitting import Rows, Split, split_rows
from loyalty_core.ml.training.treatment import check_treatment, require_comparable
from loyalty_core.warehouse.history import History, HistoryMissing, read_history
from loyalty_core.warehouse.mapping import MappingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

    from loyalty_core.ml.evaluation import Column
    from loyalty_core.ml.training.options import TrainingOptions
    from loyalty_core.warehouse import Warehouse

FloatRows = npt.NDArray[np.float32]

# An optional model does not keep the others from being trained.
_REFUSALS_OF_OPTIONAL: tuple[type[LoyaltyError], ...] = (HistoryMissing, TrainingRefused, DataError, MappingError)


@dataclass(frozen=True)
class Prepared:
    """A model's history that passed the checks, with its features as `columns`, its labels and its split.

    `groups` numbers the customer of each row, together with the copies of that customer.
    """

    task: ModelTask
    history: History
    columns: tuple[Column, ...]
    labels: Labels
    groups: Rows
    split: Split
    findings: tuple[Finding, ...]

    def training_rows(self) -> pa.Table:
        """The features of the training rows; columns by feature name."""
        return self.history.features.take(self.split.train)


@dataclass(frozen=True, eq=False)
class InputEncoding:
    """The encoding of feature values for the network; `pickled` is the content of scaler.pkl."""

    contract: FeatureContract
    pickled: bytes
    scaler: Scaler


def prepare_all(
    warehouse: Warehouse,
    options: Mapping[str, TrainingOptions],
    on_progress: Callable[[Progress], None],
    histories: Mapping[str, History],
) -> tuple[dict[str, Prepared], dict[str, LoyaltyError]]:
    """The histories that can train a model, and why the others cannot; raises the first reason when none can.

    Those of `histories`, by model, are taken in place of the ones in the warehouse.
    """
    prepared: dict[str, Prepared] = {}
    left_out: dict[str, LoyaltyError] = {}
    for name, own in options.items():
        task = task_named(name)
        refusals = _REFUSALS_OF_OPTIONAL if task.is_optional else (HistoryMissing, HistoryTooSmall)
        try:
            prepared[name] = prepare(warehouse, task, own, on_progress, histories.get(name))
        except refusals as error:
            left_out[name] = error
    if not prepared:
        raise next(iter(left_out.values()))
    return prepared, left_out


def prepare(
    warehouse: Warehouse,
    task: ModelTask,
    options: TrainingOptions,
    on_progress: Callable[[Progress], None] = lambda _: None,
    history: History | None = None,
) -> Prepared:
    """Read, check and split one history; raises `TrainingRefused` when it cannot train a model."""
    settings = warehouse.settings
    history = history or read_history(
        warehouse,
        task.history,
        settings.ml_feature_mapping,
        since=options.since,
        until=options.until,
        most_rows=options.most_rows,
        channel=options.channel,
        on_rows=lambda rows: on_progress(Progress("reading", task.name, rows)),
    )
    labels = task.read_labels(history.labels, history.source)
    today = datetime.now(settings.zone).date()
    columns = read_columns(history.features)
    findings = check_history(task, history, columns, labels, today, settings)
    refuse_if_stopped(history, findings)
    if isinstance(task, UpliftTask):
        findings += _check_treatment(history, labels)
    copies = find_copies(columns, customer_numbers(history.customers, len(history)), labels.classes)
    findings += tuple(describe_copies(copies, has_customers=history.customers is not None))
    known = task.is_known(labels.classes)
    split = split_rows(labels.classes, history.dates, copies.groups, options.seed, is_known=known)
    return Prepared(task, history, columns, labels, copies.groups, split, findings)


def _check_treatment(history: History, labels: Labels) -> tuple[Finding, ...]:
    """Findings about who was contacted; raises `TrainingRefused` when the rows cannot tell what contacting changes."""
    contract = fit_contract([history.features])
    names = [feature.name for feature in contract.inputs for _ in range(feature.width)]
    encoded = contract.encode({name: history.features[name] for name in contract.names}).values
    findings = tuple(check_treatment(encoded, labels.classes >= 2, names))
    require_comparable(history.source, findings)
    return findings


def fit_encoding(prepared: list[Prepared]) -> InputEncoding:
    """Fit contract and scaler on the training rows of all histories together."""
    tables = [one.training_rows() for one in prepared]
    contract = fit_contract(tables)
    encoded = [contract.encode({name: table[name] for name in contract.names}).values for table in tables]
    pickled = pickle.dumps(StandardScaler().fit(np.concatenate(encoded).astype(np.float64)), protocol=4)
    return InputEncoding(contract, pickled, read_scaler(pickled))


def encode_history(encoding: InputEncoding, history: History) -> FloatRows:
    """All rows of a history, encoded and unscaled; shape (rows, width)."""
    return encoding.contract.encode({name: history.features[name] for name in encoding.contract.names}).values
