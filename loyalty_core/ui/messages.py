"""Errors as a person should see them: what happened, why, what to do, and a way to try again."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import streamlit as st
from streamlit.errors import StreamlitDuplicateElementKey

from loyalty_core.access import Action, may
from loyalty_core.errors import LoyaltyError, ViewUnusable, WarehouseUnavailable
from loyalty_core.ml.bundles import ModelNotFound
from loyalty_core.ml.serving import ModelsOfOtherData
from loyalty_core.ui.documentation import error_link
from loyalty_core.ui.text import escape
from loyalty_core.warehouse.history import HistoryMissing

_NEEDS_DATA = {WarehouseUnavailable.code, ViewUnusable.code, HistoryMissing.code}
_NEEDS_MODELS = {ModelNotFound.code, ModelsOfOtherData.code}
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
    st.error("\n\n".join(line for line in lines if line) + more_about(code), icon=":material/error:")


def toast_error(error: LoyaltyError, *, icon: str, before: str = "") -> None:
    """The same in a corner of the screen, also from a callback; there after the page has been drawn again."""
    st.toast(f"{before} {escape(str(error))}".lstrip() + more_about(error.code), icon=icon)


def draw_unavailable(error: LoyaltyError) -> None:
    """The same for a part that has nothing to show yet, though nothing has gone wrong."""
    lines = [escape(error.what), escape(error.why), escape(error.remedy)]
    st.info("\n\n".join(line for line in lines if line) + more_about(error.code))


def more_about(code: str) -> str:
    """Links to what troubleshooting says of the code, and to the screen that helps, as Markdown."""
    link = error_link(code)
    more = f" [More about this error]({link})" if link else ""
    if code in _NEEDS_DATA and _may(Action.CONNECT_DATA):
        return f"{more} · [Connect data](connect)" if more else " [Connect data](connect)"
    if code in _NEEDS_MODELS:
        return f"{more} · [Training](training)" if more else " [Training](training)"
    return more


def _may(action: Action) -> bool:
    try:
        return may(action)
    except LoyaltyError:  # in an outage, nobody knows
        return False
