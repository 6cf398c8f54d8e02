"""The best offer of each customer under a policy: the same for a whole audience, for some customers, and for one."""

import pytest

from loyalty_core.analytics.offers import OfferTerms, Policy, bind_policy
from loyalty_core.analytics.offers.customer_offers import customer_offers
from loyalty_core.analytics.offers.policy import choose_offer
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.campaigns import Campaign, Definition
from loyalty_core.campaigns.enrolment import enter_staged
from loyalty_core.services import Services, get_services
from tests.campaigns.programme import NOW, messages
from tests.fixtures.api import NORWAY


@pytest.fixture
def services(scored_settings: None) -> Services:
    return get_services()


def started(services: Services, **caps: int) -> tuple[Campaign, Policy]:
    """A campaign by a policy that prefers offer 1, which only customers in Norway get."""
    policy = Policy(
        {
            1: OfferTerms(value=20, rule=NORWAY, cap=caps.get("first")),
            2: OfferTerms(value=2, cap=caps.get("second")),
            3: OfferTerms(value=1.5),
        }
    )
    saved = services.policies.save("Margin", policy, actor="ann")
    content = {
        "offer": {"kind": "best", "policy": saved.id},
        "channels": {"use": ["log"]},
        "variants": [{"name": "A", "share": 100, "messages": messages()}],
    }
    campaign = services.campaigns.repository.create("Best", Definition.from_json(content), actor="ann")
    return services.campaigns.start(campaign.id, actor="ann", now=NOW), policy


def enter_all(services: Services, campaign: Campaign) -> None:
    with services.campaigns.staged(campaign.definition, campaign, NOW) as staged:
        enter_staged(services.store, staged.connection, campaign, staged.terms, staged.placing, "run:1")


def reachable(services: Services, campaign: Campaign) -> list[str]:
    """The customers who would get a message."""
    dry = services.campaigns.dry_run(campaign.definition, campaign, NOW)
    return [one.customer_id for one in dry if one.reason is None]


def test_without_caps_an_audience_and_one_customer_get_the_same_offer(services: Services):
    campaign, policy = started(services)
    dry = services.campaigns.dry_run(campaign.definition, campaign, NOW)
    planned = {one.customer_id: one.offer_id for one in dry if one.reason in {None, "offer"}}
    assert len(set(planned.values())) > 1
    some = list(planned)[:60]
    found = services.campaigns.candidates(campaign, some)
    assert {one.customer_id: one.offer_id for one in found} == {one: planned[one] for one in some}
    bound = bind_policy(policy, services.segmentation)
    base = ScopedBase(services.warehouse, services.segmentation, Scope())
    for customer_id in some[:20]:
        own = customer_offers(base, bound, customer_id)
        assert choose_offer(bound, own.propensities, own.features) == planned[customer_id]


def test_the_caps_of_a_policy_hold_over_runs_and_events(services: Services):
    campaign, _ = started(services, first=25, second=7)
    planned = services.campaigns.waterfall(campaign.definition, campaign, NOW)
    assert (planned.by_offer[1], planned.by_offer[2]) == (25, 7)
    everyone = reachable(services, campaign)
    enter_all(services, campaign)
    candidates = services.campaigns.candidates(campaign, everyone[:200])
    assert {one.offer_id for one in candidates} == {3}


def test_two_workers_do_not_pass_the_cap_of_an_offer(services: Services):
    campaign, _ = started(services, second=3)
    everyone = reachable(services, campaign)
    prepared = [services.campaigns.candidates(campaign, part) for part in (everyone[:100], everyone[100:200])]
    decided = []
    for candidates in prepared:  # both were read before either was decided
        with services.store.session() as session:
            decided += services.campaigns.consider(session, campaign, candidates, "event:1", NOW)
    assert sum(one.offer_id == 2 and one.reason is None for one in decided) == 3
    assert any(one.reason == "offer" for one in decided)
