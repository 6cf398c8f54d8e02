"""A rule as SQL to copy, for the warehouse itself or for another database."""

from typing import Any

import streamlit as st

from loyalty_core.segments.members import DATABASES
from loyalty_core.services import get_services


def draw_sql(rule: Any) -> None:
    """The statement that finds the members; another database's grammar can be chosen."""
    own = get_services().warehouse.url.get_backend_name()
    own = "postgres" if own == "postgresql" else own
    names = [own, *(name for name in DATABASES if name != own)]
    database = st.selectbox(
        "Database",
        names,
        key="sql-database",
        format_func=lambda name: (DATABASES.get(name) or name) + (" (this warehouse)" if name == own else ""),
    )
    st.code(get_services().segmentation.sql(rule, database), language="sql", wrap_lines=True)
    st.caption("Finds the same customers as the visual form. Dates counted from today are today's.")
