"""A page of nothing but a job: scoring, and who was scored when."""

import streamlit as st

from loyalty_core.services import get_services
from loyalty_core.ui.jobs import draw_job
from loyalty_core.warehouse.predictions import last_run

get_services().prepare_store()
st.session_state.runs = st.session_state.get("runs", 0) + 1
run = last_run(get_services().warehouse)
st.text(f"Scored with {run.model_version}" if run else "Not scored")
st.text(f"Run {st.session_state.runs}")
draw_job("scoring", start_label="Score now", key="score")
