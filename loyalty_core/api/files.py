"""Answers that are files, sent while the warehouse is read."""

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import closing, suppress
from itertools import chain
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.concurrency import iterate_in_threadpool

from loyalty_core.api.errors import ClientDisconnected
from loyalty_core.segments.exports import Format
from loyalty_core.services import get_services
from loyalty_core.store import audit

MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
# For `responses` of a route whose answer is a file.
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def streamed_file(
    parts: Generator[bytes],
    format: Format,
    name: str,
    *,
    action: str,
    subject: tuple[str, str],
    details: Mapping[str, Any] | None = None,
) -> StreamingResponse:
    """The parts as a file, and the action on the subject, a kind and an id, in the audit trail.

    Reads the first part, so that most errors are raised here, while the response can still be an error.
    """
    first = next(parts)
    kind, subject_id = subject
    with get_services().store.session() as session:
        audit.record(session, action=action, subject_kind=kind, subject_id=subject_id, details=details)
    return StreamingResponse(
        _stream(first, parts),
        media_type=MEDIA_TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="{name}.{format}"'},
    )


async def _stream(first: bytes, parts: Generator[bytes]) -> AsyncGenerator[bytes]:
    """Yield the parts; the warehouse query is closed if the client disconnects."""
    with closing(parts), suppress(ClientDisconnected):
        async for part in iterate_in_threadpool(chain((first,), parts)):
            yield part
