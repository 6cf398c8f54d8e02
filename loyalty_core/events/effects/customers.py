"""What is known of the customers of some events: their features, scores and segments as they are now."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import func, select

from loyalty_core.errors import LoyaltyError
from loyalty_core.events.effects.stated import changed_columns, stated_features
from loyalty_core.events.effects.trace import Scores, Step, Stopwatch
from loyalty_core.events.outages import is_outage
from loyalty_core.ml.scoring import RFM
from loyalty_core.ml.tasks import CHURN, NBO
from loyalty_core.segments import LiveRules, LiveRulesReader, computed_segments
from loyalty_core.store.events import EventTraceRecord
from loyalty_core.warehouse.customers import CacheUnavailable, id_as_text, read_id
from loyalty_core.warehouse.source import describe_source

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from loyalty_core.events.event import Event
    from loyalty_core.services import Services
    from loyalty_core.warehouse.identity import DataIdentity

Row = dict[str, Any]
_Predicted = tuple[dict[str, Row], dict[str, str], str]

# How long the features count that a simulated event of the demo states.
_SIMULATED_FOR = timedelta(minutes=30)
_RFM_COLUMNS = frozenset({"recency", "frequency", "monetary", "rfm_segment"})
_CHURN_COLUMNS = frozenset({CHURN.score_column, CHURN.group_column})


@dataclass
class Customer:
    """One customer as the steps so far found them. `customer_id` is the id as it is saved with members of segments.

    `features` is None where the warehouse has no such customer. `predictions` has the columns of a scoring run that
    were predicted, and `belongs` whether the customer belongs to each segment that was evaluated.
    """

    customer_id: str
    features: Row | None = None
    cached: Row | None = None
    predictions: Mapping[str, Any] = field(default_factory=dict)
    scores: Scores | None = None
    belongs: Mapping[str, bool] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True)
class Customers:
    """The customers by the ids of the events, and what the segments were evaluated with.

    `segments` are names by id of the segments whose members can change, `versions` those of the rules.
    """

    found: Mapping[str, Customer]
    segments: Mapping[str, str]
    versions: Mapping[str, int]
    identity: DataIdentity | None

    @cached_property
    def known(self) -> Mapping[str, Customer]:
        """Those whom the warehouse has, by the ids of the events."""
        return {one: customer for one, customer in self.found.items() if customer.features is not None}

    @cached_property
    def belongs(self) -> Mapping[str, Mapping[str, bool]]:
        """Whether each of those belongs to each segment that was evaluated, by the ids as saved with members."""
        return {customer.customer_id: customer.belongs for customer in self.known.values()}

    def id_of(self, customer_id: str) -> str:
        """The id as saved with members, of one that an event names."""
        return self.found[customer_id].customer_id


class CustomerReader:
    """Reads features, predicts and evaluates segments, for all customers of a batch at once."""

    def __init__(self, services: Services) -> None:
        self._services, self._settings = services, services.settings
        self._rules = LiveRulesReader(services.warehouse, services.segments)

    def read(self, events: Sequence[Event], now: datetime) -> Customers:
        """What is known of the customers of events now, with the steps to it; the cache is brought up to date.

        Raises what `is_outage` recognises when the warehouse or the state store cannot be used.
        """
        found = {event.customer_id: Customer(event.customer_id) for event in events}
        self._invalidate(found)
        self._fetch(found, self._stated(events, now))
        known = {one: customer for one, customer in found.items() if customer.features is not None}
        identity = self._services.warehouse.identity
        watch = Stopwatch()
        rules = self._rules.read()
        with self._services.store.session(read_only=True) as session:
            segments = computed_segments(session, identity)
        reading = watch.lap()
        self._predict(known, rules, segments)
        self._evaluate(known, rules, segments, changed_columns(events, self._settings.events_changed_columns), reading)
        versions = {one: live.version for one, live in rules.rules.items() if one in segments}
        return Customers(found, segments, versions, identity)

    def _invalidate(self, found: Mapping[str, Customer]) -> None:
        watch, features, note = Stopwatch(), self._services.features, ""
        cached = features.cached(found)
        removed: int | None = None
        try:
            removed = features.invalidate(found)
        except CacheUnavailable as error:
            note = str(error)
        milliseconds = watch.lap()
        for customer_id, customer in found.items():
            customer.cached = cached.get(customer_id)
            output = {"was_cached": customer.cached is not None, "removed_for_the_batch": removed}
            customer.steps.append(Step("Cache invalidated", milliseconds, _batch(found), output, note))

    def _stated(self, events: Sequence[Event], now: datetime) -> Mapping[str, Row]:
        """What events say about features; simulated events of the demo always count, so that a demo moves."""
        services, found = self._services, dict[str, Row]()
        if seconds := self._settings.events_overlay_seconds:
            found |= stated_features(services.store, events, now, timedelta(seconds=seconds))
        if any(event.is_simulated for event in events) and describe_source(services.warehouse).is_demo:
            found |= stated_features(services.store, events, now, _SIMULATED_FOR, simulated=True)
        return found

    def _fetch(self, found: Mapping[str, Customer], stated: Mapping[str, Row]) -> None:
        watch = Stopwatch()
        fresh = self._services.features.refresh(found)
        milliseconds = watch.lap()
        identifier = self._services.warehouse.customer_id
        mapping = self._settings.ml_feature_mapping.values()
        used = [name for names in mapping for name in ([names] if isinstance(names, str) else names)]
        for customer_id, customer in found.items():
            features = customer.features = fresh.get(customer_id)
            if features is None:
                output, note = {"found": False}, "The warehouse has no customer with this id yet."
            else:
                customer.customer_id = id_as_text(features[identifier.name], identifier.type)
                changed = _changed(customer.cached, features)
                said = stated.get(customer_id, {}).items()
                overlaid = {name: value for name, value in said if name in features and name != identifier.name}
                features |= overlaid
                output = {
                    "found": True,
                    "columns": len(features),
                    "read_by_models": {name: features[name] for name in used if name in features},
                    "changed": changed,
                    **({"overlaid": overlaid} if overlaid else {}),
                }
                note = "" if customer.cached is not None else "No earlier values were cached to compare with."
            customer.steps.append(Step("Features fetched", milliseconds, _batch(found), output, note))

    def _predict(self, known: Mapping[str, Customer], rules: LiveRules, segments: Collection[str]) -> None:
        if not known:
            return
        watch = Stopwatch()
        rows = {one: customer.features for one, customer in known.items() if customer.features is not None}
        models = {CHURN.name, *_models_read(rules, segments)}
        before = self._scores_before(known)
        predicted, failed, versions = self._predicted(models, rows)
        milliseconds = watch.lap()
        for customer_id, customer in known.items():
            answer = customer.predictions = predicted.get(customer_id, {})
            after = answer.get(CHURN.score_column)
            customer.scores = Scores(before.get(customer.customer_id), after, versions if answer else "")
            output = {
                "before": customer.scores.before,
                "after": after,
                "risk": answer.get(CHURN.group_column),
                "model_version": customer.scores.model_version,
            }
            made = {**_batch(known), "models": sorted(models)}
            customer.steps.append(Step("Churn predicted", milliseconds, made, output, failed.get(customer_id, "")))

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
        latest = select(func.max(EventTraceRecord.id)).where(EventTraceRecord.customer_id.in_(ids))
        rows = select(EventTraceRecord.customer_id, EventTraceRecord.scores).where(
            EventTraceRecord.id.in_(latest.group_by(EventTraceRecord.customer_id))
        )
        with self._services.store.session(read_only=True) as session:
            traced = session.execute(rows).all()
        found = {
            row.customer_id: row.scores["after"] for row in traced if row.scores and row.scores["after"] is not None
        }
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

    def _evaluate(
        self,
        known: Mapping[str, Customer],
        rules: LiveRules,
        segments: Mapping[str, str],
        changed: Mapping[str, frozenset[str] | None],
        reading: float,
    ) -> None:
        watch = Stopwatch()
        wanted = {one: self._depending(rules, changed[one]).intersection(segments) for one in known}
        for customer_id, customer in known.items():
            row = dict(customer.features or {})
            for name, prediction in rules.predictions.items():
                if prediction in customer.predictions:
                    row[name] = customer.predictions[prediction]
            customer.belongs = rules.belonging(row, wanted[customer_id])
        milliseconds = reading + watch.lap()
        for customer_id, customer in known.items():
            asked = wanted[customer_id]
            unknown = [named(one, segments) for one in segments if one in asked and one not in customer.belongs]
            columns = changed[customer_id]
            about = {**_batch(known), "changed_columns": None if columns is None else sorted(columns)}
            output = {
                "evaluated": len(customer.belongs),
                "belongs_to": [named(one, segments) for one, belongs in customer.belongs.items() if belongs],
                "not_evaluated": unknown,
            }
            note = (
                "Segments whose rules read what is not known, or cannot be used, stay as they are." if unknown else ""
            )
            customer.steps.append(Step("Segments evaluated", milliseconds, about, output, note))

    def _depending(self, rules: LiveRules, columns: frozenset[str] | None) -> frozenset[str]:
        """The segments that a change of these columns may change; predictions change with what models read."""
        if columns is None:
            return rules.reading(None)
        if columns.isdisjoint(self._services.inference.columns_read()):
            return rules.reading(columns)
        return rules.reading(columns.union(rules.predictions))


def named(segment_id: str, names: Mapping[str, str]) -> dict[str, str]:
    """A segment as traces name it."""
    return {"id": segment_id, "name": names.get(segment_id, segment_id)}


def _batch(found: Mapping[str, Customer]) -> dict[str, Any]:
    return {"customers": len(found)}


def _changed(before: Row | None, after: Row) -> list[dict[str, Any]]:
    """The columns whose values differ from those that were cached; a column that was not cached does not count."""
    if before is None:
        return []
    return [
        {"column": name, "before": before[name], "after": value}
        for name, value in after.items()
        if name in before and before[name] != value
    ]


def _models_read(rules: LiveRules, segments: Collection[str]) -> set[str]:
    """The models, beside churn, whose predictions the rules of the segments read."""
    read = {name for one in segments if one in rules.rules for name in rules.rules[one].fields}
    columns = {rules.predictions[name] for name in read if name in rules.predictions}
    models = {RFM} if columns & _RFM_COLUMNS else set()
    return models | ({NBO.name} if columns - _RFM_COLUMNS - _CHURN_COLUMNS else set())
