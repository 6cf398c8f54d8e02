"""The services of a process, wired together and shared by screens, API and commands."""

import logging
from functools import cached_property, lru_cache

from loyalty_core.analytics.dashboards import DashboardLayouts
from loyalty_core.analytics.offers import PolicyRepository
from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.jobs.queue import JobQueue
from loyalty_core.limits import WorkLimits
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.versions import Promotion, VersionComparisons
from loyalty_core.rfm import RfmMapRepository
from loyalty_core.segments import SegmentationEngine, SegmentRepository
from loyalty_core.settings import Settings, get_settings
from loyalty_core.store import StateStore, shared_store
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.offers import OfferCatalog

_log = logging.getLogger(__name__)


class Services:
    """Builds each service when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.limits = WorkLimits(settings.dwh_pool_size)

    @cached_property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.settings)

    @cached_property
    def features(self) -> FeatureStore:
        return FeatureStore(self.warehouse)

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
    def rfm_maps(self) -> RfmMapRepository:
        return RfmMapRepository(self.store)

    @cached_property
    def segmentation(self) -> SegmentationEngine:
        return SegmentationEngine(self.warehouse, self.segments)

    @cached_property
    def layouts(self) -> DashboardLayouts:
        return DashboardLayouts(self.store)

    @cached_property
    def comparisons(self) -> VersionComparisons:
        return VersionComparisons(self.store, lambda: self.warehouse.identity)

    @cached_property
    def promotion(self) -> Promotion:
        return Promotion(self.warehouse, self.store)

    @cached_property
    def jobs(self) -> JobQueue:
        return JobQueue(self.store)

    def prepare_store(self) -> None:
        """Bring the state store's tables up to date; where that is not possible now, the next use tries again."""
        try:
            self.store.migrate()
        except StateStoreUnavailable as error:
            _log.error("%s", error)


@lru_cache(maxsize=1)
def get_services() -> Services:
    """The services of this process; raises `SettingsError` for an invalid setting."""
    return Services(get_settings())
