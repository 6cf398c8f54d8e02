import itertools
import threading
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, select, text

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.segments import (
    Answers,
    Membership,
    RecentMembers,
    SegmentDraft,
    SegmentNotComputed,
    SegmentRepository,
    SegmentSize,
    change_memberships,
    expected_changes,
)
from loyalty_core.store import StateStore
from loyalty_core.store.segments import SegmentMember


@pytest.fixture
def vip(repository: SegmentRepository) -> str:
    """The id of a segment without members."""
    return repository.create(SegmentDraft("VIP", {}), actor="ann").id


def members(store: StateStore, segment_id: str = "vip") -> dict[str, datetime]:
    """Customer and since when."""
    with store.session(read_only=True) as session:
        found = session.scalars(select(SegmentMember).where(SegmentMember.segment_id == segment_id))
        return {member.customer_id: member.since for member in found}


def refresh(repository: SegmentRepository, *batches: list[str], segment_id: str = "vip", **facts: Any) -> SegmentSize:
    facts = {"base": 100, "version": 1, "cause": "on demand"} | facts
    return repository.replace_members(segment_id, batches, **facts)


def test_the_first_refresh_makes_everyone_join(store: StateStore, repository: SegmentRepository, vip: str):
    before = datetime.now(UTC)
    size = refresh(repository, ["3", "1"], [], ["2"], base=7, cause="edit")
    assert (size.customers, size.base, size.joined, size.left) == (3, 7, 3, 0)
    assert (size.version, size.cause) == (1, "edit")
    assert before <= size.at <= datetime.now(UTC)
    assert members(store) == dict.fromkeys(["1", "2", "3"], size.at)
    segment = repository.get(vip)
    assert (segment.size, segment.sizes_recent, segment.is_stale) == (size, (3,), False)
    assert repository.sizes(vip) == [size]


def test_a_refresh_changes_the_difference_only(store: StateStore, repository: SegmentRepository, vip: str):
    first = refresh(repository, ["a", "b", "c"])
    second = refresh(repository, ["d", "c"], ["b"])
    assert (second.customers, second.joined, second.left) == (3, 1, 1)
    assert members(store) == {"b": first.at, "c": first.at, "d": second.at}
    third = refresh(repository, ["b", "c", "d"])
    assert (third.customers, third.joined, third.left) == (3, 0, 0)
    last = refresh(repository)
    assert (last.customers, last.joined, last.left) == (0, 0, 3)
    assert members(store) == {}
    assert repository.sizes(vip) == [first, second, third, last]


def test_a_customer_who_comes_twice_is_one_member(store: StateStore, repository: SegmentRepository, vip: str):
    size = refresh(repository, ["1", "2", "1"], ["2"])
    assert (size.customers, size.joined) == (2, 2)
    assert set(members(store)) == {"1", "2"}


def test_ids_are_stored_letter_for_letter(store: StateStore, repository: SegmentRepository, vip: str):
    ids = ["a", "A", " a", "", "a\tb\\n\n", "\\N", "'; DROP TABLE segments; --", "Åse 😀", "007", "7"]
    assert refresh(repository, ids).customers == len(ids)
    assert set(members(store)) == set(ids)
    assert refresh(repository, ids[::-1]).joined == 0


def segments_of(repository: SegmentRepository, customer_id: str) -> list[str]:
    return [found.segment_id for found in repository.memberships(customer_id)]


def test_segments_do_not_touch_one_another(store: StateStore, repository: SegmentRepository, vip: str):
    repository.create(SegmentDraft("New", {}), actor="ann")
    refresh(repository, ["1", "2"])
    assert refresh(repository, ["2", "3"], segment_id="new").joined == 2
    refresh(repository, ["3"])
    assert set(members(store, "new")) == {"2", "3"}
    assert [segments_of(repository, customer) for customer in "321"] == [["new", "vip"], ["new"], []]
    repository.archive("new", actor="ann")
    assert segments_of(repository, "3") == ["vip"]
    assert (repository.is_member("vip", "3"), repository.is_member("vip", "2")) == (True, False)


def test_the_sparkline_has_the_last_thirty_sizes(repository: SegmentRepository, vip: str):
    for number in range(33):
        refresh(repository, [str(customer) for customer in range(number % 7)])
    assert repository.get(vip).sizes_recent == tuple(number % 7 for number in range(3, 33))
    assert len(repository.sizes(vip)) == 33


