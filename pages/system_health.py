"""Whether every part works, and what to do when one does not: one line for each part."""

from contextlib import suppress
from datetime import date, datetime
from itertools import groupby

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.health import Check, check_health
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, formatting
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.frame import page_title
from loyalty_core.ui.text import escape
from loyalty_core.warehouse.columns import label_of

ICONS = {
    "ok": ":green[:material/check_circle:]",
    "warning": ":orange[:material/warning:]",
    "error": ":red[:material/error:]",
}
WORDS = {"ok": "", "warning": " · needs attention", "error": " · fails"}


def draw_verdict(checks: list[Check]) -> None:
    failing = [check for check in checks if check.status == "error"]
    attention = [check for check in checks if check.status == "warning"]
    if failing:
        verb = "fails" if len(failing) == 1 else "fail"
        st.error(f"{len(failing)} of {len(checks)} checks {verb}.", icon=":material/error:")
    elif attention:
        verb = "needs" if len(attention) == 1 else "need"
        st.warning(f"Works, but {len(attention)} of {len(checks)} checks {verb} attention.", icon=":material/warning:")
    else:
        st.success(f"All {len(checks)} checks are fine.", icon=":material/check_circle:")


def draw_check(check: Check) -> None:
    name, detail = st.columns([1, 3], vertical_alignment="top")
    name.markdown(f"{ICONS[check.status]} **{escape(check.name)}**{WORDS[check.status]}")
    with detail:
        st.markdown(escape(check.detail))
        if check.remedy:
            st.caption(f"**What to do:** {escape(check.remedy)}")


def draw_source() -> None:
    facts = cached_reads.source().facts
    if facts:
        with st.container(border=True):
            st.subheader("Local warehouse", anchor=False)
            for key, value in facts.items():
                name, detail = st.columns([1, 3])
                name.markdown(f"**{escape(label_of(key))}**")
                detail.markdown(escape(_shown(key, value)))


def _shown(key: str, value: str) -> str:
    """A fact about the local warehouse, whose dates and times are stored in the ISO form."""
    if key.endswith("_at"):
        return formatting.moment(datetime.fromisoformat(value))
    if key.endswith("_date"):
        return formatting.day(date.fromisoformat(value[:10]))
    return value


@fragment()
def draw_checks() -> None:
    services = get_services()
    if st.button("Check again", icon=":material/refresh:"):
        services.warehouse.forget()
    with st.spinner("Checking…"):
        checks = check_health(services)
    draw_verdict(checks)
    for area, lines in groupby(checks, key=lambda check: check.area):
        with st.container(border=True):
            st.subheader(escape(area), anchor=False)
            for check in lines:
                draw_check(check)


page_title("System health", f"Every part checked. Times in {formatting.time_zone()}.")
draw_checks()
with suppress(LoyaltyError):  # the checks above report the reason
    draw_source()
