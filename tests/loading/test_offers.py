"""Offers taken, from a column, a file or a log, as the history that the offer model learns from."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.errors import DataError
from loyalty_core.loading import (
    CustomerColumns,
    OffersFile,
    PurchaseColumns,
    load_features,
    load_transactions,
)
from loyalty_core.loading.behaviour import behaviour_features
from tests.fixtures.loading import rows_of, types_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Export = Callable[..., Path]

COUNTS = """SELECT name, count(*) FROM customer_offer_history
    LEFT JOIN offers ON offer_id = converted_offer_id GROUP BY name"""


def customers(of: Callable[[int], str], heading: str) -> str:
    return "\n".join([f"id,points,{heading}", *(f"k{number},{number % 9},{of(number)}" for number in range(100))])


def counts(out: Path) -> dict[Any, int]:
    return dict(rows_of(out, COUNTS))


def test_a_column_that_names_the_offer(export: Export, out: Path) -> None:
    names = ["Mug", "Bag", "None", "", "Rare"]
    file = export(customers(lambda n: f"{names[4 if n == 7 else n % 4]},{n % 4 * 10}", "gift,gift_code"))
    report = load_features(file, out, CustomerColumns("id", offers=["gift"]), snapshot=date(2024, 1, 1))
    assert counts(out) == {"Bag": 25, "Mug": 25, None: 49}
    assert rows_of(out, "FROM offers ORDER BY ALL") == [(1, "Bag"), (2, "Mug")]
    assert types_of(out, "customer_offer_history") == {
        **{"customer_id": "VARCHAR", "points": "BIGINT", "gift_code": "VARCHAR"},
        **{"converted_offer_id": "INTEGER", "created_at": "DATE"},
    }
    assert "Offers taken fewer than 20 times are left out: Rare." in report.notes
    assert report.suggestion is not None
    assert list(report.suggestion.features) == ["points"]
    assert report.suggestion.left_out[0].reason == "it is a copy of gift, written in another way"


def test_offers_keep_their_numbers_when_newer_data_has_more_of_them(export: Export, out: Path) -> None:
    file = export(customers(lambda n: ["Mug", "Cap"][n % 2], "gift"))
    load_features(file, out, CustomerColumns("id", offers=["gift"]))
    assert rows_of(out, "FROM offers ORDER BY ALL") == [(1, "Cap"), (2, "Mug")]
    file = export(customers(lambda n: ["Mug", "Bag", "Cap", "Bag"][n % 4], "gift"))
    load_features(file, out, CustomerColumns("id", offers=["gift"]), overwrite=True)
    assert rows_of(out, "FROM offers ORDER BY ALL") == [(1, "Cap"), (2, "Mug"), (3, "Bag")]


def test_columns_of_yes_and_no(export: Export, out: Path) -> None:
    flags = ["Yes,Yes", "No,Yes", "No internet service,No", "Yes,No"]
    file = export(customers(lambda n: flags[n % 4], "Backup,Streaming"))
    load_features(file, out, CustomerColumns("id", offers=["Backup", "Streaming"]))
    assert counts(out) == {"Backup": 50, "Streaming": 50, None: 25}
    with pytest.raises(DataError, match="Column points does not say yes or no"):
        load_features(file, out, CustomerColumns("id", offers=["Backup", "points"]), overwrite=True)


OFFERS = "card_no;coupon_id;coupon;sent;redeemed\n" + "\n".join(
    f"k{n % 120};{n % 2 + 3};{['Tea', 'Cake'][n % 2]};2024-0{n % 3 + 1}-10;{'yn'[n % 3 > 1]}" for n in range(240)
)


def test_a_file_of_offers_beside_the_customers(export: Export, out: Path) -> None:
    file, offers = export(customers(str, "age")), OffersFile(export(OFFERS, "offers.csv"))
    columns = {"customer": "card_no"}
    report = load_features(file, out, CustomerColumns("id"), offers=OffersFile(offers.file, columns))
    assert sum(counts(out).values()) == 200
    assert counts(out)[None] == 66
    assert rows_of(out, "SELECT DISTINCT created_at FROM customer_offer_history ORDER BY 1") == [
        (date(2024, month, 10),) for month in (1, 2, 3)
    ]
    assert "40 offers are of customers who are not in the file, and are left out." in report.notes
    assert any("customer card_no, offer coupon, date sent, taken redeemed" in note for note in report.notes)
    assert types_of(out, "customer_offer_history")["age"] == "BIGINT"


def test_a_column_of_offers_that_is_not_found_is_asked_for(export: Export, out: Path) -> None:
    offers = OffersFile(export("who,what\nk1,Tea\n", "offers.csv"))
    file = export(customers(str, "age"))
    with pytest.raises(DataError, match=r'offers.csv is the customer\?.*who, what.*--offers-column "customer=who"'):
        load_features(file, out, CustomerColumns("id"), offers=offers)
    with pytest.raises(DataError, match=r'offers.csv is the offer\?.*what.*--offers-column "offer=what"'):
        load_features(file, out, CustomerColumns("id"), offers=OffersFile(offers.file, {"customer": "who"}))


LOG = "card,day,paid,coupon\n" + "\n".join(
    f"k{n % 30},2024-{n // 30 + 1:02}-{n % 28 + 1:02},{n % 11 + 1},{['', 'Tea', 'Cake'][n % 3]}" for n in range(180)
)


def test_an_offer_in_a_log_has_the_features_of_the_purchases_before_it(export: Export, out: Path) -> None:
    report = load_transactions(export(LOG), out, PurchaseColumns("card", "day", "paid", offer="coupon"))
    history = "SELECT * FROM customer_offer_history WHERE customer_id = 'k1' AND created_at = DATE '2024-04-08'"
    (row,) = rows_of(out, f"SELECT total_revenue, transaction_count, lifetime_value FROM ({history})")
    expected = f"SELECT total_revenue, transaction_count, lifetime_value FROM ({behaviour_features(date(2024, 4, 8))})"
    assert rows_of(out, f"{expected} WHERE customer_id = 'k1'") == [row]
    assert set(counts(out)) == {"Tea", "Cake"}
    assert "20 offers are left out: their customers bought nothing before them." in report.notes
