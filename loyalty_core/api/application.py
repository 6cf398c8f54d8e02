"""The FastAPI application and its one error shape, `{"error": code, "detail": sentence}`."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from loyalty_core.api import predictions, warehouse
from loyalty_core.errors import CustomerNotFound, LoyaltyError

_log = logging.getLogger(__name__)

_NOT_FOUND: tuple[type[LoyaltyError], ...] = (CustomerNotFound,)


def create_api() -> FastAPI:
    """Routes for health, columns, customers and predictions; every answer is JSON, errors included.

    Described at openapi.json; without FastAPI's own page for it, which loads scripts from outside.
    """
    api = FastAPI(title="Loyalty workbench", version="1", docs_url=None, redoc_url=None)
    api.include_router(warehouse.router)
    api.include_router(predictions.router)
    api.add_exception_handler(LoyaltyError, _loyalty_error)
    api.add_exception_handler(RequestValidationError, _invalid_request)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(Exception, _unforeseen)
    return api


def _loyalty_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, LoyaltyError):
        raise error
    return _answer(404 if isinstance(error, _NOT_FOUND) else 503, error.code, str(error))


def _invalid_request(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return _answer(422, "bad_request", "; ".join(_fault(**fault) for fault in error.errors()))


def _fault(*, loc: Sequence[int | str], msg: str, **_: Any) -> str:
    where = ".".join(map(str, loc[1:]))
    return f"{where}: {msg}" if where else f"The body must be a JSON object ({msg})"


def _http_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code = "not_found" if error.status_code == 404 else "bad_request"
    return _answer(error.status_code, code, str(error.detail), error.headers)


def _unforeseen(_: Request, error: Exception) -> JSONResponse:
    _log.error("Unforeseen error in the API", exc_info=error)
    return _answer(500, "internal", "Something went wrong; the cause is in the log of the app.")


def _answer(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": code, "detail": detail}, status_code=status, headers=headers)
