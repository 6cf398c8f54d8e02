"""Groups of customers by a rule: all of them, one in detail, and the editor where rules are built.

Which of these is shown, and a rule that is not saved yet, are part of the URL: a link shows a colleague the same thing.
"""

from loyalty_core.ui.frame import page_title
from loyalty_core.ui.segments import address
from loyalty_core.ui.segments.detail.view import draw_detail
from loyalty_core.ui.segments.editor.view import draw_editor
from loyalty_core.ui.segments.first_time import make_starters
from loyalty_core.ui.segments.segment_list import draw_list

place = address.current()
if place.is_editing:
    draw_editor(place)
elif place.segment_id is not None:
    draw_detail(place.segment_id)
else:
    page_title("Segments", "Groups of customers by a rule, counted in the warehouse.")
    make_starters()
    draw_list()
