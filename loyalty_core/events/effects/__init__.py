"""What events cause, step by step, and the traces of it."""

from loyalty_core.events.effects.campaigns import MESSAGE_QUEUED
from loyalty_core.events.effects.effects import Effects, Prepared, dry_run
from loyalty_core.events.effects.story import Moment, Place, read_story
from loyalty_core.events.effects.trace import Scores, Step, Trace
from loyalty_core.events.effects.traces import TraceNotFound, Traces, forget_old_changes, forget_old_traces

__all__ = [
    "MESSAGE_QUEUED",
    "Effects",
    "Moment",
    "Place",
    "Prepared",
    "Scores",
    "Step",
    "Trace",
    "TraceNotFound",
    "Traces",
    "dry_run",
    "forget_old_changes",
    "forget_old_traces",
    "read_story",
]
