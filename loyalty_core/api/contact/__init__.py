"""Pages for customers, opened from links in messages without sign-in: unsubscribe, and choose what to receive."""

from loyalty_core.api.contact.routes import router

__all__ = ["router"]
