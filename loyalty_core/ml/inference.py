"""MLInferenceService: churn, next best offer and RFM for customers of the warehouse."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, TypeVar

import pyarrow as pa

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.features import ModelInputs, require_input_size
from loyalty_core.ml.scoring import (
    SegmentPrediction,
    SegmentReader,
    UnknownPrediction,
    add_rfm_columns,
    kinds,
    predicted_columns,
    predicted_segment,
)
from loyalty_core.ml.serving import (
    RFM,
    RFM_ANSWERS,
    BatchScores,
    CustomerPredictions,
    Drivers,
    Models,
    ModelSource,
    ModelStatus,
    RfmAnswer,
    RfmCalculator,
    ServedModels,
    customer_drivers,
    mean_drivers,
    mean_drivers_of_arms,
    model_source,
    require_own_data,
)
from loyalty_core.ml.tasks import CHURN, NBO, TASKS, ChurnPrediction, ModelTask, NboPrediction, task_named
from loyalty_core.rfm import RfmCutPoints
from loyalty_core.segments import SegmentationEngine, SegmentRepository
from loyalty_core.settings import Settings
from loyalty_core.store import shared_store
from loyalty_core.telemetry import PREDICTIONS
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.customers import shared_features
from loyalty_core.warehouse.predictions import in_words

Row = Mapping[str, Any]
Rows = Mapping[str, Row]
_Answer = TypeVar("_Answer")


class MLInferenceService:
    """Predictions for customers by id; build one per process and use it from any thread.

    Without arguments it reads the settings and shares one warehouse connection per process. Answers come from
    the active model version, and from a newly activated one with the next call; during an A/B test each customer is
    served by the version of their arm. Every method raises `CustomerNotFound` for an unknown id, `ModelNotFound`
    (a `FileNotFoundError`) before the first training, `FeatureCountMismatch` (a `ValueError`) and `MappingError` when
    settings and models do not match, `BundleError` when the model files are damaged, and what the warehouse raises.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        warehouse: Warehouse | None = None,
        feature_store: FeatureStore | None = None,
        segments: SegmentRepository | None = None,
        source: ModelSource | None = None,
    ) -> None:
        if settings is None and warehouse is None and feature_store is None:
            warehouse, feature_store = shared_features()
        self._warehouse = warehouse or Warehouse(settings)
        self._settings = settings or self._warehouse.settings
        self._store = feature_store or FeatureStore(self._warehouse)
        self._inputs = ModelInputs(self._warehouse, self._settings)
        self._source = source or model_source(self._settings, self._inputs)
        self._rfm = RfmCalculator(self._warehouse, self._settings)
        self._segments = segments or self._segment_repository()
        self._engine = SegmentationEngine(self._warehouse, self._segments)

    def over(self, warehouse: Warehouse, feature_store: FeatureStore) -> "MLInferenceService":
        """A service for the same warehouse as someone else sees it, which shares this one's models."""
        return MLInferenceService(self._settings, warehouse, feature_store, self._segments, self._source)

    def predict_churn(self, customer_id: object) -> ChurnPrediction:
        """Churn probability, risk, and what to do about it."""
        return self.predict(CHURN.name, customer_id)

    def predict_nbo(self, customer_id: object) -> NboPrediction:
        """The best offer with its score, and all offers; scores are the model's probabilities."""
        return self.predict(NBO.name, customer_id)

    def predict(self, model: str, customer_id: object) -> Any:
        """The answer of the model with that name; raises `UnknownModel`."""
        task = task_named(model)
        served, cut_points = self.served(), self._rfm.cut_points_for(task)
        row = self._store.get(customer_id)
        return self._answer(served.for_row(row, self._id_column), task, str(customer_id), row, cut_points)

    def calculate_rfm(self, customer_id: object) -> RfmAnswer:
        """RFM scores and segment against the cut points of the whole base; needs no model."""
        cut_points = self._rfm.cut_points()
        return self._rfm.answer(str(customer_id), self._store.get(customer_id), cut_points)

    def predict_churn_many(self, customer_ids: Iterable[object]) -> dict[str, ChurnPrediction]:
        """`predict_churn` for many, by id as text; unknown ids are left out. One query, one call of each model."""
        return self.predict_many(CHURN.name, customer_ids)

    def predict_nbo_many(self, customer_ids: Iterable[object]) -> dict[str, NboPrediction]:
        """`predict_nbo` for many, by id as text; unknown ids are left out. One query, one call of each model."""
        return self.predict_many(NBO.name, customer_ids)

    def predict_many(self, model: str, customer_ids: Iterable[object]) -> dict[str, Any]:
        """`predict` for many, by id as text; unknown ids are left out. One query, one call of each model."""
        task = task_named(model)
        cut_points = self._rfm.cut_points_for(task)

        def answer(models: Models, rows: Rows) -> dict[str, Any]:
            encoded = self._inputs.encode_rows(models.contract, list(rows.values()))
            scores, offers = models.scores(task.name, encoded.values), models.offers(task.name)
            PREDICTIONS.labels(task.name, models.version).inc(len(rows))
            return {
                customer_id: task.answer(
                    customer_id, outputs, offers, self._settings, self._rfm.score_for_advice(row, cut_points)
                )
                for (customer_id, row), outputs in zip(rows.items(), scores, strict=True)
            }

        return self._by_arm(customer_ids, answer)

    def predict_rows(self, models: Iterable[str], rows: Rows) -> tuple[dict[str, dict[str, Any]], str]:
        """The columns that a scoring run would write for customers, by id, from rows of the features view as given.

        `models` are names of models, or "rfm". Also returns the versions that predicted, in words.
        """
        wanted = set(models)
        tasks = [task_named(name) for name in sorted(wanted - {RFM})]
        arms = self.served().by_arm(rows, self._id_column) if tasks and rows else ()
        found = predicted_columns(rows, arms, tasks, self._inputs, self._settings)
        if RFM in wanted and rows:
            add_rfm_columns(found, rows, self._rfm.cut_points())
            RFM_ANSWERS.inc(len(rows))
        return found, in_words([models.version for models, _ in arms])

    def columns_read(self) -> frozenset[str]:
        """The columns of the features view that models and RFM read, as far as they are there."""
        columns = set[str]()
        with suppress(LoyaltyError):
            columns.update(self._inputs.columns.values())
        with suppress(LoyaltyError):
            columns.update(self._rfm.cut_points().columns)
        return frozenset(columns)

    def calculate_rfm_many(self, customer_ids: Iterable[object]) -> dict[str, RfmAnswer]:
        """`calculate_rfm` for many, by id as text; unknown ids are left out."""
        rows, cut_points = self._store.get_many(customer_ids), self._rfm.cut_points()
        return self._rfm.answers(rows, cut_points)

    def predict_segment(self, segment_id: str, kind: str, *, first: int = 10) -> SegmentPrediction:
        """Aggregates over all members of a saved segment, and the answers for the `first` members by id.

        `kind` is the name of a model, or "rfm". Uses the last scoring run if the models in use made it, otherwise
        scores on the fly. Raises `SegmentNotFound`, and `UnknownPrediction` for any other kind.
        """
        if kind not in kinds():
            raise UnknownPrediction(f"There is no prediction called {kind!r}.", remedy=f"Ask for {', '.join(kinds())}.")
        segment, reader = self._segments.get(segment_id), SegmentReader(self._warehouse, self._engine)
        ids, now = reader.first_ids(segment, first), datetime.now(UTC)
        if kind == RFM:
            results = list(self.calculate_rfm_many(ids).values())
            return predicted_segment(segment, kind, *reader.rfm(segment, self._rfm.cut_points(), now), results)
        results = list(self.predict_many(kind, ids).values())
        return predicted_segment(segment, kind, *reader.predictions(segment, kind, self.served(), now), results)

    def score_batch(self, batch: pa.RecordBatch | pa.Table) -> BatchScores:
        """Scores of the active version's models for an Arrow batch with the mapped columns of the features view.

        Customer ids are not needed, so the arms of an A/B test are ignored.
        """
        models = self.models()
        encoded = self._inputs.encode_batch(models.contract, batch)
        churn, offers = models.scores(CHURN.name, encoded.values), models.scores(NBO.name, encoded.values)
        return BatchScores(churn[:, 0], offers, encoded.blanks)

    def predict_customer(self, customer_id: object) -> CustomerPredictions:
        """All predictions with their drivers, from one model version; raises only when the customer cannot be read.

        A prediction that cannot be made is left out, with the reason in `unavailable`.
        """
        text, row = str(customer_id), self._store.get(customer_id)
        unavailable: dict[str, LoyaltyError] = {}
        served = _attempt(self.served, unavailable, *(name for name, task in TASKS.items() if not task.is_optional))
        models = served.for_row(row, self._id_column) if served else None
        answers: dict[str, Any] = {}
        drivers: dict[str, Drivers] = {}
        for name, task in TASKS.items():
            if models is None:
                break
            if task.is_optional and not models.has(name):
                continue
            cut_points = self._rfm.cut_points_for(task)
            answer = _attempt(partial(self._answer, models, task, text, row, cut_points), unavailable, name)
            if answer is not None:
                answers[name], drivers[name] = answer, self._drivers(models, name, row)
        rfm = _attempt(lambda: self._rfm.answer(text, row, self._rfm.cut_points()), unavailable, RFM)
        explained = next(iter(drivers.values())).features if drivers else ()
        return CustomerPredictions(
            customer_id=text,
            model_version=models.version if models else None,
            is_mock=self._settings.ml_mock_mode,
            answers=answers,
            drivers=drivers,
            rfm=rfm,
            blanks=tuple(driver.feature for driver in explained if driver.value is None),
            unavailable=unavailable,
        )

    def offer_drivers(self, customer_id: object, offer: int) -> Drivers:
        """The drivers of one customer's propensity for an offer; raises `ValueError` for an unknown offer."""
        served, row = self.served(), self._store.get(customer_id)
        return self._drivers(served.for_row(row, self._id_column), NBO.name, row, offer)

    def mean_drivers(self, model: str, customer_ids: Iterable[object] | None = None) -> dict[str, float]:
        """Feature → mean absolute contribution in percentage points, strongest first.

        Over the given customers, each by the version of their arm; by default over the background rows stored with the
        active version.
        """
        served = self.served()
        if customer_ids is None:
            return mean_drivers(served.champion, model, served.champion.background)
        arms = served.by_arm(self._store.get_many(customer_ids), self._id_column)
        encoded = [
            (models, self._inputs.encode_rows(models.contract, list(rows.values())).values) for models, rows in arms
        ]
        return mean_drivers_of_arms(encoded, model)

    def models(self) -> Models:
        """The models of the active version, checked against the settings."""
        return self.served().champion

    def served(self) -> ServedModels:
        """The models in use, with those of the challenger during an A/B test, checked against the settings."""
        require_input_size(self._settings)
        served = self._source.served()
        for models in served.arms:
            models.contract.require(tuple(self._settings.ml_feature_mapping))
            require_own_data(models, self._warehouse)
        return served

    def status(self) -> ModelStatus:
        """Which versions serve, and whether their files on disk are intact; never raises."""
        return self._source.status()

    def _segment_repository(self) -> SegmentRepository:
        store = shared_store(self._settings.state_database_url)
        return SegmentRepository(store, lambda: self._warehouse.identity)

    @property
    def _id_column(self) -> str:
        return self._warehouse.settings.dwh_customer_id_column

    def _by_arm(
        self, customer_ids: Iterable[object], answer: Callable[[Models, Rows], dict[str, _Answer]]
    ) -> dict[str, _Answer]:
        """The answers from both arms, in the order of the ids."""
        served, rows = self.served(), self._store.get_many(customer_ids)
        answers: dict[str, _Answer] = {}
        for models, part in served.by_arm(rows, self._id_column):
            answers |= answer(models, part)
        return {customer_id: answers[customer_id] for customer_id in rows}

    def _answer(
        self, models: Models, task: ModelTask, customer_id: str, row: Row, cut_points: RfmCutPoints | None
    ) -> Any:
        encoded = self._inputs.encode_row(models.contract, row)
        scores, offers = models.scores(task.name, encoded.values)[0], models.offers(task.name)
        _predictions(task.name, models.version).inc()
        return task.answer(customer_id, scores, offers, self._settings, self._rfm.score_for_advice(row, cut_points))

    def _drivers(self, models: Models, model: str, row: Row, offer: int | None = None) -> Drivers:
        encoded = self._inputs.encode_row(models.contract, row)
        return customer_drivers(models, model, encoded, self._inputs.shown_values(row), offer)


@lru_cache(maxsize=128)
def _predictions(name: str, version: str) -> Any:
    return PREDICTIONS.labels(name, version)


def _attempt(predict: Callable[[], _Answer], unavailable: dict[str, LoyaltyError], *names: str) -> _Answer | None:
    try:
        return predict()
    except LoyaltyError as error:
        unavailable.update(dict.fromkeys(names, error))
        return None
