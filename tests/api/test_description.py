"""openapi.json is complete: every operation is described, and its examples are what the API takes and answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from loyalty_core.api import create_api
from loyalty_core.api.examples import REQUESTS
from loyalty_core.jobs import JobQueue
from loyalty_core.ml.bundles import write_bundle
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from tests.fixtures.api import RICH, Ask
from tests.fixtures.jobs import NO_WORK, see_off
from tests.ml.fixtures import other_parts
from tests.workbench import DEMO_CUSTOMERS, GUIDE_CUSTOMER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.workbench import Query

DESCRIPTION = create_api().openapi()
OPERATIONS = {
    operation["operationId"]: (path, method, operation)
    for path, item in DESCRIPTION["paths"].items()
    for method, operation in item.items()
}


@pytest.fixture
def ready(trained: str) -> Iterator[str]:
    """A segment, two versions, and jobs that do nothing; the version that is not active."""
    services = get_services()
    services.segmentation.create(SegmentDraft("VIP", RICH), actor="ann")
    services.jobs = JobQueue(services.store, module=NO_WORK)
    yield write_bundle(get_settings().models_dir, other_parts())
    see_off()


def assert_described(answer: httpx.Response, operation: dict[str, Any]) -> None:
    """The answer has a status and a schema of the description."""
    described = operation["responses"][str(answer.status_code)]
    schema = described["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": DESCRIPTION["components"]}).validate(answer.json())


def test_every_example_is_answered_as_described(ready: str, trained: str, ask: Ask):
    for name, example in REQUESTS.items():
        path, method, operation = OPERATIONS[name]
        address = path.format(segment_id="vip", customer_id=GUIDE_CUSTOMER, model="churn", kind="churn", version=ready)
        versions = {"challenger": ready, "against": trained}
        answer = ask(address, method.upper(), {key: versions.get(key, value) for key, value in example.items()})
        assert answer.status_code < 300, (name, answer.text)
        assert_described(answer, operation)


@pytest.mark.parametrize(
    "name",
    [name for name, (_, _, operation) in OPERATIONS.items() if "example" in str(operation["responses"])],
)
def test_an_example_of_an_answer_fits_its_schema(name: str):
    for response in OPERATIONS[name][2]["responses"].values():
        content = response.get("content", {}).get("application/json", {})
        if "example" in content:
            schema = {**content["schema"], "components": DESCRIPTION["components"]}
            Draft202012Validator(schema).validate(content["example"])


def test_every_body_has_an_example_or_may_be_left_out():
    without = {
        name
        for name, (_, _, operation) in OPERATIONS.items()
        if operation.get("requestBody", {}).get("required") and name not in REQUESTS
    }
    assert without == set()


def test_every_operation_is_described():
    for path, method, operation in OPERATIONS.values():
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"].endswith((".", "`")), where
        assert len(operation["tags"]) == 1, where
        assert {"4XX", "5XX"} <= operation["responses"].keys(), where
        for status in ("4XX", "5XX"):
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Error"}, where
    assert DESCRIPTION["components"]["securitySchemes"].keys() == {"key", "session"}


def test_errors_are_as_described(ask: Ask):
    validator = Draft202012Validator({"$ref": "#/components/schemas/Error", "components": DESCRIPTION["components"]})
    for answer in (
        ask("/nope/"),
        ask("/health/live/", "DELETE"),
        ask("/segments/evaluate/", "POST", {"rule": {"==": 1}}),
        ask("/segments/evaluate/", "POST", [1]),
    ):
        assert answer.status_code >= 400
        validator.validate(answer.json())


def test_the_description_has_no_personal_data(query_demo: Query):
    text = str(DESCRIPTION)
    people = query_demo(f"SELECT customer_id, email FROM customer_features_view LIMIT {DEMO_CUSTOMERS}")
    found = [value for row in people for value in row if value and value != GUIDE_CUSTOMER and value in text]
    assert found == []
    assert not re.search(r"[\w.]+@(?!example\.(com|org)\b)[\w-]+\.\w+", text)
