"""Errors as a person should see them: what happened, why, what to do, and a way to try again."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

import streamlit as st
from streamlit.errors import StreamlitDuplicateElementKey

from loyalty_core.access import may
from loyalty_core.errors import LoyaltyError, ViewUnusable, WarehouseUnavailable
from loyalty_core.ui.documentation import error_link
from loyalty_core.ui.navigation import CONNECT
from loyalty_core.ui.text import escape

_OF_THE_DATA = {WarehouseUnavailable.code, ViewUnusable.code}
_log = logging.getLogger(__name__)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show any error raised inside as a message; the rest of the page is drawn."""
    try:
        yield
    except LoyaltyError as error:
        show_error(error)
    except Exception:  # noqa: BLE001
        # The log has the traceback of an unexpected error; the screen shows only a reference to it.
        reference = secrets.token_hex(3)
        _log.exception("Unexpected error, reference %s", reference)
        show_error(
            LoyaltyError(
                "Something went wrong on this page.",
                "The cause is in the log of the app.",
                f"Try again; if it happens again, give your administrator the reference {reference}.",
            )
        )


def show_error(error: LoyaltyError, *, retry: bool = True) -> None:
    """One box: what happened in bold, the reason, the remedy; with `retry` a button that reruns the page."""
    draw_error(error.what, error.why, error.remedy, error.code)
    if retry:
        # Another part of the page may show the same error; one button is enough.
        with suppress(StreamlitDuplicateElementKey):
            st.button("Try again", icon=":material/refresh:", key=f"retry-{abs(hash(error.what))}")


def draw_error(what: str, why: str, remedy: str, code: str) -> None:
    """One box, which leads to what troubleshooting says of the code."""
    lines = [f"**{escape(what)}**", escape(why), escape(remedy)]
    connect = f" [Connect data]({quote(CONNECT.path)})" if code in _OF_THE_DATA and _may_connect() else ""
    st.error("\n\n".join(line for line in lines if line) + more_about(code) + connect, icon=":material/error:")


def _may_connect() -> bool:
    try:
        return may(CONNECT.action)
    except LoyaltyError:
        return False


def draw_unavailable(error: LoyaltyError) -> None:
    """The same for a part that has nothing to show yet, though nothing has gone wrong."""
    lines = [escape(error.what), escape(error.why), escape(error.remedy)]
    st.info("\n\n".join(line for line in lines if line) + more_about(error.code))


def more_about(code: str) -> str:
    """A link to what troubleshooting says of the code, as Markdown; "" where it says nothing."""
    link = error_link(code)
    return f" [More about this error]({link})" if link else ""
