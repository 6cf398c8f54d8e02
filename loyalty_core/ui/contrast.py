"""Contrast that the theme's options cannot give.

Streamlit writes in white on the primary colour of buttons, and in the primary colour on the page; in dark mode no
colour is far from both. The rings of radio buttons and checkboxes have the colour of hairlines.
"""

import streamlit as st

from loyalty_core.ui import charts

# What is used here of Streamlit's page is pinned by tests/browser/test_contrast.py.
_RINGS = f"""
[data-testid="stRadioOption"]:not([data-selected]) > div > div:first-child,
[data-testid="stCheckbox"]:not([data-selected]) > label:not(:has([role="switch"])) > div:first-of-type {{
  border-color: {charts.GREY};
}}
"""
_SELECTED = """
[data-testid="stTab"][aria-selected="true"],
[data-testid="stButtonGroup"] button[data-variant="segmented_control"][data-selected],
[data-testid="stSliderThumbValue"] {{
  color: {};
}}
"""


def raise_contrast() -> None:
    """Add the style to the page; once for every run of it."""
    selected = _SELECTED.format(charts.theme("linkColor")) if st.context.theme.type == "dark" else ""
    st.html(f"<style>{_RINGS}{selected}</style>")
