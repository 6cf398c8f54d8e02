"""The forms in which events come, one module each."""

from loyalty_core.events.forms.reading import Arrival, read_event, read_text

__all__ = ["Arrival", "read_event", "read_text"]
