"""Why a message became a dead letter, as the state store records it."""

from __future__ import annotations

from loyalty_core.errors import LoyaltyError


def reason_of(error: Exception) -> dict[str, str]:
    """The error as a dead letter has it; of a fault in the program only its kind, since its text may quote anything."""
    if isinstance(error, LoyaltyError):
        return {"code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy}
    return {
        "code": "internal",
        "what": f"The event could not be applied ({type(error).__name__}).",
        "why": "",
        "remedy": "The log has the cause. Replay the event once that is solved.",
    }
