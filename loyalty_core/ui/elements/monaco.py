"""Monaco, the editor of Visual Studio Code, drawn by streamlit-elements; import only where `elements.is_available()`.

All of its files come with the package. The text is sent to the server after a pause, and immediately when the editor
loses focus or the pointer leaves it; a rerun never changes the text that someone is typing.
"""

import json
from collections.abc import Callable
from typing import Any

import streamlit as st

from loyalty_core.ui.elements.frames import Script, editor, html, new_frame

_PAUSE_MILLISECONDS = 600
_DEFINE_THEMES = "(monaco)=>{for(const [name,theme] of Object.entries(%s))monaco.editor.defineTheme(name,theme);}"
# By the path, an edit of this revision is distinguished from one of a text that has been replaced meanwhile.
_SEND_ON_LEAVING = """(editor)=>{
  window.sendText=()=>{
    clearTimeout(window.pause);
    if(!window.isUnsent)return;
    window.isUnsent=false;
    send({%s:{text:editor.getValue(),path:editor.getModel().uri.path}});
  };
  editor.onDidBlurEditorText(window.sendText);
  document.documentElement.addEventListener("mouseleave",window.sendText);
}"""
_SEND_AFTER_PAUSE = f"""()=>{{
  window.isUnsent=true;
  clearTimeout(window.pause);
  window.pause=setTimeout(window.sendText,{_PAUSE_MILLISECONDS});
}}"""
_OPTIONS = {
    "ariaLabel": "Rule as JSON",
    "fontSize": 14,
    "minimap": {"enabled": False},
    "overviewRulerBorder": False,
    "padding": {"top": 10, "bottom": 10},
    "quickSuggestions": False,
    "scrollBeyondLastLine": False,
    # Without it the page would not scroll while the pointer is over the editor.
    "scrollbar": {"alwaysConsumeMouseWheel": False},
    "tabSize": 2,
    "wordWrap": "on",
}
# The margin makes up for that of the frame's page.
_BOX = {"border": "1px solid #80808040", "borderRadius": 8, "margin": "0 -8px", "overflow": "hidden"}


def draw_monaco(text: str, revision: int, *, key: str, height: int, on_change: Callable[[str], None]) -> None:
    """The editor for JSON; its content stays until `revision` changes, and is `text` from then on."""
    drawn = f"/{revision}.json"

    def receive(text: str, path: str) -> None:
        if path == drawn:
            on_change(text)

    with new_frame(key), html.div(style=_BOX):
        editor.Monaco(
            height=height,
            defaultLanguage="json",
            defaultValue=text,
            path=drawn,
            theme="workbench-dark" if st.context.theme.type == "dark" else "workbench-light",
            options=_OPTIONS,
            beforeMount=Script(_DEFINE_THEMES.replace("%s", json.dumps(_themes()))),
            onMount=Script(_SEND_ON_LEAVING, receive),
            onChange=Script(_SEND_AFTER_PAUSE),
        )


def _themes() -> dict[str, Any]:
    """Monaco's own colours on the background of the app."""
    themes = {}
    for kind, base in (("light", "vs"), ("dark", "vs-dark")):
        background = st.get_option(f"theme.{kind}.backgroundColor")
        colors = {"editor.background": background} if background else {}
        themes[f"workbench-{kind}"] = {"base": base, "inherit": True, "rules": [], "colors": colors}
    return themes
