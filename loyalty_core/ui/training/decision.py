"""What becomes of a version that is not active: activate it, discard it, or leave it for later."""

from collections.abc import Callable, Mapping

import streamlit as st

from loyalty_core.ml.tasks import Metric, title_of
from loyalty_core.ml.versions import VersionComparison, VersionRecord, losses_to
from loyalty_core.ui.messages import errors_shown, escape
from loyalty_core.ui.training.queries import comparison, promotion
from loyalty_core.ui.viewer import viewer_name


def draw_decision(
    record: VersionRecord,
    champion: VersionRecord | None,
    key: str,
    *,
    keeps_contract: bool,
    after: Callable[[], None] = lambda: None,
    can_keep: bool = False,
) -> None:
    """Buttons; `after` is called once it is decided. One worse than the champion must be confirmed by typing."""
    confirmed = draw_confirmation(record, champion, key) if keeps_contract else False
    with st.container(horizontal=True):
        if st.button(
            "Activate",
            type="primary",
            icon=":material/rocket_launch:",
            key=f"{key}-activate",
            disabled=not (keeps_contract and confirmed),
            help="Every running process answers with it within 5 seconds.",
        ):
            with errors_shown():
                promotion().activate(record.version, viewer_name(), even_if_worse=True)
                after()
                st.rerun()
        if can_keep and st.button("Keep for later", icon=":material/inventory_2:", key=f"{key}-keep"):
            with errors_shown():
                after()
                st.rerun()
        if st.button(
            "Discard", icon=":material/delete:", key=f"{key}-discard", help="Deletes the version's folder for good."
        ):
            with errors_shown():
                promotion().discard(record.version, viewer_name())
                after()
                st.rerun()


def draw_confirmation(record: VersionRecord, champion: VersionRecord | None, key: str) -> bool:
    """True where nothing needs to be confirmed, or it was."""
    found = comparison(record.version, champion.version) if champion else None
    lost = losses_to(record, champion, found) if champion else {}
    if not lost:
        return True
    measures = " and ".join(f"{metric.title} of {title_of(model)}" for model, metric in lost.items())
    by_chance = "" if found is None or _is_clear(found, lost) else " By so little that it may be chance."
    st.warning(escape(f"Worse than the active version: {measures}.{by_chance}"), icon=":material/trending_down:")
    code = record.version[-4:]
    typed = st.text_input(
        f"To activate it all the same, type {code}", key=f"{key}-confirm", help="The end of the version's name.",
        width=320,
    )  # fmt: skip
    return typed.strip() == code


def _is_clear(found: VersionComparison, lost: Mapping[str, Metric]) -> bool:
    """Whether any of the losses is beyond chance; one that was not measured on the same rows is taken as it is."""
    return any(
        model not in found.same_rows or found.same_rows[model].differences[metric.key].is_beyond_chance
        for model, metric in lost.items()
    )
