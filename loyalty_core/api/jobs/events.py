"""The progress of a job as server-sent events."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.concurrency import run_in_threadpool

from loyalty_core.access import NotAllowed, current_viewer
from loyalty_core.api.errors import as_reason
from loyalty_core.api.identity import is_still
from loyalty_core.api.jobs.answers import JobId, describe
from loyalty_core.api.json_values import dumps
from loyalty_core.api.work_limits import stream_slot
from loyalty_core.errors import LoyaltyError
from loyalty_core.jobs import Job, JobEvent, JobNotFound, JobQueue
from loyalty_core.services import get_services

router = APIRouter()

# Jobs report about once a second.
_POLL_SECONDS = 1.0
_HEARTBEAT_SECONDS = 15.0
# The id of the last event of a stream, after which there is nothing to resume.
_END = "end"
_LAST_ID = re.compile(r"\d{1,15}|end")


@router.get(
    "/{job_id}/events/",
    dependencies=[stream_slot],
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Server-sent events"},
        204: {"description": "The stream was read to its end before"},
    },
)
async def follow_job(
    request: Request,
    job_id: JobId,
    last_event_id: Annotated[str | None, Header(description="`id` of the last event that was received")] = None,
) -> Response:
    """Server-sent events until the job ends: `progress` with the job, `report` with what it reported, at last `end`.

    A reconnection with Last-Event-ID goes on with the reports after that one. `unavailable` says that the state store
    does not answer; the stream goes on when it does again. `refused` is the last event for a viewer whose key or
    sign-in was withdrawn, or whose rights have changed.
    """
    last = last_event_id if last_event_id and _LAST_ID.fullmatch(last_event_id) else "0"
    jobs = get_services().jobs
    job = await run_in_threadpool(jobs.get, job_id)
    if last == _END:
        # A browser reconnects whenever a stream ends, until it is answered like this.
        return Response(status_code=204)
    stream = _JobStream(jobs, job, int(last), partial(is_still, current_viewer(), request.scope))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream.messages(), media_type="text/event-stream", headers=headers)


class _JobStream:
    """Asks for the job about once a second; a thread is used only while the state store is read."""

    def __init__(self, jobs: JobQueue, job: Job, after: int, is_allowed: Callable[[], Awaitable[bool]]) -> None:
        self._jobs = jobs
        self._job = job
        self._after = after
        self._is_allowed = is_allowed
        self._is_refused = False
        self._shown: dict[str, Any] = {}

    async def messages(self) -> AsyncIterator[bytes]:
        sent = time.monotonic()
        while True:
            for message in await self._next():
                yield message
                sent = time.monotonic()
            if self._is_refused or not self._job.is_under_way:
                return
            if time.monotonic() - sent >= _HEARTBEAT_SECONDS:
                yield KEEPALIVE_COMMENT
                sent = time.monotonic()
            await asyncio.sleep(_POLL_SECONDS)

    async def _next(self) -> list[bytes]:
        try:
            if not await self._is_allowed():
                self._is_refused = True
                refusal = NotAllowed("You may no longer follow this job.", remedy="Sign in again, or send another key.")
                return [self._message("refused", as_reason(refusal))]
            self._job, reports = await run_in_threadpool(self._read)
        except JobNotFound:
            raise
        except LoyaltyError as error:
            return [self._message("unavailable", as_reason(error))]
        return [*map(self._report, reports), *self._progress()]

    def _read(self) -> tuple[Job, list[JobEvent]]:
        """The job before its reports, so that none is missing when it has ended."""
        job = self._jobs.get(self._job.id)
        return job, self._jobs.events(job.id, self._after)

    def _report(self, report: JobEvent) -> bytes:
        self._after = report.number
        return self._message("report", report.data)

    def _progress(self) -> list[bytes]:
        """The job where something of it has changed, not counting the time."""
        shown = describe(self._job).model_dump(mode="json", exclude={"log_tail"})
        if not self._job.is_under_way:
            return [format_sse_event(event="end", data_str=dumps(shown).decode(), id=_END)]
        changed = {**shown, "seconds": None}
        if changed == self._shown:
            return []
        self._shown = changed
        return [self._message("progress", shown)]

    def _message(self, event: str, data: Any) -> bytes:
        return format_sse_event(event=event, data_str=dumps(data).decode(), id=str(self._after))
