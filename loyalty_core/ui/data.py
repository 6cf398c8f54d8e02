"""What the pages read, kept for five minutes or until the warehouse's revision changes."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.segments.figures import Profile
from loyalty_core.services import get_services
from loyalty_core.warehouse import offers
from loyalty_core.warehouse.columns import distribution
from loyalty_core.warehouse.columns.catalog import Catalog
from loyalty_core.warehouse.connection import Row
from loyalty_core.warehouse.customers import key_figures as overview
from loyalty_core.warehouse.customers.transactions import MonthlySpend, Transactions
from loyalty_core.warehouse.predictions.relation import ScoringRun, last_run
from loyalty_core.warehouse.source import Source, describe_source, name_data

RuleBasis = tuple[ScoringRun | None, dict[str, Any]]
P = ParamSpec("P")
R = TypeVar("R")


def kept(read: Callable[P, R]) -> Callable[P, R]:
    """Cache by arguments and by the warehouse's revision."""

    # The revision's name has no underscore in front: Streamlit leaves such arguments out of the key.
    def at_revision(revision: int, *arguments: P.args, **named: P.kwargs) -> R:
        del revision
        return read(*arguments, **named)

    # Streamlit tells cached functions apart by this name.
    at_revision.__qualname__ = read.__qualname__
    cached: Any = st.cache_data(ttl="5m", max_entries=1_000, show_spinner=False)(at_revision)

    @wraps(read)
    def latest(*arguments: P.args, **named: P.kwargs) -> R:
        return cached(_revision(), *arguments, **named)

    return latest


def _revision() -> int:
    warehouse = get_services().warehouse
    _ = warehouse.engine  # notices a replaced file, which moves the revision
    return warehouse.revision


def catalog() -> Catalog:
    """The columns of the features view with their statistics; the warehouse itself keeps them."""
    return get_services().warehouse.catalog()


@st.cache_data(ttl="10s", show_spinner=False)
def outage() -> LoyaltyError | None:
    """Why the warehouse does not answer, asked every ten seconds: kept figures would hide it for minutes."""
    return get_services().warehouse.health().error


@kept
def key_figures() -> overview.KeyFigures:
    """Key figures of the whole base."""
    return overview.key_figures(get_services().warehouse)


@kept
def source() -> Source:
    """Where the data comes from and how fresh it is."""
    return describe_source(get_services().warehouse)


@kept
def histogram(column: str) -> distribution.Histogram | None:
    """Customers by value of a number column."""
    return distribution.histogram(get_services().warehouse, column)


@kept
def customers_by_month(column: str) -> list[tuple[date, int]]:
    """Customers by month of a date column."""
    return distribution.customers_by_month(get_services().warehouse, column)


@kept
def spend_by_month(customer_id: Any = None) -> list[MonthlySpend]:
    """Spend by month, of one customer or of all; empty when there are no transactions."""
    transactions = Transactions.find(get_services().warehouse)
    return transactions.by_month(customer_id) if transactions else []


@kept
def latest_purchases(customer_id: Any) -> list[Row]:
    """One customer's latest purchases, newest first."""
    transactions = Transactions.find(get_services().warehouse)
    return transactions.latest(customer_id) if transactions else []


@kept
def top_customers() -> list[Row]:
    """The customers with the highest revenue."""
    return overview.top_customers(get_services().warehouse)


@kept
def percentile_ranks(features: dict[str, Any]) -> dict[str, float]:
    """Where one customer's numbers stand in the base."""
    return distribution.percentile_ranks(get_services().warehouse, features)


@kept
def offer_names() -> dict[int, str]:
    """Offer id → name, where the warehouse has names."""
    return offers.offer_names(get_services().warehouse)


@kept
def field_histogram(field: str, run: ScoringRun | None, bars: int = 20) -> distribution.Histogram | None:
    """Customers by value of a number that a rule can read; `run` is what made the predictions."""
    del run  # a part of the key only
    return get_services().segmentation.histogram(field, bars)


def segment_profile(rule: Any) -> Profile:
    """A rule's customers against the base."""
    return _segment_profile(rule, rule_basis())


@kept
def _segment_profile(rule: Any, basis: RuleBasis) -> Profile:
    del basis  # a part of the key only
    return get_services().segmentation.profile(rule)


def rule_basis() -> RuleBasis:
    """What a rule's answer depends on beside itself and the view: the predictions, and what other segments say."""
    services = get_services()
    return last_run(services.warehouse), services.segments.rules()


@kept
def data_name() -> str:
    """What the models must have been trained on to be trusted here."""
    return name_data(get_services().warehouse)
