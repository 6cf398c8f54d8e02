import pytest

from loyalty_core.segments import BadSegment, SegmentCycle, SegmentInUse, SegmentRepository, Use
from tests.segments.saved import RULE, create, reads, update


def test_a_segment_in_use_can_neither_be_archived_nor_deleted(repository: SegmentRepository):
    create(repository, "VIP")
    create(repository, "Risky", reads("vip"))
    create(repository, "Also", reads("vip"))
    create(repository, "Indirect", reads("risky"))
    assert repository.uses("vip") == [Use("segment", "also", "Also"), Use("segment", "risky", "Risky")]
    for remove in (repository.archive, repository.delete):
        with pytest.raises(SegmentInUse, match=r"“VIP” is in use\. It is part of the rule of “Also”, “Risky”"):
            remove("vip", actor="ann")
    repository.delete("also", actor="ann")
    update(repository, repository.get("risky"), rule=RULE)
    assert repository.uses("vip") == []
    assert repository.archive("vip", actor="ann").archived_at is not None


def test_an_archived_segment_blocks_no_deletion(repository: SegmentRepository):
    create(repository, "VIP")
    create(repository, "Risky", reads("vip"))
    repository.archive("risky", actor="ann")
    assert repository.uses("vip") == []
    repository.archive("vip", actor="ann")
    with pytest.raises(BadSegment, match="“VIP” is archived"):
        repository.unarchive("risky", actor="ann")
    repository.delete("vip", actor="ann")
    with pytest.raises(BadSegment, match="no segment “vip”"):
        repository.unarchive("risky", actor="ann")
    create(repository, "VIP")
    repository.unarchive("risky", actor="ann")
    assert repository.uses("vip") == [Use("segment", "risky", "Risky")]


def test_a_rule_cannot_read_what_is_not_there(repository: SegmentRepository):
    create(repository, "VIP customers")
    with pytest.raises(BadSegment, match="no segment “vip-customer”") as refusal:
        create(repository, "A", reads("vip-customer"))
    assert refusal.value.remedy == "Nearest: segment:vip-customers (“VIP customers”)."
    segment = create(repository, "A")
    with pytest.raises(BadSegment):
        update(repository, segment, rule=reads("zzz"))
    repository.archive("vip-customers", actor="ann")
    with pytest.raises(BadSegment, match="“VIP customers” is archived"):
        update(repository, segment, rule=reads("vip-customers"))
    assert repository.get("a") == segment


def test_a_segment_cannot_be_built_on_itself(repository: SegmentRepository):
    vip = create(repository, "VIP")
    create(repository, "Risky", reads("vip"))
    create(repository, "Longer", reads("risky"))
    create(repository, "Shorter", reads("vip"))
    with pytest.raises(SegmentCycle, match="VIP → Risky → VIP"):
        update(repository, vip, rule=reads("risky"))
    with pytest.raises(SegmentCycle, match="Best → Shorter → Best"):
        update(repository, vip, name="Best", rule=reads("longer", "shorter"))
    with pytest.raises(SegmentCycle, match="VIP → VIP"):
        update(repository, vip, rule=reads("vip"))
    with pytest.raises(SegmentCycle, match="New → New"):
        create(repository, "New", reads("new"))
    assert repository.get("vip") == vip
