"""Who is written to, with which offer and when: all campaigns and messages, one with its results, and the editor.

Which of these is shown is part of the URL: a link shows a colleague the same thing.
"""

import streamlit as st

from loyalty_core.ui.campaigns import address
from loyalty_core.ui.campaigns.campaign_list import draw_list
from loyalty_core.ui.campaigns.detail import draw_detail
from loyalty_core.ui.campaigns.editor.view import draw_editor
from loyalty_core.ui.campaigns.messages_view import draw_messages
from loyalty_core.ui.frame import page_title
from loyalty_core.ui.messages import errors_shown

place = address.current()
if place.is_editing:
    draw_editor(place)
elif place.campaign_id is not None:
    draw_detail(place.campaign_id)
else:
    page_title("Campaigns", "Who is written to, with which offer and when, and the results.")
    campaigns, messages = st.tabs([address.CAMPAIGNS, address.MESSAGES], key=address.VIEW, bind="query-params")
    if campaigns.open:
        with campaigns, errors_shown():
            draw_list()
    if messages.open:
        with messages, errors_shown():
            draw_messages()
