"""What the pages read, cached for five minutes or until the warehouse's revision changes; separately for each scope."""

import hashlib
import json
import pickle
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from loyalty_core.cancellation import cancellable, current_cancellation
from loyalty_core.errors import LoyaltyError
from loyalty_core.segments.figures import Profile
from loyalty_core.services import get_services
from loyalty_core.ui.script_run import cancellation_of_run
from loyalty_core.ui.work_slots import evaluation_slot
from loyalty_core.warehouse import columns, customers, offers
from loyalty_core.warehouse.columns import Catalog
from loyalty_core.warehouse.connection import Row
from loyalty_core.warehouse.customers import MonthlySpend, Transactions
from loyalty_core.warehouse.predictions import ScoringRun, last_run
from loyalty_core.warehouse.source import Source, describe_source

# How many viewers wait for, or are reading, each result.
_readers = Counter[tuple[str, str, bytes]]()
_counting = threading.Lock()

RuleBasis = str
P = ParamSpec("P")
R = TypeVar("R")


def cached(read: Callable[P, R]) -> Callable[P, R]:
    """Cache figures of the whole base, as `cached_lookup` does; computing them takes a slot.

    Such a function must not call another one, which might wait for a slot that the first does not give up.
    """

    @wraps(read)
    def in_slot(*arguments: P.args, **named: P.kwargs) -> R:
        with evaluation_slot(shows_waiting=False):
            return read(*arguments, **named)

    return cached_lookup(in_slot)


def cached_lookup(read: Callable[P, R]) -> Callable[P, R]:
    """Cache the results of a function by its arguments, the warehouse's revision and what the viewer may see."""

    # Streamlit leaves arguments with a leading underscore out of the cache key: the digest of them takes less time.
    def at_revision(seen: str, digest: bytes, _call: Callable[[], R]) -> R:
        del seen, digest
        return _call()

    # Streamlit identifies a cached function by this name.
    at_revision.__qualname__ = read.__qualname__
    by_revision: Any = st.cache_data(ttl="5m", max_entries=1_000, show_spinner=False)(at_revision)

    @wraps(read)
    def latest(*arguments: P.args, **named: P.kwargs) -> R:
        seen, digest = _seen(), hashlib.sha256(pickle.dumps((arguments, named))).digest()
        with _one_reader_of((read.__qualname__, seen, digest)):
            return by_revision(seen, digest, partial(read, *arguments, **named))

    return latest


@contextmanager
def _one_reader_of(result: tuple[str, str, bytes]) -> Iterator[None]:
    """The statements in this block are stopped when the viewer has moved on, unless others wait for the same result."""
    outer = current_cancellation() or cancellation_of_run()
    with _counting:
        _readers[result] += 1
    try:
        with cancellable(outer and outer.only_if(lambda: _readers[result] == 1)):
            yield
    finally:
        with _counting:
            _readers[result] -= 1
            if not _readers[result]:
                del _readers[result]


def _seen() -> str:
    """What the viewer may see of which state of the warehouse."""
    warehouse = get_services().warehouse
    _ = warehouse.engine  # detects a replaced file, which changes the revision
    return warehouse.cache_key


def catalog() -> Catalog:
    """The columns of the features view with their statistics; cached by the warehouse itself."""
    return get_services().warehouse.catalog()


def column_for(role: columns.Role) -> columns.Column | None:
    """The column of the features view that has this role, None where there is none."""
    return columns.column_for(role, catalog().columns, get_services().settings)


@st.cache_data(ttl="10s", show_spinner=False)
def outage() -> LoyaltyError | None:
    """Why the warehouse does not answer, checked every ten seconds: cached figures would hide an outage for minutes."""
    return get_services().warehouse.health().error


@cached
def key_figures() -> customers.KeyFigures:
    """Key figures of the whole base."""
    return customers.key_figures(get_services().warehouse)


@cached_lookup
def source() -> Source:
    """Where the data comes from and how fresh it is."""
    return describe_source(get_services().warehouse)


@cached
def histograms(names: tuple[str, ...]) -> list[columns.Histogram | None]:
    """Customers by value of each of these number columns."""
    warehouse = get_services().warehouse
    features = warehouse.features
    return columns.histograms(warehouse, [features.c[name] for name in names])


@cached
def customers_by_month(column: str) -> list[tuple[date, int]]:
    """Customers by month of a date column."""
    return columns.customers_by_month(get_services().warehouse, column)


@cached_lookup
def spend_by_month(customer_id: Any = None) -> list[MonthlySpend]:
    """Spend by month, of one customer or of all; empty when there are no transactions."""
    transactions = Transactions.find(get_services().warehouse)
    return transactions.by_month(customer_id) if transactions else []


@cached_lookup
def latest_purchases(customer_id: Any) -> list[Row]:
    """One customer's latest purchases, newest first."""
    transactions = Transactions.find(get_services().warehouse)
    return transactions.latest(customer_id) if transactions else []


@cached
def top_customers() -> list[Row]:
    """The customers with the highest revenue."""
    return customers.top_customers(get_services().warehouse)


@cached_lookup
def customers_found(text: str, limit: int) -> tuple[list[Row], int]:
    """The customers who match a search best, at most `limit`, and how many match."""
    features = get_services().features
    found = features.search(text, limit)
    return found, len(found) if len(found) < limit else features.count_found(text)


@cached_lookup
def percentile_ranks(features: dict[str, Any]) -> dict[str, float]:
    """Percentile rank of each of one customer's numbers in the base, 0 to 1."""
    return columns.percentile_ranks(get_services().warehouse, features)


def offer_names() -> dict[int, str]:
    """Offer id → name, where the warehouse has names."""
    return offers.names_in(get_services().offers.get())


@cached
def field_histogram(field: str, run: ScoringRun | None) -> columns.Histogram | None:
    """Customers by value of a number that a rule can read; `run` is what made the predictions."""
    del run  # part of the cache key only
    return get_services().segmentation.histogram(field)


@cached
def field_spreads(fields: tuple[str, ...], run: ScoringRun | None, bars: int) -> dict[str, columns.Histogram | None]:
    """Customers by value of each of these numbers."""
    del run  # part of the cache key only
    return get_services().segmentation.histograms(fields, bars)


def segment_profile(rule: Any) -> Profile:
    """A rule's customers against the base."""
    return _segment_profile(rule, rule_basis())


@cached
def _segment_profile(rule: Any, basis: RuleBasis) -> Profile:
    del basis  # part of the cache key only
    return get_services().segmentation.profile(rule)


def rule_basis() -> RuleBasis:
    """What a rule's result depends on besides rule and view: the predictions, and the rules of other segments.

    A digest, because every function that is cached under it would otherwise digest all of this again.
    """
    services = get_services()
    basis = repr(last_run(services.warehouse)), services.segments.rules()
    return hashlib.sha256(json.dumps(basis, default=str).encode()).hexdigest()
