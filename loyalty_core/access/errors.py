"""Refusals."""

from loyalty_core.errors import LoyaltyError


class NotSignedIn(LoyaltyError):
    """Nobody is signed in, and sign-in is required."""

    code = "not_signed_in"


class NotAllowed(LoyaltyError):
    """None of the viewer's roles allows the action."""

    code = "not_allowed"
