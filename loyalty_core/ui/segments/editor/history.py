"""Undo and redo of a draft."""

from __future__ import annotations

from typing import Generic, TypeVar

State = TypeVar("State")

_MAX_STEPS = 500


class History(Generic[State]):
    """The present state, those before it, and those that were undone."""

    def __init__(self, present: State) -> None:
        self.present = present
        self._past: list[State] = []
        self._future: list[State] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether a step was undone and none was made since."""
        return bool(self._future)

    def step(self, state: State) -> None:
        """Continue with `state`; what was undone cannot be redone any more."""
        self._past.append(self.present)
        del self._past[:-_MAX_STEPS]
        self._future.clear()
        self.present = state

    def undo(self) -> None:
        """Undo the latest step, if there is one."""
        if self._past:
            self._future.append(self.present)
            self.present = self._past.pop()

    def redo(self) -> None:
        """Redo the step that was undone last, if there is one."""
        if self._future:
            self._past.append(self.present)
            self.present = self._future.pop()
