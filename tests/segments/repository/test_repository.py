from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.segments import (
    BadSegment,
    SegmentChanged,
    SegmentDraft,
    SegmentNameTaken,
    SegmentNotFound,
    SegmentRepository,
)
from loyalty_core.store import StateStore, audit
from loyalty_core.store.segments import SegmentMember, SegmentReference, SegmentVersionRecord
from tests.segments.saved import RULE, create, reads, update


def events(store: StateStore) -> list[tuple[str, str, str]]:
    """Oldest first: actor, action and segment."""
    with store.session(read_only=True) as session:
        return [(event.actor, event.action, event.subject_id) for event in reversed(audit.recent(session))]


def test_a_segment_comes_back_as_it_was_created(repository: SegmentRepository):
    before = datetime.now(UTC)
    rule = {"and": [{"in": [{"var": "city"}, ["Bodø", "😀", None]]}, {">": [{"var": "x"}, 0.1]}]}
    created = create(
        repository, "  Gode   kunder ", rule, description=" Kjøper\nofte. ", tags=("Value", " b ", "value")
    )
    assert created == repository.get("gode-kunder")
    assert (created.name, created.description, created.tags) == ("Gode kunder", "Kjøper\nofte.", ("b", "Value"))
    assert created.rule == rule
    assert (created.owner, created.updated_by, created.version) == ("ann", "ann", 1)
    assert before <= created.created_at == created.updated_at <= datetime.now(UTC)
    assert (created.archived_at, created.size, created.sizes_recent, created.error) == (None, None, (), None)
    assert created.is_stale


@pytest.mark.parametrize("rule", [None, {}, True, [], {"==": [{"var": "x"}, None]}])
def test_every_json_can_be_a_rule(repository: SegmentRepository, rule: Any):
    assert create(repository, "Everyone", rule).rule == rule
    assert repository.rules() == {"everyone": rule}


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["VIP", "V.I.P", "vip!"], ["vip", "v-i-p", "vip-2"]),
        (["Åse & Bjørn's æøå"], ["ase-bjorn-s-aeoa"]),
        (["Лояльные", "忠实"], ["segment", "segment-2"]),
        (["x" * 120], ["x" * 60]),
    ],
)
def test_ids_are_made_of_the_name(repository: SegmentRepository, names: list[str], ids: list[str]):
    assert [create(repository, name).id for name in names] == ids


@pytest.mark.parametrize(
    ("draft", "message"),
    [
        (SegmentDraft(" \n ", RULE), "The name is blank"),
        (SegmentDraft("x" * 121, RULE), "The name is too long. It has 121 characters. Use at most 120"),
        (SegmentDraft("a\0b", RULE), "characters that cannot be stored"),
        (SegmentDraft("a\ud800", RULE), "characters that cannot be stored"),
        (SegmentDraft("x", RULE, description="d" * 2001), "The description is too long. It has 2,001 characters"),
        (SegmentDraft("x", RULE, tags=("t" * 61,)), "The tag is too long"),
        (SegmentDraft("x", {"==": [1, float("nan")]}), "cannot be saved as JSON"),
        (SegmentDraft("x", {"==": [1, object()]}), "cannot be saved as JSON"),
    ],
)
def test_what_cannot_be_saved_is_refused(repository: SegmentRepository, draft: SegmentDraft, message: str):
    with pytest.raises(BadSegment, match=message) as refusal:
        repository.create(draft, actor="ann")
    assert refusal.value.code == "bad_segment"
    assert repository.names() == {}


def test_a_name_can_be_had_once_whatever_its_case(repository: SegmentRepository):
    vip, street = create(repository, "VIP"), create(repository, "Straße")
    with pytest.raises(SegmentNameTaken, match="“VIP” is taken"):
        create(repository, "vip")
    with pytest.raises(SegmentNameTaken):
        update(repository, vip, name="STRASSE")
    repository.archive(street.id, actor="ann")
    with pytest.raises(SegmentNameTaken, match="the name of an archived segment"):
        create(repository, "strasse")
    assert update(repository, vip, name="Vip").name == "Vip"


def test_a_name_that_looks_like_another_is_refused(repository: SegmentRepository):
    vip, other = create(repository, "VIP 10"), create(repository, "Other")
    with pytest.raises(SegmentNameTaken, match="The name looks like “VIP 10”"):
        create(repository, "VlP 1O")
    with pytest.raises(SegmentNameTaken, match="looks like"):
        update(repository, other, name="VІР 10")
    assert update(repository, vip, name="VlP 10").name == "VlP 10"


