"""The form of log lines, whichever library they come from."""

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from loyalty_core.telemetry import RequestFacts, current_request
from loyalty_core.telemetry.logs import configure_logging
from tests.fixtures.logs import ReadLog


@pytest.fixture
def request_facts() -> Iterator[RequestFacts]:
    """A request that is being answered."""
    facts = RequestFacts("request-1")
    token = current_request.set(facts)
    yield facts
    current_request.reset(token)


def test_an_error_is_one_json_line_with_its_traceback_and_the_request_id(
    json_log: ReadLog, request_facts: RequestFacts
) -> None:
    try:
        raise ValueError("no such day")
    except ValueError:
        logging.getLogger("loyalty_core.jobs").exception("Job %d failed", 7)
    [event] = json_log()
    assert (event["event"], event["level"], event["logger"]) == ("Job 7 failed", "error", "loyalty_core.jobs")
    assert event["request_id"] == request_facts.id
    assert event["exception"].endswith("ValueError: no such day")
    assert event["timestamp"].endswith("Z")


def test_lines_of_the_libraries_have_the_same_form(json_log: ReadLog) -> None:
    logging.getLogger("streamlit.runtime.app_session").warning("odd")
    logging.getLogger("uvicorn.error").info('127.0.0.1 - "WebSocket /_stcore/stream?customer=1" [accepted]')
    logging.getLogger("uvicorn.access").info("GET /customers?customer_id=1")
    assert [event["event"] for event in json_log()] == ["odd"]


def test_events_below_the_level_are_not_logged(restored_logging: None) -> None:
    log = io.StringIO()
    configure_logging("console", "WARNING", log)
    structlog.get_logger().info("not logged")
    logging.getLogger("loyalty_core").info("not logged either")
    logging.getLogger("loyalty_core").warning("The cache is slow.")
    [line] = log.getvalue().splitlines()
    assert "warning" in line
    assert "The cache is slow." in line


def test_a_line_for_people_shows_values_that_look_like_its_parts_in_quotes(restored_logging: None) -> None:
    log = io.StringIO()
    configure_logging("console", "INFO", log)
    structlog.get_logger().info("request", logger="app", viewer="Ann Lee\n[error] forged", route="/x/", status=200)
    [line] = log.getvalue().splitlines()
    assert line.split(" ", 1)[1] == (r"[info     ] request [app] route=/x/ status=200 viewer='Ann Lee\n[error] forged'")


def test_a_line_for_people_is_followed_by_the_traceback(restored_logging: None) -> None:
    log = io.StringIO()
    configure_logging("console", "INFO", log)
    try:
        raise ValueError("no such day")
    except ValueError:
        structlog.get_logger().exception("failed")
    lines = log.getvalue().splitlines()
    assert lines[0].endswith("[error    ] failed")
    assert lines[-1] == "ValueError: no such day"
