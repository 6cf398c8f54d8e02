"""The OpenAPI description: names of operations, errors, sign-in and examples."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from loyalty_core.api.access import routes_of
from loyalty_core.api.errors import Error
from loyalty_core.api.examples import EXAMPLES
from loyalty_core.api.parameters import PARAMETERS

# For every route; docs/troubleshooting.md has the codes.
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Error, "description": "The request cannot be answered: `detail` says why and what to do"},
    "5XX": {"model": Error, "description": "Something that the request needs cannot be used now"},
}
_CONVERTOR = re.compile(r":\w+}")
# The key of each operation with the actions that the viewer's roles must allow.
REQUIRED_ACTIONS = "x-required-actions"
_SECURITY_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer …`"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "_streamlit_user",
        "description": "The cookie of a browser that is signed in to the app",
    },
}
_TAGS = {
    "Predictions": "Churn, next best offer and RFM.",
    "Customers": "Customers, their features, and the columns of the warehouse.",
    "Events": "What happened to customers, and messages that could not be used.",
    "Segments": "Rules under a name, with versions and members.",
    "Figures": "The figures of the screens, of all customers or of a segment.",
    "Campaigns": "Who is written to, with which offer and when, and the results.",
    "Offer policies": "Levers, values, caps and rules of offers, and who gets which offer under them.",
    "RFM map": "The segments of the 125 RFM cells, and custom cut points.",
    "Exports": "Customers as files.",
    "Models": "Versions, training, scoring and A/B tests.",
    "Jobs": "Work in the background.",
    "Audit": "Who did what, when and from where.",
    "Health": "Whether everything works.",
}


def operation_id(route: APIRoute) -> str:
    """The name of the function, from which client generators make the names of theirs."""
    return route.name


def use_description(api: FastAPI) -> None:
    """Let openapi.json have sign-in, tags and examples."""

    def describe() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _description(api)
        return api.openapi_schema

    api.openapi = describe


def _description(api: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=api.title,
        version=api.version,
        summary="Predictions, segments and models of a loyalty programme",
        description="Every error has one shape, `{error, detail}`: a code for programs and a sentence for people.",
        routes=api.routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
        separate_input_output_schemas=api.separate_input_output_schemas,
    )
    found["components"]["securitySchemes"] = _SECURITY_SCHEMES
    # Without sign-in, nothing is required.
    found["security"] = [{name: []} for name in _SECURITY_SCHEMES] + [{}]
    for name, schema in found["components"]["schemas"].items():
        # Those of a generic type would all have its name, from which client generators make the names of classes.
        schema["title"] = name.replace("_", "")
    # The description leaves the convertors of path parameters out.
    actions = {
        (_CONVERTOR.sub("}", route.path), method.lower()): route.actions
        for route in routes_of(api)
        for method in route.methods
    }
    for path, item in found["paths"].items():
        for method, operation in item.items():
            operation[REQUIRED_ACTIONS] = sorted(actions[path, method] or ())
            _describe_parameters(operation)
            _add_examples(operation)
    return found


def _describe_parameters(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in PARAMETERS:
            parameter.setdefault("description", PARAMETERS[parameter["name"]])


def _add_examples(operation: dict[str, Any]) -> None:
    """The example of the operation, at its parameters, its body and the first form of its first answer."""
    example = EXAMPLES.get(operation["operationId"])
    if example is None:
        return
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in example.parameters:
            parameter["example"] = example.parameters[parameter["name"]]
    if example.request is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example.request
    answer = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
    for form in list(answer.get("content", {}).values())[:1]:
        form["example"] = example.response
