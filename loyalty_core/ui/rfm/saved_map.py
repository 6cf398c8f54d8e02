"""Which RFM map is in use, what another one would change, saving it, and its versions."""

import pandas as pd
import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.analytics.rfm import RfmChange
from loyalty_core.errors import LoyaltyError
from loyalty_core.rfm import BadRfmMap, RfmMap, RfmMapVersion
from loyalty_core.services import get_services
from loyalty_core.ui import formatting, table_columns
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.messages import errors_shown, show_error
from loyalty_core.ui.rfm.cells_state import MapDraft
from loyalty_core.ui.rfm.queries import RfmReader
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape
from loyalty_core.warehouse.predictions import ScoringRun

_PREVIEWED = "rfm-previewed"


def draw_stale_notice(run: ScoringRun) -> None:
    """Where the map was changed after the scoring run: that its scores are older, and the way to score again."""
    newest = get_services().rfm_maps.newest()
    if newest is None or newest.at <= run.scored_at:
        return
    did = f"saved version {newest.number} of the cells" if newest.map else "went back to the default cells"
    with st.container(border=True):
        st.markdown(
            escape(
                f"{newest.actor} {did} on {formatting.moment(newest.at)}. "
                "Predictions for single customers use it already; the stored predictions, and so this screen and the "
                "segments, change with the next scoring."
            )
        )
        draw_job("scoring", start_label="Score now", key="rfm-scoring")


def draw_in_use(draft: MapDraft, newest: RfmMapVersion | None) -> None:
    """The map in use, and whether somebody else has saved since the draft began."""
    if newest is None or newest.map is None:
        text = "In use: the built-in cells, without custom cut points."
    else:
        own = f", custom cut points for {' and '.join(newest.map.cut_points)}" if newest.map.cut_points else ""
        text = f"In use: version {newest.number}, saved by {newest.actor}, {formatting.moment(newest.at)}{own}."
    st.caption(escape(text))
    if newest and newest.number != draft.version:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(
                escape(f"{newest.actor} has saved version {newest.number} since you began. Yours cannot be saved."),
                width="stretch",
            )
            st.button("Load the newest", key="rfm-load-newest", on_click=draft.begin, args=(newest,))


def draw_save(draft: MapDraft, reader: RfmReader, newest: RfmMapVersion | None) -> None:
    """The preview, and the buttons."""
    st.subheader("Save", anchor=False)
    try:
        result = draft.result()
    except BadRfmMap as error:
        st.caption(escape(f"It cannot be saved yet. {error}"))
        result = None
    changed = result is not None and draft.is_changed(result)
    if result and changed:
        with errors_shown():
            _draw_preview(draft, reader, result)
    with st.container(horizontal=True, vertical_alignment="center"):
        refused = refusal(Action.EDIT_POLICIES)
        if st.button(
            "Save",
            key="rfm-save",
            type="primary",
            icon=":material/save:",
            disabled=not changed or bool(refused),
            help=refused,
        ):
            _save(draft, result or RfmMap())
        st.button(
            "Discard changes",
            key="rfm-discard",
            icon=":material/undo:",
            disabled=result is not None and not changed,
            on_click=draft.begin,
            args=(newest,),
        )
        if st.button(
            "Back to the defaults",
            key="rfm-reset",
            icon=":material/restart_alt:",
            disabled=newest is None or newest.map is None or bool(refused),
            help=refused,
        ):
            _reset(draft)
        _draw_versions(draft)


def _draw_preview(draft: MapDraft, reader: RfmReader, result: RfmMap) -> None:
    """Counted when asked for, since it reads every customer."""
    if st.button("Count who would change", key="rfm-preview", icon=":material/preview:"):
        st.session_state[_PREVIEWED] = result.to_json()
    if st.session_state.get(_PREVIEWED) != result.to_json():
        return
    change = reader.preview(draft.base, result)
    st.markdown(escape(_sentence(change)))
    st.dataframe(
        pd.DataFrame(
            [
                {"Segment": size.name, "Now": size.before, "Then": size.after, "Change": size.after - size.before}
                for size in change.sizes
            ]
        ),
        hide_index=True,
        column_config={name: table_columns.count_column() for name in ("Now", "Then", "Change")},
        alt="Customers of each segment now, and with these cells and cut points",
    )


def _sentence(change: RfmChange) -> str:
    return (
        f"Of {formatting.count(change.customers)} customers, {formatting.count(change.other_score)} would have another "
        f"score and {formatting.count(change.other_segment)} another segment."
    )


def _save(draft: MapDraft, result: RfmMap) -> None:
    maps = get_services().rfm_maps
    try:
        maps.save(result, actor=current_viewer().id, expected_version=draft.version)
    except LoyaltyError as error:
        show_error(error)
        return
    draft.begin(maps.newest())
    st.toast("Saved.", icon=":material/check:")
    st.rerun()


def _reset(draft: MapDraft) -> None:
    maps = get_services().rfm_maps
    try:
        maps.reset(actor=current_viewer().id)
    except LoyaltyError as error:
        show_error(error)
        return
    draft.begin(maps.newest())
    st.rerun()


def _draw_versions(draft: MapDraft) -> None:
    with st.popover("Versions", icon=":material/history:"):
        versions = get_services().rfm_maps.versions()
        if not versions:
            st.caption("None yet.")
        for version in versions:
            with st.container(horizontal=True, vertical_alignment="center"):
                what = "" if version.map else " · back to the defaults"
                st.markdown(
                    f"**Version {formatting.count(version.number)}** · {escape(version.actor)} · "
                    f"{formatting.moment(version.at)}{what}",
                    width="stretch",
                )
                st.button(
                    "Load",
                    key=f"rfm-version-{version.number}",
                    type="tertiary",
                    on_click=draft.take,
                    args=(version.map,),
                )