def test_a_size_is_stale_once_the_rule_has_changed(repository: SegmentRepository, vip: str):
    def update(version: int, name: str, rule: dict) -> None:
        repository.update(vip, SegmentDraft(name, rule), actor="ann", expected_version=version)

    refresh(repository, ["1"])
    update(1, "Best", {})
    assert not repository.get(vip).is_stale
    update(2, "Best", {"==": [{"var": "x"}, 1]})
    assert repository.get(vip).is_stale
    refresh(repository, ["1"], version=2)
    assert repository.get(vip).is_stale
    refresh(repository, ["1"], version=3)
    assert not repository.get(vip).is_stale


def failing(error: BaseException) -> Iterator[list[str]]:
    yield ["2", "3"]
    raise error


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_stream_that_breaks_leaves_everything_as_it_was(
    store: StateStore, repository: SegmentRepository, vip: str, error: BaseException
):
    size = refresh(repository, ["1", "2"])
    before = members(store)
    with pytest.raises(type(error)):
        repository.replace_members(vip, failing(error), base=9, version=1, cause="scoring")
    assert members(store) == before
    assert repository.sizes(vip) == [size]
    assert refresh(repository, ["4"]).left == 2


def test_a_fault_is_shown_beside_the_last_size_until_a_refresh_succeeds(repository: SegmentRepository, vip: str):
    size = refresh(repository, ["1"])
    repository.record_error(vip, "The warehouse does not answer.")
    segment = repository.get(vip)
    assert (segment.error, segment.size, segment.version) == ("The warehouse does not answer.", size, 1)
    refresh(repository, ["1"])
    assert repository.get(vip).error is None


def test_others_write_while_the_warehouse_streams(store: StateStore, repository: SegmentRepository, vip: str):
    def slow() -> Iterator[list[str]]:
        yield ["1"]
        repository.create(SegmentDraft("Made meanwhile", {}), actor="bob")
        repository.change_member(vip, "9", belongs=True)
        yield ["2"]

    size = repository.replace_members(vip, slow(), base=9, version=1, cause="scoring")
    assert (size.customers, size.joined, size.left) == (2, 2, 1)
    assert set(members(store)) == {"1", "2"}
    assert sorted(repository.names()) == ["made-meanwhile", "vip"]


def test_refreshes_at_the_same_moment_go_one_after_the_other(
    store: StateStore, repository: SegmentRepository, vip: str
):
    refresh(repository, [str(number) for number in range(100)])
    together, sizes = threading.Barrier(4), []

    def run(number: int) -> None:
        together.wait()
        ids = [str(customer) for customer in range(number * 50, 1000 + number * 50)]
        sizes.append(refresh(repository, ids[:500], ids[500:]))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [size.customers for size in sizes] == [1000] * 4
    history = repository.sizes(vip)
    assert len(history) == 5
    for before, after in itertools.pairwise(history):
        assert after.customers == before.customers + after.joined - after.left
    last = members(store)
    first_id = min(map(int, last))
    assert set(map(int, last)) == set(range(first_id, first_id + 1000))
    assert first_id in {0, 50, 100, 150}


def test_a_segment_that_is_deleted_meanwhile_has_no_members(store: StateStore, repository: SegmentRepository, vip: str):
    def slow() -> Iterator[list[str]]:
        yield ["1"]
        repository.delete(vip, actor="bob")

    with pytest.raises(Exception, match="no segment with the id vip"):
        repository.replace_members(vip, slow(), base=9, version=1, cause="scoring")
    assert members(store) == {}


def test_a_refresh_waits_longer_than_others_for_the_write_lock(tmp_path: Any):
    with StateStore(f"sqlite:///{tmp_path / 'app.db'}", timeout_seconds=0.1) as store:
        store.migrate()
        repository = SegmentRepository(store)
        repository.create(SegmentDraft("VIP", {}), actor="ann")
        with store.session() as session:
            session.execute(text("SELECT 1"))
            refreshing = threading.Thread(target=refresh, args=(repository, ["1"]))
            refreshing.start()
            for _ in range(3):  # each waits for as long as the store's limit is
                with pytest.raises(StateStoreUnavailable, match="write lock"):
                    repository.record_error("vip", "no")
            assert refreshing.is_alive()
        refreshing.join()
        assert members(store).keys() == {"1"}


