"""A page with a title only: the baseline of benchmarks/screens.py."""

import streamlit as st

st.title("Empty")
