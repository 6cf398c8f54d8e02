"""The one shape of errors, `{"error": code, "detail": sentence}`, and the status of each error of the product."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from loyalty_core.access import NotAllowed, NotSignedIn
from loyalty_core.analytics.offers import BadPolicy, PolicyChanged, PolicyInUse, PolicyNameTaken, PolicyNotFound
from loyalty_core.api.attempts import TooManyAttempts
from loyalty_core.api.cursors import BadCursor
from loyalty_core.campaigns import (
    ApprovalNeeded,
    BadCampaign,
    BadTemplate,
    CampaignChanged,
    CampaignIncomplete,
    CampaignNameTaken,
    CampaignNotFound,
    CampaignState,
    NothingRecorded,
    OwnApproval,
)
from loyalty_core.campaigns.contact import ConsentUnknown
from loyalty_core.campaigns.sending import MessageNotFound, NotInDoubt, TooManyTests, TrialNotSent
from loyalty_core.errors import CustomerNotFound, LoyaltyError
from loyalty_core.events import BadEvent, DeadLetterClosed, DeadLetterNotFound, EventNotFound
from loyalty_core.events.effects import TraceNotFound
from loyalty_core.jobs import JobNotFound, JobRunning
from loyalty_core.limits import TooBusy
from loyalty_core.ml.bundles import NoEarlierVersion, VersionInUse, VersionNotFound
from loyalty_core.ml.tasks import TrainingRefused, UnknownModel
from loyalty_core.ml.versions import UnconfirmedLeak, WorseVersion
from loyalty_core.rfm import BadRfmMap, RfmMapChanged
from loyalty_core.rules import NotWritable, RuleError
from loyalty_core.segments import (
    BadSegment,
    PersonalDataHidden,
    SegmentChanged,
    SegmentCycle,
    SegmentInUse,
    SegmentNameTaken,
    SegmentNotComputed,
    SegmentNotFound,
    UnknownColumn,
)
from loyalty_core.segments.exports import ExportNotFound
from loyalty_core.telemetry import current_request
from loyalty_core.warehouse import GroupsOnly, GroupTooSmall, NeedsEveryCustomer, ScopeUnusable

_log = logging.getLogger(__name__)


class ClientDisconnected(Exception):
    """Nobody waits for the answer any more; apart from Starlette's error, which is raised while an answer is sent."""


class PreconditionFailed(LoyaltyError):
    """The resource is no longer what If-Match names."""

    code = "precondition_failed"


class NotCompared(LoyaltyError):
    """The two versions were never compared on this data."""

    code = "not_compared"


class RunNotStored(LoyaltyError):
    """The predictions of an earlier scoring run are not stored, or no longer."""

    code = "run_not_stored"


class VersionRefused(LoyaltyError):
    """A version cannot answer for this warehouse, so it cannot be activated."""

    code = "version_refused"


class BadTraining(LoyaltyError):
    """The options of a training cannot be used."""

    code = "bad_training"


# Errors that the client can correct; all others are reported as 503.
STATUSES: dict[type[LoyaltyError], int] = {
    NotSignedIn: 401,
    NotAllowed: 403,
    PersonalDataHidden: 403,
    ScopeUnusable: 403,
    NeedsEveryCustomer: 403,
    GroupsOnly: 403,
    GroupTooSmall: 403,
    ApprovalNeeded: 403,
    OwnApproval: 403,
    CustomerNotFound: 404,
    SegmentNotFound: 404,
    JobNotFound: 404,
    MessageNotFound: 404,
    NotInDoubt: 409,
    TooManyTests: 429,
    TrialNotSent: 502,
    ExportNotFound: 404,
    DeadLetterNotFound: 404,
    EventNotFound: 404,
    TraceNotFound: 404,
    UnknownModel: 404,
    VersionNotFound: 404,
    PolicyNotFound: 404,
    NotCompared: 404,
    RunNotStored: 404,
    DeadLetterClosed: 409,
    CampaignNotFound: 404,
    SegmentChanged: 409,
    CampaignChanged: 409,
    CampaignNameTaken: 409,
    CampaignState: 409,
    NothingRecorded: 409,
    SegmentInUse: 409,
    PolicyInUse: 409,
    SegmentNameTaken: 409,
    SegmentNotComputed: 409,
    JobRunning: 409,
    NoEarlierVersion: 409,
    PolicyChanged: 409,
    PolicyNameTaken: 409,
    RfmMapChanged: 409,
    TrainingRefused: 409,
    VersionInUse: 409,
    VersionRefused: 409,
    WorseVersion: 409,
    UnconfirmedLeak: 409,
    PreconditionFailed: 412,
    BadCursor: 422,
    BadEvent: 422,
    BadPolicy: 422,
    BadRfmMap: 422,
    BadSegment: 422,
    BadCampaign: 422,
    BadTemplate: 422,
    CampaignIncomplete: 422,
    ConsentUnknown: 422,
    BadTraining: 422,
    RuleError: 422,
    NotWritable: 422,
    SegmentCycle: 422,
    UnknownColumn: 422,
    TooBusy: 429,
    TooManyAttempts: 429,
}
_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_media_type",
}
# In place of the bare phrases of the HTTP standard, with which routing answers.
_SENTENCES = {
    "Not Found": "The API has no such address: its page docs/ lists all of them.",
    "Method Not Allowed": "The address does not have this method: the header Allow names those that it has.",
}
# No standard has it; nginx, Envoy and others report it.
_CLIENT_CLOSED_REQUEST = 499
# An outage is noticed by the next request after it has ended, so there is no reason to wait longer.
_OUTAGE_SECONDS = 5


