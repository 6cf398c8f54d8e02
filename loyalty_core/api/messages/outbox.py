"""The outbox: what waits, was sent, failed, or is in doubt."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.campaigns.sending import Outbox, Resolution, Status, Waiting, WaitsFor, what_messages_wait_for
from loyalty_core.services import get_services
from loyalty_core.store.messages import OutboxRecord

router = APIRouter(prefix="/outbox")

MessageId = Annotated[int, Path(ge=1, le=2**53)]


class MessageAnswer(BaseModel):
    """A message; `key` is the id by which receivers recognise a second copy."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    key: str
    campaign_id: str
    customer_id: str
    channel: str
    variant: str | None
    offer_id: int | None
    status: Status
    reason: str | None = Field(description="Why it is not sent, or why the last attempt did not succeed")
    waits_for: WaitsFor | None = Field(
        default=None,
        description="Why it is not sent yet: its campaign is paused, it is due later, it is tried again, settings of "
        "its channel are missing, a sender has claimed it, or it is its turn next; null if it does not wait",
    )
    channel_problem: str | None = Field(
        default=None, description="Which settings the channel lacks, where the message waits for those"
    )
    attempts: int
    possible_copies: int = Field(description="How often it was sent again although the receiver may have had it")
    queued_at: datetime
    due_at: datetime
    sent_at: datetime | None
    is_simulated: bool


class MessagePage(BaseModel):
    """A page of messages, the newest first."""

    messages: list[MessageAnswer]
    next_cursor: int | None = Field(description="The `cursor` of the next page; null on the last one")


class ResolveBody(BaseModel):
    """What to do about a message in doubt."""

    resolution: Literal["send_again", "mark_as_sent"]


@router.get("/", dependencies=[allowed(Action.VIEW)])
def list_outbox(
    status: Annotated[Status | None, Query(description="Only messages with this status")] = None,
    campaign_id: Annotated[str | None, Query(max_length=100)] = None,
    channel: Annotated[str | None, Query(max_length=100, description="Only messages of this channel")] = None,
    customer_id: Annotated[str | None, Query(max_length=255, description="Only messages to this customer")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> MessagePage:
    """Messages of campaigns, the newest first."""
    messages = _outbox().list(
        limit=limit + 1,
        status=status,
        campaign_id=campaign_id,
        channel=channel,
        customer_id=customer_id,
        before=cursor,
    )
    found = list(messages)
    page = found[:limit]
    return MessagePage(
        messages=_answers(page),
        next_cursor=page[-1].id if len(found) > limit else None,
    )


@router.post("/{message_id}/resolve/", dependencies=[allowed(Action.RUN_CAMPAIGNS)])
def resolve_message(message_id: MessageId, body: ResolveBody) -> MessageAnswer:
    """Send a message in doubt again, or mark it as sent; 409 if it is not in doubt."""
    resolution: Resolution = body.resolution
    (answer,) = _answers([_outbox().resolve(message_id, resolution)])
    return answer


def _answers(records: Sequence[OutboxRecord]) -> list[MessageAnswer]:
    services = get_services()
    waiting = what_messages_wait_for(services.store, services.settings, records)
    return [_answer(record, waiting.get(record.id)) for record in records]


def _answer(record: OutboxRecord, waiting: Waiting | None) -> MessageAnswer:
    answer = MessageAnswer.model_validate(record)
    if waiting is not None:
        answer.waits_for, answer.channel_problem = waiting.waits_for, waiting.problem
    return answer


def _outbox() -> Outbox:
    services = get_services()
    services.warehouse.require_every_customer("Messages")
    services.warehouse.require_rows()
    return services.outbox
