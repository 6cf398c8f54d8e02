"""A page with a title and one small chart: what a screen pays for the library of charts, in benchmarks/screens.py."""

import plotly.graph_objects as go
import streamlit as st

st.title("Chart")
st.plotly_chart(go.Figure(go.Bar(x=[1, 2, 3], y=[3, 1, 2])))
