"""Buttons for what the viewer's roles do not allow are disabled, and say why; the core refuses it in any case."""

from loyalty_core.access import Action, may
from loyalty_core.ui.text import escape


def refusal(action: Action) -> str | None:
    """Why the viewer may not do this, as the help of a disabled button; None if they may."""
    return None if may(action) else escape(f"Your roles do not allow you to {action.phrase}.")
