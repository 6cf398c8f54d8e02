"""The search for a customer: the field, how many were found, and the list to choose from.

What is searched for may be an e-mail address or a name. It stays in the session, out of the address of the page, which
lands in histories and in the logs of proxies.
"""

import streamlit as st

from loyalty_core.ui import cached_reads, formatting
from loyalty_core.ui.customer import draw_list
from loyalty_core.ui.fields import draw_text

_KEY = "customer-search"
_SHOWN = 20
_LONGEST = 255
_PLACEHOLDER = "Start of the id, or words of the name or e-mail address"


def draw_search_field(label: str, key: str, *, start: str = "", icon: str = ":material/search:") -> str | None:
    """The text to search customers for, "" before one; None, with the reason below the field, when it is too long.

    Where the field was drawn before, it has what was typed then rather than `start`.
    """
    typed = f"{key}-typed"
    if key not in st.session_state:
        st.session_state[key] = st.session_state.get(typed, start)
    text = draw_text(label, longest=_LONGEST, key=key, placeholder=_PLACEHOLDER, icon=icon)
    st.session_state[typed] = text
    return text.strip() if len(text.strip()) <= _LONGEST else None


def draw_search() -> object | None:
    """The id of the customer that was chosen; before a search, the list has those with the highest revenue."""
    text = draw_search_field("Find a customer", _KEY)
    if text is None:
        return None
    if not text:
        st.caption("Highest revenue first. Click a row to open the customer.")
        return draw_list(cached_reads.top_customers())
    # Choosing a row runs the page again, which need not search again.
    found, total = cached_reads.customers_found(text, _SHOWN)
    if not found:
        st.info("No customer matches. Try the first characters of the id, or words of the name or e-mail address.")
        return None
    st.caption(f"{_how_many(len(found), total)} Click a row to open the customer.")
    return draw_list(found)


def _how_many(shown: int, total: int) -> str:
    if total == 1:
        return "1 customer matches."
    best = f" These are the {shown} best matches." if shown < total else ""
    return f"{formatting.count(total)} customers match.{best}"
