"""Parameters of the page's address."""

import streamlit as st


def set_parameter(name: str, value: str) -> None:
    """Put the value into the address, or remove the parameter where it is blank; an address that has it stays as is."""
    if value and st.query_params.get(name) != value:
        st.query_params[name] = value
    elif not value and name in st.query_params:
        del st.query_params[name]
