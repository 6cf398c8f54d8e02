"""All tables of the state store: migrations do not know a table whose module is not imported here."""

from loyalty_core.store.access import ApiKeyRecord, EndedSignInRecord, OwnRoleRecord, PersonRecord
from loyalty_core.store.audit import AuditEvent
from loyalty_core.store.base import Base
from loyalty_core.store.campaigns import (
    CampaignEntryRecord,
    CampaignRecord,
    CampaignRunRecord,
    CampaignVersionRecord,
)
from loyalty_core.store.checks import StoreCheckRecord
from loyalty_core.store.dashboards import DashboardLayoutRecord
from loyalty_core.store.dismissals import DismissalRecord
from loyalty_core.store.events import DeadLetterRecord, EventRecord, EventTraceRecord, SegmentChangeRecord
from loyalty_core.store.invalidations import InvalidationRecord
from loyalty_core.store.jobs import JobEventRecord, JobRecord
from loyalty_core.store.messages import (
    ChannelRateRecord,
    ContactPreferenceRecord,
    MessageOutcomeRecord,
    OutboxRecord,
)
from loyalty_core.store.offer_policies import OfferPolicyRecord, OfferPolicyVersionRecord
from loyalty_core.store.rfm_maps import RfmMapRecord
from loyalty_core.store.segments import (
    SegmentMember,
    SegmentRecord,
    SegmentReference,
    SegmentSizeRecord,
    SegmentVersionRecord,
)
from loyalty_core.store.version_comparisons import VersionComparisonRecord

__all__ = [
    "ApiKeyRecord",
    "AuditEvent",
    "Base",
    "CampaignEntryRecord",
    "CampaignRecord",
    "CampaignRunRecord",
    "CampaignVersionRecord",
    "ChannelRateRecord",
    "ContactPreferenceRecord",
    "DashboardLayoutRecord",
    "DeadLetterRecord",
    "DismissalRecord",
    "EndedSignInRecord",
    "EventRecord",
    "EventTraceRecord",
    "InvalidationRecord",
    "JobEventRecord",
    "JobRecord",
    "MessageOutcomeRecord",
    "OfferPolicyRecord",
    "OfferPolicyVersionRecord",
    "OutboxRecord",
    "OwnRoleRecord",
    "PersonRecord",
    "RfmMapRecord",
    "SegmentChangeRecord",
    "SegmentMember",
    "SegmentRecord",
    "SegmentReference",
    "SegmentSizeRecord",
    "SegmentVersionRecord",
    "StoreCheckRecord",
    "VersionComparisonRecord",
]

metadata = Base.metadata
