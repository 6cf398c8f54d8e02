"""Simulated data sets, each with a difficulty that real histories have, and with known probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.quality.data_set import DataSet

if TYPE_CHECKING:
    from collections.abc import Iterator

Numbers = npt.NDArray[np.float64]


def simulated_sets() -> Iterator[DataSet]:
    """All simulated data sets; the same numbers in every run."""
    yield shop_with_blanks()
    yield bank()
    yield pairs_of_offers()
    yield three_together()
    yield many_categories()
    yield few_rows()
    yield rare_label()
    yield many_columns()


def shop_with_blanks() -> DataSet:
    """A shop's customers: informative blanks in numbers, effects of several features together, and near-copies."""
    random = np.random.default_rng(1)
    rows = 3_400
    tenure = random.gamma(1.2, 8, rows).round()
    cashback = random.lognormal(5, 0.3, rows)
    complained = random.random(rows) < 0.28
    days = random.gamma(1.3, 3.5, rows).round()
    orders = 1 + random.poisson(1 + tenure / 15)
    distance = 5 + random.gamma(1.5, 7, rows)
    rise = 11 + random.gamma(2, 2.3, rows)
    satisfaction = random.integers(1, 6, rows)
    addresses = 1 + random.poisson(3, rows)
    city = random.choice(["1", "2", "3"], rows, p=[0.65, 0.05, 0.3])
    status = random.choice(["Married", "Single", "Divorced"], rows, p=[0.53, 0.32, 0.15])
    category = random.choice(["Laptop", "Phone", "Fashion", "Grocery", "Other"], rows, p=[0.36, 0.37, 0.15, 0.07, 0.05])
    payment = random.choice(["Debit", "Credit", "Wallet", "Cash", "UPI"], rows, p=[0.4, 0.3, 0.11, 0.1, 0.09])
    single, phone = status == "Single", category == "Phone"
    logit = (
        -3.4
        + 2.6 * np.exp(-tenure / 4)
        + 1.6 * complained * (tenure < 12)
        + 1.7 * (single & phone & (satisfaction >= 3))
        - 1.5 * ((days > 5) & (orders > 2) & ~complained)
        + 1.4 * ((addresses > 5) & (cashback < 160))
        + 1.5 * ((distance > 18) & (city == "3"))
        - 1.3 * ((cashback > 170) & (tenure > 8) & ~single)
        + 0.8 * (payment == "Cash")
    )
    lost = random.random(rows) < 0.05 + 0.1 * (logit > -2)
    logit = 2.1 * (logit + 0.9 * lost) + 0.9
    numbers: dict[str, Numbers] = {
        "tenure": np.where(lost, np.nan, tenure),
        "distance": _with_blanks(distance, 0.045, random),
        "hours_on_app": _with_blanks(random.integers(0, 5, rows).astype(float), 0.045, random),
        "price_rise": _with_blanks(rise, 0.047, random),
        "coupons_used": _with_blanks(random.poisson(orders * 0.6).astype(float), 0.045, random),
        "orders": _with_blanks(orders.astype(float), 0.046, random),
        "days_since_last": _with_blanks(days, 0.055, random),
        "cashback": cashback,
        "devices": (1 + random.binomial(5, 0.5, rows)).astype(float),
        "satisfaction": satisfaction.astype(float),
        "addresses": addresses.astype(float),
        "complained": complained.astype(float),
    }
    texts = {"city_tier": city, "status": status, "category": category, "payment": payment}
    texts["gender"] = random.choice(["Female", "Male"], rows, p=[0.4, 0.6])
    original = np.concatenate([np.arange(rows), random.choice(rows, 5_630 - rows, replace=False)])
    table = {name: values[original] for name, values in (numbers | texts).items()}
    table["cashback"] = table["cashback"] + random.normal(0, 0.5, len(original)).round(2)
    probability = _probability(logit)
    classes = (random.random(rows) < probability)[original].astype(np.intp)
    about = "5,630 rows of 3,400 customers, the others near-copies; blanks that say something; three features together"
    return DataSet("shop with blanks", about, _table(table), classes, original, probability[original])


def bank() -> DataSet:
    """A bank's customers: curves that rise and fall, and products that act together with activity."""
    random = np.random.default_rng(2)
    rows = 10_000
    age = np.clip(random.gamma(14, 2.8, rows), 18, 92)
    products = random.choice([1, 2, 3, 4], rows, p=[0.51, 0.46, 0.025, 0.005])
    active = random.random(rows) < 0.52
    country = random.choice(["France", "Germany", "Spain"], rows, p=[0.5, 0.25, 0.25])
    balance = np.where(
        random.random(rows) < np.where(country == "Germany", 0, 0.48), 0, random.normal(1.2e5, 3e4, rows)
    )
    female = random.random(rows) < 0.45
    logit = (
        -2.2
        + 2.6 * np.exp(-(((age - 54) / 11) ** 2))
        - 0.9 * active
        - 1.1 * ((products == 2) & (balance > 0))
        - 0.7 * (products == 2)
        + 2.5 * (products >= 3)
        + 0.7 * (country == "Germany")
        + 0.5 * female
        + 0.8 * ((age > 45) & ~active & (products == 1))
    )
    table = {
        "credit_score": random.normal(650, 97, rows).round(),
        "age": age.round(),
        "tenure": random.integers(0, 11, rows).astype(float),
        "balance": balance,
        "products": products.astype(float),
        "card": (random.random(rows) < 0.7).astype(float),
        "active": active.astype(float),
        "salary": random.uniform(0, 2e5, rows),
        "country": country,
        "gender": np.where(female, "Female", "Male"),
    }
    about = "10,000 rows; curves that rise and fall, and features that act together"
    return _binary("bank", about, table, logit, random)


