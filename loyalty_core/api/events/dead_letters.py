"""Dead letters: look at them, correct, replay and discard them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from pydantic.types import StringConstraints

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.conditional import Conditional
from loyalty_core.events import DeadLetter, DeadLetters
from loyalty_core.services import get_services

# A message has to be read as it is to be corrected.
router = APIRouter(
    prefix="/dead-letters", dependencies=[allowed(Action.SEND_EVENTS), allowed(Action.SEE_PERSONAL_DATA)]
)

LetterId = Annotated[int, Path(ge=1, le=2**53)]
Body = Annotated[str, StringConstraints(max_length=2**20)]


class ErrorAnswer(BaseModel):
    """Why the message could not be used: a stable identifier, and what happened, why, and what to do."""

    code: str
    what: str
    why: str
    remedy: str


class DeadLetterAnswer(BaseModel):
    """One message; `event` is the number of the event, null for a message that is none."""

    id: int
    source: str
    position: str | None = Field(description="Where the message is in its source")
    event: int | None
    customer_id: str | None
    body: str
    error: ErrorAnswer
    attempts: int
    received_at: datetime
    status: Literal["open", "replayed", "discarded"]
    changed_at: datetime | None
    changed_by: str | None


class DeadLetterPage(BaseModel):
    """A page of dead letters, newest first."""

    dead_letters: list[DeadLetterAnswer]
    next_cursor: int | None = Field(description="The `cursor` of the next page; null on the last one")


class Mended(BaseModel):
    """The message as it should have been."""

    body: Body


@router.get("/")
def list_dead_letters(
    status: Literal["open", "replayed", "discarded", "all"] = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> DeadLetterPage:
    """Dead letters, newest first; those that nobody has dealt with yet unless `status` says otherwise."""
    found = DeadLetters.of(get_services()).list(limit + 1, before=cursor, status=None if status == "all" else status)
    page = found[:limit]
    return DeadLetterPage(
        dead_letters=[DeadLetterAnswer.model_validate(_answer(letter)) for letter in page],
        next_cursor=page[-1].id if len(found) > limit else None,
    )


@router.get("/{letter_id}/", response_model=DeadLetterAnswer)
def read_dead_letter(letter_id: LetterId, conditions: Conditional) -> Response:
    """One dead letter with the message and the reason."""
    return conditions.answer(_answer(DeadLetters.of(get_services()).get(letter_id)))


@router.patch("/{letter_id}/", response_model=DeadLetterAnswer)
def mend_dead_letter(letter_id: LetterId, body: Mended, conditions: Conditional) -> dict[str, Any]:
    """Replace the message, which `replay` then reads; 412 if If-Match no longer names the present state."""
    letters = DeadLetters.of(get_services())
    before = letters.get(letter_id)
    conditions.require_unchanged(_answer(before))
    corrected = letters.correct(letter_id, body.body, if_body=before.body if conditions.names_state else None)
    return conditions.mark(_answer(corrected))


@router.post("/{letter_id}/replay/", response_model=DeadLetterAnswer)
def replay_dead_letter(letter_id: LetterId) -> dict[str, Any]:
    """Put the message back into the queue; 422 if it still cannot be used, 409 if that was done before."""
    return _answer(DeadLetters.of(get_services()).replay(letter_id))


@router.post("/{letter_id}/discard/", response_model=DeadLetterAnswer)
def discard_dead_letter(letter_id: LetterId) -> dict[str, Any]:
    """Close the dead letter without effect; 409 if it was closed before."""
    return _answer(DeadLetters.of(get_services()).discard(letter_id))


def _answer(letter: DeadLetter) -> dict[str, Any]:
    return {**vars(letter), "error": dict(letter.error)}
