"""In which currency the amounts of the data are, which no file and no database says."""

from __future__ import annotations

from datetime import date

import streamlit as st
from babel.core import get_global
from babel.numbers import get_currency_name, get_territory_currencies

from loyalty_core.services import services_of_process
from loyalty_core.settings import set_by_the_user
from loyalty_core.ui.text import escape


def ask_currency(key: str) -> dict[str, str]:
    """The setting `currency` of a connection; empty where the user has set CURRENCY, which stays in force."""
    present = services_of_process().settings.currency
    is_set = "currency" in set_by_the_user()
    codes = sorted({present, *_in_use()})
    chosen = st.selectbox(
        "Currency of the amounts",
        codes,
        index=codes.index(present),
        format_func=_title,
        key=f"connect-currency-{key}",
        disabled=is_set,
        width=320,
        help="The setting CURRENCY is in force." if is_set else "It is shown beside the amounts; none is converted.",
    )
    return {} if is_set else {"currency": chosen}


def _in_use() -> set[str]:
    """The currencies that are legal tender somewhere today."""
    today = date.today()  # noqa: DTZ011  no day in particular
    return {code for place in get_global("territory_currencies") for code in get_territory_currencies(place, today)}


def _title(code: str) -> str:
    return escape(f"{code} · {get_currency_name(code, locale='en')}")
