"""The steps of a trace as a vertical timeline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.ui import cached_reads, formatting
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from loyalty_core.events.effects import Step

_MAX_NAMED = 12
_MAX_TEXT = 200
_OTHER = ""
_ICONS = {
    _OTHER: ":material/arrow_downward:",
    "Event read": ":material/inbox:",
    "Cache invalidated": ":material/cached:",
    "Features fetched": ":material/database:",
    "Churn predicted": ":material/model_training:",
    "Segments evaluated": ":material/rule:",
    "Segments joined and left": ":material/groups:",
    "Campaigns triggered": ":material/campaign:",
    "Outcome recorded": ":material/ads_click:",
    "Offer chosen": ":material/local_offer:",
    "Message queued": ":material/outgoing_mail:",
}


def draw_steps(steps: Sequence[Step]) -> None:
    """Each step with its time, the outcome in words, and input and output in full on demand."""
    for number, step in enumerate(steps, start=1):
        with st.container(border=True, gap="xsmall"):
            icon = _ICONS[step.name if step.name in _ICONS else _OTHER]
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                st.markdown(f"{icon} **{number}. {escape(step.name)}**", width="content")
                st.caption(f"{formatting.decimal(step.milliseconds, 1)} ms", width="content")
            for sentence in _SENTENCES.get(step.name, _nothing)(step):
                st.markdown(escape(sentence))
            if step.note:
                st.caption(f":material/info: {escape(step.note)}")
            with st.expander("Input and output"):
                st.caption("Input")
                st.json(dict(step.input), expanded=2)
                st.caption("Output")
                st.json(dict(step.output), expanded=2)


def _nothing(_: Step) -> Iterator[str]:
    return iter(())


def _event(step: Step) -> Iterator[str]:
    data = step.input.get("data")
    yield f"{step.input.get('event_id')} from {step.input.get('source')}."
    if data is None:
        yield "What it says is hidden: it may be personal data."
    elif data:
        said = ", ".join(f"{name} {_said(value)}" for name, value in data.items())
        yield said if len(said) <= _MAX_TEXT else f"{said[: _MAX_TEXT - 1]}…"


def _said(value: Any) -> str:
    """A value of an event, written as the event wrote it where it is not a text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cache(step: Step) -> Iterator[str]:
    yield "The cached features were removed." if step.output.get("was_cached") else "No features were cached."


def _features(step: Step) -> Iterator[str]:
    if not step.output.get("found"):
        return
    changed = step.output.get("changed", [])
    yield f"{formatting.count(step.output['columns'])} columns were read from the warehouse."
    for change in changed[:_MAX_NAMED]:
        name = change["column"]
        yield f"{_label(name)}: {_value(name, change['before'])} → {_value(name, change['after'])}"
    if len(changed) > _MAX_NAMED:
        yield f"And {formatting.count(len(changed) - _MAX_NAMED)} more."
    for name, value in step.output.get("overlaid", {}).items():
        yield f"{_label(name)}: {_value(name, value)}, as the event states."


def _score(step: Step) -> Iterator[str]:
    after, before = step.output.get("after"), step.output.get("before")
    if after is None:
        return
    was = f"{formatting.percent(before, 1)} → " if before is not None else ""
    version = step.output.get("model_version")
    yield f"Churn probability {was}{formatting.percent(after, 1)}, risk {step.output.get('risk')}, by {version}."


def _evaluated(step: Step) -> Iterator[str]:
    yield f"{formatting.count(step.output['evaluated'])} rules were evaluated."
    if belongs := step.output.get("belongs_to"):
        yield f"Belongs to {_names(belongs)}."
    if unknown := step.output.get("not_evaluated"):
        yield f"Not evaluated: {_names(unknown)}."


def _moved(step: Step) -> Iterator[str]:
    joined, left = step.output.get("joined"), step.output.get("left")
    if joined:
        yield f"Joined {_names(joined)}."
    if left:
        yield f"Left {_names(left)}."
    if not joined and not left:
        yield "No segment was joined or left."


def _campaigns(step: Step) -> Iterator[str]:
    found = step.output.get("campaigns", [])
    if not found:
        yield "No running campaign is triggered by this."
    for one in found:
        yield f"{one['name']}: {one['decision']}"


def _names(found: Sequence[Mapping[str, Any]]) -> str:
    shown = ", ".join(str(one["name"]) for one in found[:_MAX_NAMED])
    return f"{shown} and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else shown


def _label(name: str) -> str:
    column = cached_reads.catalog().get(name)
    return column.label if column else name


def _value(name: str, raw: Any) -> str:
    column = cached_reads.catalog().get(name)
    return formatting.value(column, raw) if column else formatting.loose_value(name, raw)


_SENTENCES: dict[str, Callable[[Step], Iterator[str]]] = {
    "Event read": _event,
    "Cache invalidated": _cache,
    "Features fetched": _features,
    "Churn predicted": _score,
    "Segments evaluated": _evaluated,
    "Segments joined and left": _moved,
    "Campaigns triggered": _campaigns,
}
