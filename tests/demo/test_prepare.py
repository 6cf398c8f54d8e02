"""The first start: a demo warehouse with predictions and segments, so that no screen is empty."""

from pathlib import Path

import pytest

from loyalty_core.demo import prepare
from loyalty_core.services import get_services
from loyalty_core.settings import DEFAULT_WAREHOUSE
from loyalty_core.warehouse.predictions import last_run
from tests.workbench import Configure

CUSTOMERS = 500


def test_everything_is_there_after_the_first_start(configure: Configure, monkeypatch: pytest.MonkeyPatch):
    configure(ml_mock_mode=True)
    monkeypatch.setattr(prepare, "_CUSTOMERS", CUSTOMERS)
    assert prepare.main() == 0
    services = get_services()
    assert (run := last_run(services.warehouse)) is not None
    assert run.model_version == "mock"
    segments = {segment.name: segment for segment in services.segments.list()}
    assert {"VIP", "High churn risk", "Champions"} <= set(segments)
    for segment in segments.values():
        assert segment.size is not None, segment.name
        assert (segment.size.base, segment.fault) == (CUSTOMERS, None)
        assert segment.size.customers == services.segmentation.count(segment.rule)
    before = Path(DEFAULT_WAREHOUSE).stat().st_mtime_ns
    assert prepare.main() == 0
    assert Path(DEFAULT_WAREHOUSE).stat().st_mtime_ns == before
