"""Columns of numbers in tables, written by the browser in the viewer's locale and sorted as numbers.

Streamlit takes printf formats as well, but those write a decimal point everywhere. It cuts further decimals off rather
than rounding them, so pass values that are rounded already: shares through `formatting.rounded_share`.
"""

from typing import Any

import streamlit as st


def count_column(title: str | None = None, **options: Any) -> Any:
    """Whole numbers: 20,000. `options` are those of Streamlit's column, as below."""
    return st.column_config.NumberColumn(title, format="localized", **options)


def decimal_column(title: str | None = None, *, digits: int, **options: Any) -> Any:
    """Numbers with this many decimals: 1,234.50."""
    return st.column_config.NumberColumn(title, format="localized", step=_step(digits), **options)


def share_column(title: str | None = None, *, digits: int = 1, **options: Any) -> Any:
    """Shares, 0 to 1, as percentages: 12.3%."""
    return st.column_config.NumberColumn(title, format="percent", step=_step(digits + 2), **options)


def share_bar(title: str | None = None, *, digits: int = 1, **options: Any) -> Any:
    """Shares as bars on a track that means 100%, each with its percentage."""
    step = _step(digits + 2)
    return st.column_config.ProgressColumn(title, format="percent", min_value=0, max_value=1, step=step, **options)


def decimal_bar(title: str | None = None, *, digits: int, highest: float, **options: Any) -> Any:
    """Numbers from 0 as bars, full at `highest`."""
    step = _step(digits)
    return st.column_config.ProgressColumn(
        title, format="localized", min_value=0, max_value=highest, step=step, **options
    )


def _step(digits: int) -> float:
    """Streamlit writes as many decimals as the step has."""
    return float(f"1e-{digits}")
