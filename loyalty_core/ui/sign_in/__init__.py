"""Signing in: who uses a session or sends a request, the screen to sign in on, and the end of a sign-in."""

from loyalty_core.ui.sign_in.headers import SignInHeaders
from loyalty_core.ui.sign_in.screen import draw_account, draw_sign_in
from loyalty_core.ui.sign_in.streamlit_sign_in import require_provider, session_viewer, sign_in_of_request

__all__ = [
    "SignInHeaders",
    "draw_account",
    "draw_sign_in",
    "require_provider",
    "session_viewer",
    "sign_in_of_request",
]
