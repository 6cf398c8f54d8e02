"""Training, from the warehouse's history to the parts of a bundle: read, check, split, fit, convert, evaluate.

Nothing is written here: the caller passes the result to `ml.bundles.write_bundle`. So a training may be stopped at any
time, by Ctrl-C or by an exception from `on_progress`.
"""

from __future__ import annotations

import platform
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from loyalty_core.errors import LoyaltyError, ViewUnusable
from loyalty_core.ml.bundles import Bundle, BundleParts, ModelNotFound, ModelPart, load_bundle
from loyalty_core.ml.evaluation.baselines import fit_baselines
from loyalty_core.ml.features import make_reference, require_input_size
from loyalty_core.ml.tasks import ChurnTimingTask, EvaluationRows, Finding, Labels, UpliftTask
from loyalty_core.ml.training.checks import check_outcome
from loyalty_core.ml.training.conversion import check_parity
from loyalty_core.ml.training.fitting import Epoch, Rows
from loyalty_core.ml.training.hazards import HazardNetwork, train_hazards
from loyalty_core.ml.training.network import TrainedNetwork, train_network
from loyalty_core.ml.training.preparation import InputEncoding, Prepared, encode_history, fit_encoding, prepare_all
from loyalty_core.ml.training.progress import Progress
from loyalty_core.ml.training.trained_bundle import TrainedBundle, remove_useless
from loyalty_core.ml.training.uplift import UpliftNetwork, train_uplift, uplift_baselines
from loyalty_core.warehouse.source import name_data

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from loyalty_core.ml.training.options import TrainingOptions
    from loyalty_core.ml.training.splitting import Split
    from loyalty_core.settings import Settings
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.history import History

FloatRows = npt.NDArray[np.float32]

_GOLDEN_ROWS = 16
_BACKGROUND_ROWS = 64
AnyNetwork = TrainedNetwork | UpliftNetwork | HazardNetwork

_LIBRARIES = ("tensorflow", "keras", "ai-edge-litert", "scikit-learn", "numpy", "pyarrow")


