"""What a page has read for a fragment is not drawn again for a viewer who may not see it any more."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from streamlit.testing.v1 import AppTest

from loyalty_core.access import Scope, Viewer, process_acts_as, resolve_viewers_by
from tests.workbench import ROOT, Configure

if TYPE_CHECKING:
    from pathlib import Path

ANALYST = Viewer("ann", frozenset({"analyst"}))


def _page() -> None:
    """Run 1 and, where it is asked for, run 3 draw the page; run 2 is that of the fragment alone."""
    import streamlit as st  # noqa: PLC0415

    from loyalty_core.ui.fragments import fragment, remember_access  # noqa: PLC0415

    st.session_state.runs = st.session_state.get("runs", 0) + 1
    if st.session_state.runs != 2:
        remember_access()

    @fragment()
    def draw() -> None:
        st.markdown(f"Drawn in run {st.session_state.runs}")

    draw()


def drawn_after(viewer: Viewer | None, configure: Configure) -> str:
    """What a page shows that was drawn for an analyst, after its fragment runs for the viewer."""
    configure(sign_in="openid")
    with process_acts_as(ANALYST):
        app = AppTest.from_function(_page, default_timeout=60).run()
        resolve_viewers_by(lambda: viewer)  # until the block ends
        return app.run().markdown[0].value


def test_a_fragment_runs_alone_while_nothing_has_changed(configure: Configure):
    assert drawn_after(ANALYST, configure) == "Drawn in run 2"


def test_with_other_rights_the_whole_page_runs(configure: Configure):
    assert drawn_after(Viewer("ann", frozenset({"viewer"})), configure) == "Drawn in run 3"


def test_with_another_scope_the_whole_page_runs(configure: Configure):
    north = Viewer("ann", ANALYST.roles, Scope.of({"==": [{"var": "region"}, "North"]}))
    assert drawn_after(north, configure) == "Drawn in run 3"


def test_after_signing_out_the_whole_page_runs(configure: Configure):
    assert drawn_after(None, configure) == "Drawn in run 3"


def test_every_fragment_is_one_of_these():
    ours = ROOT / "loyalty_core" / "ui" / "fragments.py"
    files = {*ROOT.glob("pages/*.py"), *ROOT.glob("loyalty_core/ui/**/*.py"), ROOT / "app.py"}
    assert ours in files
    assert [file for file in files if "fragment" in _attributes_of_streamlit(file)] == [ours]


def _attributes_of_streamlit(file: Path) -> set[str]:
    return {
        node.attr
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "st"
    }
