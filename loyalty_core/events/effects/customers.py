"""What is known of the customers of some events: their features, scores and segments as they are now."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from loyalty_core.events.effects.customer import Customer, Customers, Row, StepOf, batch
from loyalty_core.events.effects.evaluation import SegmentEvaluator
from loyalty_core.events.effects.predictions import Predictor
from loyalty_core.events.effects.stated import changed_columns, stated_features
from loyalty_core.events.effects.trace import SharedStep, Step, Stopwatch, as_json
from loyalty_core.warehouse.customers import CacheUnavailable, id_as_text
from loyalty_core.warehouse.source import describe_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from loyalty_core.events.event import Event
    from loyalty_core.services import Services

_NOT_FOUND = "The warehouse has no customer with this id yet."
# How long the features count that a simulated event of the demo states.
_SIMULATED_FOR = timedelta(minutes=30)


class CustomerReader:
    """Reads features, predicts and evaluates segments, for all customers of a batch at once."""

    def __init__(self, services: Services) -> None:
        self._services, self._settings = services, services.settings
        self._predictor = Predictor(services)
        self._evaluator = SegmentEvaluator(services)

    def read(self, events: Sequence[Event], now: datetime) -> Customers:
        """What is known of the customers of events now, with the steps to it; the cache is brought up to date.

        Raises what `is_outage` recognises when the warehouse or the state store cannot be used.
        """
        changed = changed_columns(events, self._settings.events_changed_columns)
        found = {one: Customer(one, changed_columns=columns) for one, columns in changed.items()}
        steps = [self._invalidate(found), self._fetch(found, self._stated(events, now))]
        known = {one: customer for one, customer in found.items() if customer.features is not None}
        read = self._evaluator.read()
        steps_of_known = [self._predictor.predict(known, read.models()), self._evaluator.evaluate(known, read)]
        rules = read.rules
        return Customers(
            found, steps, steps_of_known, read.segments, read.versions, rules.fields, rules.predictions, read.identity
        )

    def _invalidate(self, found: Mapping[str, Customer]) -> StepOf:
        watch, features, note = Stopwatch(), self._services.features, ""
        cached = features.cached(found)
        removed: int | None = None
        try:
            removed = features.invalidate(found)
        except CacheUnavailable as error:
            note = str(error)
        milliseconds, together = watch.lap(), batch(found)
        for customer_id, customer in found.items():
            customer.cached = cached.get(customer_id)

        cached_or_not = {
            was_cached: SharedStep(
                "Cache invalidated",
                milliseconds,
                together,
                {"was_cached": was_cached, "removed_for_the_batch": removed},
                note,
            )
            for was_cached in (True, False)
        }
        return lambda customer: cached_or_not[customer.cached is not None]

    def _stated(self, events: Sequence[Event], now: datetime) -> Mapping[str, Row]:
        """What events say about features; simulated events of the demo always count, so that a demo moves."""
        services, found = self._services, dict[str, Row]()
        if seconds := self._settings.events_overlay_seconds:
            found |= stated_features(services.store, events, now, timedelta(seconds=seconds))
        if any(event.is_simulated for event in events) and describe_source(services.warehouse).is_demo:
            found |= stated_features(services.store, events, now, _SIMULATED_FOR, simulated=True)
        return found

    def _fetch(self, found: Mapping[str, Customer], stated: Mapping[str, Row]) -> StepOf:
        watch = Stopwatch()
        fresh = self._services.features.refresh(found)
        milliseconds, together = watch.lap(), batch(found)
        identifier = self._services.warehouse.customer_id
        for customer_id, features in fresh.items():
            customer = found[customer_id]
            customer.customer_id = id_as_text(features[identifier.name], identifier.type)
            said = stated.get(customer_id, {}).items()
            customer.overlaid = {name: value for name, value in said if name in features and name != identifier.name}
            customer.fetched = features
            customer.features = {**features, **customer.overlaid} if customer.overlaid else features
        mapping = self._settings.ml_feature_mapping.values()
        named = [name for names in mapping for name in ([names] if isinstance(names, str) else names)]
        columns = next(iter(fresh.values()), {}).keys()  # the same of all
        used = [name for name in named if name in columns]
        not_found = SharedStep("Features fetched", milliseconds, together, {"found": False}, _NOT_FOUND)

        def step_of(customer: Customer) -> Step:
            features = customer.features
            if features is None:
                return not_found
            output = {
                "found": True,
                "columns": len(columns),
                "read_by_models": {name: as_json(features[name]) for name in used},
                "changed": _changed(customer.cached, customer.fetched),
            }
            if customer.overlaid:
                output["overlaid"] = as_json(customer.overlaid)
            note = "" if customer.cached is not None else "No earlier values were cached to compare with."
            return Step("Features fetched", milliseconds, together, output, note)

        return step_of


def _changed(before: Row | None, after: Row | None) -> list[dict[str, Any]]:
    """The columns whose values differ from those that were cached; a column that was not cached does not count."""
    if before is None or after is None or before == after:
        return []
    return [
        {"column": name, "before": as_json(before[name]), "after": as_json(value)}
        for name, value in after.items()
        if name in before and before[name] != value
    ]
