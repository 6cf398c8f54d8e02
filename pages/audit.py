"""Who did what, when and from where: every change and every export."""

from loyalty_core.ui import formatting
from loyalty_core.ui.audit_view import draw_audit
from loyalty_core.ui.frame import page_title

page_title("Audit", f"Every change and export: who, when, from where. Times in {formatting.time_zone()}.")
draw_audit()
