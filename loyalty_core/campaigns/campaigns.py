"""Campaigns: whom they would write to, and entering customers into them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from loyalty_core.access import Action, require
from loyalty_core.analytics.offers import find_policy
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.campaigns.audience import AudienceReader, what_is_left
from loyalty_core.campaigns.candidates import CANDIDATES, CANDIDATES_BY_POSITION, STAGED_CANDIDATES, Candidate, Placing
from loyalty_core.campaigns.decisions import Terms, decisions, given_offers
from loyalty_core.campaigns.enrolment import enter
from loyalty_core.campaigns.entry_features import EntryFeatures
from loyalty_core.campaigns.errors import NothingRecorded
from loyalty_core.campaigns.executions import Execution, Totals, executions, totals
from loyalty_core.campaigns.latest_offers import LatestOffers, with_latest_offers
from loyalty_core.campaigns.limits import Cap
from loyalty_core.campaigns.planned import Planned, planned_batch
from loyalty_core.campaigns.repository import CampaignRepository
from loyalty_core.campaigns.results import Performance, performance
from loyalty_core.campaigns.startable import require_consent, require_startable
from loyalty_core.campaigns.treatments import treatment_batches, treatment_history
from loyalty_core.campaigns.waterfall import Waterfall, grouped, waterfall_of
from loyalty_core.store.staging import stage_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import pyarrow as pa
    import sqlalchemy as sa
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

    from loyalty_core.analytics.offers import Policy, PolicyRepository
    from loyalty_core.campaigns.campaign import Campaign, CampaignRun
    from loyalty_core.campaigns.definition import Definition
    from loyalty_core.campaigns.outcome import Decision
    from loyalty_core.segments import RuleFields, SegmentationEngine
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.history import History
    from loyalty_core.warehouse.offers import OfferCatalog

_BATCH_ROWS = 32_768
# Before a campaign is saved it has no id and no salt; who falls into its holdout is then only an example.
_UNSAVED = ""


@dataclass(frozen=True)
class Staged:
    """The candidates of a whole audience, in a temporary table on one connection of the state store."""

    connection: Connection
    terms: Terms
    placing: Placing
    customers: int


class Campaigns:
    """The campaigns over one warehouse: `repository` has what is saved of them, `entry_features` who entered them.

    Raises the errors of rules, policies, the warehouse and the state store, and `ConsentUnknown` where nothing says
    which customers may be contacted.
    """

    def __init__(
        self,
        settings: Settings,
        store: StateStore,
        warehouse: Warehouse,
        engine: SegmentationEngine,
        policies: PolicyRepository,
        offers: OfferCatalog,
    ) -> None:
        self.repository = CampaignRepository(store, settings.zone)
        self.settings = settings
        self.entry_features = EntryFeatures(store, warehouse)
        self._store = store
        self._warehouse = warehouse
        self._base = ScopedBase(warehouse, engine, Scope())
        self._audience = AudienceReader(warehouse, engine)
        self._policies = policies
        self._offers = offers

    def waterfall(
        self, definition: Definition, campaign: Campaign | None = None, now: datetime | None = None
    ) -> Waterfall:
        """The suppression waterfall of a definition as it would be now, for a saved campaign or a new one.

        For a viewer with a scope it has their customers only.
        """
        with self.staged(definition, campaign, now) as staged:
            decided = decisions(STAGED_CANDIDATES, staged.terms).subquery("decided")
            return waterfall_of(_read(self._store, staged.connection, grouped(decided)), staged.placing.due_times)

    def runs(self, campaign_id: str, limit: int = 50) -> list[CampaignRun]:
        """The runs over the whole audience, newest first; their counts, of all customers, only for whoever sees all."""
        found = self.repository.runs(campaign_id, limit)
        hides = self._warehouse.has_scope or self._warehouse.smallest_group > 0
        return [replace(one, counts=None) for one in found] if hides else found

    def dry_run(
        self, definition: Definition, campaign: Campaign | None = None, now: datetime | None = None
    ) -> Iterator[Planned]:
        """Every customer of the audience with what they would get, or why they get nothing. Needs EXPORT.

        Also needs SEE_PERSONAL_DATA, since being in a segment may tell a hidden value.
        """
        require(Action.EXPORT)
        require(Action.SEE_PERSONAL_DATA)
        with self.staged(definition, campaign, now) as staged:
            due_times = staged.placing.due_times
            for row in _read(self._store, staged.connection, decisions(STAGED_CANDIDATES, staged.terms)):
                is_sent = row.reason is None
                yield Planned(
                    customer_id=row.customer_id,
                    reason=row.reason,
                    variant=row.variant,
                    offer_id=row.offer_id,
                    channel=row.channel if is_sent else None,
                    due_at=due_times[row.due] if is_sent else None,
                )

    def dry_run_batches(self, definition: Definition, campaign: Campaign | None = None) -> Iterator[pa.RecordBatch]:
        """The same as record batches of a file; the first one may be empty, and brings the columns."""
        planned = self.dry_run(definition, campaign)
        while True:
            batch = planned_batch(list(islice(planned, _BATCH_ROWS)), self.settings.zone)
            yield batch
            if batch.num_rows < _BATCH_ROWS:
                return

    def candidates(
        self,
        campaign: Campaign,
        customer_ids: Collection[object],
        churn: Mapping[str, float] | None = None,
        latest: Mapping[str, LatestOffers] | None = None,
        fields: RuleFields | None = None,
    ) -> list[Candidate]:
        """Those of some customers, whom an event made enter, who are in the audience of the campaign.

        `churn` has probabilities that are newer than those of the last scoring run, and `latest` propensities; `fields`
        are read where they are not given. Reads the warehouse; what is decided about them is up to `consider`.
        """
        policy = self._policy_of(campaign.definition)
        given = self._given(campaign, policy)
        churn = churn or {}
        is_unknown = any(str(one) not in churn for one in customer_ids)
        statement = self._audience.statement(
            campaign.definition, policy, given, customer_ids, fields, with_churn=is_unknown
        )
        found = [Candidate.of(row) for row in self._warehouse.rows(statement)] if customer_ids else []
        if policy is not None and latest:
            found = with_latest_offers(found, what_is_left(policy, given), self._base, latest)
        return [one.with_churn(churn.get(one.customer_id)) for one in found]

    def some_candidates(
        self, campaign: Campaign, customer_ids: Collection[object] | None, limit: int
    ) -> list[Candidate]:
        """A few of the audience, or of those customers who are in it, for looking at what they would get."""
        policy = self._policy_of(campaign.definition)
        statement = self._audience.statement(campaign.definition, policy, {}, customer_ids)
        rows = self._warehouse.rows(statement.order_by("customer_id").limit(limit))
        return [Candidate.of(row) for row in rows]

    def consider(
        self,
        session: Session,
        campaign: Campaign,
        candidates: Sequence[Candidate],
        cause: str | Mapping[str, str],
        now: datetime | None = None,
    ) -> list[Decision]:
        """Decide about candidates in the session's transaction, and write their entries and messages.

        `cause` names what made them enter, such as "event:17", for all of them or by customer id. Asks the state store
        alone. A candidate who is given twice is considered once.
        """
        now = now or datetime.now(UTC)
        policy_id = campaign.definition.offer.chosen_by
        policy = find_policy(session, policy_id) if policy_id else None
        placing = Placing(campaign.definition, campaign.salt, now, self.settings.zone)
        terms = self.terms(campaign.definition, campaign, policy, now)
        return enter(session, campaign, candidates, terms, placing, cause)

    def totals(self) -> dict[str, Totals]:
        """The results of each campaign so far, by its id; over all customers, so a viewer with a scope is refused."""
        self._warehouse.require_every_customer("Results of campaigns")
        return totals(self._store)

    def performance(self, campaign: Campaign, now: datetime | None = None) -> Performance:
        """The results of a campaign so far; over all customers, so a viewer with a scope is refused.

        Small groups of customers are among them, so a viewer who sees none is refused too.
        """
        self._require_results()
        settings = self.settings
        return performance(self._store, campaign, zone=settings.zone, currency=settings.currency, now=now)

    def treatments(self, campaign: Campaign, now: datetime | None = None) -> Iterator[pa.RecordBatch]:
        """Who was written to or held out, and who converted, to train an uplift model; refused as `performance` is.

        Needs EXPORT, and SEE_PERSONAL_DATA, since what customers did is in it.
        """
        require(Action.EXPORT)
        require(Action.SEE_PERSONAL_DATA)
        self._require_results()
        return treatment_batches(self._store, campaign, now)

    def treatment_history(self, campaign_ids: Sequence[str]) -> History:
        """The outcomes of these campaigns with the features recorded at entry, for a training.

        Refused as `performance` is. Raises `NothingRecorded` where no usable features were recorded.
        """
        self._require_results()
        features = self.entry_features.table(campaign_ids)
        if features is None:
            raise NothingRecorded(campaign_ids)
        return treatment_history(self._store, [self.repository.get(one) for one in campaign_ids], features)

    def executions(self, campaign: Campaign) -> list[Execution]:
        """The results of each run, and of all entries by events together; refused as `performance` is."""
        self._require_results()
        return executions(self._store, campaign)

    def start(self, campaign_id: str, *, actor: str, now: datetime | None = None) -> Campaign:
        """Start a campaign, as `CampaignRepository.start` does, once its offers and the customers' consent are known.

        A viewer with a scope cannot: the campaign would write to customers whom they may not see.
        """
        self._require_runnable(campaign_id)
        return self.repository.start(campaign_id, actor=actor, now=now)

    def resume(self, campaign_id: str, *, actor: str, now: datetime | None = None) -> Campaign:
        """Resume a campaign; raises as `start` does."""
        self._require_runnable(campaign_id)
        return self.repository.resume(campaign_id, actor=actor, now=now)

    def _require_results(self) -> None:
        self._warehouse.require_every_customer("Results of campaigns")
        self._warehouse.require_rows()

    def _require_runnable(self, campaign_id: str) -> None:
        self._warehouse.require_every_customer("Campaigns that run")
        campaign = self.repository.get(campaign_id)
        require_startable(campaign, self.settings, self._store, self._warehouse, self._offers)

    def terms(self, definition: Definition, campaign: Campaign | None, policy: Policy | None, now: datetime) -> Terms:
        """What the candidates of a campaign are measured by."""
        caps = {offer: one.cap for offer, one in policy.offers.items() if one.cap is not None} if policy else {}
        messages = self.settings.frequency_cap_messages
        return Terms(
            campaign_id=campaign.id if campaign else _UNSAVED,
            definition=definition,
            now=now,
            overall_cap=Cap(messages, self.settings.frequency_cap_days) if messages else None,
            offer_caps=caps,
            is_simulated=campaign is not None and campaign.is_simulated,
        )

    @contextmanager
    def staged(self, definition: Definition, campaign: Campaign | None, now: datetime | None) -> Iterator[Staged]:
        """The whole audience in a temporary table of the state store, streamed from the warehouse."""
        require_consent(definition, self.settings, self._warehouse)
        now = now or datetime.now(UTC)
        policy = self._policy_of(definition)
        statement = self._audience.statement(definition, policy, self._given(campaign, policy))
        placing = Placing(definition, campaign.salt if campaign else _UNSAVED, now, self.settings.zone)
        table = CANDIDATES if definition.budget.most_messages is None else CANDIDATES_BY_POSITION
        with self._store.connection() as connection:
            batches = placing.columns(self._warehouse.stream_arrow(statement, _BATCH_ROWS))
            customers = stage_columns(self._store, connection, table, batches)
            yield Staged(connection, self.terms(definition, campaign, policy, now), placing, customers)

    def _policy_of(self, definition: Definition) -> Policy | None:
        policy_id = definition.offer.chosen_by
        return self._policies.get(policy_id).policy if policy_id else None

    def _given(self, campaign: Campaign | None, policy: Policy | None) -> dict[int, int]:
        """How many customers got each offer in the campaign, where the policy has caps."""
        if campaign is None or policy is None or all(one.cap is None for one in policy.offers.values()):
            return {}
        with self._store.session(read_only=True) as session:
            rows = session.execute(given_offers(campaign.id, is_simulated=campaign.is_simulated))
            return {row.offer_id: row.customers for row in rows}


def _read(store: StateStore, connection: Connection, statement: sa.Select) -> Iterator[Any]:
    """The rows of a statement over staged candidates, streamed, without a lock on anything."""
    with store.session(read_only=True, on=connection) as session:
        yield from session.execute(statement, execution_options={"yield_per": 10_000})
