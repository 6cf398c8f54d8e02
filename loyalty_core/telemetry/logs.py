"""Logs of the served process: one structured line per event, for people or as JSON."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Literal, TextIO

import structlog
from structlog.dev import Column

from loyalty_core.telemetry.request import current_request

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

LogFormat = Literal["console", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

# Libraries with handlers of their own.
_ADOPTED = ("streamlit", "uvicorn", "websockets")
# Characters in a value that would look like the end of it, or like a line of its own.
_AMBIGUOUS = re.compile(r"[\s=\"']")
# Below a warning, uvicorn logs addresses with query strings, and Alembic each of its plugins.
_QUIET = ("uvicorn.access", "uvicorn.error", "websockets", "alembic.runtime.plugins")


def configure_logging(form: LogFormat, level: LogLevel, stream: TextIO = sys.stderr) -> None:
    """Write every log line of this process to `stream` in one form; lines of a request have its `request_id`.

    Call it once all libraries are loaded and the server is about to serve: their own handlers are removed.
    """
    rendering = _as_json() if form == "json" else _as_text(colors=stream.isatty())
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
    ]
    # Events of structlog itself do not take the detour through the standard library, which costs several times as much.
    structlog.configure(
        processors=[*shared, *rendering],
        logger_factory=structlog.WriteLoggerFactory(stream),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.root.handlers = [handler]
    logging.root.setLevel(level)
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _ADOPTED:
            logging.getLogger(name).handlers = []
            logging.getLogger(name).propagate = True
            logging.getLogger(name).setLevel(logging.NOTSET)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _as_json() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]


def _as_text(*, colors: bool) -> list[Processor]:
    traceback = structlog.dev.plain_traceback
    if not colors:
        return [structlog.dev.ConsoleRenderer(columns=_plain_columns(), exception_formatter=traceback)]
    return [structlog.dev.ConsoleRenderer(exception_formatter=traceback, pad_event_to=0)]


def _plain_columns() -> list[Column]:
    """The same text as structlog's own columns without colors, in less than half the time."""
    return [
        Column("timestamp", _value),
        Column("level", lambda key, value: f"[{_value(key, value):<9}]"),
        Column("event", _value),
        Column("logger", lambda key, value: f"[{_value(key, value)}]"),
        Column("", _key_and_value),
    ]


def _value(key: str, value: object) -> str:
    del key
    return str(value)


def _key_and_value(key: str, value: object) -> str:
    is_clear = isinstance(value, str) and not _AMBIGUOUS.search(value)
    return f"{key}={value if is_clear else repr(value)}"


def _add_request_id(_logger: Any, _method: str, event: EventDict) -> EventDict:
    if request := current_request.get():
        event.setdefault("request_id", request.id)
    return event