def test_list_goes_by_name_and_leaves_archived_ones_out(repository: SegmentRepository):
    for name in ("b", "A", "ç", "C"):
        create(repository, name)
    repository.archive("b", actor="ann")
    assert [segment.name for segment in repository.list()] == ["A", "C", "ç"]
    assert [segment.name for segment in repository.list(archived=True)] == ["b"]
    assert list(repository.names()) == ["a", "b", "c-2", "c"]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"search": " ÆRLIG "}, ["one"]),
        ({"search": "half"}, ["two"]),
        ({"search": "WORTH"}, ["one"]),
        ({"search": "100%"}, []),
        ({"tags": ["VALUE"]}, ["one", "two"]),
        ({"tags": ["value", "new"]}, ["two"]),
        ({"tags": ["value"], "search": "ærlig"}, ["one"]),
        ({"tags": ["other"]}, []),
        ({}, ["one", "two"]),
    ],
)
def test_list_applies_every_condition(repository: SegmentRepository, conditions: dict[str, Any], found: list[str]):
    create(repository, "One", description="Ærlige folk", tags=("value", "worth it"))
    create(repository, "Two", description="Half of them", tags=("Value", "new"))
    assert [segment.id for segment in repository.list(**conditions)] == found
    assert repository.tags() == ["new", "Value", "value", "worth it"]


