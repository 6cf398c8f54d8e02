"""Progress of a training, as it is reported while it runs."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Progress:
    """The state of a training; `seconds_left` assumes that all epochs are run, early stopping may end it sooner."""

    stage: Literal["reading", "training", "evaluating"]
    model: str
    rows: int = 0
    epoch: int = 0
    epochs: int = 0
    training_loss: float | None = None
    validation_loss: float | None = None
    seconds_left: float | None = None
