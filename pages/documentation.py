"""The documentation, and what to do about the error whose link was followed."""

import streamlit as st

from loyalty_core.ui.documentation import (
    ERROR,
    INDEX,
    PAGE,
    Heading,
    Picture,
    in_app,
    page_names,
    read_page,
    remedies,
)
from loyalty_core.ui.frame import browser_title
from loyalty_core.ui.navigation import DOCUMENTATION
from loyalty_core.ui.text import escape


def draw_error(code: str) -> None:
    remedy = remedies()[code]
    with st.container(border=True):
        st.markdown(f":material/help: **{escape(code)}** means: {in_app(remedy.meaning)}.")
        st.markdown(f"**What to do:** {in_app(remedy.what_to_do)}.")


def draw_page(name: str) -> None:
    for part in read_page(name):
        match part:
            case Heading(level=1):
                st.title(in_app(part.text), anchor=part.anchor)
            case Heading(level=2):
                st.header(in_app(part.text), anchor=part.anchor)
            case Heading():
                st.subheader(in_app(part.text), anchor=part.anchor)
            case Picture():
                st.image(part.file, caption=in_app(part.caption))
            case str():
                st.markdown(in_app(part))


browser_title("Documentation")
names = page_names()
if not names:
    st.info("The documentation is the folder docs of the repository, which was not installed here.")
else:
    wanted = st.query_params.get(PAGE, INDEX)
    page, error = wanted if wanted in names else INDEX, st.query_params.get(ERROR, "")
    if page != INDEX:
        st.page_link(f"pages/{DOCUMENTATION.file}", label="All pages", icon=":material/arrow_back:")
    if error in remedies():
        draw_error(error)
    draw_page(page)
