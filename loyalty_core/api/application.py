"""The FastAPI application: its routes, in the order in which they are matched, and its limits."""

from fastapi import Depends, FastAPI
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.middleware.gzip import GZipMiddleware

from loyalty_core.api import (
    audit,
    campaigns,
    configuration,
    contact,
    contact_plan,
    customers,
    documentation,
    events,
    exports,
    features,
    figures,
    health,
    jobs,
    messages,
    metrics,
    models,
    monitoring,
    policies,
    predictions,
    rfm_maps,
    segments,
    warehouse,
)
from loyalty_core.api.access import require_declared_actions
from loyalty_core.api.body_limit import BodyLimit
from loyalty_core.api.description import ERRORS, operation_id, use_description
from loyalty_core.api.errors import add_error_handlers, answer_to
from loyalty_core.api.identity import Identify, ReadSignIn
from loyalty_core.api.negotiation import refuse_unacceptable
from loyalty_core.api.prediction_shortcut import PredictionShortcut
from loyalty_core.api.query_parameters import refuse_unknown_parameters

# Enough for a rule with a list of 100,000 ids, the longest allowed.
_MAX_BODY_BYTES = 16 * 2**20
# More than twice the levels of the deepest rule, since each of its levels is an object with a list.
_MAX_BODY_LEVELS = 256
_BODY_SECONDS = 60
# Shorter answers are not worth the time of compressing them.
_LEAST_COMPRESSED_BYTES = 1000
_COMPRESSION_LEVEL = 5


class _AnyText(PathConvertor):
    """The rest of a path, line breaks included: an id may have any character."""

    regex = "(?s:.*)"


register_url_convertor("path", _AnyText())


def create_api(read_sign_in: ReadSignIn = lambda _: None) -> FastAPI:
    """All routes; responses are JSON, also errors, except files and streams.

    `read_sign_in` finds the sign-in of a browser among the headers of a request. FastAPI's own routes for openapi.json
    and its pages are disabled, since they would answer whoever asks, and load scripts from a CDN.
    """
    api = FastAPI(
        title="Loyalty workbench",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(refuse_unacceptable), Depends(refuse_unknown_parameters)],
        responses=ERRORS,
        generate_unique_id_function=operation_id,
        # Otherwise FastAPI looks in the environment during each request whether OpenTelemetry has been set up.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    _add_routes(api)
    require_declared_actions(api)
    # The last added comes first.
    api.add_middleware(GZipMiddleware, minimum_size=_LEAST_COMPRESSED_BYTES, compresslevel=_COMPRESSION_LEVEL)
    api.add_middleware(PredictionShortcut)
    api.add_middleware(
        BodyLimit,
        max_bytes=_MAX_BODY_BYTES,
        max_levels=_MAX_BODY_LEVELS,
        seconds=_BODY_SECONDS,
        form_paths=(f"{contact.router.prefix}/",),
    )
    api.add_middleware(Identify, read_sign_in=read_sign_in, refuse=answer_to)
    add_error_handlers(api)
    use_description(api)
    return api


def _add_routes(api: FastAPI) -> None:
    # First, since routes are tried in this order and hardly any others are asked for so often.
    api.include_router(predictions.router, tags=["Predictions"])
    api.include_router(health.router, tags=["Health"])
    api.include_router(metrics.router, tags=["Health"])
    api.include_router(warehouse.router, tags=["Customers"])
    api.include_router(features.router, tags=["Customers"])
    api.include_router(events.story_router, tags=["Events"])
    api.include_router(customers.router, tags=["Customers"])
    api.include_router(configuration.router, tags=["Health"])
    api.include_router(events.router, tags=["Events"])
    api.include_router(monitoring.router, tags=["Predictions"])
    api.include_router(segments.router, tags=["Segments"])
    api.include_router(segments.snapshots_router, tags=["Segments"])
    api.include_router(segments.fields_router, tags=["Segments"])
    api.include_router(figures.router, tags=["Figures"])
    api.include_router(contact_plan.router, tags=["Figures"])
    api.include_router(campaigns.router, tags=["Campaigns"])
    api.include_router(campaigns.executions_router, tags=["Campaigns"])
    api.include_router(policies.router, tags=["Offer policies"])
    api.include_router(rfm_maps.router, tags=["RFM map"])
    api.include_router(exports.router, tags=["Exports"])
    api.include_router(models.router)
    api.include_router(contact.router)
    api.include_router(messages.router, tags=["Campaigns"])
    api.include_router(jobs.router)
    api.include_router(audit.router, tags=["Audit"])
    api.include_router(documentation.router)
