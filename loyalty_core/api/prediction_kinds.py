"""The kinds of predictions in requests."""

from typing import Annotated

from pydantic import AfterValidator

from loyalty_core.ml.scoring import kinds
from loyalty_core.ml.tasks import TASKS


def is_optional(kind: str) -> bool:
    """Whether the models in use may lack this kind without being incomplete."""
    return kind in TASKS and TASKS[kind].is_optional


def _known(kind: str) -> str:
    if kind not in kinds():
        raise ValueError(f"Ask for {', '.join(kinds())}.")
    return kind


Kind = Annotated[str, AfterValidator(_known)]
