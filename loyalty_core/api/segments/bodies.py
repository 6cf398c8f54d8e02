"""What segment routes read: ids, rules and the content of a segment."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loyalty_core.segments import SegmentDraft, SegmentNotFound
from loyalty_core.segments.exports import Format

_ID = re.compile(r"[a-z0-9-]{1,100}")
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def _possible_id(segment_id: str) -> str:
    """Reject impossible ids before querying a database; PostgreSQL, for example, does not accept NUL."""
    if not _ID.fullmatch(segment_id):
        raise SegmentNotFound(segment_id[:60])
    return segment_id


SegmentId = Annotated[str, AfterValidator(_possible_id)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class RuleBody(BaseModel):
    """A JSONLogic rule; `{}` or null stands for everyone."""

    model_config = ConfigDict(extra="forbid")

    rule: Any


class SegmentBody(RuleBody):
    """The content of a segment."""

    name: str
    description: str = ""
    tags: list[str] = Field(default=[], max_length=100)

    def draft(self) -> SegmentDraft:
        """The draft to save."""
        return SegmentDraft(self.name, self.rule, self.description, tuple(self.tags))


class SegmentUpdate(SegmentBody):
    """The next version of a segment, based on `version`."""

    version: Version


class RestoreBody(BaseModel):
    """The version to restore."""

    model_config = ConfigDict(extra="forbid")

    version: Version
