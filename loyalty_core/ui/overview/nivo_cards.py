"""The cards drawn in a frame of streamlit-elements; import it only where `elements.is_available()`."""

import json
from collections.abc import Callable
from typing import Any

from loyalty_core.ui import charts
from loyalty_core.ui.elements.frames import Script, html, mui, nivo
from loyalty_core.ui.overview.card import Card, Mark
from loyalty_core.ui.overview.style import FONT, muted_color

HANDLE = "head"
NO_HANDLE = "link"
_TIP = '({of})=>render("html","div",{{className:"tip"}},[{of}.data.sentence])'
_LABELS = "(position)=>%s[position]"


def draw_card(card: Card, ticks: int, open_screen: Callable[[], None], open_segment: Callable[[str], None]) -> Any:
    """One card; a click on its link or on one of its rows calls the server, nothing else does."""
    head = [html.span("⠿", className="grip", title="Drag to move")]
    if card.screen:
        head.append(html.button("Open →", className=NO_HANDLE, title=f"Open {card.screen.title}", onClick=open_screen))
    return mui.Card(
        html.div(html.h3(card.title), *head, className=HANDLE),
        _body(card, ticks, open_segment),
        *([html.div(card.note, className="note")] if card.note and card.marks else []),
        key=card.id,
        className="card",
        variant="outlined",
        sx={"borderColor": charts.theme("borderColor"), "borderRadius": "9.6px", "bgcolor": "background.default"},
    )


def _body(card: Card, ticks: int, open_segment: Callable[[str], None]) -> Any:
    if not card.marks:
        return html.div(card.empty, className="body empty")
    if card.shape == "columns":
        return html.div(_columns(card, ticks), className="body")
    if card.shape == "ring":
        rows = html.div(*_rows(card, open_segment), className="rows scrolling")
        return html.div(html.div(_ring(card), className="ring"), rows, className="body parts")
    return html.div(*_rows(card, open_segment), className="body scrolling")


def _rows(card: Card, open_segment: Callable[[str], None]) -> list[Any]:
    return [_row(mark, open_segment) for mark in card.marks]


def _row(mark: Mark, open_segment: Callable[[str], None]) -> Any:
    change = [html.span(mark.change, className="change")] if mark.change else []
    dot = [html.span(className="dot", style={"background": mark.color})] if mark.color else []
    words = html.div(
        html.span(*dot, mark.label, className="name"),
        html.span(mark.shown, *change, className="numbers"),
        className="words",
    )
    inside = [words]
    if mark.share is not None:
        # The track is all customers.
        style = {"width": f"{100 * mark.share:.4g}%", "background": mark.color or charts.palette()[0]}
        inside.append(html.div(html.div(className="bar", style=style), className="track"))
    if mark.segment_id is None:
        return html.div(*inside, className="row", title=mark.sentence)
    segment_id = mark.segment_id
    return html.button(*inside, className="row", title=mark.sentence, onClick=lambda: open_segment(segment_id))


def _columns(card: Card, ticks: int) -> Any:
    last = len(card.marks) - 1
    step = last // ticks + 1
    # Written here: browsers abbreviate thousands in other ways than the rest of the page (4k beside 1K).
    heights = [mark.value for mark in card.marks]
    values = charts.value_ticks(min(heights), max(heights))
    colour = charts.palette()[0]
    return nivo.Bar(
        data=[
            {
                "position": str(i),
                "value": m.value,
                "sentence": m.sentence,
                "color": f"{colour}{round(255 * m.opacity):02x}",
            }
            for i, m in enumerate(card.marks)
        ],
        keys=["value"],
        indexBy="position",
        margin={"top": 8, "right": 8, "bottom": 46, "left": 58},
        padding=0.14,
        colors={"datum": "data.color"},
        borderRadius=2,
        enableLabel=False,
        axisLeft={
            "format": Script(f"(value)=>new Map({json.dumps(values)}).get(value)"),
            "tickValues": [value for value, _ in values],
            "tickSize": 0,
            "tickPadding": 8,
            "legend": card.value_title,
            "legendPosition": "middle",
            "legendOffset": -48,
        },
        axisBottom={
            # From the end, since the last month and the long tail are what people look for.
            "tickValues": [str(i) for i in range(last, -1, -step)],
            "format": Script(_LABELS.replace("%s", json.dumps([mark.label for mark in card.marks]))),
            "tickSize": 0,
            "tickPadding": 8,
            "legend": card.label_title,
            "legendPosition": "middle",
            "legendOffset": 38,
        },
        gridYValues=[value for value, _ in values],
        theme=_theme(),
        tooltip=Script(_TIP.format(of="bar")),
        animate=False,
        role="img",
        ariaLabel=card.alt,
    )


def _ring(card: Card) -> Any:
    return nivo.Pie(
        data=[
            {"id": m.label, "label": m.label, "value": m.value, "sentence": m.sentence, "color": m.color}
            for m in card.marks
        ],
        margin={"top": 8, "right": 8, "bottom": 8, "left": 8},
        innerRadius=0.64,
        padAngle=1.2,
        cornerRadius=3,
        colors={"datum": "data.color"},
        enableArcLabels=False,
        enableArcLinkLabels=False,
        theme=_theme(),
        tooltip=Script(_TIP.replace(".data.", ".datum.data.").format(of="arc")),
        animate=False,
        role="img",
        ariaLabel=card.alt,
    )


def _theme() -> dict[str, Any]:
    """The app's colours and font as a nivo theme."""
    muted = muted_color()
    return {
        "textColor": muted,
        "fontFamily": FONT,
        "fontSize": 12,
        "axis": {
            "ticks": {"text": {"fill": muted, "fontFamily": FONT}},
            "legend": {"text": {"fill": muted, "fontSize": 13, "fontFamily": FONT}},
        },
        "grid": {"line": {"stroke": charts.theme("borderColor")}},
    }
