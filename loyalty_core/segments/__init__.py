"""Segments: named rules, with versions, sizes and members."""

from loyalty_core.segments.engine import SegmentationEngine
from loyalty_core.segments.errors import (
    BadSegment,
    PersonalDataHidden,
    PredictionsMissing,
    SegmentChanged,
    SegmentCycle,
    SegmentInUse,
    SegmentNameTaken,
    SegmentNotComputed,
    SegmentNotFound,
    UnknownColumn,
)
from loyalty_core.segments.fields import LEFT_FIELD, SEGMENTS_GROUP, RuleFields
from loyalty_core.segments.live_rules import Answers, LiveRules, LiveRulesReader
from loyalty_core.segments.predicted_fields import GROUP as PREDICTIONS_GROUP
from loyalty_core.segments.predicted_fields import holds_offers, offer_of_propensity
from loyalty_core.segments.repository import (
    ExpectedChanges,
    MemberChange,
    RecentMembers,
    SegmentRepository,
    change_memberships,
    computed_segments,
    expected_changes,
)
from loyalty_core.segments.restricted import RestrictedEngine, RestrictedSegments
from loyalty_core.segments.segment import Membership, Segment, SegmentDraft, SegmentSize, SegmentVersion, Use
from loyalty_core.segments.selection import Selection

__all__ = [
    "LEFT_FIELD",
    "PREDICTIONS_GROUP",
    "SEGMENTS_GROUP",
    "Answers",
    "BadSegment",
    "ExpectedChanges",
    "LiveRules",
    "LiveRulesReader",
    "MemberChange",
    "Membership",
    "PersonalDataHidden",
    "PredictionsMissing",
    "RecentMembers",
    "RestrictedEngine",
    "RestrictedSegments",
    "RuleFields",
    "Segment",
    "SegmentChanged",
    "SegmentCycle",
    "SegmentDraft",
    "SegmentInUse",
    "SegmentNameTaken",
    "SegmentNotComputed",
    "SegmentNotFound",
    "SegmentRepository",
    "SegmentSize",
    "SegmentVersion",
    "SegmentationEngine",
    "Selection",
    "UnknownColumn",
    "Use",
    "change_memberships",
    "computed_segments",
    "expected_changes",
    "holds_offers",
    "offer_of_propensity",
]
