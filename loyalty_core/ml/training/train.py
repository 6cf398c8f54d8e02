"""Training from the warehouse's history to the parts of a bundle: read, check, split, fit, prove, evaluate.

Nothing is written: the caller hands the result to `bundle_store.write_bundle`. So a training may be stopped at
any moment, by Ctrl-C or by an error raised from `on_progress`.
"""

from __future__ import annotations

import pickle
import platform
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import StandardScaler

from loyalty_core.errors import LoyaltyError, ViewUnusable
from loyalty_core.ml.bundles import Bundle, BundleParts, ModelNotFound, ModelPart, Scaler, load_bundle, read_scaler
from loyalty_core.ml.evaluation.baselines import fit_baselines
from loyalty_core.ml.features import FeatureContract, fit_contract, make_reference, require_input_size
from loyalty_core.ml.tasks import EvaluationRows, Finding, HistoryTooSmall, Labels, ModelTask, task_named
from loyalty_core.ml.training.checks import check_history, refuse_if_stopped
from loyalty_core.ml.training.network import Epoch, Rows, TrainedNetwork, prove_parity, train_network
from loyalty_core.ml.training.splitting import Split, customer_numbers, split_rows
from loyalty_core.warehouse.history import History, HistoryMissing, read_history
from loyalty_core.warehouse.source import name_data

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import pyarrow as pa

    from loyalty_core.ml.training.options import TrainingOptions
    from loyalty_core.settings import Settings
    from loyalty_core.warehouse import Warehouse

FloatRows = npt.NDArray[np.float32]

_GOLDEN_ROWS = 16
_BACKGROUND_ROWS = 64
_LIBRARIES = ("tensorflow", "keras", "ai-edge-litert", "scikit-learn", "numpy", "pyarrow")


@dataclass(frozen=True)
class Progress:
    """Where a training is; `seconds_left` is for the epochs still allowed, early stopping may end them sooner."""

    stage: Literal["reading", "training", "evaluating"]
    model: str
    rows: int = 0
    epoch: int = 0
    epochs: int = 0
    training_loss: float | None = None
    validation_loss: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class TrainedBundle:
    """`carried` models were taken over from the active bundle; `findings` are by model.

    `left_out` says by model why it was neither trained nor refused: there is no history for it yet.
    """

    parts: BundleParts
    findings: Mapping[str, tuple[Finding, ...]]
    carried: tuple[str, ...] = ()
    left_out: Mapping[str, LoyaltyError] = field(default_factory=dict)

    @property
    def worse_than_baseline(self) -> dict[str, str]:
        """Newly trained models that a simple baseline beats, with the baseline's name."""
        worse: dict[str, str | None] = {name: self.parts.models[name].metrics["worse_than"] for name in self.findings}
        return {name: baseline for name, baseline in worse.items() if baseline}


@dataclass(frozen=True)
class Prepared:
    """The history of a model that may train it, with its labels and split."""

    task: ModelTask
    history: History
    labels: Labels
    split: Split
    findings: tuple[Finding, ...]

    def training_rows(self) -> pa.Table:
        """The features of the rows that train; columns by feature name."""
        return self.history.features.take(self.split.train)


@dataclass(frozen=True, eq=False)
class InputCoding:
    """From feature values to what the network takes; `pickled` is the scaler's file."""

    contract: FeatureContract
    pickled: bytes
    scaler: Scaler