def test_memory_stays_flat(repository: SegmentRepository, vip: str):
    def batches() -> Iterator[list[str]]:
        for start in range(0, 200_000, 5_000):
            yield [f"customer-{number}" for number in range(start, start + 5_000)]

    tracemalloc.start()
    try:
        size = repository.replace_members(vip, batches(), base=200_000, version=1, cause="scoring")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size.joined == 200_000
    assert peak < 5_000_000  # the ids alone would be 13 MB


def test_one_customer_joins_and_leaves(store: StateStore, repository: SegmentRepository, vip: str):
    refreshed = refresh(repository, ["1", "2"])
    assert repository.change_member(vip, "3", belongs=True)
    assert not repository.change_member(vip, "3", belongs=True)
    size = repository.get(vip).size
    assert size is not None
    assert (size.customers, size.joined, size.left, size.at) == (3, 3, 0, refreshed.at)
    assert repository.change_member(vip, "1", belongs=False)
    assert not repository.change_member(vip, "1", belongs=False)
    (size,) = repository.sizes(vip)
    assert (size.customers, size.joined, size.left) == (2, 3, 1)
    found = members(store)
    assert found.keys() == {"2", "3"}
    assert found["2"] == refreshed.at < found["3"]


def test_some_customers_join_and_leave(store: StateStore, repository: SegmentRepository, vip: str):
    whole = refresh(repository, ["1", "2", "3"])
    belongs = {"1": True, "2": False, "4": True, "5": False}
    size, joined, left = repository.change_members(vip, belongs, version=1)
    assert (joined, left) == (1, 1)
    assert (size.customers, size.joined, size.left, size.at) == (3, 4, 1, whole.at)
    assert repository.sizes(vip) == [size]
    found = members(store)
    assert found.keys() == {"1", "3", "4"}
    assert found["1"] == whole.at < found["4"]
    assert repository.change_members(vip, belongs, version=1) == (size, 0, 0)
    assert repository.change_members(vip, {}, version=1) == (size, 0, 0)
    assert repository.joined_at(vip, ["4", "9", "1"]) == {"1": whole.at, "4": found["4"]}
    assert repository.joined_at(vip, []) == {}
    assert repository.memberships("4") == [Membership(vip, "VIP", found["4"])]


def test_members_of_two_rules_are_not_mixed(repository: SegmentRepository, vip: str):
    with pytest.raises(SegmentNotComputed):
        repository.change_members(vip, {"1": True}, version=1)
    refresh(repository, ["1"])
    repository.amend(vip, {"rule": {">": [{"var": "x"}, 1]}}, actor="ann")
    for version in (1, 2):
        with pytest.raises(SegmentNotComputed):
            repository.change_members(vip, {"2": True}, version=version)
    refresh(repository, ["1"], version=2)
    with pytest.raises(SegmentNotComputed):
        repository.change_members(vip, {"2": True}, version=1)
    assert repository.change_members(vip, {"2": True}, version=2)[1:] == (1, 0)


def test_a_customer_can_join_before_the_first_refresh(repository: SegmentRepository, vip: str):
    assert repository.change_member(vip, "1", belongs=True)
    assert repository.get(vip).size is None
    assert repository.is_member(vip, "1")
    size = refresh(repository, ["1", "2"])
    assert (size.customers, size.joined, size.left) == (2, 1, 0)


