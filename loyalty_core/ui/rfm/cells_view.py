"""Custom segments of the cells: painted on the grid or set by rules, with a check for missing and conflicting cells."""

from functools import partial
from typing import cast

import streamlit as st

from loyalty_core.rfm import (
    CELLS,
    MAX_NAME_LENGTH,
    MAX_TEXT_LENGTH,
    SEGMENT_NAMES,
    Cell,
    CellCheck,
    CellRule,
    Scores,
    SegmentText,
    segment_names,
)
from loyalty_core.services import get_services
from loyalty_core.settings import RfmMeasure
from loyalty_core.ui import charts
from loyalty_core.ui.fields import draw_fault, draw_text, length_fault
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.rfm.cells_chart import cell_grid
from loyalty_core.ui.rfm.cells_state import MapDraft, Way, open_draft
from loyalty_core.ui.rfm.cut_points_form import draw_cut_points_form
from loyalty_core.ui.rfm.queries import RfmReader
from loyalty_core.ui.rfm.saved_map import draw_in_use, draw_save
from loyalty_core.ui.rfm.score_ranges import MEASURES
from loyalty_core.ui.text import escape

_MAP, _LAYER, _WAY, _NAME = "rfm-cells", "layer", "rfm-way", "rfm-name"
_ALL = "All"
_WAYS: dict[Way, str] = {"paint": "Paint cells", "rules": "Rules of ranges"}
_HEIGHT = 480
_NAMED = 3
# The best customers, whatever they spend: as after a click on the cell in the upper right.
_FIRST: dict[RfmMeasure, tuple[int, int]] = {"recency": (5, 5), "frequency": (5, 5), "monetary": (1, 5)}


@fragment()
def draw_cells(reader: RfmReader) -> None:
    """The grid and its editor, then the cut points, then a preview and the buttons to save."""
    newest = get_services().rfm_maps.newest()
    draft = open_draft(newest)
    draw_in_use(draft, newest)
    check = draft.check()
    left, right = st.columns([3, 2], gap="medium")
    with right.container(border=True):
        rule = _draw_brush(draft)
        if draft.way == "rules":
            _draw_rules(draft)
    with left.container(border=True):
        _draw_grid(check, rule)
        _draw_check(check)
    _draw_texts(draft, check)
    with st.container(border=True):
        draw_cut_points_form(draft, reader)
    with st.container(border=True):
        draw_save(draft, reader, newest)


def _draw_grid(check: CellCheck, rule: CellRule) -> None:
    chosen = st.select_slider(
        "Monetary score",
        [_ALL, "1", "2", "3", "4", "5"],
        key=_LAYER,
        bind="query-params",
        width=260,
        help="One layer of the grid, or all five in each cell; 5 spent most.",
    )
    layer = None if chosen == _ALL else int(chosen)
    charts.draw(
        partial(cell_grid, check.claims, layer, rule),
        _MAP,
        "The segment of each cell by recency and frequency score.",
        height=_HEIGHT,
        on_click=_choose_clicked,
    )


def _choose_clicked() -> None:
    """A click chooses the cell in the layer that is shown, or in all five."""
    cell = charts.clicked(_MAP)
    if cell is None:
        return
    chosen = st.session_state.get(_LAYER, _ALL)
    layer = (1, 5) if chosen == _ALL else (int(chosen), int(chosen))
    for measure, scores in zip(MEASURES, ((cell[0], cell[0]), (cell[1], cell[1]), layer), strict=True):
        st.session_state[_range_key(measure)] = scores


def _range_key(measure: RfmMeasure) -> str:
    return f"rfm-range-{measure}"


