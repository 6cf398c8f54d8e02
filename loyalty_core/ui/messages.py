"""Errors as a person should see them: what happened, why, what to do, and a way to try again."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import streamlit as st
from streamlit.errors import StreamlitDuplicateElementKey

from loyalty_core.errors import LoyaltyError
from loyalty_core.ui.text import escape

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
    lines = [f"**{escape(error.what)}**", escape(error.why), escape(error.remedy)]
    st.error("\n\n".join(line for line in lines if line), icon=":material/error:")
    if retry:
        # Another part of the page may show the same error; one button is enough.
        with suppress(StreamlitDuplicateElementKey):
            st.button("Try again", icon=":material/refresh:", key=f"retry-{abs(hash(error.what))}")
