"""What streamlit-elements needs of Streamlit: with a version that breaks any of it, this fails before the screens do.

tests/browser (test_overview, test_json_editor) prove that a browser draws the frames and sends their events back.
"""

import json

from streamlit.testing.v1 import AppTest

from loyalty_core.ui import elements


def _dashboard() -> None:
    import streamlit as st  # noqa: PLC0415

    from loyalty_core.ui import elements  # noqa: PLC0415

    st.session_state.available = elements.is_available()
    from loyalty_core.ui.elements.frames import Script, dashboard, html, mui, new_frame, nivo  # noqa: PLC0415

    @st.fragment
    def draw() -> None:
        layout = [{"i": "card", "x": 0, "y": 0, "w": 4, "h": 4}]
        with new_frame("contract"), dashboard.Grid(layout, onLayoutChange=lambda _layout, layouts: None):
            mui.Card(html.h3("Title"), nivo.Bar(data=[], axisLeft={"format": Script("(v)=>v+'!'")}), key="card")

    draw()


def _editor() -> None:
    from loyalty_core.ui import elements  # noqa: PLC0415

    assert elements.is_available()
    from loyalty_core.ui.elements.monaco import draw_monaco  # noqa: PLC0415

    draw_monaco('{"==": [1, 1]}', 1, key="contract-editor", height=200, on_change=lambda text: None)


def _style() -> None:
    import streamlit as st  # noqa: PLC0415

    from loyalty_core.ui.overview.style import frame_style  # noqa: PLC0415

    st.code(frame_style())


def _sent_to_browser(app: AppTest) -> tuple[str, str]:
    """Key and JavaScript of the one frame."""
    assert not app.exception
    (frame,) = app.get("component_instance")
    return frame.proto.component_name, json.loads(frame.proto.json_args)["js"]


def test_the_package_can_be_used_with_this_streamlit():
    assert elements.is_available()


def test_a_frame_in_a_fragment_reaches_the_browser_as_javascript():
    app = AppTest.from_function(_dashboard, default_timeout=60).run()
    name, javascript = _sent_to_browser(app)
    assert app.session_state.available
    assert name == "streamlit_elements.core.render.streamlit_elements"
    assert '"Title"' in javascript
    assert "(v)=>v+'!'" in javascript
    assert 'send({...window.lazyData,"streamlit_elements.core.frame.elements_frame.contract' in javascript


def test_a_second_run_draws_the_frame_again():
    app = AppTest.from_function(_dashboard, default_timeout=60).run()
    first = _sent_to_browser(app)
    assert _sent_to_browser(app.run()) == first


def test_the_editor_reaches_the_browser_with_its_text():
    _, javascript = _sent_to_browser(AppTest.from_function(_editor, default_timeout=60).run())
    assert json.dumps('{"==": [1, 1]}') in javascript
    assert "onDidBlurEditorText" in javascript


def test_frames_find_the_font_of_streamlit():
    (style,) = AppTest.from_function(_style, default_timeout=60).run().code
    assert 'url("../../static/media/SourceSansVF-Upright' in style.value
