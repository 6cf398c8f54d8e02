"""openapi.json is complete: every operation is described, and its examples are what the API takes and answers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator

from loyalty_core.api.examples import ACTIVE_VERSION, EXAMPLES, VERSION
from loyalty_core.events import BadEvent, Event, Inbox, Intake, Unreadable, Worker
from loyalty_core.events.effects import Effects
from loyalty_core.jobs import JobQueue
from loyalty_core.ml.bundles import write_bundle
from loyalty_core.ml.evaluation import Difference
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.versions import SameRows, Shift, VersionComparison
from loyalty_core.segments import SegmentDraft
from loyalty_core.segments.exports import write_export
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from loyalty_core.store.jobs import JobRecord
from loyalty_core.store.messages import OutboxRecord
from tests.campaigns.programme import definition as ready_definition
from tests.fixtures.api import NORWAY, RICH, Ask
from tests.fixtures.jobs import NO_WORK, see_off
from tests.ml.fixtures import other_parts
from tests.workbench import DEMO_CUSTOMERS, GUIDE_CUSTOMER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fastapi import FastAPI

    from tests.workbench import Configure, Query

# Among the alternatives of a value that may be any JSON.
ANY_LIST = {"type": "array", "items": {}}

Operations = dict[str, tuple[str, str, dict[str, Any]]]


@pytest.fixture(scope="module")
def description(api_of_all: FastAPI) -> dict[str, Any]:
    return api_of_all.openapi()


@pytest.fixture(scope="module")
def operations(description: dict[str, Any]) -> Operations:
    """Path, method and description by the operation's id."""
    return {
        operation["operationId"]: (path, method, operation)
        for path, item in description["paths"].items()
        for method, operation in item.items()
    }


