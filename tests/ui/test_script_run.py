"""A viewer who goes on stops the statement of the page; and the contract with Streamlit's requests to end a run."""

from collections.abc import Callable
from threading import Event, Thread

import pytest
import sqlalchemy as sa
import streamlit as st
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests
from streamlit.testing.v1 import AppTest

from loyalty_core.cancellation import Cancellation, current_cancellation
from loyalty_core.services import get_services
from loyalty_core.ui.cached_reads import cached_lookup
from loyalty_core.ui.script_run import cancellation_of_run
from loyalty_core.ui.work_slots import evaluation_slot
from tests.engines.engine import COUNTING
from tests.waiting import wait_until

Body = Callable[[], None]


def _page(first: "Body", body: "Body") -> None:
    """The first run does `first`, the others only show that they ran."""
    import streamlit as st  # noqa: PLC0415

    runs = st.session_state.get("runs", 0) + 1
    st.session_state.runs = runs
    if runs == 1:
        first()
    body()
    st.markdown(f"Drawn in run {runs}")


def run(first: Body, body: Body = lambda: None) -> str:
    """What a page shows in the end."""
    app = AppTest.from_function(_page, default_timeout=120, args=(first, body)).run()
    assert not app.exception
    return app.markdown[0].value


def requests() -> ScriptRequests:
    context = get_script_run_ctx()
    assert context
    assert context.script_requests
    return context.script_requests


def of_run() -> Cancellation:
    found = cancellation_of_run()
    assert found
    return found


def test_outside_of_a_script_run_nothing_is_cancelled():
    assert cancellation_of_run() is None


def test_a_viewer_who_stays_stops_nothing():
    seen: list[bool] = []
    assert run(lambda: seen.append(of_run().is_requested())) == "Drawn in run 1"
    assert seen == [False]


def test_another_page_or_a_change_ends_the_run_and_the_next_one_begins():
    seen: list[bool] = []

    def go_on() -> None:
        requests().request_rerun(RerunData())
        seen.extend(of_run().is_requested() for _ in range(2))  # asking takes nothing away
        of_run().finish()
        seen.append(False)

    assert run(go_on) == "Drawn in run 2"
    assert seen == [True, True]


def test_a_closed_page_ends_the_run():
    seen: list[bool] = []

    def close() -> None:
        requests().request_stop()
        seen.append(of_run().is_requested())
        of_run().finish()
        seen.append(False)

    AppTest.from_function(_page, default_timeout=120, args=(close, lambda: None)).run()
    assert seen == [True]


def test_a_change_within_a_fragment_ends_the_run_of_that_fragment_alone():
    seen: list[tuple[str, bool]] = []
    runs = iter(range(1, 10))

    def draw() -> None:
        context = get_script_run_ctx()
        assert context
        (own,) = context.shared.new_fragment_ids.snapshot() or context.fragment_ids_this_run or ()
        match next(runs):
            case 1:  # with the page, of which the rest is still to come
                requests().request_rerun(RerunData(fragment_id=own))
                seen.append(("page", of_run().is_requested()))
            case 2:  # the fragment alone
                seen.append(("nothing", of_run().is_requested()))
                requests().request_rerun(RerunData(fragment_id=own, is_auto_rerun=True))
                seen.append(("timer", of_run().is_requested()))
                requests().request_rerun(RerunData(fragment_id=own))
                seen.append(("change", of_run().is_requested()))
                of_run().finish()
            case third:
                seen.append((f"run {third}", of_run().is_requested()))

    assert run(st.fragment(draw)) == "Drawn in run 1"
    assert seen == [("page", False), ("nothing", False), ("timer", False), ("change", True), ("run 3", False)]


def count_for_ever() -> None:
    get_services().warehouse.rows(sa.text(COUNTING))


@pytest.mark.usefixtures("demo_settings")
@pytest.mark.parametrize("way", ["cached", "in a slot"])
def test_a_statement_is_stopped_when_the_viewer_goes_on(way: str):
    def read() -> None:
        requests().request_rerun(RerunData())
        if way == "cached":
            cached_lookup(count_for_ever)()
        else:
            with evaluation_slot():
                count_for_ever()

    assert run(read) == "Drawn in run 2"


@pytest.mark.usefixtures("demo_settings")
def test_while_something_is_saved_nothing_is_cancelled():
    seen: list[Cancellation | None] = []

    def save() -> None:
        with evaluation_slot(ends_with_page=False):
            seen.append(current_cancellation())

    run(save)
    assert seen == [None]


@pytest.mark.usefixtures("demo_settings")
def test_a_statement_goes_on_while_somebody_else_waits_for_its_result():
    ready, others = Event(), []

    @cached_lookup
    def shared() -> int:
        others.append(Thread(target=shared, daemon=True))
        others[-1].start()
        own = current_cancellation()
        assert own
        requests().request_rerun(RerunData())
        wait_until(lambda: not own.is_requested())  # once the other one waits as well
        ready.set()
        return 1

    assert run(shared) == "Drawn in run 2"
    others[0].join(60)
    assert ready.is_set()
    assert len(others) == 1, "read once for both"
