"""Who uses a session: the screens are closed to whoever is nobody, and the contract with Streamlit's own sign-in."""

import json
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from loyalty_core.access import ROLES, Viewer
from loyalty_core.ui.navigation import SCREENS, Screen
from loyalty_core.ui.sign_in import sign_in_of_request
from tests.fixtures.screens import OpenScreen
from tests.workbench import Configure

CLAIMS = {
    "iss": "https://id.example",
    "sub": "1",
    "iat": int(datetime.now(UTC).timestamp()),
    "email": "anna@example.com",
    "email_verified": True,
    "is_logged_in": True,
}
SECRET = "of this test alone, long enough to sign"


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.title)
def test_no_screen_is_drawn_for_nobody(demo_settings: Configure, open_screen: OpenScreen, screen: Screen):
    demo_settings(sign_in="proxy", trusted_proxies="192.0.2.1")
    app = open_screen(screen)
    assert [title.value for title in app.title] == ["Loyalty workbench"]
    assert not app.dataframe
    assert not app.metric


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.title)
def test_no_screen_is_drawn_for_a_person_without_a_role(
    demo_settings: Configure, open_screen: OpenScreen, screen: Screen, monkeypatch: pytest.MonkeyPatch
):
    demo_settings(sign_in="proxy", trusted_proxies="192.0.2.1")
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: Viewer("anna", frozenset()))
    app = open_screen(screen)
    assert [title.value for title in app.title] == ["Loyalty workbench"]
    assert "you have no role yet" in app.markdown[0].value
    assert not app.dataframe
    assert not app.metric


def refusal(app: AppTest) -> list[str]:
    return [error.value for error in app.error if "may not" in error.value]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("screen", [one for one in SCREENS if one.section == "Administer"], ids=lambda one: one.title)
def test_a_screen_is_refused_to_roles_without_its_action(
    demo_settings: Configure, open_screen: OpenScreen, screen: Screen, role: str, monkeypatch: pytest.MonkeyPatch
):
    viewer = Viewer("anna", frozenset({role}))
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: viewer)
    app = open_screen(screen)
    assert bool(refusal(app)) is not viewer.may(screen.action)
    assert [title.value for title in app.title] == ([screen.title] if viewer.may(screen.action) else [])


def cookie(secret: str, **claims: object) -> dict[str, object]:
    """A request with the cookie that Streamlit would have set."""
    value = create_signed_value(secret, USER_COOKIE_NAME, json.dumps(CLAIMS | claims)).decode()
    return {"type": "http", "headers": [(b"cookie", f"{USER_COOKIE_NAME}={value}; other=1".encode())]}


@pytest.fixture
def signed(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(sign_in="openid")
    monkeypatch.setattr("loyalty_core.ui.sign_in.streamlit_sign_in.get_cookie_secret", lambda: SECRET)


@pytest.mark.usefixtures("signed")
def test_the_cookie_that_streamlit_signs_names_the_person():
    found = sign_in_of_request(cookie(SECRET))
    assert found is not None
    assert (found.issuer, found.subject, found.email) == ("https://id.example", "1", "anna@example.com")


@pytest.mark.usefixtures("signed")
def test_a_cookie_that_was_signed_with_another_secret_names_nobody():
    assert sign_in_of_request(cookie("another secret, also long enough to sign")) is None
    assert sign_in_of_request(cookie(SECRET, is_logged_in=False)) is None
    assert sign_in_of_request({"type": "http", "headers": [(b"cookie", f"{USER_COOKIE_NAME}=x".encode())]}) is None
    assert sign_in_of_request({"type": "http", "headers": []}) is None
