"""The FastAPI application: its routes, in the order in which they are matched, and its limits."""

from fastapi import Depends, FastAPI
from starlette.convertors import PathConvertor, register_url_convertor

from loyalty_core.access import Action
from loyalty_core.api import (
    configuration,
    customers,
    event_types,
    exports,
    features,
    health,
    jobs,
    metrics,
    models,
    monitoring,
    predictions,
    segments,
    warehouse,
)
from loyalty_core.api.access import allowed, require_declared_actions
from loyalty_core.api.body_limit import BodyLimit
from loyalty_core.api.errors import add_error_handlers, answer_to
from loyalty_core.api.identity import Identify, ReadSignIn
from loyalty_core.api.query_parameters import refuse_unknown_parameters

# Enough for a rule with a list of 100,000 ids, the longest allowed.
_MAX_BODY_BYTES = 16 * 2**20
# More than twice the levels of the deepest rule, since each of its levels is an object with a list.
_MAX_BODY_LEVELS = 256
_BODY_SECONDS = 60


class _AnyText(PathConvertor):
    """The rest of a path, line breaks included: an id may have any character."""

    regex = "(?s:.*)"


register_url_convertor("path", _AnyText())


def create_api(read_sign_in: ReadSignIn = lambda _: None) -> FastAPI:
    """Routes for health, columns, customers, predictions, segments and exports; all responses are JSON, also errors.

    `read_sign_in` finds the sign-in of a browser among the headers of a request. The schema is at openapi.json.
    FastAPI's documentation pages are disabled, since they load scripts from a CDN.
    """
    api = FastAPI(
        title="Loyalty workbench",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(refuse_unknown_parameters)],
    )
    # Not FastAPI's own route, which would answer whoever asks.
    api.get("/openapi.json", include_in_schema=False, dependencies=[allowed(Action.VIEW)])(api.openapi)
    api.include_router(health.router)
    api.include_router(metrics.router)
    api.include_router(warehouse.router)
    api.include_router(features.router)
    api.include_router(customers.router)
    api.include_router(configuration.router)
    api.include_router(event_types.router)
    api.include_router(predictions.router)
    api.include_router(monitoring.router)
    api.include_router(segments.router)
    api.include_router(segments.snapshots_router)
    api.include_router(exports.router)
    api.include_router(models.router)
    api.include_router(jobs.router)
    require_declared_actions(api)
    api.add_middleware(BodyLimit, max_bytes=_MAX_BODY_BYTES, max_levels=_MAX_BODY_LEVELS, seconds=_BODY_SECONDS)
    api.add_middleware(Identify, read_sign_in=read_sign_in, refuse=answer_to)
    add_error_handlers(api)
    return api
