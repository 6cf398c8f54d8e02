"""The services of a process, wired together and shared by screens, API and commands.

Whoever may not see every customer or every value gets services of their own, which share connections, models and state
store with the others, but whose warehouse is restricted.
"""

from __future__ import annotations

import logging
import threading
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from cachetools import LRUCache

from loyalty_core.access import Action, require
from loyalty_core.accounts import ApiKeys, Dismissals, People, Roles, Viewers
from loyalty_core.analytics.dashboards import DashboardLayouts
from loyalty_core.analytics.offers import PolicyRepository, RestrictedPolicies
from loyalty_core.campaigns import CampaignRuns, Campaigns
from loyalty_core.campaigns.advice import advise_on
from loyalty_core.campaigns.sending import ContactLinks, Outbox, Preferences
from loyalty_core.connections import Connections
from loyalty_core.errors import SettingsError
from loyalty_core.invalidations import Invalidations
from loyalty_core.jobs import JobQueue, RestrictedJobs
from loyalty_core.limits import WorkLimits
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.versions import NoComparisons, Promotion, VersionComparisons
from loyalty_core.rfm import RfmMapRepository
from loyalty_core.segments import RestrictedEngine, RestrictedSegments, SegmentationEngine, SegmentRepository
from loyalty_core.settings import Settings, connection_state, get_settings
from loyalty_core.store import StateStore, prepare_store, shared_store
from loyalty_core.warehouse import FeatureStore, RestrictedWarehouse, Restriction, Warehouse, restriction_of
from loyalty_core.warehouse.offers import OfferCatalog

if TYPE_CHECKING:
    from loyalty_core.access import Viewer
    from loyalty_core.analytics.churn import ContactAdvice
    from loyalty_core.campaigns.sending.sender import Sender
    from loyalty_core.campaigns.sending.trials import Trials
    from loyalty_core.ml.serving import CustomerPredictions
    from loyalty_core.warehouse.connection import Row

_log = logging.getLogger(__name__)

# Viewers with the same scope and rights share their services.
_MAX_RESTRICTIONS = 64
_MAX_VIEWERS = 256


class Services:
    """Builds each service when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.limits = WorkLimits(settings.dwh_pool_size)
        self._restricted: LRUCache[Restriction, Services] = LRUCache(_MAX_RESTRICTIONS)
        self._lock = threading.Lock()
        # Asked by each request, so it is cached by viewer, whose rights and scope never change.
        self._seen_by = lru_cache(_MAX_VIEWERS)(self._find_seen_by)

    def seen_by(self, viewer: Viewer) -> Services:
        """These services as the viewer may use them: themselves for whoever may see everything."""
        return self._seen_by(viewer)

    def _find_seen_by(self, viewer: Viewer) -> Services:
        restriction = restriction_of(viewer, self.settings)
        if restriction is None:
            return self
        with self._lock:
            found = self._restricted.get(restriction)
            if found is None:
                found = self._restricted[restriction] = RestrictedServices(self, restriction)
            return found

    @cached_property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.settings)

    @cached_property
    def features(self) -> FeatureStore:
        return FeatureStore(self.warehouse)

    @cached_property
    def invalidations(self) -> Invalidations:
        return Invalidations(self.store, self.features)

    @cached_property
    def store(self) -> StateStore:
        return shared_store(self.settings.state_database_url)

    @cached_property
    def offers(self) -> OfferCatalog:
        return OfferCatalog(self.warehouse)

    @cached_property
    def inference(self) -> MLInferenceService:
        return MLInferenceService(self.settings, self.warehouse, self.features, self.segments)

    @cached_property
    def segments(self) -> SegmentRepository:
        return SegmentRepository(self.store, lambda: self.warehouse.identity)

    @cached_property
    def policies(self) -> PolicyRepository:
        return PolicyRepository(self.store)

    @cached_property
    def campaigns(self) -> Campaigns:
        return Campaigns(self.settings, self.store, self.warehouse, self.segmentation, self.policies, self.offers)

    @cached_property
    def campaign_runs(self) -> CampaignRuns:
        return CampaignRuns(self.store, self.campaigns, self.jobs, self.viewers)

    @cached_property
    def rfm_maps(self) -> RfmMapRepository:
        return RfmMapRepository(self.store)

    @cached_property
    def segmentation(self) -> SegmentationEngine:
        return SegmentationEngine(self.warehouse, self.segments)

    @cached_property
    def layouts(self) -> DashboardLayouts:
        return DashboardLayouts(self.store)

    @cached_property
    def dismissals(self) -> Dismissals:
        return Dismissals(self.store)

    @cached_property
    def comparisons(self) -> VersionComparisons:
        return VersionComparisons(self.store, lambda: self.warehouse.identity)

    @cached_property
    def promotion(self) -> Promotion:
        return Promotion(self.warehouse, self.store)

    @cached_property
    def jobs(self) -> JobQueue:
        return JobQueue(self.store)

    def advice(self, customer: Row, predictions: CustomerPredictions) -> ContactAdvice:
        """Whether to contact a customer, by the features as the viewer sees them, and what to do."""
        return advise_on(customer, predictions, self.segmentation, self.store, self.settings)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.store, self.settings)

    @cached_property
    def contact_links(self) -> ContactLinks:
        return ContactLinks(self.settings, self.store)

    @cached_property
    def contact_preferences(self) -> Preferences:
        return Preferences(self.store)

    def new_trials(self) -> Trials:
        """Previews and tests of messages, with the values that the viewer may see."""
        from loyalty_core.campaigns.sending.trials import Trials  # noqa: PLC0415

        return Trials(self.settings, self.store, self.warehouse, self.features, self.offers.get())

    def new_sender(self) -> Sender:
        """A sender of messages for a thread of its own."""
        from loyalty_core.campaigns.sending.sender import Sender  # noqa: PLC0415

        return Sender(self.settings, self.store, self.warehouse, self.features, self.offers)

    @cached_property
    def viewers(self) -> Viewers:
        return Viewers(self.store, self.settings)

    @cached_property
    def people(self) -> People:
        return People(self.store, self.viewers.forget)

    @cached_property
    def roles(self) -> Roles:
        return Roles(self.store, self.viewers.forget)

    @cached_property
    def api_keys(self) -> ApiKeys:
        return ApiKeys(self.store, self.viewers.forget)

    @cached_property
    def connections(self) -> Connections:
        return Connections(self.store, follow_connection)

    def prepare_store(self) -> None:
        """Bring the state store's tables up to date; where that is not possible now, the next use tries again."""
        prepare_store(self.settings.state_database_url)


