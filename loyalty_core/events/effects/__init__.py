"""What events cause, step by step, and the traces of it."""

from loyalty_core.events.effects.effects import Effects, Prepared
from loyalty_core.events.effects.trace import Scores, Step, Trace

__all__ = ["Effects", "Prepared", "Scores", "Step", "Trace"]
