"""Whatever a client sends, be it as described or not: no crash, and every answer is as described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from loyalty_core.jobs import JobQueue
from loyalty_core.ml.scoring import score_base
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from tests.fixtures.api import RICH
from tests.fixtures.jobs import NO_WORK, see_off
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from schemathesis import Case

    from tests.workbench import Configure

pytestmark = pytest.mark.extended

# A stream lasts as long as its job.
LEFT_OUT = {"follow_job"}
# A schema cannot say which rules, columns and versions there are: what is unknown is refused with 4xx.
LEFT_OUT_CHECKS = [positive_data_acceptance]


@pytest.fixture
def ready(trained: str, demo_settings: Configure, tmp_path: Path) -> Iterator[None]:
    """Models and their scores, a segment, and jobs that do nothing."""
    demo_settings(predictions_file=tmp_path / "predictions.parquet")
    services = get_services()
    score_base(services.warehouse, services.inference.models())
    services.segmentation.create(SegmentDraft("VIP", RICH), actor="ann")
    services.jobs = JobQueue(services.store, module=NO_WORK)
    yield
    see_off()


def check_all(api: FastAPI, modes: list[GenerationMode], examples: int) -> None:
    schema = schemathesis.openapi.from_dict(api.openapi())
    schema.app = api
    for result in schema.get_all_operations():
        operation = result.ok()
        described = operation.definition.raw
        for mode in modes:
            if described["operationId"] not in LEFT_OUT and (
                mode is GenerationMode.POSITIVE or can_be_wrong(described)
            ):
                check(operation.as_strategy(generation_mode=mode), examples)


def can_be_wrong(operation: dict[str, Any]) -> bool:
    """Whether a request can be against the description: every text is a valid part of a path."""
    return "requestBody" in operation or any(one["in"] == "query" for one in operation.get("parameters", ()))


def check(cases: Any, examples: int) -> None:
    @settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def every_check_holds(case: Case) -> None:
        case.call_and_validate(excluded_checks=LEFT_OUT_CHECKS, timeout=PATIENCE_SECONDS)

    every_check_holds()


def test_a_request_of_every_operation(api: FastAPI, ready: None) -> None:
    check_all(api, [GenerationMode.POSITIVE], examples=1)


@pytest.mark.slow
def test_many_requests_of_every_operation(api: FastAPI, ready: None) -> None:
    check_all(api, [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], examples=40)
