"""streamlit-elements, which draws the dashboard and the Monaco editor; no other package imports it.

Check `is_available()` before importing `frames` or `monaco`: both need the package, and without it the screens use
Streamlit's own widgets instead.
"""

from loyalty_core.ui.elements.availability import is_available

__all__ = ["is_available"]
