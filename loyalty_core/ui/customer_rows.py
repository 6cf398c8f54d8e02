"""Tables of customers without Streamlit's button that downloads them: its file would be missing in the audit trail.

Whoever may export uses the export of a segment, which is recorded. What is drawn can still be copied from the screen.
"""

from typing import Any

import pandas as pd
import streamlit as st

_PREFIX = "customer-rows-"
# What is used here of Streamlit's page is pinned by tests/browser/test_customer_rows.py.
_STYLE = f"""<style>
[class*="st-key-{_PREFIX}"] [data-testid="stElementToolbarButton"]:has(button[aria-label^="Download"]) {{
  display: none;
}}
</style>"""


def hide_downloads() -> None:
    """Add the style to the page; once for every run of it."""
    st.html(_STYLE)


def draw_customer_rows(rows: pd.DataFrame, key: str, **options: Any) -> Any:
    """A table with data of single customers; `options` and the result are those of `st.dataframe`."""
    # Only a container's key reaches the page in every case.
    with st.container(key=f"{_PREFIX}{key}"):
        return st.dataframe(rows, key=key, hide_index=True, **options)
