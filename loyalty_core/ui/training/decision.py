"""The decision about a version that is not active: activate it, discard it, or keep it for later."""

from collections.abc import Callable, Mapping

import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.ml.tasks import Metric, title_of
from loyalty_core.ml.versions import VersionComparison, VersionRecord, judge, losses_to
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.queries import comparison, promotion

# Session key of the version that was activated in the run before, to be confirmed once.
ACTIVATED = "training-activated"


def draw_decision(
    record: VersionRecord,
    champion: VersionRecord | None,
    key: str,
    *,
    keeps_contract: bool,
    after: Callable[[], None] = lambda: None,
    can_keep: bool = False,
) -> None:
    """Buttons; `after` is called after the decision.

    A feature that seems to give away the label must be confirmed by typing its name, and a version worse than the
    champion by typing the end of its own name.
    """
    draw_findings(record)
    leaks = draw_leaks(record, champion, key) if keeps_contract else None
    confirmed = draw_confirmation(record, champion, key) and leaks is not None if keeps_contract else False
    refused = refusal(Action.ACTIVATE_MODELS)
    with st.container(horizontal=True):
        if st.button(
            "Activate",
            type="primary",
            icon=":material/rocket_launch:",
            key=f"{key}-activate",
            disabled=bool(refused) or not (keeps_contract and confirmed),
            help=refused or "Every running process answers with it within 5 seconds.",
        ):
            with errors_shown():
                promotion().activate(
                    record.version, current_viewer().id, even_if_worse=True, accepted_leaks=leaks or ()
                )
                st.session_state[ACTIVATED] = record.version
                after()
                st.rerun()
        if can_keep and st.button("Keep for later", icon=":material/inventory_2:", key=f"{key}-keep"):
            with errors_shown():
                after()
                st.rerun()
        if st.button(
            "Discard",
            icon=":material/delete:",
            key=f"{key}-discard",
            disabled=bool(refused),
            help=refused or "Deletes the version's folder for good.",
        ):
            with errors_shown():
                promotion().discard(record.version, current_viewer().id)
                after()
                st.rerun()


def draw_findings(record: VersionRecord) -> None:
    """Why a training would not have activated it, and what else was found in its history."""
    for model, objections in record.objections.items():
        for objection in objections:
            sentence = f"{title_of(model)}: {objection} It is not activated automatically; you may activate it here."
            st.warning(escape(sentence), icon=":material/block:")
    for model, entry in record.models.items():
        for finding in entry.get("findings", ()):
            if finding["severity"] == "warning":
                said = escape(f"{title_of(model)}: {finding['sentence']}")
                st.markdown(f":material/info: **{said}** {escape(finding['remedy'])}")


def draw_leaks(record: VersionRecord, champion: VersionRecord | None, key: str) -> list[str] | None:
    """The leaks of the version, each confirmed by typing the name of its feature; None while one is not."""
    leaks = record.leaks(champion)
    typed = {}
    for feature, sentence in leaks.items():
        st.error(
            f"**{escape(sentence)}** A model that was given the answer cannot predict it for customers whose "
            "answer is not known yet. Leave the feature out and train again, unless it is known before the label.",
            icon=":material/key:",
        )
        typed[feature] = st.text_input(
            f"If it is known before the label, type {escape(feature)}",
            key=f"{key}-leak-{feature}",
            help="The name of the feature. Who confirmed it is recorded in the audit trail.",
            width=320,
        )
    return list(leaks) if all(text.strip() == feature for feature, text in typed.items()) else None


def draw_confirmation(record: VersionRecord, champion: VersionRecord | None, key: str) -> bool:
    """True where nothing needs to be confirmed, or it was."""
    found = comparison(record.version, champion.version) if champion else None
    lost = losses_to(record, champion, found) if champion else {}
    if not lost:
        return True
    measures = " and ".join(f"{metric.title} of {title_of(model)}" for model, metric in lost.items())
    if champion is not None and _is_clear(record, champion, found, lost):
        st.warning(escape(f"Worse than the active version: {measures}."), icon=":material/trending_down:")
    else:
        sentence = f"Lower than the active version, by so little that it may be chance: {measures}."
        st.warning(escape(sentence), icon=":material/trending_flat:")
    code = record.version[-4:]
    typed = st.text_input(
        f"To activate it anyway, type {escape(code)}", key=f"{key}-confirm", help="The end of the version's name.",
        width=320,
    )  # fmt: skip
    return typed.strip() == code


def _is_clear(
    record: VersionRecord, champion: VersionRecord, found: VersionComparison | None, lost: Mapping[str, Metric]
) -> bool:
    """Whether any of the losses is beyond chance, or the version lacks the model altogether."""
    for model, metric in lost.items():
        same_rows = found.same_rows.get(model) if found else None
        if metric.key not in record.metrics(model):
            return True
        if same_rows is not None:
            word = judge(metric, same_rows.version, same_rows.against, same_rows.differences[metric.key])
        else:
            word = judge(metric, record.metrics(model), champion.metrics(model))
        if word == "worse":
            return True
    return False