def _draw_brush(draft: MapDraft) -> CellRule:
    """Ranges and a name; the button paints them, or makes a rule of them."""
    st.segmented_control(
        "Method",
        list(_WAYS),
        default=draft.way,
        required=True,
        format_func=_WAYS.__getitem__,
        key=_way_key(draft),
        on_change=_choose_way,
        args=(draft,),
    )
    st.caption(
        "Click a cell or choose ranges, then give them a segment."
        if draft.way == "paint"
        else "The rules alone make the grid. Each of the 125 cells needs exactly one segment."
    )
    ranges = {measure: _draw_range(measure) for measure in MEASURES}
    known = segment_names(tuple(name for names in draft.check().claims for name in names))
    name = st.selectbox(
        "Segment",
        list(dict.fromkeys((*SEGMENT_NAMES[:-1], *known[:-1]))),
        index=None,
        accept_new_options=True,
        placeholder="Choose one, or type a new name",
        key=_NAME,
    )
    segment = " ".join((name or "").split())
    fault = length_fault(segment, MAX_NAME_LENGTH)
    draw_fault(fault)
    rule = CellRule("" if fault else segment, **ranges)
    st.button(
        "Add the rule" if draft.way == "rules" else "Paint",
        key="rfm-paint",
        icon=":material/add:" if draft.way == "rules" else ":material/format_paint:",
        disabled=not rule.segment,
        on_click=draft.apply,
        args=(rule,),
    )
    return rule


def _choose_way(draft: MapDraft) -> None:
    draft.way = cast("Way", st.session_state[_way_key(draft)])


def _draw_range(measure: RfmMeasure) -> Scores:
    # A click sets the range too, and Streamlit warns of a widget with a value from both.
    st.session_state.setdefault(_range_key(measure), _FIRST[measure])
    low, high = cast("tuple[int, int]", st.slider(f"{measure.capitalize()} score", 1, 5, key=_range_key(measure)))
    return Scores(low, high)


def _way_key(draft: MapDraft) -> str:
    return f"{_WAY}-{draft.generation}"


def _draw_rules(draft: MapDraft) -> None:
    """The rules in their order, each with a button that removes it."""
    for place, rule in enumerate(draft.rules):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(escape(str(rule)), width="stretch")
            st.button(
                "Remove",
                key=f"rfm-rule-{place}",
                icon=":material/close:",
                type="tertiary",
                on_click=draft.drop_rule,
                args=(place,),
            )


def _draw_check(check: CellCheck) -> None:
    """Coverage and overlap in sentences."""
    uncovered, overlaps = check.uncovered, check.overlaps
    covered = len(CELLS) - len(uncovered)
    if check.is_sound:
        st.caption("All 125 cells have exactly one segment.")
        return
    if uncovered:
        st.warning(escape(f"{covered} of 125 cells have a segment. Without one: {_listed(uncovered)}."))
    if overlaps:
        cell, names = next(iter(overlaps.items()))
        st.warning(
            escape(
                f"{len(overlaps)} {'cell is' if len(overlaps) == 1 else 'cells are'} claimed by several segments: "
                f"{_listed(list(overlaps))}. {_code(cell)} is in {' and in '.join(names)}."
            )
        )


def _listed(cells: list[Cell]) -> str:
    named = ", ".join(map(_code, cells[:_NAMED]))
    return named if len(cells) <= _NAMED else f"{named} and {len(cells) - _NAMED} more"


def _code(cell: Cell) -> str:
    return "-".join(map(str, cell))


def _draw_texts(draft: MapDraft, check: CellCheck) -> None:
    """Meaning and advice of the segments that are not the product's."""
    own = [name for name in segment_names(check.names) if name and name not in SEGMENT_NAMES]
    with st.expander(f"Meaning and advice of your own segments ({len(own)})", icon=":material/lightbulb:"):
        if not own:
            st.caption("None yet. The built-in segments have theirs.")
        for name in own:
            st.markdown(f"**{escape(name)}**")
            before = draft.start.texts.get(name, SegmentText())
            fields = [
                draw_text(label, value, longest=MAX_TEXT_LENGTH, key=f"rfm-{label}-{draft.generation}-{name}")
                for label, value in (("Who is in it", before.meaning), ("What to do", before.advice))
            ]
            draft.texts[name] = SegmentText(*fields)
