"""One block of members, simulated from start to snapshot: the rows they leave in every table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from loyalty_core.demo.arrow_columns import Flags, Integers, timestamps
from loyalty_core.demo.baskets import basket_table
from loyalty_core.demo.mailings import Mailing, offer_probabilities, send_mailing
from loyalty_core.demo.members import (
    Habits,
    draw_habits,
    draw_ids,
    make_guide_customer,
    profile_table,
)
from loyalty_core.demo.purchases import Purchases, silence_probability, simulate_purchases
from loyalty_core.demo.shopping_clock import epoch_seconds
from loyalty_core.demo.timeline import Timeline
from loyalty_core.demo.truth import Kind, truth_rows

HAS_ACCOUNT = 0.88


@dataclass(frozen=True)
class Block:
    """Arrow tables as they go into the warehouse, and the truth that does not."""

    ids: pa.Array
    customers: pa.Table
    transactions: pa.Table
    responses: pa.Table
    truth: pa.Table
    with_history: bool


@dataclass(frozen=True)
class _Simulation:
    ids: pa.Array
    habits: Habits
    purchases: Purchases
    sold_at: Integers
    mailings: list[Mailing]
    timeline: Timeline


def simulate_block(
    timeline: Timeline, seed: int, number: int, first_member: int, members: int, first_receipt: int,
    *, with_history: bool,
) -> Block:
    """Simulate members `first_member` and following; the same seed and block number give the same block.

    `with_history` says whether the block's members appear in the two history tables, and so in the truth
    about these.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    ids = draw_ids(rng, members, first_block=number == 0)
    habits = draw_habits(rng, members, timeline.today)
    if number == 0:
        make_guide_customer(habits, timeline.today)
    purchases = simulate_purchases(rng, habits, timeline.today)
    sold_at = timeline.clock.epoch_seconds(purchases.moment)
    mailings = [
        send_mailing(rng, day, habits, purchases, sold_at, timeline) for day in timeline.mailing_dates
    ]
    simulation = _Simulation(ids, habits, purchases, sold_at, mailings, timeline)
    profile = profile_table(rng, ids, habits, first_member, timeline.clock)
    return Block(
        ids=ids,
        customers=profile.append_column("last_login_at", _last_login(rng, simulation)),
        transactions=basket_table(rng, ids, habits, purchases, sold_at, first_receipt),
        responses=pa.concat_tables(mailing.table(ids) for mailing in mailings),
        truth=pa.concat_tables(_truth(simulation, with_history)),
        with_history=with_history,
    )


def _truth(simulation: _Simulation, with_history: bool) -> Iterator[pa.Table]:
    timeline, purchases = simulation.timeline, simulation.purchases
    if with_history:
        for day in timeline.churn_dates:
            yield _truth_at(simulation, day, "churn", purchases.before(timeline.clock.at(day)) > 0)
        for mailing in simulation.mailings:
            redeemed = np.zeros(len(simulation.habits), dtype=bool)
            redeemed[mailing.member[mailing.offer >= 0]] = True
            bought = purchases.before(timeline.clock.at(mailing.day)) > 0
            yield _truth_at(simulation, mailing.day, "offer", redeemed & bought)
    yield _truth_at(simulation, timeline.snapshot, "current", np.ones(len(simulation.habits), dtype=bool))


def _truth_at(simulation: _Simulation, day: date, kind: Kind, about: Flags) -> pa.Table:
    habits, timeline = simulation.habits, simulation.timeline
    seen = simulation.purchases.seen_at(timeline.clock.at(day), habits.joined)
    churn = silence_probability(habits, seen, timeline.shopping_days_ahead(day))
    offers = offer_probabilities(habits, seen)
    return truth_rows(simulation.ids, day, kind, np.flatnonzero(about), churn, offers)


def _last_login(rng: np.random.Generator, simulation: _Simulation) -> pa.Array:
    """Some time between the last purchase (or joining) and the snapshot; NULL without an online account."""
    habits, timeline = simulation.habits, simulation.timeline
    seen = simulation.purchases.seen_at(timeline.today, habits.joined)
    since_login = seen.since_last * rng.beta(1.3, 1.0, len(habits))
    at = timeline.clock.epoch_seconds(timeline.today - since_login)
    no_account = rng.random(len(habits)) >= HAS_ACCOUNT
    return timestamps(np.minimum(at, epoch_seconds(timeline.snapshot) - 1), no_account)
