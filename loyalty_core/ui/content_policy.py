"""Content security policies: what a browser may load and run for the pages of the app, and for frames in them."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import streamlit as st

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_COMMON = {
    "default-src": "'self'",
    # Streamlit and streamlit-elements add style elements at run time.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}


def content_policies() -> dict[str, str]:
    """The policies for the installed Streamlit by the start of the path, "" for all others.

    A page runs the scripts that come with Streamlit, one of which has WebAssembly in it. A frame of streamlit-elements
    also evaluates what the server sends it, which is how that package draws.
    """
    scripts = " ".join(["'self'", "'wasm-unsafe-eval'", *_inline_scripts()])
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return {
        "": _policy(_COMMON | {"script-src": scripts, "frame-ancestors": "'none'"}),
        f"/{base}/component/" if base else "/component/": _policy(
            _COMMON | {"script-src": "'self' 'unsafe-eval'", "frame-ancestors": "'self'"}
        ),
    }


def _inline_scripts() -> Iterator[str]:
    """The hash of each script in Streamlit's page."""
    page = (Path(st.__file__).parent / "static" / "index.html").read_text("utf-8")
    for script in _INLINE_SCRIPT.findall(page):
        yield f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _policy(directives: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())
