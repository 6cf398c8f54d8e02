"""What a rule amounts to, counted in the warehouse."""

from loyalty_core.segments.figures.agreement import Agreement
from loyalty_core.segments.figures.counting import ConditionCount, FunnelStep, Preview
from loyalty_core.segments.figures.members import DATABASES, MAX_ROWS, Page, column_of, members_page, readable_sql
from loyalty_core.segments.figures.overlap import MAX_SEGMENTS, Overlap
from loyalty_core.segments.figures.profile import NumberComparison, Profile

__all__ = [
    "DATABASES",
    "MAX_ROWS",
    "MAX_SEGMENTS",
    "Agreement",
    "ConditionCount",
    "FunnelStep",
    "NumberComparison",
    "Overlap",
    "Page",
    "Preview",
    "Profile",
    "column_of",
    "members_page",
    "readable_sql",
]
