"""`draw_job` without a browser: the button, the progress, the failure that stays, the page that runs once more."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.jobs import Job, JobQueue
from loyalty_core.services import Services, get_services
from loyalty_core.ui.jobs import duration
from tests.fixtures.jobs import PATIENCE, WORKER, kill, over, reached, running, see_off
from tests.fixtures.screens import texts_of
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.workbench import Configure

pytestmark = pytest.mark.extended


def _page() -> None:
    # AppTest runs the text of this function alone.
    import streamlit as st  # noqa: PLC0415

    from loyalty_core.ui.jobs import draw_job  # noqa: PLC0415

    st.session_state.runs = st.session_state.get("runs", 0) + 1
    draw_job("scoring", start_label="Score now", options={"do": st.session_state.do}, key="score")


def open_page(do: str = "wait") -> AppTest:
    app = AppTest.from_function(_page, default_timeout=60)
    app.session_state.do = do
    return app.run()


@pytest.fixture
def queue(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobQueue]:
    """The queue of the app, whose jobs do the work of tests."""
    services = get_services()
    services.prepare_store()
    queue = JobQueue(services.store, module=WORKER, patience=PATIENCE)
    monkeypatch.setattr(Services, "jobs", queue)
    yield queue
    if job := queue.running("scoring"):
        kill(services.store, job)
    see_off()


def begin(queue: JobQueue, do: str, **more: Any) -> Job:
    return queue.start("scoring", {"do": do, **more}, "bob")


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def bar(app: AppTest) -> tuple[float, str]:
    (progress,) = app.get("progress")
    return progress.proto.value, progress.proto.text.replace("\\", "")


def test_before_the_first_job_there_is_a_button(queue: JobQueue):
    app = open_page()
    assert labels(app) == ["Score now"]
    assert texts_of(app) == []


def test_a_click_starts_the_job_and_shows_it(queue: JobQueue):
    app = open_page("hang")
    app.button[0].click().run()
    job = queue.running("scoring")
    assert job.options == {"do": "hang"}
    assert labels(app) == ["Cancel"]
    reached(queue, job, "Hanging")
    app.run()
    assert bar(app) == (0, "Hanging …")
    (line,) = texts_of(app)
    assert re.match(f"Started by {re.escape(job.started_by)} · \\d+:\\d\\d", line)


def test_a_job_of_somebody_else_is_shown_the_same(queue: JobQueue):
    job = reached(queue, begin(queue, "wait"), "Waiting")
    app = open_page()
    assert labels(app) == ["Cancel"]
    value, text = bar(app)
    assert value == 0
    assert text.startswith("Waiting · ")
    assert text.endswith(" of 1,000,000")
    assert texts_of(app)[0].startswith("Started by bob · ")
    app.button[0].click().run()
    assert queue.get(job.id).state == "cancelled" or labels(app) == ["Stopping …"]
    over(queue, job)
    app.run()
    assert labels(app) == ["Score now"]
    assert texts_of(app)[0].endswith(" Cancelled.")


def test_two_who_click_at_once_see_one_job(queue: JobQueue):
    first, second = open_page("hang"), open_page("hang")
    first.button[0].click().run()
    second.button[0].click().run()
    assert [job.options for job in queue.list()] == [{"do": "hang"}]
    assert labels(second) == ["Cancel"]


def test_who_is_a_moment_late_sees_the_job_of_the_other(queue: JobQueue, monkeypatch: pytest.MonkeyPatch):
    app = open_page("count")
    job = begin(queue, "hang")
    answers = iter([None])
    latest = JobQueue.latest
    monkeypatch.setattr(JobQueue, "latest", lambda self, kind, _: next(answers, latest(self, kind)))
    app.button[0].click().run()
    assert labels(app) == ["Cancel"]
    assert [one.id for one in queue.list()] == [job.id]
    assert not app.error


def test_when_it_ends_the_page_runs_once_more(queue: JobQueue, monkeypatch: pytest.MonkeyPatch):
    job = over(queue, begin(queue, "count"))
    answers = iter([replace(job, state="running", ended_at=None)])
    latest = JobQueue.latest
    monkeypatch.setattr(JobQueue, "latest", lambda self, kind, _: next(answers, None) or latest(self, kind))
    app = open_page()
    assert app.session_state.runs == 2
    assert labels(app) == ["Score now"]
    assert re.search(r" by bob, \d+:\d\d\. Counted to 3\.$", texts_of(app)[0])


def test_a_failure_stays_until_it_is_dismissed(queue: JobQueue):
    over(queue, begin(queue, "refuse"))
    for _ in range(2):
        app = open_page()
        (error,) = app.error
        shown = "**The rows are odd.**\n\nThere are 3.\n\nAdd one. [More about this error](documentation"
        assert error.value.replace("\\", "").partition("?")[0] == shown
        assert labels(app) == ["Dismiss", "Score now"]
        assert "The rows are odd." in app.code[0].value
    app.button(key="score-dismiss").click().run()
    for page in (app, open_page()):
        assert not page.error
        assert labels(page) == ["Score now"]
        assert texts_of(page)[0].endswith(" Failed.")


def test_a_killed_job_is_shown_as_failed(queue: JobQueue):
    job = reached(queue, begin(queue, "hang"), "Hanging")
    process = running(get_services().store, job)
    process.kill()
    over(queue, job)
    app = open_page("count")
    assert "signal 9" in app.error[0].value
    assert app.code[0].value.endswith("Hanging now.")
    app.button(key="score-start").click().run()
    wait_until(lambda: queue.running("scoring") is None)
    app.run()
    assert not app.error
    assert texts_of(app)[0].endswith("Counted to 3.")


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (65, "1:05"), (3599.9, "59:59"), (7265, "2:01:05")])
def test_durations(seconds: float, text: str):
    assert duration(seconds) == text