def test_list_takes_two_queries_however_many_segments_there_are(store: StateStore, repository: SegmentRepository):
    statements: list[str] = []
    for number in range(5):
        segment = create(repository, f"Segment {number}")
        for size in range(number):
            ids = [str(customer) for customer in range(size)]
            repository.replace_members(segment.id, [ids], base=9, version=1, cause="scoring")

    @event.listens_for(store.engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    listed = repository.list()
    assert len([statement for statement in statements if statement.startswith("SELECT segment")]) == 2
    assert [segment.sizes_recent for segment in listed] == [(), (0,), (0, 1), (0, 1, 2), (0, 1, 2, 3)]


def test_update_saves_a_version_that_says_what_changed(repository: SegmentRepository):
    segment = create(repository, "A", tags=("x", "y"))
    changed = update(repository, segment, name="B", description="Now with text", tags=("y", "z", "ø"), rule=reads())
    assert (changed.id, changed.version, changed.updated_by, changed.owner) == ("a", 2, "bob", "ann")
    assert changed.created_at == segment.created_at < changed.updated_at
    newest, first = repository.versions("a")
    assert newest.changes == (
        "Name changed from “A” to “B”.",
        "Description changed.",
        "Tags “z”, “ø” added.",
        "Tag “x” removed.",
        "Rule changed.",
    )
    assert (newest.number, newest.actor, newest.at) == (2, "bob", changed.updated_at)
    assert (newest.name, newest.tags, newest.rule) == ("B", ("y", "z", "ø"), {"and": []})
    assert (first.number, first.actor, first.changes) == (1, "ann", ("Created.",))
    assert (first.name, first.description, first.tags, first.rule) == ("A", "", ("x", "y"), RULE)


def test_nothing_is_saved_when_nothing_has_changed(store: StateStore, repository: SegmentRepository):
    segment = create(repository, "A", {"==": [{"var": "x"}, 1]})
    assert update(repository, segment, name=" A ", tags=[" "]) == segment
    assert len(repository.versions("a")) == 1
    assert events(store) == [("ann", "created", "a")]


def test_true_and_one_are_different_rules(repository: SegmentRepository):
    segment = create(repository, "A", {"==": [{"var": "x"}, 1]})
    assert update(repository, segment, rule={"==": [{"var": "x"}, True]}).version == 2
    assert repository.get("a").rule["=="][1] is True


def test_of_two_edits_the_second_is_refused_with_the_author_of_the_first(repository: SegmentRepository):
    segment = create(repository, "A")
    changed = update(repository, segment, description="first")
    with pytest.raises(SegmentChanged, match=r"bob saved version 2 on 20\d\d-\d\d-\d\d at \d\d:\d\d UTC"):
        update(repository, segment, description="second")
    assert repository.get("a") == changed


def test_restore_makes_an_old_version_the_newest(repository: SegmentRepository):
    segment = create(repository, "A", tags=("x",))
    update(repository, segment, name="B", rule={}, tags=())
    restored = repository.restore("a", 1, actor="cay")
    assert (restored.version, restored.name, restored.rule, restored.tags) == (3, "A", RULE, ("x",))
    assert repository.versions("a")[0].changes == (
        "Restored version 1.",
        "Name changed from “B” to “A”.",
        "Tag “x” added.",
        "Rule changed.",
    )
    assert repository.restore("a", 3, actor="cay").version == 3


def test_restore_is_refused_where_an_edit_would_be(repository: SegmentRepository):
    segment = create(repository, "A", reads(create(repository, "Old").id))
    update(repository, segment, name="B", rule={})
    create(repository, "a")
    with pytest.raises(SegmentNameTaken):
        repository.restore("a", 1, actor="cay")
    repository.delete("a-2", actor="cay")
    repository.delete("old", actor="cay")
    with pytest.raises(BadSegment, match="no segment “old”"):
        repository.restore("a", 1, actor="cay")
    with pytest.raises(SegmentNotFound, match="has no version 9"):
        repository.restore("a", 9, actor="cay")
    assert repository.get("a").version == 2


def test_duplicate_makes_an_independent_copy(repository: SegmentRepository):
    create(repository, "Base")
    create(repository, "VIP", reads("base"), description="The best", tags=("value",))
    copies = [repository.duplicate("vip", actor="bob") for _ in range(3)]
    assert [copy.name for copy in copies] == ["Copy of VIP", "Copy 2 of VIP", "Copy 3 of VIP"]
    first = copies[0]
    assert (first.id, first.owner, first.version) == ("copy-of-vip", "bob", 1)
    assert (first.description, first.tags, first.rule) == ("The best", ("value",), reads("base"))
    assert repository.versions(first.id)[0].changes == ("Copied from “VIP”.",)
    assert len(repository.uses("base")) == 4


def test_copies_of_long_names_keep_within_the_limit(repository: SegmentRepository):
    segment = create(repository, "x" * 120)
    names = [repository.duplicate(segment.id, actor="bob").name for _ in range(2)]
    assert names == ["Copy of " + "x" * 112, "Copy 2 of " + "x" * 110]


def test_archived_segments_come_back(store: StateStore, repository: SegmentRepository):
    create(repository, "A")
    archived = repository.archive("a", actor="bob")
    assert archived.archived_at is not None
    assert repository.archive("a", actor="bob") == archived
    assert repository.rules() == {"a": RULE}
    assert repository.unarchive("a", actor="bob").archived_at is None
    assert events(store) == [("ann", "created", "a"), ("bob", "archived", "a"), ("bob", "unarchived", "a")]


def test_delete_takes_everything_along_but_the_audit_trail(store: StateStore, repository: SegmentRepository):
    create(repository, "Other")
    segment = create(repository, "A", reads("other"))
    repository.replace_members("a", [["1", "2"]], base=2, version=1, cause="edit")
    update(repository, segment, description="x")
    repository.delete("a", actor="bob")
    with store.session(read_only=True) as session:
        for table in (SegmentMember, SegmentReference, SegmentVersionRecord):
            assert [row.segment_id for row in session.scalars(select(table))] == (
                ["other"] if table is SegmentVersionRecord else []
            )
    assert events(store) == [
        ("ann", "created", "other"),
        ("ann", "created", "a"),
        ("bob", "updated", "a"),
        ("bob", "deleted", "a"),
    ]
    assert create(repository, "A").size is None


def test_everything_says_when_there_is_no_such_segment(repository: SegmentRepository):
    asks = [
        lambda: repository.get("x"),
        lambda: repository.update("x", SegmentDraft("A", {}), actor="a", expected_version=1),
        lambda: repository.restore("x", 1, actor="a"),
        lambda: repository.duplicate("x", actor="a"),
        lambda: repository.archive("x", actor="a"),
        lambda: repository.unarchive("x", actor="a"),
        lambda: repository.delete("x", actor="a"),
        lambda: repository.versions("x"),
        lambda: repository.sizes("x"),
        lambda: repository.uses("x"),
        lambda: repository.replace_members("x", [["1"]], base=1, version=1, cause="edit"),
        lambda: repository.record_error("x", "no"),
        lambda: repository.is_member("x", "1"),
        lambda: repository.change_member("x", "1", belongs=True),
    ]
    for ask in asks:
        with pytest.raises(SegmentNotFound, match="no segment with the id x"):
            ask()


def test_an_audit_event_says_what_was_changed(store: StateStore, repository: SegmentRepository):
    update(repository, create(repository, "A"), name="B")
    with store.session(read_only=True) as session:
        newest = audit.recent(session, 1, subject_kind="segment", subject_id="a")[0]
    assert newest.details == {"name": "B", "version": 2, "changes": ["Name changed from “A” to “B”."]}


def test_a_store_without_a_file_says_so(tmp_path: Path):
    missing = StateStore(f"sqlite:///{tmp_path / 'app.db'}")
    with pytest.raises(StateStoreUnavailable, match="does not exist"):
        SegmentRepository(missing).list()


def test_a_server_without_tables_is_given_them(postgres_database: str):
    with StateStore(postgres_database) as empty:
        assert SegmentRepository(empty).list() == []
