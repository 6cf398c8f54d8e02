"""The product on the demo, for the tests of trainings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.services import Services, get_services
from tests.fixtures.jobs import see_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.workbench import Configure


@pytest.fixture
def services(trained: str, demo_settings: Configure, store_url: str) -> Iterator[Services]:
    """The product on the demo, with tiny models active."""
    demo_settings(state_database_url=store_url)
    services = get_services()
    services.prepare_store()
    yield services
    if job := services.jobs.running("training"):
        services.jobs.cancel(job.id, "test")
    see_off()
