"""The kinds of predictions in requests."""

from typing import Annotated

from pydantic import AfterValidator

from loyalty_core.ml.scoring import kinds


def _known(kind: str) -> str:
    if kind not in kinds():
        raise ValueError(f"Ask for {', '.join(kinds())}.")
    return kind


Kind = Annotated[str, AfterValidator(_known)]
