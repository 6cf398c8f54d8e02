"""Errors of settings as sentences that never contain a password."""

import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from loyalty_core.errors import SettingsError

_MAX_VALUE_LENGTH = 100
_PASSWORD_WITHOUT_HOST = re.compile(r"(://[^:/@]+:)(?!\d+(?:[/?]|$))[^/?]*$")
_SECRET_OPTION = re.compile(r"([?&]\w*(?:password|token|secret|key)\w*=)[^&]*", re.IGNORECASE)

_ALLOWED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a table of names and values",
}


def describe_faults(error: ValidationError) -> SettingsError:
    """One line with a sentence for every invalid setting: its name, its value and what is allowed."""
    faults = groupby(error.errors(), key=lambda fault: fault["loc"][:2])
    return SettingsError(" ".join(_sentence(list(group)) for _, group in faults))


def accepted_by(parser: Callable[[str], object], value: str) -> str:
    """The value; the parser's own error is turned into one that pydantic collects under the setting's name."""
    try:
        parser(value)
    except SettingsError as error:
        raise _RefusedByParser(str(error)) from None
    return value


def without_password(url: str) -> str:
    """A URL with its password masked, even if it cannot be parsed."""
    credentials, at, host = url.rpartition("@")
    scheme, separator, login = credentials.partition("://")
    if at:
        user = login.partition(":")[0] if separator else ""
        url = f"{scheme if separator else ''}{separator}{user}:***@{host}"
    else:
        url = _PASSWORD_WITHOUT_HOST.sub(r"\1***", url)
    return _SECRET_OPTION.sub(r"\1***", url)


class _RefusedByParser(ValueError):
    """An error whose message is a complete sentence."""


def _sentence(faults: list[ErrorDetails]) -> str:
    """The sentence for one value; there are several errors if it may have one of several types."""
    name, *path = faults[0]["loc"] or ("settings",)
    cause = faults[0].get("ctx", {}).get("error")
    where = f" (at {path[0]})" if path else ""
    allowed = " or ".join(dict.fromkeys(map(_allowed, faults)))
    reason = str(cause) if isinstance(cause, _RefusedByParser) else f"Allowed: {allowed}."
    return f"Setting {str(name).upper()} has the value {_shown(str(name), faults[0]['input'])}{where}. {reason}"


def _allowed(fault: ErrorDetails) -> str:
    if cause := fault.get("ctx", {}).get("error"):
        return str(cause)
    return _ALLOWED.get(fault["type"], fault["msg"].removeprefix("Input should be "))


def _shown(name: str, value: Any) -> str:
    if name == "kafka_options" or name.endswith(("_secret", "_password")):  # some options are passwords
        return "'***'"
    text = without_password(str(value)) if name.endswith("_url") else str(value)
    return repr(text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}…")