def pairs_of_offers() -> DataSet:
    """Few redemptions: which of five offers a customer took."""
    random = np.random.default_rng(3)
    rows, customers = 1_001, 430
    customer = random.integers(0, customers, rows)
    spend = random.gamma(1.5, 40, (customers, 5)) * (random.random((customers, 5)) < 0.7)
    values = spend[customer] * random.lognormal(0, 0.2, (rows, 5))
    recency, basket = random.gamma(1.2, 20, rows), random.lognormal(3.4, 0.5, rows)
    utility = 0.3 * np.log1p(values) + np.array([0.4, 0.1, 0, -0.2, -0.4])
    utility[:, 0] += 2.5 * ((recency > 25) & (basket < 30))
    utility[:, 2] += 2.8 * ((values[:, 1] > 40) & (values[:, 3] < 20))
    utility[:, 4] += 2.8 * ((basket > 34) & (values[:, 0] < 20))
    taken = (utility + random.gumbel(size=utility.shape)).argmax(axis=1)
    table: dict[str, Any] = {f"spend_{column + 1}": values[:, column] for column in range(5)}
    table |= {"recency": recency, "basket": basket, "visits": random.poisson(6, rows).astype(float)}
    return DataSet(
        "pairs of offers", "1,001 redemptions of five offers by 430 customers", _table(table), taken, customer
    )


def three_together() -> DataSet:
    """Three features that say little alone and much together."""
    random = np.random.default_rng(4)
    rows = 6_000
    values = random.normal(size=(rows, 10))
    signs = np.sign(values[:, 0]) * np.sign(values[:, 1]) * np.sign(values[:, 2] + 0.4)
    logit = -1 + 1.4 * signs + 0.5 * values[:, 3] + 0.4 * values[:, 4] * (values[:, 5] > 0)
    table = {f"x{column}": values[:, column] for column in range(10)}
    return _binary("three together", "6,000 rows; three features act only together", table, logit, random)


def many_categories() -> DataSet:
    """Texts with up to 200 values, most of them rare."""
    random = np.random.default_rng(5)
    rows = 8_000
    logit = np.full(rows, -1.4)
    table: dict[str, Any] = {}
    for name, count in (("store", 200), ("product", 80), ("region", 20)):
        chosen = np.minimum(random.geometric(3 / count, rows) - 1, count - 1)
        logit += random.normal(0, 0.6, count)[chosen]
        table[name] = np.array([f"{name} {number}" for number in range(count)])[chosen]
    visits, spend = random.poisson(4, rows).astype(float), random.lognormal(3, 0.8, rows)
    logit += -0.15 * visits + 0.5 * (np.log(spend) - 3) * (table["region"] == "region 0")
    table |= {"visits": visits, "spend": spend, "age": random.normal(45, 14, rows)}
    return _binary("many categories", "8,000 rows; texts of 200, 80 and 20 values", table, logit, random)


def few_rows() -> DataSet:
    """Four hundred customers."""
    random = np.random.default_rng(6)
    values = random.normal(size=(400, 8))
    logit = -0.8 + 0.9 * values[:, 0] - 0.6 * values[:, 1] + 0.5 * values[:, 2] * values[:, 0]
    table = {f"x{column}": values[:, column] for column in range(8)}
    return _binary("few rows", "400 rows", table, logit, random)


def rare_label() -> DataSet:
    """One customer in fifty leaves."""
    random = np.random.default_rng(7)
    rows = 20_000
    values = random.normal(size=(rows, 12))
    logit = -5.0 + 0.9 * values[:, 0] + 0.7 * np.abs(values[:, 1]) + 1.2 * (values[:, 2] > 0.5) * (values[:, 3] > 0)
    table = {f"x{column}": values[:, column] for column in range(12)}
    return _binary("rare label", "20,000 rows, 2 % of class 1", table, logit, random)


def many_columns() -> DataSet:
    """300 columns, of which fourteen matter."""
    random = np.random.default_rng(8)
    rows = 5_000
    factors = random.normal(size=(rows, 20))
    values = 0.6 * factors @ random.normal(size=(20, 300)) / 20**0.5 + random.normal(size=(rows, 300))
    logit = -1.2 + values[:, :10] @ random.normal(0, 0.35, 10)
    logit += 1.2 * (values[:, 10] > 0) * (values[:, 11] > 0) - 0.8 * (values[:, 12] > 0.5) * (values[:, 13] < 0)
    table = {f"x{column}": values[:, column] for column in range(300)}
    return _binary("many columns", "5,000 rows of 300 columns, of which fourteen matter", table, logit, random)


def _binary(name: str, about: str, table: dict[str, Any], logit: Numbers, random: np.random.Generator) -> DataSet:
    probability = _probability(logit)
    classes = (random.random(len(logit)) < probability).astype(np.intp)
    return DataSet(name, about, _table(table), classes, np.arange(len(logit)), probability)


def _probability(logit: Numbers) -> Numbers:
    return 1 / (1 + np.exp(-logit))


def _with_blanks(values: Numbers, share: float, random: np.random.Generator) -> Numbers:
    return np.where(random.random(len(values)) < share, np.nan, values)


def _table(columns: dict[str, Any]) -> pa.Table:
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})