def test_events_at_the_same_moment_are_all_counted(repository: SegmentRepository, vip: str):
    refresh(repository, ["x"])
    threads = [
        threading.Thread(target=repository.change_member, args=(vip, f"c{number % 4}"), kwargs={"belongs": True})
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    size = repository.get(vip).size
    assert size is not None
    assert (size.customers, size.joined) == (5, 5)


def answers(segment_id: str, belongs: dict[str, bool]) -> dict[str, Answers]:
    return {one: Answers((segment_id,), (is_member,)) for one, is_member in belongs.items()}


def apply(store: StateStore, vip: str, recent: RecentMembers, belongs: dict[str, bool]) -> dict[str, bool]:
    """Apply the answers as a worker does; returns who joined (True) or left."""
    with store.session(read_only=True) as session:
        expected = expected_changes(session, answers(vip, belongs), {vip: 1}, recent)
    with store.session() as session:
        changes = change_memberships(session, answers(vip, belongs), {vip: 1}, None, expected, recent)
    return {one.customer_id: one.has_joined for one in changes}


def test_members_of_recent_customers_are_not_looked_up_again(
    store: StateStore, repository: SegmentRepository, vip: str
):
    refresh(repository, ["1", "2"])
    recent = RecentMembers()
    assert apply(store, vip, recent, {"1": True, "2": False, "3": True}) == {"2": False, "3": True}
    # Only whoever looks at the table itself can notice this, since no size was adjusted.
    with store.session() as session:
        session.execute(delete(SegmentMember).where(SegmentMember.customer_id == "1"))
    assert apply(store, vip, recent, {"1": True, "2": True, "3": True}) == {"2": True}
    assert apply(store, vip, recent, {"1": True, "2": True, "4": True}) == {"4": True}
    assert members(store).keys() == {"2", "3", "4"}


@pytest.mark.parametrize("change", ["refresh", "one member", "another worker"])
def test_recent_members_are_forgotten_when_somebody_else_changes_any(
    store: StateStore, repository: SegmentRepository, vip: str, change: str
):
    refresh(repository, ["1", "2"])
    recent = RecentMembers()
    apply(store, vip, recent, {"1": True, "2": True, "3": False})
    if change == "refresh":
        refresh(repository, ["2"])
    elif change == "one member":
        repository.change_member(vip, "1", belongs=False)
    else:
        apply(store, vip, RecentMembers(), {"1": False})
    apply(store, vip, recent, {"3": True})
    assert apply(store, vip, recent, {"1": True, "2": True}) == {"1": True}
    assert members(store).keys() == {"1", "2", "3"}


def test_what_was_rolled_back_is_not_known(store: StateStore, repository: SegmentRepository, vip: str):
    refresh(repository, ["1"])
    recent = RecentMembers()
    with store.session() as session:
        change_memberships(session, answers(vip, {"2": True}), {vip: 1}, None, None, recent)
        session.rollback()
    assert apply(store, vip, recent, {"2": True}) == {"2": True}
    assert members(store).keys() == {"1", "2"}


def test_what_others_changed_before_it_is_written_is_compared_again(
    store: StateStore, repository: SegmentRepository, vip: str
):
    refresh(repository, ["1", "2"])
    belongs = answers(vip, {"1": True, "2": False, "3": True})
    with store.session(read_only=True) as session:
        expected = expected_changes(session, belongs, {vip: 1})
    assert {(one.customer_id, one.has_joined) for one in expected.changes} == {("2", False), ("3", True)}
    repository.change_member(vip, "3", belongs=True)
    repository.change_member(vip, "1", belongs=False)
    with store.session() as session:
        changes = change_memberships(session, belongs, {vip: 1}, None, expected)
    assert {(one.customer_id, one.has_joined) for one in changes} == {("1", True), ("2", False)}
    assert members(store).keys() == {"1", "3"}
    size = repository.get(vip).size
    assert size is not None
    assert (size.customers, size.joined, size.left) == (2, 4, 2)


def test_workers_that_change_the_same_members_at_once_agree_with_the_sizes(
    store: StateStore, repository: SegmentRepository, vip: str
):
    other = repository.create(SegmentDraft("Other", {}), actor="ann").id
    for segment_id in (vip, other):
        refresh(repository, ["c0", "c1"], segment_id=segment_id)
    ready = threading.Barrier(4)
    failed: list[Exception] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                belongs = {
                    f"c{one}": Answers((vip, other), ((one + turn + number) % 2 == 0, turn % 2 == 0))
                    for one in range(6)
                }
                with store.session(read_only=True) as session:
                    expected = expected_changes(session, belongs, {vip: 1, other: 1})
                ready.wait(timeout=60)
                with store.session() as session:
                    change_memberships(session, belongs, {vip: 1, other: 1}, None, expected)
        except Exception as error:  # noqa: BLE001 -- reported by the main thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for segment_id in (vip, other):
        size = repository.get(segment_id).size
        assert size is not None
        assert size.customers == len(members(store, segment_id)) == size.joined - size.left


def test_no_temporary_table_stays_behind(store: StateStore, repository: SegmentRepository, vip: str):
    refresh(repository, ["1"])
    refresh(repository, ["2"])
    catalog = "sqlite_temp_master" if store.engine.dialect.name == "sqlite" else "pg_tables"
    name = "name" if store.engine.dialect.name == "sqlite" else "tablename"
    with store.session() as session:
        found = session.scalars(text(f"SELECT {name} FROM {catalog} WHERE {name} LIKE '%_customers'")).all()
    assert found == []
