"""Recency, frequency and monetary (RFM) scores: cut points, the 125 cells, and custom maps of them."""

from loyalty_core.rfm.cache import CutPointsCache
from loyalty_core.rfm.cell_rules import Cell, CellCheck, CellRule, Scores, apply_rule, check_names, check_rules
from loyalty_core.rfm.cells import CELLS, NO_PURCHASES, SCORES, SEGMENT_NAMES, SEGMENTS, cell_index, segment_names
from loyalty_core.rfm.custom_map import (
    MAX_NAME_LENGTH,
    MAX_TEXT_LENGTH,
    MEASURES,
    BadRfmMap,
    RfmMap,
    SegmentText,
)
from loyalty_core.rfm.cut_points import (
    RfmUnavailable,
    compute_cut_points,
    current_cut_points,
    rfm_columns,
    save_cut_points,
    saved_cut_points,
)
from loyalty_core.rfm.maps import RfmMapChanged, RfmMapRepository, RfmMapVersion, map_at, segment_in_use
from loyalty_core.rfm.scores import (
    FourPoints,
    RfmColumns,
    RfmCutPoints,
    RfmScore,
    Rule,
    measure,
    never_bought_in_sql,
    score_arrays,
    score_columns,
    score_one,
)

__all__ = [
    "CELLS",
    "MAX_NAME_LENGTH",
    "MAX_TEXT_LENGTH",
    "MEASURES",
    "NO_PURCHASES",
    "SCORES",
    "SEGMENTS",
    "SEGMENT_NAMES",
    "BadRfmMap",
    "Cell",
    "CellCheck",
    "CellRule",
    "CutPointsCache",
    "FourPoints",
    "RfmColumns",
    "RfmCutPoints",
    "RfmMap",
    "RfmMapChanged",
    "RfmMapRepository",
    "RfmMapVersion",
    "RfmScore",
    "RfmUnavailable",
    "Rule",
    "Scores",
    "SegmentText",
    "apply_rule",
    "cell_index",
    "check_names",
    "check_rules",
    "compute_cut_points",
    "current_cut_points",
    "map_at",
    "measure",
    "never_bought_in_sql",
    "rfm_columns",
    "save_cut_points",
    "saved_cut_points",
    "score_arrays",
    "score_columns",
    "score_one",
    "segment_in_use",
    "segment_names",
]