def train(
    warehouse: Warehouse,
    options: Mapping[str, TrainingOptions],
    on_progress: Callable[[Progress], None] = lambda _: None,
    trained_by: str = "",
    histories: Mapping[str, History] = MappingProxyType({}),
) -> TrainedBundle:
    """Train the models that have options; others are carried over from the active bundle.

    `histories` are taken, by model, in place of those in the warehouse.

    When several models are trained, those without enough history are left out. If models are carried over, the new ones
    use the same features and scaler. Raises `FeatureCountMismatch`, `MappingError`, `TrainingRefused`, `SettingsError`,
    and what the warehouse raises.
    """
    settings = warehouse.settings
    require_input_size(settings)
    data_name, data = name_data(warehouse), _data_identity(warehouse)
    prepared, left_out = prepare_all(warehouse, options, on_progress, histories)
    active = _bundle_to_carry_over(settings, prepared.keys())
    if active and (active.trained_on != data_name or active.manifest.get("data") not in {None, data}):
        active = None  # a model of other data is not carried over
    encoding = _encoding_of(active) if active else fit_encoding(list(prepared.values()))
    encoded: dict[str, FloatRows] = {name: encode_history(encoding, one.history) for name, one in prepared.items()}
    models: dict[str, ModelPart] = {
        name: train_model(encoding, encoded[name], one, options[name], on_progress) for name, one in prepared.items()
    }
    left_out |= remove_useless(models)
    prepared = {name: one for name, one in prepared.items() if name in models}
    carried = tuple(name for name in active.models if name not in models) if active else ()
    tables = {name: one.training_rows() for name, one in prepared.items()}
    parts = BundleParts(
        contract=encoding.contract,
        scaler=encoding.pickled,
        models=models | ({name: active.part(name) for name in carried} if active else {}),
        background=_background([encoded[name][one.split.train] for name, one in prepared.items()]),
        feature_mapping=dict(settings.ml_feature_mapping),
        trained_by=trained_by,
        trained_on=data_name,
        data=data,
        libraries={"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
        reference=make_reference(warehouse, encoding.contract, tables, active.manifest if active else {}).to_json(),
        left_out={name: str(error) for name, error in left_out.items() if name not in carried},
    )
    findings = {name: tuple(Finding(**one) for one in models[name].findings) for name in prepared}
    return TrainedBundle(parts, findings, carried, left_out)


def train_model(
    encoding: InputEncoding,
    encoded: FloatRows,
    prepared: Prepared,
    options: TrainingOptions,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> ModelPart:
    """Fit one model on its training rows, check its TFLite file and evaluate it on its test rows.

    `encoded` (rows, width) are all rows of the history, unscaled. Raises `ConversionFailed`.
    """
    model, labels, split = prepared.task.name, prepared.labels, prepared.split
    scaled = encoding.scaler.transform(encoded)
    train_rows, validation_rows = (Rows(scaled[part], labels.classes[part]) for part in (split.train, split.validation))
    report = _epoch_reporter(model, len(encoded), on_progress)
    inputs = encoding.contract.inputs
    features = np.repeat(np.arange(len(inputs)), [one.width for one in inputs])
    if isinstance(prepared.task, UpliftTask):
        network = train_uplift(train_rows, validation_rows, options, report, features=features)
    elif isinstance(prepared.task, ChurnTimingTask):
        network = train_hazards(train_rows, validation_rows, options, report, features=features)
    else:
        network = train_network(
            train_rows, validation_rows, prepared.task.outputs(labels.offers), options, report, features=features
        )
    best = network.validation_loss
    on_progress(Progress("evaluating", model, len(encoded), network.epochs, network.epochs, validation_loss=best))
    metrics = _evaluate(scaled, prepared, network, options.seed)
    metrics["parity"] = {"rows": len(split.test), "largest_difference": check_parity(network, scaled[split.test])}
    golden = split.test[np.linspace(0, len(split.test) - 1, min(_GOLDEN_ROWS, len(split.test))).astype(int)]
    return ModelPart(
        tflite=network.tflite,
        golden_inputs=encoded[golden],
        golden_outputs=network.predict(scaled[golden]),
        trained_at=datetime.now(UTC),
        metrics=metrics,
        rows=_row_counts(labels, split),
        window=_window(prepared, options),
        options=_used_options(options, network, scaled[split.train]),
        offers=labels.offers,
        findings=[asdict(one) for one in (*prepared.findings, *check_outcome(metrics, prepared.findings))],
    )


def _data_identity(warehouse: Warehouse) -> str | None:
    """The identity of the warehouse's data; None without a features view, which training does not need."""
    try:
        return warehouse.identity.warehouse
    except ViewUnusable:
        return None


def _bundle_to_carry_over(settings: Settings, trained: Collection[str]) -> Bundle | None:
    """The active bundle, if it has models that are not trained now; raises when its features differ."""
    try:
        active = load_bundle(settings.models_dir)
    except ModelNotFound:
        return None
    others = [name for name in active.models if name not in trained]
    if not others:
        return None
    if set(active.contract.names) != set(settings.ml_feature_mapping):
        raise LoyaltyError(
            f"The active {others[0]} model was trained on features other than those in ML_FEATURE_MAPPING.",
            "All models of a version share their features.",
            "Train all models: loyalty train --model all",
        )
    return active


def _encoding_of(bundle: Bundle) -> InputEncoding:
    return InputEncoding(bundle.contract, bundle.scaler_content, bundle.scaler)


def _epoch_reporter(model: str, rows: int, on_progress: Callable[[Progress], None]) -> Callable[[Epoch], None]:
    # Not from the start: what comes before the first epoch, and its compilation, would be taken for each of the others.
    first: tuple[int, float] | None = None

    def report(epoch: Epoch) -> None:
        nonlocal first
        now, left = time.monotonic(), None
        if first is None:
            first = epoch.number, now
        elif epoch.number > first[0]:
            left = (now - first[1]) / (epoch.number - first[0]) * (epoch.epochs - epoch.number)
        losses = epoch.training_loss, epoch.validation_loss
        on_progress(Progress("training", model, rows, epoch.number, epoch.epochs, *losses, left))

    return report


def _evaluate(scaled: FloatRows, prepared: Prepared, network: AnyNetwork, seed: int) -> dict[str, Any]:
    """Baselines are fitted on validation rows too, since the network uses those for early stopping and calibration."""
    labels, split = prepared.labels, prepared.split
    fitted = np.concatenate([split.train, split.validation])
    fitted = fitted[prepared.task.is_known(labels.classes[fitted])]
    count = int(prepared.task.is_known(np.arange(labels.count)).sum())
    inputs, classes, test_inputs = scaled[fitted], labels.classes[fitted], scaled[split.test]
    baselines = (
        uplift_baselines(Rows(inputs, classes), test_inputs, seed)
        if isinstance(prepared.task, UpliftTask)
        else fit_baselines(inputs, classes, test_inputs, count, seed)
    )
    return prepared.task.evaluate(
        EvaluationRows(
            fit_columns=[column.take(fitted) for column in prepared.columns],
            fit_classes=classes,
            columns=[column.take(split.test) for column in prepared.columns],
            classes=labels.classes[split.test],
            probabilities=network.predict(test_inputs).astype(np.float64),
            baselines=baselines,
            customers=prepared.groups[split.test],
            offers=labels.offers,
            doubt=_doubt(prepared.findings),
        )
    )


def _doubt(findings: Sequence[Finding]) -> str:
    leaks = [finding.feature for finding in findings if finding.severity == "confirm"]
    if not leaks:
        return ""
    return f"{' and '.join(map(repr, leaks))} {'seems' if len(leaks) == 1 else 'seem'} to give away the label"


def _row_counts(labels: Labels, split: Split) -> dict[str, Any]:
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    counts = {name: _class_counts(labels, rows) for name, rows in parts.items()}
    return {
        "total": len(labels.classes),
        **{name: len(rows) for name, rows in parts.items()},
        "left_out": len(labels.classes) - sum(len(rows) for rows in parts.values()),
        "classes": _class_counts(labels, np.arange(len(labels.classes))),
        "classes_by_part": counts,
    }


def _class_counts(labels: Labels, rows: npt.NDArray[np.intp]) -> dict[str, int]:
    """Rows by label, named as `Labels.names` does."""
    counts = np.bincount(labels.classes[rows], minlength=labels.count).tolist()
    return {str(name): count for name, count in zip(labels.names, counts, strict=True)}


def _window(prepared: Prepared, options: TrainingOptions) -> dict[str, Any]:
    history, split = prepared.history, prepared.split
    days = history.dates.drop_null().unique().to_pylist() if history.dates is not None else []
    dates = {
        "since": options.since,
        "until": options.until,
        "first": min(days, default=None),
        "last": max(days, default=None),
        "validation_from": split.validation_from,
        "test_from": split.test_from,
    }
    return {
        "source": history.source,
        **({"channels": dict(history.channels)} if history.channels else {}),
        "split": split.method,
        **{name: day.isoformat() if day else None for name, day in dates.items()},
    }


def _used_options(options: TrainingOptions, network: AnyNetwork, inputs: FloatRows) -> dict[str, Any]:
    rows, width = inputs.shape
    size = options.size_for(rows, network.learned.get("inputs_used") or width)
    return replace(options, **size._asdict()).to_json() | network.learned


def _background(training_rows: list[FloatRows]) -> FloatRows:
    rows = np.concatenate(training_rows)
    chosen = np.random.default_rng(0).choice(len(rows), min(_BACKGROUND_ROWS, len(rows)), replace=False)
    return rows[np.sort(chosen)]
