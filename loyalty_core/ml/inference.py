"""MLInferenceService: churn, next best offer and RFM for customers of the warehouse, as the guide describes it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import pyarrow as pa

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.features import ModelInputs, require_input_size
from loyalty_core.ml.scoring import (
    KINDS,
    Origin,
    SegmentPrediction,
    SegmentReader,
    UnknownPrediction,
    predicted_segment,
)
from loyalty_core.ml.scoring import Kind as SegmentKind
from loyalty_core.ml.serving import (
    BatchScores,
    ChurnPrediction,
    CustomerPredictions,
    Drivers,
    Kind,
    Models,
    ModelStatus,
    NboPrediction,
    RfmAnswer,
    RiskThresholds,
    ServedModels,
    churn_answer,
    customer_drivers,
    mean_drivers,
    mean_drivers_of_arms,
    model_source,
    nbo_answer,
    rfm_answer,
)
from loyalty_core.rfm import CutPointsCache, RfmScore, score_one
from loyalty_core.segments import SegmentationEngine, SegmentRepository
from loyalty_core.settings import Settings, get_settings
from loyalty_core.store import shared_store
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.predictions.relation import in_words, last_run

Row = Mapping[str, Any]
Rows = Mapping[str, Row]
_Answer = TypeVar("_Answer")


class MLInferenceService:
    """Predictions for customers by id; build one per process and use it from any thread.

    Without arguments it reads the settings and shares one warehouse connection per process. Answers come from
    the active model version, and from a newly activated one with the next call; during an A/B test each customer's
    come from the version of the own arm. Every method raises
    `CustomerNotFound` for an unknown id, `ModelNotFound` (a `FileNotFoundError`) before the first training,
    `FeatureCountMismatch` (a `ValueError`) and `MappingError` when settings and models do not fit together,
    `BundleError` when no model file can be trusted, and what the warehouse raises.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        warehouse: Warehouse | None = None,
        feature_store: FeatureStore | None = None,
        segments: SegmentRepository | None = None,
    ) -> None:
        if settings is None and warehouse is None and feature_store is None:
            warehouse, feature_store = _shared_features()
        self._warehouse = warehouse or Warehouse(settings)
        self._settings = settings or self._warehouse.settings
        self._store = feature_store or FeatureStore(self._warehouse)
        self._inputs = ModelInputs(self._warehouse, self._settings)
        self._source = model_source(self._settings, self._inputs)
        self._thresholds = RiskThresholds.from_settings(self._settings)
        self._cut_points = CutPointsCache(self._warehouse)
        self._segments = segments or SegmentRepository(shared_store(self._settings.state_database_url))
        self._engine = SegmentationEngine(self._warehouse, self._segments)

    def predict_churn(self, customer_id: object) -> ChurnPrediction:
        """Churn probability, risk, and what to do about it."""
        served, row = self.served(), self._store.get(customer_id)
        return self._churn(self._models_for(row, served), str(customer_id), row)

    def predict_nbo(self, customer_id: object) -> NboPrediction:
        """The best offer with its score, and all offers; scores are the model's probabilities."""
        served, row = self.served(), self._store.get(customer_id)
        return self._nbo(self._models_for(row, served), str(customer_id), row)

    def calculate_rfm(self, customer_id: object) -> RfmAnswer:
        """RFM scores and segment against the cut points of the whole base; needs no model."""
        row = self._store.get(customer_id)
        return rfm_answer(str(customer_id), score_one(row, self._cut_points.get()))

    def predict_churn_many(self, customer_ids: Iterable[object]) -> dict[str, ChurnPrediction]:
        """`predict_churn` for many, by id as text; unknown ids are left out. One query, one call of each model."""

        def answer(models: Models, rows: Rows) -> dict[str, ChurnPrediction]:
            encoded = self._inputs.encode_rows(models.contract, list(rows.values()))
            probabilities = models.churn_probabilities(encoded.values).tolist()
            return {
                customer_id: churn_answer(customer_id, probability, self._rfm_if_any(row), self._thresholds)
                for (customer_id, row), probability in zip(rows.items(), probabilities, strict=True)
            }

        return self._by_arm(customer_ids, answer)

    def predict_nbo_many(self, customer_ids: Iterable[object]) -> dict[str, NboPrediction]:
        """`predict_nbo` for many, by id as text; unknown ids are left out. One query, one call of each model."""

        def answer(models: Models, rows: Rows) -> dict[str, NboPrediction]:
            encoded = self._inputs.encode_rows(models.contract, list(rows.values()))
            scores = models.offer_scores(encoded.values)
            return {
                customer_id: nbo_answer(customer_id, own, models.offers)
                for customer_id, own in zip(rows, scores, strict=True)
            }

        return self._by_arm(customer_ids, answer)

    def calculate_rfm_many(self, customer_ids: Iterable[object]) -> dict[str, RfmAnswer]:
        """`calculate_rfm` for many, by id as text; unknown ids are left out."""
        rows, cut_points = self._store.get_many(customer_ids), self._cut_points.get()
        return {customer_id: rfm_answer(customer_id, score_one(row, cut_points)) for customer_id, row in rows.items()}

    def predict_segment(self, segment_id: str, kind: SegmentKind, *, first: int = 10) -> SegmentPrediction:
        """Aggregates over every member of a kept segment, and the guide's answers for the `first` of them by id.

        From the last scoring run when it was made by the models in use, else scored on the fly. Raises
        `SegmentNotFound`, and `UnknownPrediction` for a kind other than "churn", "nbo" and "rfm".
        """
        if kind not in KINDS:
            raise UnknownPrediction(f"There is no prediction called {kind!r}.", remedy=f"Ask for {', '.join(KINDS)}.")
        segment, reader = self._segments.get(segment_id), SegmentReader(self._warehouse, self._engine)
        answers = {"churn": self.predict_churn_many, "nbo": self.predict_nbo_many, "rfm": self.calculate_rfm_many}
        results = list(answers[kind](reader.first_ids(segment, first)).values())
        now = datetime.now(UTC)
        if kind == "rfm":
            cut_points = self._cut_points.get()
            origin = Origin("scored now", f"cut points of {cut_points.as_of:%Y-%m-%d}", now)
            return predicted_segment(segment, kind, reader.rfm_now(segment, cut_points), origin, results)
        served, run = self.served(), last_run(self._warehouse)
        if run is not None and served.made(run):
            origin = Origin("predictions", run.model_version, run.scored_at)
            return predicted_segment(segment, kind, reader.from_predictions(segment, kind), origin, results)
        tally = reader.scored_now(segment, kind, served, now)
        return predicted_segment(segment, kind, tally, Origin("scored now", in_words(served.versions), now), results)

    def score_batch(self, batch: pa.RecordBatch | pa.Table) -> BatchScores:
        """Both models of the active version over an Arrow batch with the mapped columns, named as in the features view.

        It need not have the customers' ids, so that arms play no part.
        """
        models = self.models()
        encoded = self._inputs.encode_batch(models.contract, batch)
        churn, offers = models.churn_probabilities(encoded.values), models.offer_scores(encoded.values)
        return BatchScores(churn, offers, encoded.blanks)

    def predict_customer(self, customer_id: object) -> CustomerPredictions:
        """All three predictions with their drivers, from one model version; raises only for the customer itself.

        What cannot be predicted is None, with the reason in `unavailable`.
        """
        text, row = str(customer_id), self._store.get(customer_id)
        unavailable: dict[str, LoyaltyError] = {}
        served = _attempt(self.served, unavailable, "churn", "nbo")
        models = self._models_for(row, served) if served else None
        churn = nbo = churn_drivers = offer_drivers = None
        if models:
            churn = _attempt(lambda: self._churn(models, text, row), unavailable, "churn")
            nbo = _attempt(lambda: self._nbo(models, text, row), unavailable, "nbo")
            churn_drivers = self._drivers(models, "churn", row) if churn else None
            offer_drivers = self._drivers(models, "nbo", row) if nbo else None
        rfm = _attempt(lambda: rfm_answer(text, score_one(row, self._cut_points.get())), unavailable, "rfm")
        drivers = churn_drivers or offer_drivers
        return CustomerPredictions(
            customer_id=text,
            model_version=models.version if models else None,
            is_mock=self._settings.ml_mock_mode,
            churn=churn,
            churn_drivers=churn_drivers,
            nbo=nbo,
            offer_drivers=offer_drivers,
            rfm=rfm,
            blanks=tuple(driver.feature for driver in (drivers.features if drivers else ()) if driver.value is None),
            unavailable=unavailable,
        )

    def offer_drivers(self, customer_id: object, offer: int) -> Drivers:
        """Why one customer's propensity for that offer is what it is; raises `ValueError` for an unknown offer."""
        served, row = self.served(), self._store.get(customer_id)
        return self._drivers(self._models_for(row, served), "nbo", row, offer)

    def mean_drivers(self, kind: Kind, customer_ids: Iterable[object] | None = None) -> dict[str, float]:
        """Feature → mean absolute contribution in percentage points, strongest first.

        Over the customers given, each by the models of the own arm, else over the background of training customers
        kept with the active version.
        """
        served = self.served()
        if customer_ids is None:
            return mean_drivers(served.champion, kind, served.champion.background)
        arms = self._arms(self._store.get_many(customer_ids), served)
        encoded = [
            (models, self._inputs.encode_rows(models.contract, list(rows.values())).values) for models, rows in arms
        ]
        return mean_drivers_of_arms(encoded, kind)

    def models(self) -> Models:
        """The models of the active version, checked against the settings."""
        return self.served().champion

    def served(self) -> ServedModels:
        """The models in use, with those of the challenger during an A/B test, checked against the settings."""
        require_input_size(self._settings)
        served = self._source.served()
        for models in served.arms:
            models.contract.require(tuple(self._settings.ml_feature_mapping))
        return served

    def status(self) -> ModelStatus:
        """What serves, and whether the versions in use are on disk still as they were written; never raises."""
        return self._source.status()

    def _models_for(self, row: Row, served: ServedModels) -> Models:
        return served.for_customer(row[self._warehouse.customer_id.name]) if served.challenger else served.champion

    def _arms(self, rows: Rows, served: ServedModels) -> Sequence[tuple[Models, Rows]]:
        """The customers of each arm with its models; an arm without any is left out, unless nobody is asked for."""
        parts: dict[Models, dict[str, Row]] = defaultdict(dict)
        for customer_id, row in rows.items():
            parts[self._models_for(row, served)][customer_id] = row
        return list(parts.items()) or [(served.champion, rows)]

    def _by_arm(
        self, customer_ids: Iterable[object], answer: Callable[[Models, Rows], dict[str, _Answer]]
    ) -> dict[str, _Answer]:
        """The answers of both arms, in the order of the ids."""
        served, rows = self.served(), self._store.get_many(customer_ids)
        answers: dict[str, _Answer] = {}
        for models, part in self._arms(rows, served):
            answers |= answer(models, part)
        return {customer_id: answers[customer_id] for customer_id in rows}

    def _churn(self, models: Models, customer_id: str, row: Row) -> ChurnPrediction:
        encoded = self._inputs.encode_row(models.contract, row)
        probability = float(models.churn_probabilities(encoded.values)[0])
        return churn_answer(customer_id, probability, self._rfm_if_any(row), self._thresholds)

    def _nbo(self, models: Models, customer_id: str, row: Row) -> NboPrediction:
        encoded = self._inputs.encode_row(models.contract, row)
        return nbo_answer(customer_id, models.offer_scores(encoded.values)[0], models.offers)

    def _drivers(self, models: Models, kind: Kind, row: Row, offer: int | None = None) -> Drivers:
        encoded = self._inputs.encode_row(models.contract, row)
        return customer_drivers(models, kind, encoded, self._inputs.values(row), offer)

    def _rfm_if_any(self, row: Row) -> RfmScore | None:
        """For the recommendations, which can do without."""
        try:
            return score_one(row, self._cut_points.get())
        except LoyaltyError:
            return None


def _attempt(predict: Callable[[], _Answer], unavailable: dict[str, LoyaltyError], *names: str) -> _Answer | None:
    try:
        return predict()
    except LoyaltyError as error:
        unavailable.update(dict.fromkeys(names, error))
        return None


_shared: tuple[Settings, Warehouse, FeatureStore] | None = None


def _shared_features() -> tuple[Warehouse, FeatureStore]:
    """One warehouse per process for services built without arguments, for as long as the settings are the same."""
    global _shared  # noqa: PLW0603
    settings = get_settings()
    if _shared is None or _shared[0] is not settings:
        warehouse = Warehouse(settings)
        _shared = settings, warehouse, FeatureStore(warehouse)
    return _shared[1:]
