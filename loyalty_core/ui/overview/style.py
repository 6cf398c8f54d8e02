"""The style of the dashboard's frame: the font, colours and borders of the rest of the app."""

from functools import cache
from pathlib import Path

import streamlit as st

from loyalty_core.ui import charts

FONT = '"Source Sans", sans-serif'

# Below this width there is one column of cards, and touching one scrolls the page.
WIDE_PIXELS = 640

# A frame is a page of its own, into which nothing of the app's style reaches.
_STYLE = """
@font-face {{ font-family: "Source Sans"; src: url("{font}") format("woff2"); font-weight: 200 900; }}
@keyframes mode-light {{}}
@keyframes mode-dark {{}}
html {{ color-scheme: {mode}; }}
body {{ margin: 0; background: {background}; color: {text}; font: 400 14px/1.4 {family}; overflow: hidden; }}
.react-grid-item:hover {{ z-index: 2; }}
.react-grid-item.react-grid-placeholder {{ border-radius: 9.6px; }}
.react-grid-item > .react-resizable-handle {{ background: none; opacity: 0.6; touch-action: none; }}
.react-grid-item > .react-resizable-handle::after {{
  width: 8px; height: 8px; right: 5px; bottom: 5px; border-color: {muted};
}}
.card {{ height: 100%; display: flex; flex-direction: column; padding: 12px 16px 14px; box-sizing: border-box; }}
.head {{ display: flex; align-items: center; gap: 8px; cursor: grab; touch-action: none; margin-bottom: 8px; }}
.react-draggable-dragging .head {{ cursor: grabbing; }}
.head h3 {{ font-size: 17.6px; font-weight: 650; line-height: 1.2; margin: 0; flex: 1; }}
.grip {{ color: {muted}; opacity: 0; letter-spacing: -1px; transition: opacity 0.15s; }}
.card:hover .grip {{ opacity: 1; }}
.body {{ flex: 1; min-height: 0; }}
.scrolling {{ overflow: auto; margin-right: -8px; padding-right: 8px; scrollbar-width: thin; }}
.parts {{ display: flex; flex-wrap: wrap; align-items: center; gap: 16px; container-type: size; }}
.ring {{ flex: 1.3; max-width: 200px; height: 100%; max-height: 200px; }}
.parts .rows {{ flex: 2; max-height: 100%; }}
@container (max-width: 300px) {{ .parts .ring, .parts .rows {{ flex: none; width: 100%; max-width: none; }} }}
@container (max-width: 300px) and (min-height: 240px) {{
  .parts .ring {{ height: 45%; }} .parts .rows {{ max-height: 50%; }}
}}
@container (max-height: 110px) or ((max-width: 300px) and (max-height: 239px)) {{ .parts .ring {{ display: none; }} }}
.note, .empty {{ color: {muted}; font-size: 13px; }}
.note {{ margin-top: 8px; padding-right: 12px; }}
.link {{
  font: inherit; color: {link}; background: none; border: 0; border-radius: 4px;
  padding: 2px 4px; margin-right: -4px; cursor: pointer; white-space: nowrap;
}}
.link:hover {{ text-decoration: underline; }}
.link:focus-visible, .row:focus-visible {{ outline: 2px solid {link}; outline-offset: 1px; }}
.row {{
  display: block; box-sizing: border-box; width: 100%; padding: 2px 0; border: 0; background: none;
  font: inherit; color: inherit; text-align: left;
}}
button.row {{ cursor: pointer; border-radius: 4px; }}
button.row:hover .name {{ color: {link}; text-decoration: underline; }}
.words {{ display: flex; flex-wrap: wrap; justify-content: space-between; column-gap: 12px; }}
.name {{ overflow-wrap: anywhere; }}
.numbers {{ font-variant-numeric: tabular-nums; white-space: nowrap; margin-left: auto; }}
.change {{ color: {muted}; margin-left: 8px; }}
.track {{ height: 6px; border-radius: 3px; background: {border}; margin-top: 3px; overflow: hidden; }}
.bar {{ height: 100%; border-radius: 3px; min-width: 2px; }}
.dot {{ display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 8px; }}
.tip {{
  background: {raised}; color: {text}; border: 1px solid {border}; border-radius: 6px; padding: 6px 10px;
  font-size: 13px; line-height: 1.35; width: max-content; max-width: 170px; box-shadow: 0 2px 8px #0003;
}}
@media (max-width: {narrow}px) {{
  .head {{ pointer-events: none; }}
  .link {{ pointer-events: auto; }}
  .react-grid-item > .react-resizable-handle, .grip {{ display: none; }}
}}
"""


def frame_style() -> str:
    """The style sheet of the frame for the viewer's mode, light or dark."""
    return _STYLE.format(
        font=_font_address(),
        narrow=WIDE_PIXELS - 1,
        family=FONT,
        mode=st.context.theme.type or "light",
        background=charts.theme("backgroundColor"),
        raised=charts.theme("secondaryBackgroundColor"),
        text=charts.theme("textColor"),
        border=charts.theme("borderColor"),
        link=charts.theme("linkColor"),
        muted=muted_color(),
    )


def muted_color() -> str:
    """The colour of secondary text, as in captions."""
    return f"{charts.theme('textColor')}a6"


@cache
def _font_address() -> str:
    """Streamlit's own font as seen from the frame; its file name carries a hash."""
    folder = Path(st.__file__).parent / "static" / "static" / "media"
    file = next(folder.glob("SourceSansVF-Upright*.woff2"), None)
    return f"../../static/media/{file.name}" if file else ""
