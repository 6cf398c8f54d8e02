import threading
from typing import Any

from loyalty_core.segments import SegmentChanged, SegmentCycle, SegmentDraft, SegmentRepository
from loyalty_core.store import StateStore
from tests.segments.saved import RULE, create, reads, update


def run_together(work: Any, number: int) -> None:
    threads = [threading.Thread(target=work, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_edits_at_the_same_moment_one_is_saved(repository: SegmentRepository):
    segment = create(repository, "A")
    together, outcomes = threading.Barrier(4), []

    def edit(number: int) -> None:
        together.wait()
        try:
            outcomes.append(update(repository, segment, description=f"by {number}").description)
        except SegmentChanged:
            outcomes.append("refused")

    run_together(edit, 4)
    saved = repository.get("a")
    assert sorted(outcomes) == sorted([saved.description, "refused", "refused", "refused"])
    assert saved.version == 2


def test_two_segments_created_at_the_same_moment_get_different_ids(repository: SegmentRepository):
    together, ids = threading.Barrier(4), []

    def run(number: int) -> None:
        together.wait()
        ids.append(create(repository, f"VIP{'!' * number}").id)

    run_together(run, 4)
    assert sorted(ids) == ["vip", "vip-2", "vip-3", "vip-4"]


def test_two_edits_at_the_same_moment_make_no_cycle(repository: SegmentRepository):
    segments = [create(repository, "A"), create(repository, "B")]
    together, refused = threading.Barrier(2), []

    def edit(number: int) -> None:
        together.wait()
        try:
            update(repository, segments[number], rule=reads(segments[1 - number].id))
        except SegmentCycle:
            refused.append(number)

    run_together(edit, 2)
    assert len(refused) == 1
    assert repository.rules()["ab"[refused[0]]] == RULE


def test_the_first_segments_are_created_once_when_several_start_together(
    store: StateStore, repository: SegmentRepository
):
    together, created = threading.Barrier(4), []

    def start(_number: int) -> None:
        with StateStore(store.url.render_as_string(hide_password=False)) as own:
            drafts = [SegmentDraft("VIP", {}), SegmentDraft("New", {})]
            together.wait()
            created.append(len(SegmentRepository(own).create_once(drafts, actor="Workbench")))

    run_together(start, 4)
    assert sorted(created) == [0, 0, 0, 2]
    assert repository.names() == {"new": "New", "vip": "VIP"}
