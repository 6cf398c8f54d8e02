"""Two model versions on the same rows: the newest of the history, which a fair comparison needs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from loyalty_core.ml.evaluation import Bootstrap
from loyalty_core.ml.evaluation.metrics import churn_curves, churn_metrics, confusion, deciles, offer_metrics
from loyalty_core.ml.training import MODELS, Labels, TrainingOptions, read_labels
from loyalty_core.ml.training.splitting import Split, customer_numbers, split_rows
from loyalty_core.ml.versions.comparison import SameRows, Side
from loyalty_core.warehouse.history import History, read_history
from loyalty_core.warehouse.mapping import required_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.history import ModelName

    Floats = npt.NDArray[np.float64]

VERSION, AGAINST = "version", "against"


def shared_models(version: Bundle, against: Bundle) -> tuple[ModelName, ...]:
    """The models that both versions have."""
    return tuple(name for name in MODELS if name in version.models and name in against.models)


def compare_on_same_rows(
    warehouse: Warehouse,
    model: ModelName,
    version: Bundle,
    against: Bundle,
    on_rows: Callable[[int], None] = lambda _: None,
) -> SameRows:
    """Measure one model of both on the rows that a training like that of `version` would test on today.

    Raises `MappingError`, `TrainingRefused` for labels that cannot be read, and what `read_history` raises.
    """
    options = _options_of(version, model)
    columns = partial(required_columns, warehouse.settings.ml_feature_mapping)
    history = read_history(warehouse, model, columns, since=options.since, most_rows=options.most_rows, on_rows=on_rows)
    labels = read_labels(history)
    split = split_rows(labels.classes, history.dates, history.customers, options.seed)
    offers = _all_offers(labels, version, against) if labels.offers else ()
    truth = labels.classes[split.test]
    if labels.offers:
        truth = np.array([offers.index(offer) for offer in labels.offers])[truth]
    answers = {
        VERSION: _answers(version, history, split, offers),
        AGAINST: _answers(against, history, split, offers),
    }
    customers = customer_numbers(history.customers, len(history))[split.test]
    bootstrap = Bootstrap(offer_metrics if offers else churn_metrics, truth, answers, customers)
    days = history.dates.take(split.test).drop_null().unique().to_pylist() if history.dates is not None else []
    sides: Mapping[Side, Bundle] = {VERSION: version, AGAINST: against}
    return SameRows(
        rows=len(split.test),
        first=min(days, default=None),
        last=max(days, default=None),
        version=bootstrap.with_intervals(VERSION) | _details(truth, answers[VERSION], offers),
        against=bootstrap.with_intervals(AGAINST) | _details(truth, answers[AGAINST], offers),
        differences=bootstrap.differences(VERSION, AGAINST),
        flattered=tuple(
            side for side, bundle in sides.items() if _may_have_learned(bundle, model, history, split, options.seed)
        ),
    )


def _options_of(bundle: Bundle, model: ModelName) -> TrainingOptions:
    """Those options of the training that choose rows; a version may have been written without any."""
    kept = bundle.manifest["models"][model]["options"]
    chosen = {name: kept[name] for name in ("since", "most_rows", "seed") if name in kept}
    return TrainingOptions().replaced(chosen, f"The version {bundle.version}")


def _all_offers(labels: Labels, version: Bundle, against: Bundle) -> tuple[int, ...]:
    return tuple(sorted({*labels.offers, *version.offers, *against.offers}))


def _answers(bundle: Bundle, history: History, split: Split, offers: Sequence[int]) -> Floats:
    """Probabilities for the test rows: (rows,) of churn, or (rows, offers), 0 for an offer the version lacks."""
    rows = history.features.take(split.test)
    encoded = bundle.contract.encode({name: rows[name] for name in bundle.contract.names}).values
    if not offers:
        return bundle.churn_probabilities(encoded).astype(np.float64)
    scores = np.zeros((len(encoded), len(offers)))
    scores[:, [offers.index(offer) for offer in bundle.offers]] = bundle.offer_scores(encoded)
    return scores


def _details(truth: npt.NDArray[np.intp], answers: Floats, offers: Sequence[int]) -> dict[str, Any]:
    """What charts need beside the metrics."""
    if offers:
        named = [{"offer": offer, "rows": int((truth == place).sum())} for place, offer in enumerate(offers)]
        return {"confusion": confusion(truth, answers), "offers": named}
    return {"deciles": deciles(truth, answers), "curves": churn_curves(truth, answers)}


def _may_have_learned(bundle: Bundle, model: ModelName, history: History, split: Split, seed: int) -> bool:
    """Whether some of the test rows were no test rows when the version was trained."""
    entry = bundle.manifest["models"][model]
    first_unseen = entry["window"].get("test_from")
    if split.test_from is not None and first_unseen is not None:
        return split.test_from.isoformat() < first_unseen
    drawn_alike = entry["options"].get("seed") == seed and entry["rows"].get("total") == len(history)
    return not (drawn_alike and split.test_from is None and first_unseen is None)
