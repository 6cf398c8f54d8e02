"""One block of members, simulated from the programme's start to the snapshot: their rows in every table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from loyalty_core.demo.arrow_columns import Integers, coded, timestamps
from loyalty_core.demo.baskets import basket_table
from loyalty_core.demo.circumstances import CAUSES
from loyalty_core.demo.habits import Habits, draw_habits, make_first_member
from loyalty_core.demo.mailings import Mailing, offer_probabilities, send_mailing, uptake_probability
from loyalty_core.demo.profiles import draw_ids, draw_profiles, profile_table
from loyalty_core.demo.purchases import Purchases, Seen, silence_probability, simulate_purchases
from loyalty_core.demo.shopping_clock import epoch_seconds
from loyalty_core.demo.signals import Signals, signals_table
from loyalty_core.demo.timeline import CHURN_DAYS, MAILING_DAYS, Timeline
from loyalty_core.demo.treatments import Treatments, simulate_treatments
from loyalty_core.demo.truth import Kind, offer_columns, truth_rows

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
    """Arrow tables for the warehouse, and the truth, which is not written there.

    `signals` are features of the members at the snapshot, and at the dates of the history tables.
    """

    plan: BlockPlan
    customers: pa.Table
    transactions: pa.Table
    responses: pa.Table
    signals: pa.Table
    treatments: pa.Table
    truth: pa.Table


@dataclass(frozen=True)
class _Simulation:
    timeline: Timeline
    ids: pa.Array
    habits: Habits
    purchases: Purchases
    mailings: list[Mailing]
    treatments: list[Treatments]

    def seen_on(self, day: date) -> Seen:
        return self.purchases.seen_at(self.timeline.clock.at(day), self.habits.joined)


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
    treatments = [
        simulate_treatments(rng, day, habits, purchases, purchases.seen_at(clock.at(day), habits.joined))
        for day in timeline.churn_dates
    ]
    simulation = _Simulation(timeline, ids, habits, purchases, mailings, treatments)
    profile = profile_table(rng, ids, profiles, clock.epoch_seconds(habits.joined), plan.first_member)
    last_login = _last_login(rng, simulation)
    baskets = basket_table(rng, ids, habits, purchases, plan.number)
    return Block(
        plan=plan,
        customers=profile.append_column("marketing_consent", pa.array(habits.consents)).append_column(
            "last_login_at", last_login
        ),
        transactions=baskets,
        responses=_responses(simulation),
        signals=_signals(simulation, Signals(habits, purchases, baskets), plan.with_history),
        treatments=_treatments(simulation, plan.with_history),
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


def _signals(simulation: _Simulation, signals: Signals, with_history: bool) -> pa.Table:
    timeline = simulation.timeline
    past = {*timeline.churn_dates, *timeline.offer_dates} if with_history else set()
    tables = []
    for day in sorted(past | {timeline.snapshot}):
        seen = simulation.seen_on(day)
        joined = simulation.habits.joined < seen.moment
        rows = np.arange(len(simulation.habits)) if day == timeline.snapshot else np.flatnonzero(joined)
        tables.append(signals_table(simulation.ids.take(pa.array(rows)), day, signals.at(seen, rows)))
    return pa.concat_tables(tables)


def _treatments(simulation: _Simulation, with_history: bool) -> pa.Table:
    rows = pa.concat_tables(treatments.table(simulation.ids) for treatments in simulation.treatments)
    return rows if with_history else rows.slice(0, 0)


def _truth(simulation: _Simulation, with_history: bool) -> Iterator[pa.Table]:
    timeline, members = simulation.timeline, len(simulation.habits)
    if with_history:
        for day in timeline.churn_dates:
            yield _truth_at(simulation, day, "churn", np.flatnonzero(simulation.seen_on(day).count > 0))
        for mailing in simulation.mailings[-len(timeline.offer_dates) :]:
            known = simulation.seen_on(mailing.day).count[mailing.member] > 0
            yield _truth_at(simulation, mailing.day, "offer", mailing.member[known])
        for treatments in simulation.treatments:
            yield treatments.truth(simulation.ids)
    yield _truth_at(simulation, timeline.snapshot, "current", np.arange(members))


def _truth_at(simulation: _Simulation, day: date, kind: Kind, rows: Integers) -> pa.Table:
    habits, purchases, timeline = simulation.habits, simulation.purchases, simulation.timeline
    seen = simulation.seen_on(day)
    cause = np.where(seen.count > 0, purchases.circumstances.cause[seen.last], len(CAUSES) - 1)[rows]
    churn = silence_probability(habits.rate, seen, timeline.shopping_days_ahead(day, CHURN_DAYS))[rows]
    uptake = uptake_probability(habits, seen, rows, timeline.shopping_days_ahead(day, MAILING_DAYS))
    columns = {
        "true_churn_probability": churn,
        "true_cause": coded(cause, CAUSES).dictionary_decode(),
        "true_uptake_probability": uptake,
        **offer_columns(offer_probabilities(habits, purchases, seen, rows)),
    }
    return truth_rows(simulation.ids.take(pa.array(rows)), day, kind, columns)
