"""One block of members, simulated from the programme's start to the snapshot: their rows in every table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from loyalty_core.demo.arrow_columns import Integers, timestamps
from loyalty_core.demo.baskets import basket_table
from loyalty_core.demo.habits import Habits, draw_habits, make_first_member
from loyalty_core.demo.mailings import Mailing, offer_probabilities, send_mailing
from loyalty_core.demo.profiles import draw_ids, draw_profiles, profile_table
from loyalty_core.demo.purchases import Purchases, silence_probability, simulate_purchases
from loyalty_core.demo.shopping_clock import epoch_seconds
from loyalty_core.demo.timeline import Timeline
from loyalty_core.demo.truth import Kind, truth_rows

HAS_ACCOUNT = 0.88


@dataclass(frozen=True)
class BlockPlan:
    """The members of a block, and whether they are in the history tables (and in the truth about them)."""

    number: int
    first_member: int
    members: int
    with_history: bool


@dataclass(frozen=True)
class Block:
    """Arrow tables for the warehouse, and the truth, which is not written there."""

    plan: BlockPlan
    customers: pa.Table
    transactions: pa.Table
    responses: pa.Table
    truth: pa.Table


@dataclass(frozen=True)
class _Simulation:
    timeline: Timeline
    ids: pa.Array
    habits: Habits
    purchases: Purchases
    mailings: list[Mailing]


def simulate_block(timeline: Timeline, seed: int, plan: BlockPlan) -> Block:
    """Simulate one block; it depends only on the arguments, so blocks can be simulated in any order."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(plan.number,)))
    clock, today = timeline.clock, timeline.today
    ids = draw_ids(rng, plan.members, first_block=plan.number == 0)
    profiles = draw_profiles(rng, plan.members)
    habits = draw_habits(rng, profiles, today)
    if plan.number == 0:
        make_first_member(habits, today)
    purchases = simulate_purchases(rng, habits, clock, today)
    mailings = [send_mailing(rng, day, habits, purchases, timeline) for day in timeline.mailing_dates]
    simulation = _Simulation(timeline, ids, habits, purchases, mailings)
    profile = profile_table(rng, ids, profiles, clock.epoch_seconds(habits.joined), plan.first_member)
    last_login = _last_login(rng, simulation)
    return Block(
        plan=plan,
        customers=profile.append_column("marketing_consent", pa.array(habits.consents)).append_column(
            "last_login_at", last_login
        ),
        transactions=basket_table(rng, ids, habits, purchases, plan.number),
        responses=_responses(simulation),
        truth=pa.concat_tables(_truth(simulation, plan.with_history)),
    )


def _last_login(rng: np.random.Generator, simulation: _Simulation) -> pa.Array:
    """Some time between the last purchase (or joining) and the snapshot; NULL without an online account."""
    habits, timeline = simulation.habits, simulation.timeline
    seen = simulation.purchases.seen_at(timeline.today, habits.joined)
    since_login = seen.since_last * rng.beta(1.3, 1.0, len(habits))
    at = timeline.clock.epoch_seconds(timeline.today - since_login)
    no_account = rng.random(len(habits)) >= HAS_ACCOUNT
    return timestamps(np.minimum(at, epoch_seconds(timeline.snapshot) - 1), no_account)


def _responses(simulation: _Simulation) -> pa.Table:
    """All mailings, ordered by member, so that ids compress to a quarter of the disk space."""
    rows = pa.concat_tables(mailing.table(simulation.ids) for mailing in simulation.mailings)
    member = np.concatenate([mailing.member for mailing in simulation.mailings])
    return rows.take(np.argsort(member, kind="stable"))


def _truth(simulation: _Simulation, with_history: bool) -> Iterator[pa.Table]:
    timeline, members = simulation.timeline, len(simulation.habits)
    if with_history:
        for day in timeline.churn_dates:
            yield _truth_at(simulation, day, "churn", np.flatnonzero(_has_bought(simulation, day)))
        for mailing in simulation.mailings:
            redeemers = mailing.member[mailing.offer >= 0]
            known = _has_bought(simulation, mailing.day)[redeemers]
            yield _truth_at(simulation, mailing.day, "offer", redeemers[known])
    yield _truth_at(simulation, timeline.snapshot, "current", np.arange(members))


def _has_bought(simulation: _Simulation, day: date) -> np.ndarray:
    return simulation.purchases.before(simulation.timeline.clock.at(day)) > 0


def _truth_at(simulation: _Simulation, day: date, kind: Kind, rows: Integers) -> pa.Table:
    habits, timeline = simulation.habits, simulation.timeline
    seen = simulation.purchases.seen_at(timeline.clock.at(day), habits.joined)
    churn = silence_probability(habits, seen, timeline.shopping_days_ahead(day))[rows]
    offers = offer_probabilities(habits, seen, rows)
    return truth_rows(simulation.ids.take(pa.array(rows)), day, kind, churn, offers)
