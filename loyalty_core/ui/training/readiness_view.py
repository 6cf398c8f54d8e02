"""Whether the history is enough to train on: one card for each model, before anything is started."""

from collections.abc import Sequence
from datetime import date
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.tasks import TASKS, ChoiceTask, title_of
from loyalty_core.ml.training import Readiness
from loyalty_core.ui import cached_reads, charts, formatting
from loyalty_core.ui.messages import draw_unavailable, show_error
from loyalty_core.ui.text import escape
from loyalty_core.ui.training import figures
from loyalty_core.ui.training import queries as reading
from loyalty_core.warehouse.columns import label_of
from loyalty_core.warehouse.history import HistoryMissing


def draw_readiness(models: Sequence[str], since: date | None, until: date | None) -> tuple[str, ...]:
    """The histories of these models from `since` to `until`; returns the models that can be trained.

    Beside others, an optional model without a history has no card.
    """
    ready: list[str] = []
    missing = {model: error for model in models if len(models) > 1 and (error := _missing_history(model, since, until))}
    models = [model for model in models if model not in missing]
    for place, model in zip(_places(len(models)), models, strict=True):
        with place, st.container(border=True):
            try:
                found = reading.readiness(model, since, until)
            except HistoryMissing as error:
                st.subheader(escape(title_of(model)), anchor=False)
                draw_unavailable(error)
                continue
            except LoyaltyError as error:
                st.subheader(escape(title_of(model)), anchor=False)
                show_error(error, retry=False)
                continue
            _draw_card(found)
            if found.can_train:
                ready.append(model)
    left_out = [title_of(model) for model in models if model not in ready]
    if ready and left_out:
        st.caption(escape(f"{' and '.join(left_out)} cannot be trained, and will be left out."))
    for model, error in missing.items():
        st.caption(escape(f"{title_of(model)} is optional and left out: {error.what}"))
    return tuple(ready)


def _places(cards: int) -> list[DeltaGenerator]:
    """One to three side by side; more in rows of two, so that the names of labels have room."""
    if cards <= 3:
        return st.columns(cards)
    rows = [st.columns(2) for _ in range(-(-cards // 2))]
    return [place for row in rows for place in row][:cards]


def _missing_history(model: str, since: date | None, until: date | None) -> HistoryMissing | None:
    """Why an optional model has no history; None where it has one, and for other models."""
    if TASKS[model].is_optional:
        try:
            reading.readiness(model, since, until)
        except HistoryMissing as error:
            return error
        except LoyaltyError:
            return None  # its card says why
    return None


def _draw_card(found: Readiness) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(escape(title_of(found.model)), anchor=False, width="content")
        if not found.can_train:
            st.badge("Cannot train", icon=":material/block:", color="red")
        elif found.findings:
            st.badge("Ready, with warnings", icon=":material/warning:", color="orange")
        else:
            st.badge("Ready", icon=":material/check_circle:", color="green")
    with st.container(horizontal=True):
        st.metric(
            "Rows with a label",
            formatting.count(found.rows),
            help="Rows of the history from which the model can learn.",
        )
        if found.customers is not None:
            st.metric("Customers", formatting.count(found.customers), help="Different customers among these rows.")
    st.caption(escape(_described(found)))
    if found.classes:
        names = _names(found)
        charts.draw(
            partial(figures.label_balance, found.classes, names),
            f"labels-{found.model}",
            ", ".join(f"{names[name]} {formatting.count(rows)}" for name, rows in found.classes.items()),
            height=70 + 26 * min(len(found.classes), figures.MAX_LABELS),
        )
    for finding in found.findings:
        show = st.error if finding.severity == "stop" else st.warning
        show(f"**{escape(finding.sentence)}**\n\n{escape(finding.remedy)}")


def _described(found: Readiness) -> str:
    """ "customer_churn_history · 1 Mar 2026 to 1 Aug 2026 · no blanks"."""
    parts = [found.source]
    if found.first is not None and found.last is not None:
        parts.append(f"{formatting.day(found.first)} to {formatting.day(found.last)}")
    blanks = [
        f"{label_of(name).lower()} {formatting.percent(count / found.rows, 1)}"
        for name, count in found.blanks.items()
        if count
    ]
    parts.append(f"blank: {', '.join(blanks)}" if blanks else "no blanks")
    if 0 < found.sampled_rows < found.rows:
        parts.append(f"leaks and copies looked for in {formatting.count(found.sampled_rows)} rows")
    if found.unlabelled:
        parts.append(f"{formatting.count(found.unlabelled)} rows without a label are left out")
    return " · ".join(parts)


def _names(found: Readiness) -> dict[str, str]:
    task = TASKS[found.model]
    if not isinstance(task, ChoiceTask):
        return {str(number): name.capitalize() for number, name in enumerate(task.class_names(()))}
    try:
        known = cached_reads.offer_names()
    except LoyaltyError:
        known = {}
    return {offer: known.get(int(offer), f"Offer {offer}") for offer in found.classes}
