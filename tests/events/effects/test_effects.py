"""What events cause: features, scores and segments of their customers, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from loyalty_core.errors import DataError, StateStoreUnavailable
from loyalty_core.events.effects import Effects
from loyalty_core.services import Services
from loyalty_core.store.events import EventTraceRecord, SegmentChangeRecord
from tests.events.effects.conftest import event, outputs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.events.effects.conftest import Programme

RICH = {">": [{"var": "total_revenue"}, 100]}


def traces(programme: Programme) -> list[EventTraceRecord]:
    with programme.services.store.session(read_only=True) as session:
        return list(session.scalars(select(EventTraceRecord).order_by(EventTraceRecord.event)))


def changes(programme: Programme) -> list[tuple[str, str, bool, int | None]]:
    with programme.services.store.session(read_only=True) as session:
        found = session.scalars(select(SegmentChangeRecord).order_by(SegmentChangeRecord.id))
        return [(one.segment_id, one.customer_id, one.has_joined, one.event) for one in found]


def test_a_change_in_the_warehouse_reaches_the_segments_through_an_event(programme: Programme) -> None:
    rich, poor = programme.save("Rich", RICH), programme.save("Poor", {"!": RICH})
    programme.change("UPDATE customers SET total_revenue = 150 WHERE customer_id = 'ann'")
    programme.apply(event(1))
    assert programme.members(rich) == {"ann", "bob"}
    assert programme.members(poor) == {"cid"}
    assert sorted(changes(programme)) == [(poor, "ann", False, 1), (rich, "ann", True, 1)]
    size = programme.services.segments.get(rich).size
    assert size is not None
    assert size.customers == 2
    (trace,) = traces(programme)
    assert [step["name"] for step in trace.steps] == [
        "Event read",
        "Cache invalidated",
        "Features fetched",
        "Churn predicted",
        "Segments evaluated",
        "Segments joined and left",
        "Campaigns triggered",
    ]
    assert trace.steps[5]["output"] == {
        "joined": [{"id": rich, "name": "Rich"}],
        "left": [{"id": poor, "name": "Poor"}],
    }
    assert (trace.segments_joined, trace.segments_left) == ([rich], [poor])
    assert trace.outcome == "Nothing was sent: no running campaign is triggered by this."


def test_cached_features_are_read_anew(programme_on_server: Programme) -> None:
    features = programme_on_server.services.features
    features.get("ann")
    programme_on_server.change("UPDATE customers SET total_revenue = 150 WHERE customer_id = 'ann'")
    assert features.get("ann")["total_revenue"] == 50
    programme_on_server.apply(event(1))
    assert features.get("ann")["total_revenue"] == 150
    (trace,) = traces(programme_on_server)
    assert trace.steps[1]["output"]["was_cached"] is True
    assert trace.steps[2]["output"]["changed"] == [{"column": "total_revenue", "before": 50.0, "after": 150.0}]


def test_rules_read_the_new_score_not_the_stored_run(programme: Programme) -> None:
    programme.score()
    stored = programme.services.inference.predict_churn("ann")["churn_probability"]
    programme.change(
        "UPDATE customers SET last_purchase_days_ago = 400, transaction_count = 0 WHERE customer_id = 'ann'"
    )
    leaving = programme.save("Leaving", {">": [{"var": "churn_probability"}, stored]})
    assert not programme.services.segments.is_member(leaving, "ann")
    programme.apply(event(1))
    assert programme.services.segments.is_member(leaving, "ann")
    scores = traces(programme)[0].scores
    assert scores["before"] == pytest.approx(stored)
    assert scores["after"] == programme.services.inference.predict_churn("ann")["churn_probability"] > stored
    programme.apply(event(2))
    assert traces(programme)[1].scores["before"] == scores["after"]


def test_segments_built_on_others_follow_them(programme: Programme) -> None:
    rich = programme.save("Rich", RICH)
    other = programme.save("Rich in Oslo", {"and": [{"var": f"segment:{rich}"}, {"==": [{"var": "city"}, "Oslo"]}]})
    without = programme.save("Not rich", {"!": [{"var": f"segment:{rich}"}]})
    programme.change("UPDATE customers SET total_revenue = 150 WHERE customer_id = 'ann'")
    programme.apply(event(1))
    assert programme.members(rich) == programme.members(other) == {"ann", "bob"}
    assert programme.members(without) == {"cid"}


def test_a_customer_who_is_not_in_the_warehouse_is_no_error(programme: Programme) -> None:
    everyone = programme.save("Everyone", {})
    programme.apply(event(1, "new"), event(2, "ann"))
    unknown, known = traces(programme)
    assert unknown.outcome == "Nothing was sent: the warehouse does not know the customer yet."
    assert [step["name"] for step in unknown.steps] == ["Event read", "Cache invalidated", "Features fetched"]
    assert not programme.services.segments.is_member(everyone, "new")
    assert len(known.steps) == 7


def test_events_of_a_customer_are_taken_together(programme: Programme) -> None:
    rich = programme.save("Rich", RICH)
    programme.change("UPDATE customers SET total_revenue = 150 WHERE customer_id = 'ann'")
    programme.apply(event(1), event(2), event(3, "bob"))
    assert changes(programme) == [(rich, "ann", True, 2)]
    first, second, _ = traces(programme)
    assert first.outcome == "Applied together with a later event of the customer, event 2, whose trace has the rest."
    assert first.segments_joined == []
    assert second.segments_joined == [rich]


def test_late_and_out_of_order_events_change_segments_and_trigger_nothing(programme: Programme) -> None:
    rich = programme.save("Rich", RICH)
    programme.change("UPDATE customers SET total_revenue = 150 WHERE customer_id = 'ann'")
    programme.apply(event(1, is_late=True), event(2, "bob", is_out_of_order=True))
    assert programme.members(rich) == {"ann", "bob"}
    late, out_of_order = traces(programme)
    assert "too old to trigger a message" in late.outcome
    assert "a later event of the same type" in out_of_order.outcome


def test_a_dry_run_writes_nothing(programme: Programme) -> None:
    rich = programme.save("Rich", RICH)
    programme.change("UPDATE customers SET total_revenue = 150 WHERE customer_id = 'ann'")
    trace = programme.effects.dry_run(event(None))
    assert trace.segments_joined == (rich,)
    assert outputs(trace)["Segments joined and left"]["joined"] == [{"id": rich, "name": "Rich"}]
    assert programme.members(rich) == {"bob"}
    assert traces(programme) == changes(programme) == []


def test_a_segment_whose_rule_has_changed_stays_as_it_is_until_it_is_computed(programme: Programme) -> None:
    rich = programme.save("Rich", RICH)
    prepared = programme.effects.prepare([event(1)])
    programme.services.segments.amend(rich, {"rule": {"<": [{"var": "total_revenue"}, 100]}}, actor="ann")
    with programme.services.store.session() as session:
        programme.effects.write(session, prepared)
    programme.apply(event(2))
    assert programme.members(rich) == {"bob"}
    assert traces(programme)[1].steps[4]["output"]["evaluated"] == 0
    programme.services.segmentation.refresh(rich)
    programme.change("UPDATE customers SET total_revenue = 150 WHERE customer_id = 'ann'")
    programme.apply(event(3))
    assert programme.members(rich) == set()


def test_a_worker_that_dies_before_the_commit_leaves_nothing(programme: Programme) -> None:
    rich = programme.save("Rich", RICH)
    programme.change("UPDATE customers SET total_revenue = 150 WHERE customer_id = 'ann'")
    prepared = programme.effects.prepare([event(1)])
    with pytest.raises(RuntimeError), programme.services.store.session() as session:
        programme.effects.write(session, prepared)
        raise RuntimeError("killed")
    assert programme.members(rich) == {"bob"}
    assert traces(programme) == changes(programme) == []
    programme.apply(event(1))
    assert programme.members(rich) == {"ann", "bob"}


def test_a_row_that_a_model_cannot_read_spoils_only_itself(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme.score()
    leaving = programme.save("Leaving", {">=": [{"var": "churn_probability"}, 0]})
    for customer_id in ("ann", "bob"):
        programme.services.segments.change_member(leaving, customer_id, belongs=False)
    predict = programme.services.inference.predict_rows

    def predict_all_but_bob(models: Any, rows: Any) -> Any:
        if "bob" in rows:
            raise DataError("'many' is no number.")
        return predict(models, rows)

    monkeypatch.setattr(programme.services.inference, "predict_rows", predict_all_but_bob)
    programme.apply(event(1, "ann"), event(2, "bob"))
    ann, bob = traces(programme)
    assert ann.scores["after"] is not None
    assert bob.scores["after"] is None
    assert bob.steps[3]["note"] == "'many' is no number."
    assert bob.steps[4]["output"]["not_evaluated"] == [leaving]
    assert programme.members(leaving) == {"ann", "cid"}


def test_without_models_segments_follow_the_columns(programme: Programme, tmp_path: Path) -> None:
    without = {"ml_mock_mode": False, "models_dir": tmp_path / "none"}
    services = Services(programme.services.settings.model_copy(update=without))
    programme = replace(programme, services=services, effects=Effects(services))
    rich = programme.save("Rich", RICH)
    programme.change("UPDATE customers SET total_revenue = 150 WHERE customer_id = 'ann'")
    programme.apply(event(1))
    (trace,) = traces(programme)
    assert "Train the models" in trace.steps[3]["note"]
    assert trace.scores == {"before": None, "after": None, "model_version": ""}
    assert trace.segments_joined == [rich]
    services.warehouse.close()


def test_a_broken_store_is_left_to_the_worker(programme: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable() -> None:
        raise StateStoreUnavailable("The state store cannot be used.")

    monkeypatch.setattr(programme.services.segments, "outlines", unavailable)
    with pytest.raises(StateStoreUnavailable):
        programme.effects.prepare([event(1)])


def test_another_process_reads_the_customer_again(programme_on_server: Programme):
    programme = programme_on_server
    other = Services(programme.services.settings)
    assert other.features.get("ann")["city"] == "Oslo"
    programme.change("UPDATE customers SET city = 'Bergen' WHERE customer_id = 'ann'")
    programme.apply(event(1))
    assert other.features.get("ann")["city"] == "Oslo", "or there is nothing to invalidate"
    other.invalidations.follow()
    assert other.features.get("ann")["city"] == "Bergen"
    other.warehouse.close()
