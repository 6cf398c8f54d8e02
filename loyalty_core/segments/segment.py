"""Segments as the repository returns and accepts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

SizeCause = Literal["edit", "on demand", "scoring", "scope"]


@dataclass(frozen=True)
class SegmentDraft:
    """The editable part of a segment; `rule` is JSONLogic."""

    name: str
    rule: Any
    description: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class SegmentSize:
    """How many of `base` customers were members at one moment, under which version of the segment.

    `joined` and `left` count the differences from the members before; `cause` is "edit", "on demand" or "scoring".
    It is "scope" where the viewer sees a part of the base: then the customers are counted in it when they are asked
    for, `base` is the size of that part, and who joined and left is not known.
    """

    at: datetime
    customers: int
    base: int
    joined: int | None
    left: int | None
    version: int
    cause: str


@dataclass(frozen=True)
class SegmentVersion:
    """The segment as it was saved once, and in sentences what changed from the version before."""

    number: int
    at: datetime
    actor: str
    changes: tuple[str, ...]
    name: str
    description: str
    tags: tuple[str, ...]
    rule: Any

    @property
    def draft(self) -> SegmentDraft:
        """The content that was saved."""
        return SegmentDraft(self.name, self.rule, self.description, self.tags)


@dataclass(frozen=True)
class VersionComparison:
    """What changed from one version to another, in sentences, and whom each rule selects now.

    `both` customers are selected by both rules, `only_first` and `only_second` by one of them.
    """

    first: SegmentVersion
    second: SegmentVersion
    changes: tuple[str, ...]
    both: int
    only_first: int
    only_second: int


@dataclass(frozen=True)
class CustomersRefreshed:
    """A refresh of some customers only: `size` is that of the whole segment afterwards, `unknown` are unknown ids."""

    size: SegmentSize
    joined: int
    left: int
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Membership:
    """A segment that a customer belongs to, and since which refresh."""

    segment_id: str
    name: str
    since: datetime


@dataclass(frozen=True)
class Segment:
    """A saved segment.

    `size` is the last that was counted and stays when a refresh fails; `error` then says why it failed.
    `sizes_recent` has the customers of up to 30 sizes, oldest first. `is_stale` is true without a size and where the
    rule has changed since the last one, `data_changed` where the data has. `fewer_than` is set in place of a size that
    is too small to be shown to the viewer, or leaves too few customers.
    """

    id: str
    name: str
    description: str
    tags: tuple[str, ...]
    rule: Any
    owner: str
    version: int
    created_at: datetime
    updated_at: datetime
    updated_by: str
    archived_at: datetime | None
    size: SegmentSize | None
    sizes_recent: tuple[int, ...]
    error: str | None
    is_stale: bool
    data_changed: bool
    fewer_than: int | None = None


@dataclass(frozen=True)
class SegmentOutline:
    """What others need to know of a segment that their rules may read."""

    name: str
    version: int
    rule: Any


@dataclass(frozen=True)
class Use:
    """A place that reads a segment."""

    kind: Literal["segment", "campaign"]
    id: str
    name: str
