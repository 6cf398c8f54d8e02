"""The customers of a campaign in the warehouse: who is in the audience, how they can be reached, and their offers.

One statement, for the whole audience or for some customers only, so that both get the same answers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.offers import CLOSED, Cutoff, Policy, arbitrate, bind_policy, offers_taken
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.campaigns.contact import ContactColumns
from loyalty_core.segments.predicted_fields import field_name
from loyalty_core.segments.references import field_of
from loyalty_core.warehouse.customers import read_id

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from loyalty_core.campaigns.definition import Definition
    from loyalty_core.rules import Rule
    from loyalty_core.segments import RuleFields, SegmentationEngine
    from loyalty_core.warehouse import Warehouse

_CHURN = "churn_probability"
# The segment whose members enter by an event counts as joined: the event says so, the warehouse may not do so yet.
_BY_EVENT = "segment_joined"


class AudienceReader:
    """Builds the statement that gives the customers of a campaign.

    Raises the errors of rules, policies and the warehouse, and `ConsentUnknown`.
    """

    def __init__(self, warehouse: Warehouse, engine: SegmentationEngine) -> None:
        self._warehouse = warehouse
        self._engine = engine

    def statement(
        self,
        definition: Definition,
        policy: Policy | None = None,
        given: Mapping[int, int] | None = None,
        ids: Collection[object] | None = None,
        fields: RuleFields | None = None,
        *,
        with_churn: bool = True,
    ) -> sa.Select:
        """The customers of the segments in the audience, or those of them with the `ids`, who entered by an event.

        Columns: customer_id (text), is_included (0 for the members of excluded segments), has_consent, reach (bit i for
        the i-th channel of the campaign), preferred (number of the preferred channel), time_zone, offer_id and
        churn_probability. `given` counts the customers who already got each offer of the policy in this campaign;
        `fields` are read where they are not given. Without `with_churn`, churn_probability is NULL.
        """
        audience = _Audience(self._warehouse, self._engine, definition, ids, fields)
        taken = None
        if definition.offer.kind == "best" and policy is not None:
            taken = _best_offers(audience, policy, given or {}, at_once=ids is None)
        return audience.statement(taken, with_churn=with_churn)


class _Audience(ScopedBase):
    """The customers that a campaign may write to, as the base that offers are arbitrated in."""

    def __init__(
        self,
        warehouse: Warehouse,
        engine: SegmentationEngine,
        definition: Definition,
        ids: Collection[object] | None,
        fields: RuleFields | None,
    ) -> None:
        super().__init__(warehouse, engine, Scope())
        self._definition = definition
        self._ids = ids
        self.fields = fields or engine.read_fields()
        included = definition.audience.included
        trigger = definition.trigger
        if ids is not None and trigger.kind == _BY_EVENT and trigger.segment in included:
            included = ()
        self._belongs = self.fields.compile(_any_of(included)) if included else None
        excluded = definition.audience.exclude
        self._excluded = self.fields.compile(_any_of(excluded)) if excluded else None
        self._contact = ContactColumns.of(warehouse.settings, self.fields.features)

    def statement(self, taken: sa.Subquery | None, *, with_churn: bool) -> sa.Select:
        """The statement of `AudienceReader`; `taken` has the best offers."""
        churn = self._churn() if with_churn else None
        relation = self._relation(*([churn] if churn else []))
        identifier = self.warehouse.id_of(relation)
        selected = sa.select(
            sa.cast(identifier, sa.Text).label("customer_id"),
            _flag(self._is_included(relation)).label("is_included"),
            _flag(self._contact.has_consent(relation)).label("has_consent"),
            self._reach(relation).label("reach"),
            self._preferred(relation).label("preferred"),
            self._contact.zone(relation).label("time_zone"),
            self._offer(taken).label("offer_id"),
            (sa.cast(relation.c[churn], sa.Double) if churn else sa.cast(sa.null(), sa.Double)).label(_CHURN),
        )
        source = relation if taken is None else relation.outerjoin(taken, taken.c.id == identifier)
        return selected.select_from(source).where(*self._conditions(relation))

    def customers(self, *fields: str) -> sa.Subquery:
        """Those who can be given an offer, with these fields."""
        relation = self._relation(*fields)
        can_be_reached = sa.or_(*(self._contact.can_receive(relation, one) for one in self._definition.channels.use))
        wanted = (*self._conditions(relation), self._is_included(relation), self._contact.has_consent(relation))
        columns = (relation.c[name] for name in dict.fromkeys(fields))
        return sa.select(*columns).where(*wanted, can_be_reached).subquery("reachable")

    def _relation(self, *fields: str) -> sa.FromClause:
        rules = [rule for rule in (self._belongs, self._excluded) if rule is not None]
        return self.fields.relation((*(name for rule in rules for name in rule.columns), *fields))

    def _conditions(self, relation: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        identifier = self.warehouse.id_of(relation)
        conditions: list[sa.ColumnElement[bool]] = [identifier.is_not(None)]
        if self._belongs is not None:
            conditions.append(self._belongs.to_sql(relation, where=True))
        if self._ids is not None:
            values = {value for one in self._ids if (value := read_id(one, identifier.type)) is not None}
            conditions.append(self.warehouse.dialect.is_one_of(identifier, values) if values else sa.false())
        return conditions

    def _is_included(self, relation: sa.FromClause) -> sa.ColumnElement[bool]:
        return sa.true() if self._excluded is None else sa.not_(_holds(self._excluded, relation))

    def _reach(self, relation: sa.FromClause) -> sa.ColumnElement[int]:
        bits = [
            sa.case((self._contact.can_receive(relation, channel), 1 << index), else_=0)
            for index, channel in enumerate(self._definition.channels.use)
        ]
        return sum(bits[1:], start=bits[0]) if bits else sa.literal_column("0", sa.Integer())

    def _preferred(self, relation: sa.FromClause) -> sa.ColumnElement[int | None]:
        use = self._definition.channels.use
        if not self._definition.channels.prefer_column or len(use) < 2:
            return sa.cast(sa.null(), sa.Integer)
        name = self._contact.preferred(relation)
        return sa.case(*((name == channel, index) for index, channel in enumerate(use)), else_=sa.null())

    def _offer(self, taken: sa.Subquery | None) -> sa.ColumnElement[int | None]:
        offer = self._definition.offer
        if taken is not None:
            return taken.c.offer
        if offer.kind == "fixed" and offer.offer_id is not None:
            return sa.cast(sa.literal(offer.offer_id), sa.BigInteger)
        return sa.cast(sa.null(), sa.BigInteger)

    def _churn(self) -> str | None:
        """The field of the churn probability, where the customers have been scored."""
        name = field_name(_CHURN, self.fields.features)
        return name if any(column.name == name for column in self.fields.columns) else None


def _best_offers(audience: _Audience, policy: Policy, given: Mapping[int, int], *, at_once: bool) -> sa.Subquery:
    """The best offer of each customer within what is left of the caps.

    For a whole audience the policy arbitrates; for customers who come one by one, an offer is there until it is used
    up.
    """
    left = what_is_left(policy, given)
    bound = bind_policy(left, audience.engine)
    has_caps = any(terms.cap is not None for terms in left.offers.values())
    if at_once and has_caps:
        cutoffs: Mapping[int, Cutoff] = arbitrate(audience, bound).cutoffs
    else:
        cutoffs = {offer: CLOSED for offer, terms in left.offers.items() if terms.cap == 0}
    return offers_taken(audience, bound, cutoffs)


def what_is_left(policy: Policy, given: Mapping[int, int]) -> Policy:
    """The policy with what is left of its caps after this many customers got each offer."""
    return Policy(
        {
            offer: terms if terms.cap is None else replace(terms, cap=max(0, terms.cap - given.get(offer, 0)))
            for offer, terms in policy.offers.items()
        }
    )


def _any_of(segments: Collection[str]) -> Any:
    """The rule that holds for the members of any of the segments."""
    conditions = [{"==": [{"var": field_of(one)}, True]} for one in segments]
    return conditions[0] if len(conditions) == 1 else {"or": conditions}


def _holds(rule: Rule, relation: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether the rule holds; never NULL."""
    return sa.func.coalesce(rule.to_sql(relation, where=True), sa.false())


def _flag(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.case((condition, 1), else_=0)
