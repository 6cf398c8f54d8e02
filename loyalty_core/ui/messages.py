"""Errors as a person should see them: what happened, why, what to do, and a way to try again."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import streamlit as st
from streamlit.errors import StreamlitDuplicateElementKey

from loyalty_core.errors import LoyaltyError

_log = logging.getLogger(__name__)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Draw whatever goes wrong inside as a message; the rest of the page stays."""
    try:
        yield
    except LoyaltyError as error:
        show_error(error)
    except Exception:  # noqa: BLE001
        # What is unforeseen goes to the log in full and to the screen as a reference, never as a traceback.
        reference = secrets.token_hex(3)
        _log.exception("Unforeseen error, reference %s", reference)
        show_error(
            LoyaltyError(
                "Something went wrong on this page.",
                "The cause is in the log of the app.",
                f"Try again; if it stays, give your administrator the reference {reference}.",
            )
        )


def show_error(error: LoyaltyError, *, retry: bool = True) -> None:
    """One box: the fault in bold, the reason, the remedy; with `retry` a button that runs the page again."""
    lines = [f"**{escape(error.what)}**", escape(error.why), escape(error.remedy)]
    st.error("\n\n".join(line for line in lines if line), icon=":material/error:")
    if retry:
        # Another part of the page may have met the same fault; one button serves both.
        with suppress(StreamlitDuplicateElementKey):
            st.button("Try again", icon=":material/refresh:", key=f"retry-{abs(hash(error.what))}")


def escape(text: str) -> str:
    """Text that stands as it is in Markdown, whatever characters a column name or an id brings."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]()<>#+!|$~:" else character for character in text)