@pytest.fixture
def names(watched: str, demo_settings: Configure, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """A programme with a segment, scores, two versions, dead letters and an export; what stands for names of examples.

    Jobs that are started do nothing.
    """
    exports = tmp_path / "exports"
    mail = {"smtp_host": "127.0.0.1", "email_from": "club@example.com", "public_url": "https://crm.example.com"}
    demo_settings(predictions_file=tmp_path / "predictions.parquet", exports_dir=exports, **mail)
    services = get_services()
    services.segmentation.create(SegmentDraft("VIP", RICH), actor="ann")
    services.segmentation.refresh("vip")
    services.segmentation.create(SegmentDraft("Norwegians", NORWAY), actor="ann")
    score_base(services.warehouse, services.inference.models())
    services.jobs = JobQueue(services.store, module=NO_WORK)
    version = write_bundle(get_settings().models_dir, other_parts())
    measured = SameRows(100, date(2026, 8, 1), None, {"auc": 0.8}, {"auc": 0.7}, {"auc": Difference(0.1, 0.0, 0.2)})
    everyone = Shift(None, "All customers", 10, [[4, 1, 0], [2, 1, 0], [0, 1, 1]], [[3, 2], [1, 4]], (4.5, 5.0))
    compared = VersionComparison(version, watched, datetime.now(UTC), {"churn": measured}, (everyone,), (1, 7))
    services.comparisons.save(compared)
    letters = [Unreadable("kafka/loyalty.events", None, "{}", BadEvent("The event has no type.")) for _ in range(2)]
    happened = Event("shop", "1", "customer.login", GUIDE_CUSTOMER, datetime.now(UTC), {})
    Intake(services.store, timedelta(0)).accept([happened], letters)
    assert Worker(services.store, Inbox(services.store), Effects(services)).apply_waiting() == 1
    for name in ("Win back", "Thank you"):
        campaigns = services.campaigns.repository
        campaigns.submit(campaigns.create(name, ready_definition(), actor="ann").id, actor="ann")
    add_message_in_doubt()
    exports.mkdir()
    written = write_export(exports, "vip", "csv", services.segmentation.select(RICH).stream(["total_revenue"]))
    add_done_export({"file": written.file.name, "customers": written.customers, "bytes": written.bytes})
    yield {VERSION: version, ACTIVE_VERSION: watched}
    see_off()


def add_message_in_doubt() -> None:
    at = datetime.now(UTC)
    with get_services().store.session() as session:
        session.add(
            OutboxRecord(
                campaign_id="win-back", entry_id=1, customer_id="1", channel="email", key="key-1", version=1,
                queued_at=at, due_at=at, status="in_doubt", attempts=1, is_simulated=False,
            )
        )  # fmt: skip


def add_done_export(result: dict[str, Any]) -> None:
    """The first job."""
    now, options = datetime.now(UTC), {"segment_id": "vip", "format": "csv", "columns": ["total_revenue"]}
    with get_services().store.session() as session:
        session.add(
            JobRecord(
                kind="export", options=options, state="done", phase="Writing customers", done=1, total=1, message="",
                started_by="ann", created_at=now, started_at=now, heartbeat_at=now, ended_at=now, log_tail="",
                result=result,
            )
        )  # fmt: skip


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """The value with the names of this programme instead of those of the examples."""
    match value:
        case str():
            return names.get(value, value)
        case dict():
            return {key: renamed(part, names) for key, part in value.items()}
        case list():
            return [renamed(part, names) for part in value]
        case _:
            return value


def address_of(path: str, parameters: Mapping[str, Any]) -> str:
    """The path with these parameters; those that are not in it follow as a query."""
    query = {name: value for name, value in parameters.items() if f"{{{name}}}" not in path}
    filled = path.format(**parameters)
    return f"{filled}?{urlencode(query, doseq=True)}" if query else filled


def schema_of(content: Mapping[str, Any], description: Mapping[str, Any]) -> dict[str, Any]:
    return {**content["schema"], "components": description["components"]}


def test_every_operation_has_an_example(operations: Operations):
    assert operations.keys() - EXAMPLES.keys() == set(), "give them an example in loyalty_core/api/examples"
    assert EXAMPLES.keys() - operations.keys() == set()
    without = {
        name
        for name, (_, _, operation) in operations.items()
        if ("requestBody" in operation) != (EXAMPLES[name].request is not None)
        or any(parameter["required"] and "example" not in parameter for parameter in operation.get("parameters", ()))
    }
    assert without == set()


@pytest.mark.extended
def test_every_example_is_answered_as_described(
    names: Mapping[str, str], ask: Ask, description: dict[str, Any], operations: Operations
):
    wrong: list[str] = []
    for name, example in EXAMPLES.items():
        path, method, operation = operations[name]
        address = address_of(path, renamed(dict(example.parameters), names))
        answer = ask(address, method.upper(), renamed(example.request, names))
        described = operation["responses"].get(str(answer.status_code))
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if described is None or answer.status_code >= 300:
            wrong.append(f"{name}: {answer.status_code} {answer.text[:300]}")
        elif media_type not in described.get("content", {"": None}):
            wrong.append(f"{name}: {media_type} is not described")
        elif media_type == "application/json":
            faults = Draft202012Validator(schema_of(described["content"][media_type], description)).iter_errors(
                answer.json()
            )
            wrong += [f"{name}: {fault.json_path}: {fault.message[:200]}" for fault in faults]
    assert wrong == []


def test_an_example_of_an_answer_fits_its_schema(description: dict[str, Any], operations: Operations):
    for name, (_, _, operation) in operations.items():
        answers = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        found = [form for form in answers[0].get("content", {}).values() if "example" in form]
        assert len(found) == ("content" in answers[0]), name
        for form in found:
            Draft202012Validator(schema_of(form, description)).validate(form["example"])


def untyped(schema: Any, where: str, schemas: Mapping[str, Any], seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Where the schema says nothing about the type of a value, other than values that may be any JSON.

    `schemas` are those that it refers to by name.
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from untyped(schemas[name], where, schemas, seen | {name})
    elif ANY_LIST not in schema.get("anyOf", ()):
        if not schema.keys() & {"type", "anyOf", "enum", "const"}:
            yield where
        parts = list(schema.get("properties", {}).items())
        parts += [("", part) for part in (*schema.get("anyOf", ()), *schema.get("prefixItems", ()))]
        parts += [(name, schema[name]) for name in ("items", "additionalProperties") if name in schema]
        for name, part in parts:
            if isinstance(part, dict):
                yield from untyped(part, f"{where}.{name}", schemas, seen)


def test_every_answer_has_a_type(description: dict[str, Any], operations: Operations):
    """An object says which keys it has, or which type all its values have."""
    found: list[str] = []
    for name, (_, _, operation) in operations.items():
        for status, answer in operation["responses"].items():
            for form in answer.get("content", {}).values() if status.startswith("2") else ():
                schema = form["schema"]
                found += untyped(schema, name, description["components"]["schemas"])
                is_bare = schema.get("type") == "object" and not schema.keys() & {"properties"}
                if is_bare and not isinstance(schema.get("additionalProperties"), dict):
                    found.append(name)
    assert found == []


def test_every_operation_is_described(description: dict[str, Any], operations: Operations):
    for path, method, operation in operations.values():
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"].endswith((".", "`")), where
        assert len(operation["tags"]) == 1, where
        assert {"4XX", "5XX"} <= operation["responses"].keys(), where
        for status in ("4XX", "5XX"):
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Error"}, where
    assert description["components"]["securitySchemes"].keys() == {"key", "session"}


def test_every_parameter_of_a_query_is_described(operations: Operations):
    parameters = [
        (name, parameter["name"], parameter.get("description"))
        for name, (_, _, operation) in operations.items()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    ]
    assert len(parameters) > 50
    assert [found for found in parameters if not found[2]] == []


def test_no_type_is_named_after_a_module(description: dict[str, Any]):
    """Two models of one name would be called after their modules, as would the classes of generated clients."""
    assert [name for name in description["components"]["schemas"] if name.startswith("loyalty_core")] == []


def test_errors_are_as_described(ask: Ask, description: dict[str, Any]):
    validator = Draft202012Validator({"$ref": "#/components/schemas/Error", "components": description["components"]})
    for answer in (
        ask("/nope/"),
        ask("/health/live/", "DELETE"),
        ask("/segments/evaluate/", "POST", {"rule": {"==": 1}}),
        ask("/segments/evaluate/", "POST", [1]),
    ):
        assert answer.status_code >= 400
        validator.validate(answer.json())


def test_the_description_has_no_personal_data(query_demo: Query, description: dict[str, Any]):
    text = str(description)
    people = query_demo(f"SELECT customer_id, email FROM customer_features_view LIMIT {DEMO_CUSTOMERS}")
    found = [value for row in people for value in row if value and value != GUIDE_CUSTOMER and value in text]
    assert found == []
    assert not re.search(r"[\w.]+@(?!example\.(com|org)\b)[\w-]+\.\w+", text)
