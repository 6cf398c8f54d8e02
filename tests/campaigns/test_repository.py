"""Campaigns as they are saved: versions, states, approval, and what uses segments and policies."""

from collections.abc import Callable

import pytest

from loyalty_core.access import Action, Viewer, acting_as
from loyalty_core.analytics.offers import OfferTerms, Policy, PolicyInUse
from loyalty_core.campaigns import (
    ApprovalNeeded,
    BadCampaign,
    CampaignChanged,
    CampaignIncomplete,
    CampaignNameTaken,
    CampaignState,
    Definition,
    OwnApproval,
)
from loyalty_core.segments import SegmentInUse
from loyalty_core.store import audit
from tests.campaigns.programme import NOW, Programme, definition

Open = Callable[..., Programme]


def test_each_change_is_a_version_that_says_what_changed(programme: Open):
    saved = programme().services.campaigns.repository
    first = saved.create("Win back", actor="ann")
    same = saved.update(first.id, "Win back", Definition(), actor="bob", expected_version=1)
    assert (same.version, same.state) == (1, "draft")
    second = saved.update(
        first.id, "Win  them back", definition(holdout={"share": 10}), actor="bob", expected_version=1
    )
    assert (second.version, second.name, second.definition.holdout.share) == (2, "Win them back", 10)
    newest, oldest = saved.versions(first.id)
    assert newest.changes == (
        "Name changed from “Win back” to “Win them back”.",
        "Variants or messages changed.",
        "Channels changed.",
        "Holdout changed.",
    )
    assert (oldest.number, oldest.actor, oldest.changes) == (1, "ann", ("Created.",))
    with pytest.raises(CampaignChanged, match="bob saved version 2"):
        saved.update(first.id, "Other", Definition(), actor="ann", expected_version=1)
    restored = saved.restore(first.id, 1, actor="ann")
    assert (restored.version, restored.name, restored.definition) == (3, "Win back", Definition())


def test_a_name_is_given_once(programme: Open):
    saved = programme().services.campaigns.repository
    saved.create("VIP", actor="ann")
    with pytest.raises(CampaignNameTaken, match="is taken"):
        saved.create("vip", actor="ann")
    with pytest.raises(BadCampaign, match="blank"):
        saved.create("  ", actor="ann")


def test_a_campaign_is_started_paused_resumed_and_ended(programme: Open):
    one = programme()
    saved = one.services.campaigns.repository
    running = one.campaign()
    assert (running.state, running.started_at, running.started_by) == ("running", NOW, "ann")
    assert saved.pause(running.id, actor="bob").state == "paused"
    assert saved.resume(running.id, actor="bob").state == "running"
    assert saved.end(running.id, actor="bob").state == "ended"
    with pytest.raises(CampaignState, match="It is ended"):
        saved.start(running.id, actor="ann")
    with pytest.raises(CampaignState, match="End it instead"):
        saved.delete(running.id, actor="ann")
    with one.services.store.session(read_only=True) as session:
        events = audit.recent(session, subject_kind="campaign", subject_id=running.id)
    assert [event.action for event in reversed(events)] == ["created", "started", "paused", "resumed", "ended"]


def test_what_is_missing_is_said_before_a_start(programme: Open):
    saved = programme().services.campaigns.repository
    draft = saved.create("Empty", Definition.from_json({"trigger": {"kind": "event"}}), actor="ann")
    with pytest.raises(CampaignIncomplete) as refused:
        saved.start(draft.id, actor="ann")
    assert refused.value.missing == (
        "Choose the event that triggers the campaign.",
        "Write the message of variant A for log.",
    )
    saved.delete(draft.id, actor="ann")
    assert saved.list() == []


def test_whoever_may_not_approve_needs_a_second_person(programme: Open):
    saved = programme().services.campaigns.repository
    draft = saved.create("VIP", definition(), actor="ann")
    with acting_as(runner()):
        with pytest.raises(ApprovalNeeded, match="Version 1"):
            saved.start(draft.id, actor="ann")
        assert saved.submit(draft.id, actor="ann").state == "awaiting_approval"
    with pytest.raises(OwnApproval):
        saved.approve(draft.id, actor="ann")
    approved = saved.approve(draft.id, actor="bob")
    assert (approved.is_approved, approved.approved_by) == (True, "bob")
    changed = saved.update(draft.id, "VIP", definition(holdout={"share": 5}), actor="ann", expected_version=1)
    assert not changed.is_approved
    saved.submit(draft.id, actor="ann")
    saved.approve(draft.id, actor="bob")
    with acting_as(runner()):
        assert saved.start(draft.id, actor="ann").state == "running"
        with pytest.raises(CampaignState, match="Pause it first"):
            saved.update(draft.id, "VIP", definition(), actor="ann", expected_version=2)


def test_a_segment_or_policy_that_a_campaign_uses_is_not_removed(programme: Open):
    one = programme()
    policies, segments = one.services.policies, one.services.segments
    policy = policies.save("Margin", Policy({1: OfferTerms()}), actor="ann")
    used = one.campaign("VIP", audience={"segment": "rich"}, offer={"kind": "best", "policy": policy.id})
    assert [(use.kind, use.name) for use in segments.uses("rich")] == [("campaign", "VIP")]
    assert segments.used_in() == {"rich": ("VIP",)}
    with pytest.raises(SegmentInUse, match="used by the campaign “VIP”"):
        segments.archive("rich", actor="ann")
    with pytest.raises(PolicyInUse, match="“VIP”"):
        policies.delete(policy.id, actor="ann")
    one.services.campaigns.repository.end(used.id, actor="ann")
    segments.archive("rich", actor="ann")
    policies.delete(policy.id, actor="ann")


def test_what_a_campaign_refers_to_must_exist(programme: Open):
    saved = programme().services.campaigns.repository
    with pytest.raises(BadCampaign, match="Nearest: richest"):
        saved.create("One", definition(audience={"segment": "richst"}), actor="ann")
    with pytest.raises(BadCampaign, match="no offer policy"):
        saved.create("One", definition(offer={"kind": "best", "policy": "none"}), actor="ann")


def runner() -> Viewer:
    """Somebody who may edit and run campaigns, but not approve them."""
    actions = frozenset({Action.VIEW, Action.EDIT_CAMPAIGNS, Action.RUN_CAMPAIGNS})
    return Viewer("ann", frozenset({"runner"}), granted=actions)
