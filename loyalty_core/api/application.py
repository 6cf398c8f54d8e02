"""The FastAPI application and its error format, `{"error": code, "detail": sentence}`; rule errors add `faults`."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException

from loyalty_core.access import NotAllowed, NotSignedIn
from loyalty_core.api import event_types, exports, features, health, monitoring, predictions, segments, warehouse
from loyalty_core.api.access import require_declared_actions
from loyalty_core.api.body_limit import BodyLimit
from loyalty_core.errors import CustomerNotFound, LoyaltyError
from loyalty_core.jobs import JobNotFound
from loyalty_core.limits import TooBusy
from loyalty_core.ml.tasks import UnknownModel
from loyalty_core.rules import NotWritable, RuleError
from loyalty_core.segments import (
    BadSegment,
    PersonalDataHidden,
    SegmentChanged,
    SegmentCycle,
    SegmentInUse,
    SegmentNameTaken,
    SegmentNotFound,
    UnknownColumn,
)
from loyalty_core.segments.exports import ExportNotFound
from loyalty_core.warehouse import ScopeUnusable

_log = logging.getLogger(__name__)

# Errors that the client can correct; all others are reported as 503.
_STATUSES: dict[type[LoyaltyError], int] = {
    NotSignedIn: 401,
    NotAllowed: 403,
    PersonalDataHidden: 403,
    ScopeUnusable: 403,
    CustomerNotFound: 404,
    SegmentNotFound: 404,
    JobNotFound: 404,
    ExportNotFound: 404,
    UnknownModel: 404,
    SegmentChanged: 409,
    SegmentInUse: 409,
    SegmentNameTaken: 409,
    BadSegment: 422,
    RuleError: 422,
    NotWritable: 422,
    SegmentCycle: 422,
    UnknownColumn: 422,
    TooBusy: 429,
}
_CODES = {404: "not_found", 408: "too_slow", 413: "too_large"}
# Enough for a rule with a list of 100,000 ids, the longest allowed.
_MAX_BODY_BYTES = 16 * 2**20
_BODY_SECONDS = 60


class _AnyText(PathConvertor):
    """The rest of a path, line breaks included: an id may have any character."""

    regex = "(?s:.*)"


register_url_convertor("path", _AnyText())


def create_api() -> FastAPI:
    """Routes for health, columns, customers, predictions, segments and exports; all responses are JSON, also errors.

    The schema is at openapi.json. FastAPI's documentation pages are disabled, since they load scripts from a CDN.
    """
    api = FastAPI(title="Loyalty workbench", version="1", docs_url=None, redoc_url=None)
    api.include_router(health.router)
    api.include_router(warehouse.router)
    api.include_router(features.router)
    api.include_router(event_types.router)
    api.include_router(predictions.router)
    api.include_router(monitoring.router)
    api.include_router(segments.router)
    api.include_router(exports.router)
    require_declared_actions(api)
    api.add_middleware(BodyLimit, max_bytes=_MAX_BODY_BYTES, seconds=_BODY_SECONDS)
    api.add_exception_handler(LoyaltyError, _loyalty_error)
    api.add_exception_handler(RequestValidationError, _invalid_request)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(Exception, _unexpected)
    return api


def _loyalty_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, LoyaltyError):
        raise error
    status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 503)
    if isinstance(error, RuleError):
        return _answer(status, error.code, str(error), faults=[asdict(fault) for fault in error.faults])
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, TooBusy) else None
    return _answer(status, error.code, str(error), headers)


def _invalid_request(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return _answer(422, "bad_request", "; ".join(_message(**details) for details in error.errors()))


def _message(*, loc: Sequence[int | str], msg: str, type: str, **_: Any) -> str:
    where = ".".join(map(str, loc[1:]))
    if type == "value_error":
        sentence = msg.removeprefix("Value error, ")
        return f"{where}: {sentence}" if where else sentence
    return f"{where}: {msg}" if where else f"The body must be a JSON object ({msg})"


def _http_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code = _CODES.get(error.status_code, "bad_request")
    return _answer(error.status_code, code, str(error.detail), error.headers)


def _unexpected(_: Request, error: Exception) -> JSONResponse:
    _log.error("Unexpected error in the API", exc_info=error)
    return _answer(500, "internal", "Something went wrong; see the app's log for the cause.")


def _answer(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    return _Error({"error": code, "detail": detail, **more}, status_code=status, headers=headers)


class _Error(JSONResponse):
    """An error may quote its input, for example a lone surrogate, which JSON can represent but UTF-8 cannot."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False).encode(errors="replace")
