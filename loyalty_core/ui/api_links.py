"""Where the HTTP API is served, and links to it from the screens: files come from there, sent in parts."""

from urllib.parse import urlencode

import streamlit as st

_API = "/api/loyalty/v1"


def api_root() -> str:
    """The path of the API; below `server.baseUrlPath` where the app has one, since a proxy passes on nothing else."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{_API}" if base else _API


def api_link(path: str, *parameters: tuple[str, str]) -> str:
    """The address of a path of the API, such as "segments/"."""
    return f"{api_root()}/{path}" + (f"?{urlencode(parameters)}" if parameters else "")