def train(
    warehouse: Warehouse,
    options: Mapping[str, TrainingOptions],
    on_progress: Callable[[Progress], None] = lambda _: None,
    trained_by: str = "",
) -> TrainedBundle:
    """Train the models that have options and a history; the others are carried over from the active bundle.

    Of several models, one without a history, or with too little of it, is left out. Beside carried models, the new
    ones keep the active bundle's features and scaler, which those need. Raises `FeatureCountMismatch`, `MappingError`,
    `TrainingRefused`, `SettingsError` or what the warehouse raises.
    """
    settings = warehouse.settings
    require_input_size(settings)
    data_name, own_data = name_data(warehouse), _own_data(warehouse)
    prepared, left_out = _prepare_all(warehouse, options, on_progress)
    active = _bundle_to_keep(settings, prepared.keys())
    if active and (active.trained_on != data_name or active.manifest.get("data") not in {None, own_data}):
        active = None  # what was learned from other data is not carried over
    coding = _coding_of(active) if active else fit_coding(list(prepared.values()))
    encoded: dict[str, FloatRows] = {name: encode_history(coding, one.history) for name, one in prepared.items()}
    models: dict[str, ModelPart] = {
        name: train_model(coding, encoded[name], one, options[name], on_progress) for name, one in prepared.items()
    }
    carried = tuple(name for name in active.models if name not in models) if active else ()
    seen = {name: one.training_rows() for name, one in prepared.items()}
    parts = BundleParts(
        contract=coding.contract,
        scaler=coding.pickled,
        models=models | ({name: active.part(name) for name in carried} if active else {}),
        background=_background([encoded[name][one.split.train] for name, one in prepared.items()]),
        feature_mapping=dict(settings.ml_feature_mapping),
        trained_by=trained_by,
        trained_on=data_name,
        data=own_data,
        libraries={"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
        reference=make_reference(warehouse, coding.contract, seen, active.manifest if active else {}).to_json(),
    )
    findings: dict[str, tuple[Finding, ...]] = {name: one.findings for name, one in prepared.items()}
    return TrainedBundle(parts, findings, carried, left_out)


def prepare(
    warehouse: Warehouse,
    task: ModelTask,
    options: TrainingOptions,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Prepared:
    """Read, check and split one history; raises `TrainingRefused` when it cannot train a model."""
    settings = warehouse.settings
    history = read_history(
        warehouse,
        task.history,
        settings.ml_feature_mapping,
        since=options.since,
        most_rows=options.most_rows,
        on_rows=lambda rows: on_progress(Progress("reading", task.name, rows)),
    )
    labels = task.read_labels(history.labels, history.source)
    today = datetime.now(settings.zone).date()
    findings = check_history(task, history, labels, today, settings)
    refuse_if_stopped(history, findings)
    split = split_rows(labels.classes, history.dates, history.customers, options.seed)
    return Prepared(task, history, labels, split, findings)


def fit_coding(prepared: list[Prepared]) -> InputCoding:
    """Contract and scaler from the training rows of all histories together."""
    tables = [one.training_rows() for one in prepared]
    contract = fit_contract(tables)
    encoded = [contract.encode({name: table[name] for name in contract.names}).values for table in tables]
    pickled = pickle.dumps(StandardScaler().fit(np.concatenate(encoded).astype(np.float64)), protocol=4)
    return InputCoding(contract, pickled, read_scaler(pickled))


def train_model(
    coding: InputCoding,
    encoded: FloatRows,
    prepared: Prepared,
    options: TrainingOptions,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> ModelPart:
    """Fit one model on its training rows, prove its TFLite file and evaluate it on its test rows.

    `encoded` (rows, width) are all rows of the history, unscaled. Raises `ConversionFailed`.
    """
    model, labels, split = prepared.task.name, prepared.labels, prepared.split
    scaled = coding.scaler.transform(encoded)
    network = train_network(
        Rows(scaled[split.train], labels.classes[split.train]),
        Rows(scaled[split.validation], labels.classes[split.validation]),
        labels.count,
        options,
        _epoch_reporter(model, len(encoded), on_progress),
    )
    best = network.validation_loss
    on_progress(Progress("evaluating", model, len(encoded), network.epochs, network.epochs, validation_loss=best))
    metrics = _evaluate(coding.contract, scaled, prepared, network, options.seed)
    metrics["parity"] = {"rows": len(split.test), "largest_difference": prove_parity(network, scaled[split.test])}
    golden = split.test[np.linspace(0, len(split.test) - 1, min(_GOLDEN_ROWS, len(split.test))).astype(int)]
    return ModelPart(
        tflite=network.tflite,
        golden_inputs=encoded[golden],
        golden_outputs=network.predict(scaled[golden]),
        trained_at=datetime.now(UTC),
        metrics=metrics,
        rows=_row_counts(labels, split),
        window=_window(prepared, options),
        options=_chosen_options(options, network, len(split.train)),
        offers=labels.offers,
    )


def _prepare_all(
    warehouse: Warehouse, options: Mapping[str, TrainingOptions], on_progress: Callable[[Progress], None]
) -> tuple[dict[str, Prepared], dict[str, LoyaltyError]]:
    """The models that can be trained, and why the others cannot; raises the first reason when none can."""
    prepared: dict[str, Prepared] = {}
    left_out: dict[str, LoyaltyError] = {}
    for name, own in options.items():
        try:
            prepared[name] = prepare(warehouse, task_named(name), own, on_progress)
        except (HistoryMissing, HistoryTooSmall) as error:
            left_out[name] = error
    if not prepared:
        raise next(iter(left_out.values()))
    return prepared, left_out


def _own_data(warehouse: Warehouse) -> str | None:
    """The identity of the warehouse's data; None without a features view, which a training does not need."""
    try:
        return warehouse.identity.warehouse
    except ViewUnusable:
        return None


def _bundle_to_keep(settings: Settings, trained: Collection[str]) -> Bundle | None:
    """The active bundle when one of its models is not trained now; raises when it has other features."""
    try:
        active = load_bundle(settings.models_dir)
    except ModelNotFound:
        return None
    others = [name for name in active.models if name not in trained]
    if not others:
        return None
    if set(active.contract.names) != set(settings.ml_feature_mapping):
        raise LoyaltyError(
            f"The active {others[0]} model was trained on other features than ML_FEATURE_MAPPING has now.",
            "Both models of a version share their features.",
            "Train both: python train_models_from_dwh.py --model all",
        )
    return active


def _coding_of(bundle: Bundle) -> InputCoding:
    return InputCoding(bundle.contract, bundle.scaler_content, bundle.scaler)


def encode_history(coding: InputCoding, history: History) -> FloatRows:
    """The features of all rows as the contract has them, unscaled; shape (rows, width)."""
    return coding.contract.encode({name: history.features[name] for name in coding.contract.names}).values


def _epoch_reporter(model: str, rows: int, on_progress: Callable[[Progress], None]) -> Callable[[Epoch], None]:
    started = time.monotonic()

    def report(epoch: Epoch) -> None:
        left = (time.monotonic() - started) / epoch.number * (epoch.epochs - epoch.number)
        losses = epoch.training_loss, epoch.validation_loss
        on_progress(Progress("training", model, rows, epoch.number, epoch.epochs, *losses, left))

    return report


def _evaluate(
    contract: FeatureContract,
    scaled: FloatRows,
    prepared: Prepared,
    network: TrainedNetwork,
    seed: int,
) -> dict[str, Any]:
    """The baselines get the validation rows too, since the network chose its epoch and calibration by them."""
    labels, split = prepared.labels, prepared.split
    seen = np.concatenate([split.train, split.validation])
    inputs, asked = scaled[seen], scaled[split.test]
    classes, truth = labels.classes[seen], labels.classes[split.test]
    baselines = fit_baselines(inputs, classes, asked, labels.count, seed)
    answers = network.predict(asked).astype(np.float64)
    customers = customer_numbers(prepared.history.customers, len(labels.classes))[split.test]
    names = [feature.name for feature in contract.inputs for _ in range(feature.width)]
    rows = EvaluationRows(inputs, classes, asked, truth, answers, baselines, names, customers, labels.offers)
    return prepared.task.evaluate(rows)


def _row_counts(labels: Labels, split: Split) -> dict[str, Any]:
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    names = labels.offers or (0, 1)
    of_class = np.bincount(labels.classes, minlength=labels.count).tolist()
    return {
        "total": len(labels.classes),
        **{name: len(rows) for name, rows in parts.items()},
        "classes": {str(name): count for name, count in zip(names, of_class, strict=True)},
    }


def _window(prepared: Prepared, options: TrainingOptions) -> dict[str, Any]:
    history, split = prepared.history, prepared.split
    days = history.dates.drop_null().unique().to_pylist() if history.dates is not None else []
    dates = {
        "since": options.since,
        "first": min(days, default=None),
        "last": max(days, default=None),
        "validation_from": split.validation_from,
        "test_from": split.test_from,
    }
    return {
        "source": history.source,
        "split": split.method,
        **{name: day.isoformat() if day else None for name, day in dates.items()},
    }


def _chosen_options(options: TrainingOptions, network: TrainedNetwork, rows: int) -> dict[str, Any]:
    chosen = replace(options, **options.size_for(rows)._asdict()).to_json()
    weights = list(network.class_weights) if network.class_weights else None
    calibration = {"scale": network.calibration.scale, "offset": network.calibration.offset.tolist()}
    return chosen | {"epochs_trained": network.epochs, "weights_used": weights, "calibration": calibration}


def _background(training_rows: list[FloatRows]) -> FloatRows:
    rows = np.concatenate(training_rows)
    chosen = np.random.default_rng(0).choice(len(rows), min(_BACKGROUND_ROWS, len(rows)), replace=False)
    return rows[np.sort(chosen)]
