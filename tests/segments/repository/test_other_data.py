"""Sizes and members belong to the data they were computed on: for other data they do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.segments import SegmentDraft, SegmentRepository
from loyalty_core.warehouse.identity import DataIdentity
from tests.fixtures.identities import ONE, Data

if TYPE_CHECKING:
    from loyalty_core.store import StateStore

OTHER = DataIdentity("other", is_recorded=True)
MOCK = DataIdentity("one", is_mock=True)


@pytest.fixture
def segments(store: StateStore, data: Data) -> SegmentRepository:
    return SegmentRepository(store, data)


def compute(segments: SegmentRepository, segment_id: str, *ids: str) -> tuple[int, int, int]:
    """Members, joined and left."""
    size = segments.replace_members(segment_id, [ids], base=10, version=1, cause="scoring")
    return size.customers, size.joined, size.left


@pytest.mark.parametrize("other", [OTHER, MOCK], ids=["other data", "mock predictions"])
def test_other_data_has_no_sizes_and_no_members(segments: SegmentRepository, data: Data, other: DataIdentity) -> None:
    vip = segments.create(SegmentDraft("VIP", {}), actor="ann").id
    compute(segments, vip, "c1", "c2")
    assert compute(segments, vip, "c1", "c3") == (2, 1, 1)
    data.now = other
    found = segments.get(vip)
    assert (found.size, found.sizes_recent, found.is_stale) == (None, (), True)
    assert segments.list()[0].size is None
    assert segments.sizes(vip) == []
    assert not segments.is_member(vip, "c1")
    assert segments.memberships("c1") == []


def test_a_size_of_an_earlier_state_of_the_data_is_marked(segments: SegmentRepository, data: Data) -> None:
    vip = segments.create(SegmentDraft("VIP", {}), actor="ann").id
    data.now = DataIdentity("one", "monday")
    compute(segments, vip, "c1", "c2")
    assert not segments.get(vip).data_changed
    data.now = DataIdentity("one", "tuesday")
    found = segments.get(vip)
    assert (found.sizes_recent, found.is_stale, found.data_changed) == ((2,), False, True)
    compute(segments, vip, "c1")
    found = segments.list()[0]
    assert (found.sizes_recent, found.data_changed) == ((2, 1), False)


def test_the_first_size_on_other_data_counts_nobody_as_left(segments: SegmentRepository, data: Data) -> None:
    vip = segments.create(SegmentDraft("VIP", {}), actor="ann").id
    compute(segments, vip, "c1", "c2", "c3")
    data.now = OTHER
    assert compute(segments, vip, "c1", "d1") == (2, 2, 0)
    assert compute(segments, vip, "d1", "d2") == (2, 1, 1)
    assert segments.get(vip).sizes_recent == (2, 2)
    assert segments.is_member(vip, "d1")
    data.now = ONE
    assert segments.get(vip).sizes_recent == (3,)
    assert not segments.is_member(vip, "d1"), "the members of the first data have to be computed again"


def test_what_is_older_than_identities_counts_until_a_loader_records_one(
    store: StateStore, segments: SegmentRepository, data: Data
) -> None:
    older = SegmentRepository(store)
    vip = older.create(SegmentDraft("VIP", {}), actor="ann").id
    compute(older, vip, "c1")
    assert segments.get(vip).sizes_recent == (1,)
    assert segments.is_member(vip, "c1")
    data.now = OTHER
    assert segments.get(vip).size is None
    assert not segments.is_member(vip, "c1")


def test_in_an_outage_segments_can_be_read_without_their_figures(segments: SegmentRepository, data: Data) -> None:
    vip = segments.create(SegmentDraft("VIP", {}), actor="ann").id
    compute(segments, vip, "c1")
    data.now = None
    assert segments.get(vip).name == "VIP"
    assert segments.get(vip).size is None
    data.now = ONE
    assert segments.get(vip).sizes_recent == (1,)
