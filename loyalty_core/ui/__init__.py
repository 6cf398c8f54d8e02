"""Streamlit pieces that the pages share; the only place below the pages that may import streamlit."""
