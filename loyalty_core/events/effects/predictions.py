"""The churn of the customers of events, and what else the rules of segments read, predicted for all of them at once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import func, select

from loyalty_core.errors import LoyaltyError
from loyalty_core.events.effects.customer import Customer, Row, StepOf, batch
from loyalty_core.events.effects.trace import Scores, Step, Stopwatch, as_json
from loyalty_core.events.outages import is_outage
from loyalty_core.ml.tasks import CHURN
from loyalty_core.store.events import EventTraceRecord
from loyalty_core.warehouse.customers import id_as_text, read_id

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from loyalty_core.services import Services

_Predicted = tuple[dict[str, Row], dict[str, str], str]


class Predictor:
    """Predicts for customers whose features are known."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def predict(self, known: Mapping[str, Customer], models: Collection[str]) -> StepOf:
        """Add what the models predict to the customers, their churn before and after, and the step.

        Raises what `is_outage` recognises.
        """
        watch = Stopwatch()
        rows = {one: customer.features for one, customer in known.items() if customer.features is not None}
        before = self._scores_before(known) if known else {}
        predicted, failed, versions = self._predicted(models, rows) if rows else ({}, {}, "")
        milliseconds, made = watch.lap(), {**batch(known), "models": sorted(models)}
        for customer_id, customer in known.items():
            answer = customer.predictions = predicted.get(customer_id, {})
            after = answer.get(CHURN.score_column)
            customer.scores = Scores(before.get(customer.customer_id), after, versions if answer else "")
            customer.not_predicted = failed.get(customer_id, "")

        def step_of(customer: Customer) -> Step:
            scores = customer.scores or Scores(None, None)
            output = {
                "before": as_json(scores.before),
                "after": as_json(scores.after),
                "risk": customer.predictions.get(CHURN.group_column),
                "model_version": scores.model_version,
            }
            return Step("Churn predicted", milliseconds, made, output, customer.not_predicted)

        return step_of

    def _predicted(
        self, models: Collection[str], rows: Mapping[str, Row]
    ) -> tuple[dict[str, Row], dict[str, str], str]:
        """Predictions by customer, why there are none by customer, and the versions; one bad row spoils only itself."""
        try:
            predicted, versions = self._services.inference.predict_rows(models, rows)
        except LoyaltyError as error:
            if is_outage(error):
                raise
            if len(rows) == 1 or not self._can_predict():
                return {}, dict.fromkeys(rows, str(error)), ""
            return self._predicted_one_by_one(models, rows)
        return predicted, {}, versions

    def _predicted_one_by_one(self, models: Collection[str], rows: Mapping[str, Row]) -> _Predicted:
        predicted: dict[str, Row] = {}
        failed: dict[str, str] = {}
        versions = ""
        for customer_id, row in rows.items():
            answer, why, version = self._predicted(models, {customer_id: row})
            predicted |= answer
            failed |= why
            versions = version or versions
        return predicted, failed, versions

    def _can_predict(self) -> bool:
        try:
            self._services.inference.served()
        except LoyaltyError:
            return False
        return True

    def _scores_before(self, known: Mapping[str, Customer]) -> dict[str, float]:
        """The last known churn probability by customer: of their latest trace, or else of the last scoring run."""
        ids = [customer.customer_id for customer in known.values()]
        store = self._services.store
        theirs = store.dialect.is_one_of(EventTraceRecord.customer_id.expression, ids)
        latest = select(func.max(EventTraceRecord.id)).where(theirs)
        after = EventTraceRecord.scores["after"].as_float()
        rows = select(EventTraceRecord.customer_id, after).where(
            EventTraceRecord.id.in_(latest.group_by(EventTraceRecord.customer_id)), after.is_not(None)
        )
        with store.session(read_only=True) as session:
            found = dict(session.execute(rows).all())
        missing = [one for one in ids if one not in found]
        return {**self._scored_before(missing), **found} if missing else found

    def _scored_before(self, customer_ids: Sequence[str]) -> dict[str, float]:
        warehouse = self._services.warehouse
        with suppress(LoyaltyError):  # what the scores were is shown, nothing depends on it
            predictions = warehouse.predictions
            if predictions is None:
                return {}
            identifier = warehouse.customer_id
            ids = [read_id(one, identifier.type) for one in customer_ids]
            chosen = warehouse.dialect.is_one_of(predictions.c.customer_id, [one for one in ids if one is not None])
            rows = warehouse.rows(sa.select(predictions.c.customer_id, predictions.c.churn_probability).where(chosen))
            return {id_as_text(row["customer_id"], identifier.type): row["churn_probability"] for row in rows}
        return {}
