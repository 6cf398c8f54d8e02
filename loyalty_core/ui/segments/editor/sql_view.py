"""A rule as SQL to copy, for the warehouse itself or for another database, and whether SQL says what the rule says."""

import streamlit as st

from loyalty_core.segments import Selection
from loyalty_core.segments.figures import DATABASES
from loyalty_core.services import get_services
from loyalty_core.ui import formatting


def draw_sql(selection: Selection) -> None:
    """The statement that finds the members; another database's grammar can be chosen."""
    dialect = get_services().warehouse.dialect
    own = dialect.name
    names = [own, *(name for name in DATABASES if name != own)]
    database = st.selectbox(
        "Database",
        names,
        key="sql-database",
        format_func=lambda name: (
            (dialect.title if name == own else DATABASES[name]) + (" (this warehouse)" if name == own else "")
        ),
    )
    st.code(selection.sql(database), language="sql", wrap_lines=True)
    _draw_agreement(selection)
    st.caption("Finds the same customers as the visual form. Dates that count from today are written as fixed dates.")


def _draw_agreement(selection: Selection) -> None:
    """A badge for SQL in this warehouse against the rule read for one customer at a time."""
    found = selection.agreement()
    if not found.checked:
        return
    if found.is_full:
        st.badge(
            f"SQL and JSONLogic agree on all {formatting.count(found.checked)} customers tried",
            icon=":material/verified:",
            color="green",
            help=f"{formatting.count(found.members)} members and "
            f"{formatting.count(found.checked - found.members)} others were checked in SQL in this warehouse, and "
            "one at a time by the JSONLogic rule.",
        )
    else:
        st.badge(
            f"SQL and JSONLogic differ on {formatting.count(found.checked - found.agreed)} of "
            f"{formatting.count(found.checked)} customers tried",
            icon=":material/error:",
            color="red",
            help="Please report this rule: the count may be wrong.",
        )
