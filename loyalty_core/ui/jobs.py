"""A background job on a screen: start it, watch it, stop it, and see how it ended."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import streamlit as st

from loyalty_core.access import current_viewer
from loyalty_core.errors import LoyaltyError
from loyalty_core.jobs import KINDS, Job, JobRunning
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.messages import draw_error, errors_shown, more_about, toast_error
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape

POLL_SECONDS = 1.5


def draw_job(
    kind: str,
    *,
    start_label: str,
    options: Mapping[str, Any] | None = None,
    about: Mapping[str, str] | None = None,
    key: str,
    help: str | None = None,
    disabled: bool = False,
    draw_more: Callable[[Job], None] | None = None,
) -> None:
    """A button that starts a job of this kind with these options; while one is under way, how far it is.

    It makes no difference who started it, and where; with `about`, only jobs with these options count. When it ends,
    the page runs once more with its new figures. `draw_more` is drawn below a job that is under way, and redrawn with
    its progress.
    """
    latest = partial(get_services().jobs.latest, kind, about)
    job = latest()
    if job and job.is_under_way:
        # Created only now: a fragment with run_every makes every open page poll.
        fragment(run_every=POLL_SECONDS)(_draw_under_way)(latest, key, draw_more)
        return
    if job and job.state == "failed" and not job.is_dismissed:
        _draw_failure(job, key)
    refused = refusal(KINDS[kind].action)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            start_label,
            icon=":material/play_arrow:",
            key=f"{key}-start",
            help=refused or help,
            disabled=disabled or bool(refused),
        ):
            with errors_shown():
                _start(kind, {**(options or {}), **(about or {})})
        if job:
            st.caption(escape(_last_time(job)), width="stretch")


def _start(kind: str, options: Mapping[str, Any]) -> None:
    with suppress(JobRunning):  # another person started it first; that job is shown
        get_services().jobs.start(kind, options, current_viewer().id)
    st.rerun()


def _draw_under_way(latest: Callable[[], Job | None], key: str, draw_more: Callable[[Job], None] | None) -> None:
    """Redrawn every second or two."""
    try:
        job = latest()
    except LoyaltyError as error:
        # The job continues, and is shown again once the store answers.
        st.warning(escape(str(error)) + more_about(error.code), icon=":material/cloud_off:")
        return
    if job is None or not job.is_under_way:
        st.rerun()
    refused = refusal(KINDS[job.kind].action)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(job.share, escape(_where(job)), width="stretch")
        st.button(
            "Stopping …" if job.is_stopping else "Cancel",
            icon=":material/stop_circle:",
            key=f"{key}-cancel",
            disabled=job.is_stopping or bool(refused),
            help=refused,
            on_click=partial(_cancel, job.id),
        )
    st.caption(escape(f"Started by {job.started_by} · {duration(job.seconds)} · {job.message}".removesuffix(" · ")))
    if draw_more is not None:
        with errors_shown():
            draw_more(job)


def _cancel(job_id: int) -> None:
    try:
        get_services().jobs.cancel(job_id, current_viewer().id)
    except LoyaltyError as error:
        toast_error(error, icon=":material/error:")


def _where(job: Job) -> str:
    if job.total:
        return f"{job.phase} · {formatting.count(job.done)} of {formatting.count(job.total)}"
    return f"{job.phase} · {formatting.count(job.done)}" if job.done else f"{job.phase} …"


def _draw_failure(job: Job, key: str) -> None:
    error = job.error
    with st.container(border=True):
        if error:
            draw_error(error.what, error.why, error.remedy, error.code)
        else:
            st.error("**It failed.**", icon=":material/error:")
        st.caption(escape(f"Started by {job.started_by}, {formatting.moment(job.created_at)}."))
        if job.log_tail:
            with st.expander("Last lines of its log", icon=":material/article:"):
                st.code(job.log_tail, language=None)
        if st.button("Dismiss", key=f"{key}-dismiss", help="For everybody who sees this screen"):
            with errors_shown():
                get_services().jobs.dismiss(job.id)
                st.rerun()


def _last_time(job: Job) -> str:
    """How the last job ended."""
    words = {"done": job.message, "cancelled": f"Cancelled. {job.message}", "failed": "Failed."}[job.state]
    when = formatting.moment(job.ended_at or job.created_at)
    return f"Last run {when} by {job.started_by}, {duration(job.seconds)}. {words}".strip()


def duration(seconds: float) -> str:
    """1:05, or 2:01:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
