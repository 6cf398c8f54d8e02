"""A page that takes long says so: where figures are still missing, a spinner counts the seconds.

Short runs draw nothing, so that nothing flickers.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar, copy_context

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx

# Streamlit's spinner waits for half a second more.
_PATIENCE_SECONDS = 2.0
_WORDS = "Still computing …"

_is_watched: ContextVar[bool] = ContextVar("is_watched", default=False)


@contextmanager
def slowness_shown() -> Iterator[None]:
    """Show the spinner once the block has taken two seconds; within a block that does, nothing more."""
    if _is_watched.get():
        yield
        return
    spinner, lock, has_ended = ExitStack(), threading.Lock(), False

    def show() -> None:
        with lock:
            if not has_ended:
                spinner.enter_context(st.spinner(_WORDS, show_time=True))

    # In the context of the script, whose containers are in it: what is drawn comes after what was drawn last.
    timer = threading.Timer(_PATIENCE_SECONDS, copy_context().run, [show])
    timer.daemon = True
    add_script_run_ctx(timer)
    timer.start()
    token = _is_watched.set(True)
    try:
        yield
    finally:
        _is_watched.reset(token)
        timer.cancel()
        with lock:
            has_ended = True
        spinner.close()
