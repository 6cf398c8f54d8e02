"""Events about customers: accepted once, applied once, and what cannot be applied is reported."""

from loyalty_core.events.event import Event, Sequel

__all__ = ["Event", "Sequel"]