class RestrictedServices(Services):
    """The services of viewers with one restriction: everything they read comes from a restricted warehouse."""

    def __init__(self, whole: Services, restriction: Restriction) -> None:
        super().__init__(whole.settings)
        self.limits = whole.limits
        self._whole = whole
        self._restriction = restriction

    def seen_by(self, viewer: Viewer) -> Services:
        """The services of the viewer, whoever these are for."""
        return self._whole.seen_by(viewer)

    @cached_property
    def warehouse(self) -> RestrictedWarehouse:
        return RestrictedWarehouse(self._whole.warehouse, self._restriction)

    @cached_property
    def features(self) -> FeatureStore:
        return self._whole.features.over(self.warehouse)

    @cached_property
    def invalidations(self) -> Invalidations:
        return self._whole.invalidations

    @cached_property
    def store(self) -> StateStore:
        return self._whole.store

    @cached_property
    def inference(self) -> MLInferenceService:
        unmasked = self.warehouse.unmasked
        return self._whole.inference.over(unmasked, self._whole.features.over(unmasked))

    @cached_property
    def segments(self) -> SegmentRepository:
        return RestrictedSegments(self.store, self.warehouse)

    @cached_property
    def policies(self) -> PolicyRepository:
        return RestrictedPolicies(self.store, self.warehouse)

    @cached_property
    def segmentation(self) -> SegmentationEngine:
        return RestrictedEngine(self.warehouse, self.segments, self._whole.segmentation)

    @cached_property
    def offers(self) -> OfferCatalog:
        return self._whole.offers

    @cached_property
    def campaigns(self) -> Campaigns:
        # How many customers a segment has, or can be reached, does not tell who they are.
        warehouse = self.warehouse.with_personal_data
        engine = SegmentationEngine(warehouse, SegmentRepository(self.store))
        return Campaigns(self.settings, self.store, warehouse, engine, self._whole.policies, self.offers)

    @cached_property
    def comparisons(self) -> VersionComparisons:
        if not self._restriction.hides_counts:
            return self._whole.comparisons
        return NoComparisons(self.store, lambda: self.warehouse.identity)

    @cached_property
    def promotion(self) -> Promotion:
        return self._whole.promotion

    @cached_property
    def jobs(self) -> JobQueue:
        return RestrictedJobs(self.store, self._restriction.key, hides_counts=self._restriction.hides_counts)

    @cached_property
    def viewers(self) -> Viewers:
        return self._whole.viewers


def get_services() -> Services:
    """The services of the current viewer, who needs VIEW; raises `SettingsError` for an invalid setting."""
    return services_of_process().seen_by(require(Action.VIEW))


@lru_cache(maxsize=1)
def services_of_process() -> Services:
    """The services for every customer, whoever is acting; for starting, stopping and whatever no viewer asked for."""
    return Services(get_settings())


_following = threading.Lock()
_followed: tuple[int, int] | None = None


def follow_connection() -> None:
    """Use the warehouse that is connected now, whichever process has connected it.

    The services of this process are made anew; whoever holds the former ones reads the former warehouse until done.
    Where its settings cannot be used here, the data in use stays.
    """
    global _followed  # noqa: PLW0603 -- one for the process, as its services are
    with _following:
        state = connection_state()
        if state == _followed:
            return
        _followed = state
        try:
            is_other = Settings() != get_settings()
        except SettingsError as error:
            _log.warning("Other data was connected, but cannot be used: %s", error)
            return
        if is_other:
            former = services_of_process() if services_of_process.cache_info().currsize else None
            get_settings.cache_clear()
            services_of_process.cache_clear()
            if former is not None:
                former.warehouse.close()
