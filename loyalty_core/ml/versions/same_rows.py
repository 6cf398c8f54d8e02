"""Two model versions on the same rows: the newest of the history, which a fair comparison needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from loyalty_core.ml.evaluation import Bootstrap
from loyalty_core.ml.tasks import TASKS
from loyalty_core.ml.training import TrainingOptions
from loyalty_core.ml.training.copies import find_copies
from loyalty_core.ml.training.reading import customer_numbers, read_columns
from loyalty_core.ml.training.splitting import Split, split_rows
from loyalty_core.ml.versions.comparison import SameRows, Side
from loyalty_core.warehouse.history import History, read_history

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.ml.tasks import Labels, ModelTask
    from loyalty_core.warehouse import Warehouse

    Floats = npt.NDArray[np.float64]

VERSION, AGAINST = "version", "against"


def shared_models(version: Bundle, against: Bundle) -> tuple[str, ...]:
    """The models that both versions have."""
    return tuple(name for name in TASKS if version.has(name) and against.has(name))


def compare_on_same_rows(
    warehouse: Warehouse,
    task: ModelTask,
    version: Bundle,
    against: Bundle,
    on_rows: Callable[[int], None] = lambda _: None,
) -> SameRows:
    """Measure one model of both on the rows that a training like that of `version` would test on today.

    Raises `MappingError`, `TrainingRefused` for labels that cannot be read, and what `read_history` raises.
    """
    options, mapping = _options_of(version, task.name), warehouse.settings.ml_feature_mapping
    history = read_history(
        warehouse,
        task.history,
        mapping,
        since=options.since,
        until=options.until,
        most_rows=options.most_rows,
        on_rows=on_rows,
    )
    labels = task.read_labels(history.labels, history.source)
    customers = customer_numbers(history.customers, len(history))
    groups = find_copies(read_columns(history.features), customers, labels.classes).groups
    known = task.is_known(labels.classes)
    split = split_rows(labels.classes, history.dates, groups, options.seed, all_newest=True, is_known=known)
    offers = _all_offers(task.name, labels, version, against)
    truth = labels.classes[split.test]
    if labels.offers:
        truth = np.array([offers.index(offer) for offer in labels.offers])[truth]
    answers = {
        VERSION: _answers(task.name, version, history, split, offers),
        AGAINST: _answers(task.name, against, history, split, offers),
    }
    bootstrap = Bootstrap(task.measure, truth, answers, groups[split.test])
    days = history.dates.take(split.test).drop_null().unique().to_pylist() if history.dates is not None else []
    sides: Mapping[Side, Bundle] = {VERSION: version, AGAINST: against}
    return SameRows(
        rows=len(split.test),
        first=min(days, default=None),
        last=max(days, default=None),
        version=bootstrap.with_intervals(VERSION) | task.chart_data(truth, answers[VERSION], offers),
        against=bootstrap.with_intervals(AGAINST) | task.chart_data(truth, answers[AGAINST], offers),
        differences=bootstrap.differences(VERSION, AGAINST),
        flattered=tuple(
            side for side, bundle in sides.items() if _may_have_learned(bundle, task.name, history, split, options.seed)
        ),
    )


def _options_of(bundle: Bundle, model: str) -> TrainingOptions:
    """Those options of the training that choose rows; a version may have been written without any."""
    stored = bundle.manifest["models"][model]["options"]
    chosen = {name: stored[name] for name in ("since", "until", "most_rows", "seed") if name in stored}
    return TrainingOptions().replaced(chosen, f"The version {bundle.version}")


def _all_offers(model: str, labels: Labels, version: Bundle, against: Bundle) -> tuple[int, ...]:
    """Every offer of labels and versions; none for a model that answers yes or no."""
    return tuple(sorted({*labels.offers, *version.offers(model), *against.offers(model)}))


def _answers(model: str, bundle: Bundle, history: History, split: Split, offers: Sequence[int]) -> Floats:
    """Probabilities for the test rows: (rows,) of yes, or (rows, outputs), 0 for an offer that the version lacks."""
    rows = history.features.take(split.test)
    encoded = bundle.contract.encode({name: rows[name] for name in bundle.contract.names}).values
    scores = bundle.scores(model, encoded).astype(np.float64)
    if not offers:
        return scores[:, 0] if scores.shape[1] == 1 else scores
    answers = np.zeros((len(encoded), len(offers)))
    answers[:, [offers.index(offer) for offer in bundle.offers(model)]] = scores
    return answers


def _may_have_learned(bundle: Bundle, model: str, history: History, split: Split, seed: int) -> bool:
    """Whether some of the test rows were no test rows when the version was trained."""
    entry = bundle.manifest["models"][model]
    first_unseen = entry["window"].get("test_from")
    if split.test_from is not None and first_unseen is not None:
        return split.test_from.isoformat() < first_unseen
    drawn_alike = entry["options"].get("seed") == seed and entry["rows"].get("total") == len(history)
    return not (drawn_alike and split.test_from is None and first_unseen is None)
