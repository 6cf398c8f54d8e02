"""Executions of campaigns: one row with totals for each run, and one for all entries by events."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from loyalty_core.api.campaigns.bodies import CampaignId
from loyalty_core.api.pages import Page, PageNumber, PageSize, sliced
from loyalty_core.services import get_services

router = APIRouter()

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class ExecutionAnswer(BaseModel):
    """A run over the whole audience such as `vip:run:3`, or all entries by events as `vip:events`, with its totals."""

    id: str
    campaign: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    total_sent: int
    delivered: int
    opened: int
    clicked: int
    converted: int


@router.get("/", response_model=list[ExecutionAnswer] | Page[ExecutionAnswer])
def list_executions(
    request: Request,
    campaign: Annotated[CampaignId | None, Query()] = None,
    page: PageNumber = None,
    page_size: PageSize = 50,
) -> Any:
    """Executions of all campaigns or of one, newest first; with `page`, that page of them."""
    campaigns = get_services().campaigns
    wanted = campaigns.repository.list() if campaign is None else [campaigns.repository.get(campaign)]
    found = [vars(one) for each in wanted for one in campaigns.executions(each)]
    found.sort(key=lambda one: one["started_at"] or _LONG_AGO, reverse=True)
    return found if page is None else sliced(request, page, page_size, found)