class Fault(BaseModel):
    """What is wrong at one place of a rule."""

    code: str
    path: str = Field(description="JSON path within the rule")
    sentence: str
    remedy: str


class Reason(BaseModel):
    """Why a part of an answer is missing."""

    error: str = Field(description="A stable identifier for programs")
    detail: str = Field(description="What happened, why, and what to do")


class Error(BaseModel):
    """Every answer with a status of 400 or more."""

    error: str = Field(description="A stable identifier for programs")
    detail: str = Field(description="What happened, why, and what to do")
    faults: list[Fault] = Field(default=[], description="Only for a rule that cannot be used")


def add_error_handlers(api: FastAPI) -> None:
    """Let every error be answered in the one shape."""
    api.add_exception_handler(LoyaltyError, _loyalty_error)
    api.add_exception_handler(RequestValidationError, _invalid_request)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(ClientDisconnected, _disconnected)
    api.add_exception_handler(Exception, _unexpected)


def error_answer(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """An error in the one shape; `more` are further keys beside it."""
    return _Error({"error": code, "detail": detail, **more}, status_code=status, headers=headers)


def _loyalty_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, LoyaltyError):
        raise error
    return answer_to(error)


def as_reason(error: LoyaltyError) -> Reason:
    """The error as a part of an answer that succeeds."""
    return Reason(error=error.code, detail=str(error))


def answer_to(error: LoyaltyError | HTTPException) -> JSONResponse:
    """The error with its status, in the one shape."""
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code, "bad_request")
        detail = _SENTENCES.get(error.detail, str(error.detail))
        return error_answer(error.status_code, code, detail, error.headers)
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 503)
    if isinstance(error, RuleError):
        return error_answer(status, error.code, str(error), faults=[asdict(fault) for fault in error.faults])
    return error_answer(status, error.code, str(error), _headers(status, error))


def _headers(status: int, error: LoyaltyError) -> dict[str, str] | None:
    if isinstance(error, TooBusy | TooManyAttempts):
        return {"Retry-After": str(error.retry_after)}
    if status == 503:
        return {"Retry-After": str(_OUTAGE_SECONDS)}
    return {"WWW-Authenticate": "Bearer"} if status == 401 else None


def _invalid_request(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return error_answer(422, "bad_request", "; ".join(_message(**details) for details in error.errors()))


def _message(*, loc: Sequence[int | str], msg: str, type: str, **_: Any) -> str:
    where = ".".join(map(str, loc[1:]))
    if type == "value_error":
        sentence = msg.removeprefix("Value error, ")
        return f"{where}: {sentence}" if where else sentence
    return f"{where}: {msg}" if where else f"The body must be a JSON object ({msg})"


def _http_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return answer_to(error)


def _disconnected(_: Request, _error: Exception) -> Response:
    """For log and metrics alone, with the status that proxies report."""
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


def _unexpected(_: Request, error: Exception) -> JSONResponse:
    _log.error("Unexpected error in the API", exc_info=error)
    request = current_request.get()
    reference = f" under the request id {request.id}" if request else ""
    return error_answer(500, "internal", f"Something went wrong; the app's log has the cause{reference}.")


class _Error(JSONResponse):
    """An error may quote its input, for example a lone surrogate, which JSON can represent but UTF-8 cannot."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False).encode(errors="replace")
