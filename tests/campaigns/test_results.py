"""Results of campaigns: figures by variant, offer and channel, and against the holdout."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from loyalty_core.campaigns import Campaign, Figures
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRunRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord
from tests.campaigns.programme import NOW, Programme

Open = Callable[..., Programme]
LATER = NOW + timedelta(days=30)


def fill(
    one: Programme, campaign: Campaign, treated: int, held: int, *, bought: tuple[int, int], amount: float = 10.0
) -> None:
    """Entries, of which so many bought; every message was sent by e-mail, every second one was opened."""
    with one.services.store.session() as session:
        for number in range(treated + held):
            is_held, place = number >= treated, number if number < treated else number - treated
            values: dict[str, Any] = {"campaign_id": campaign.id, "customer_id": f"C{number}", "is_simulated": False}
            entry = CampaignEntryRecord(
                number=1, entered_at=NOW, cause="run:1", version=1, status="holdout" if is_held else "queued",
                variant="AB"[number % 2], offer_id=3, **values,
            )  # fmt: skip
            session.add(entry)
            session.flush()
            if not is_held:
                session.add(OutboxRecord(
                    entry_id=entry.id, channel="email", key=f"key-{number}", version=1, queued_at=NOW, due_at=NOW,
                    status="sent", attempts=1, sent_at=NOW, **values,
                ))  # fmt: skip
            kinds = ["opened"] if place % 2 and not is_held else []
            kinds += ["converted"] if place < bought[is_held] else []
            session.add_all(
                MessageOutcomeRecord(
                    entry_id=entry.id,
                    kind=kind,
                    occurred_at=NOW + timedelta(days=1),
                    event=number,
                    message_key=None if is_held else f"key-{number}",
                    value=amount,
                    **values,
                )
                for kind in kinds
            )


def started(programme: Open) -> tuple[Programme, Campaign]:
    one = programme()
    return one, one.campaign(holdout={"share": 50}, budget={"cost_per_message": 0.5})


def test_figures_by_variant_offer_and_channel_add_up(programme_anywhere: Open):
    one, campaign = started(programme_anywhere)
    fill(one, campaign, 6, 4, bought=(3, 1))
    found = one.services.campaigns.performance(campaign, LATER)
    assert found.total == Figures(entered=6, queued=6, sent=6, opened=3, converted=3, revenue=30.0)
    assert found.holdout == Figures(entered=4, converted=1, revenue=10.0)
    assert {name: figures.entered for name, figures in found.by_variant.items()} == {"A": 3, "B": 3}
    assert found.by_offer == {3: found.total}
    assert found.by_channel == {"email": found.total}
    first, second = found.days[0], found.days[1]
    assert (len(found.days), first.day, first.entered, first.sent) == (31, "2026-03-10", 6, 6)
    assert (second.opened, second.converted, second.entered) == (3, 3, 0)


def test_an_effect_is_stated_with_its_interval_and_in_money(programme: Open):
    one, campaign = started(programme)
    fill(one, campaign, 200, 200, bought=(60, 20))
    effect = one.services.campaigns.performance(campaign, LATER).effect
    assert (effect.treated, effect.held, effect.is_certain) == (200, 200, True)
    assert effect.conversion is not None
    assert effect.revenue is not None
    assert effect.conversion.value == pytest.approx(0.2)
    assert effect.conversion.interval.low == pytest.approx(0.122, abs=0.005)
    assert effect.revenue.value == pytest.approx(2.0)
    assert effect.revenue.interval.low == pytest.approx(2 - 1.96 * 0.388, abs=0.01)
    assert effect.cost == 100.0
    assert effect.uplift == pytest.approx(2.0 * 200 - 100)
    assert effect.verdict.startswith("The campaign makes more customers convert: between +12.")


@pytest.mark.parametrize(
    ("sizes", "days", "words"),
    [
        ((200, 200), 13, "Too early to tell: customers have 14 days to convert"),
        ((200, 20), 30, "it takes 100 of each"),
    ],
)
def test_nothing_is_stated_before_it_can_be(programme: Open, sizes: tuple[int, int], days: int, words: str):
    one, campaign = started(programme)
    fill(one, campaign, *sizes, bought=(60, 2))
    effect = one.services.campaigns.performance(campaign, NOW + timedelta(days=days)).effect
    assert words in effect.verdict
    assert (effect.is_certain, effect.conversion, effect.uplift) == (False, None, None)


def test_a_difference_whose_interval_has_0_is_not_stated(programme: Open):
    one, campaign = started(programme)
    fill(one, campaign, 120, 120, bought=(12, 10))
    effect = one.services.campaigns.performance(campaign, LATER).effect
    assert effect.verdict.startswith("No difference can be stated yet: it is between −")
    assert not effect.is_certain


def test_without_a_holdout_it_says_so_and_the_suppressed_are_counted(programme: Open):
    one = programme()
    campaign = one.campaign()
    with one.services.store.session() as session:
        counts = {"audience": 10, "consent": 4, "to_send": 6, "delayed": 0, "unreadable_zones": 0, "holdout": 0}
        session.add(CampaignRunRecord(
            campaign_id=campaign.id, due_at=NOW, started_at=NOW, started_by="ann", version=1, status="done",
            counts=counts,
        ))  # fmt: skip
        session.add(CampaignEntryRecord(
            campaign_id=campaign.id, customer_id="C1", number=1, entered_at=NOW, cause="event:1", version=1,
            status="suppressed", reason="consent", is_simulated=False,
        ))  # fmt: skip
    found = one.services.campaigns.performance(campaign, LATER)
    assert found.effect.verdict.startswith("There is no holdout")
    assert found.suppressed == {"consent": 5}


def test_treatments_are_those_whose_time_is_over(programme_anywhere: Open):
    one, campaign = started(programme_anywhere)
    fill(one, campaign, 3, 2, bought=(2, 1), amount=20.0)
    campaigns = one.services.campaigns
    [early] = campaigns.treatments(campaign, NOW + timedelta(days=1))
    assert early.num_rows == 0
    [found] = campaigns.treatments(campaign, LATER)
    assert found.schema.names == ["customer_id", "treated_at", "treated", "channel", "offer_id", "outcome", "spend"]
    assert [tuple(row.values())[2:] for row in found.to_pylist()] == [
        (True, "email", 3, True, 20.0), (True, "email", 3, True, 20.0), (True, "email", 3, False, 0.0),
        (False, None, 3, True, 20.0), (False, None, 3, False, 0.0),
    ]  # fmt: skip
    assert set(found["treated_at"].to_pylist()) == {NOW}
