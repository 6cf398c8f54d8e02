"""What each event caused, step by step: real events as they were applied, and typed ones as a dry run.

The address has the event or the customer, so a link shows a colleague the same thing.
"""

import streamlit as st

from loyalty_core.ui.frame import page_title
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.recorder.address import ATTEMPT, DEAD_LETTERS, EVENTS, VIEW, current_event
from loyalty_core.ui.recorder.dead_letters_view import draw_dead_letters
from loyalty_core.ui.recorder.events_view import draw_events
from loyalty_core.ui.recorder.live_view import draw_live
from loyalty_core.ui.recorder.simulation_view import draw_simulation
from loyalty_core.ui.recorder.trace_view import draw_event
from loyalty_core.ui.recorder.try_view import draw_try

page_title("Flight recorder", "Every event about a customer, what it changed, and why a message was sent or not.")
if (number := current_event()) is not None:
    with errors_shown():
        draw_event(number)
else:
    with errors_shown():
        draw_simulation()
    draw_live()
    events, attempt, dead_letters = st.tabs([EVENTS, ATTEMPT, DEAD_LETTERS], key=VIEW, bind="query-params")
    if events.open:
        with events, errors_shown():
            draw_events()
    if attempt.open:
        with attempt, errors_shown():
            draw_try()
    if dead_letters.open:
        with dead_letters, errors_shown():
            draw_dead_letters()
