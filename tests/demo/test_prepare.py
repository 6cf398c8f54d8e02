"""The first start: a demo warehouse with predictions and segments, so that no screen is empty."""

import os

import duckdb
import pytest

from loyalty_core.demo import first_start, prepare
from loyalty_core.demo.generate import generate
from loyalty_core.services import get_services
from loyalty_core.settings import DEFAULT_WAREHOUSE
from loyalty_core.warehouse.predictions import last_run
from tests.workbench import Configure

CUSTOMERS = 500


def test_everything_is_there_after_the_first_start(configure: Configure, monkeypatch: pytest.MonkeyPatch):
    configure(ml_mock_mode=True)
    monkeypatch.setattr(first_start, "DEMO_CUSTOMERS", CUSTOMERS)
    assert prepare.main() == 0
    services = get_services()
    assert (run := last_run(services.warehouse)) is not None
    assert run.model_version == "mock"
    segments = {segment.name: segment for segment in services.segments.list()}
    assert {"VIP", "High churn risk", "Champions"} <= set(segments)
    for segment in segments.values():
        assert segment.size is not None, segment.name
        assert (segment.size.base, segment.error) == (CUSTOMERS, None)
        assert segment.size.customers == services.segmentation.count(segment.rule)
    before = DEFAULT_WAREHOUSE.stat().st_mtime_ns
    begun: list[object] = []
    monkeypatch.setattr(first_start, "create_what_is_missing", begun.append)
    assert prepare.main() == 0
    assert DEFAULT_WAREHOUSE.stat().st_mtime_ns == before
    assert not begun  # the second start has nothing to do
    os.utime(DEFAULT_WAREHOUSE)
    assert prepare.main() == 0
    assert len(begun) == 1  # the predictions may be of the data before


def test_a_start_that_was_stopped_is_taken_up_again(configure: Configure):
    configure(ml_mock_mode=True)
    generate(DEFAULT_WAREHOUSE, customers=CUSTOMERS)
    assert prepare.main() == 0
    assert last_run(get_services().warehouse) is not None
    assert get_services().segments.names()


def test_own_data_is_left_as_it_is(configure: Configure):
    configure(ml_mock_mode=True)
    DEFAULT_WAREHOUSE.parent.mkdir()
    with duckdb.connect(str(DEFAULT_WAREHOUSE)) as connection:
        connection.execute("CREATE TABLE customer_features_view AS SELECT 'a' AS customer_id, 1.0 AS total_revenue")
    assert prepare.main() == 0
    assert last_run(get_services().warehouse) is None
