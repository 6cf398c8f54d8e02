"""The first start: a demo warehouse with predictions and segments, so that no screen is empty."""

import os

import duckdb
import pytest

from loyalty_core.demo import first_start, prepare
from loyalty_core.demo.generate import MAPPING, generate
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.services import get_services
from loyalty_core.settings import DEFAULT_WAREHOUSE, Settings, get_settings
from loyalty_core.warehouse.predictions import last_run
from tests.ml.fixtures import bundle_parts
from tests.workbench import Configure

pytestmark = pytest.mark.extended

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


def test_the_models_learn_from_everything_in_which_the_causes_show(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
):
    configure()
    models_dir = get_settings().models_dir
    activate(models_dir, write_bundle(models_dir, bundle_parts()), "an earlier demo, with the standard features")
    trained: list[Settings] = []
    monkeypatch.setattr(first_start, "DEMO_CUSTOMERS", 50)
    monkeypatch.setattr(first_start.subprocess, "run", lambda *_, **__: trained.append(get_settings()))
    assert prepare.main() == 0
    assert trained[0].ml_feature_mapping == MAPPING
    assert trained[0].ml_model_input_size == len(MAPPING) == 16
    configure(ml_feature_mapping='{"revenue": "total_revenue"}', ml_model_input_size=1)
    assert list(get_settings().ml_feature_mapping) == ["revenue"]


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
