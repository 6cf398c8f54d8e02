"""The feature contract: encoding of columns and of single customers, and the error for a mismatch."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from loyalty_core.errors import DataError
from loyalty_core.ml.features import (
    FeatureContract,
    FeatureCountMismatch,
    InputFeature,
    fit_contract,
    require_input_size,
)
from loyalty_core.settings import Settings
from loyalty_core.warehouse.mapping import MappingError

CONTRACT = FeatureContract(
    (
        InputFeature("revenue", "number", median=7.5),
        InputFeature("active", "boolean", median=1.0),
        InputFeature("city", "text", categories=("Oslo", "Bergen")),
    )
)
FLAGGED = FeatureContract(
    (
        InputFeature("revenue", "number", median=7.5, flags_blanks=True),
        InputFeature("active", "boolean", median=1.0, flags_blanks=True),
    )
)


def test_a_wrong_input_size_names_the_setting_to_change() -> None:
    settings = Settings(ml_feature_mapping={"a": "a", "b": "b"}, ml_model_input_size=5)
    with pytest.raises(ValueError, match=r"^Feature count mismatch: ML_MODEL_INPUT_SIZE is 5") as caught:
        require_input_size(settings)
    assert "Set ML_MODEL_INPUT_SIZE to 2" in str(caught.value)


def test_other_features_than_trained_on_are_a_mismatch() -> None:
    with pytest.raises(
        FeatureCountMismatch, match=r"trained on 3 features \(revenue, active, city\).*has 1 \(revenue\)"
    ):
        CONTRACT.require(["revenue"])
    CONTRACT.require(["city", "active", "revenue"])


def test_columns_become_numbers_slots_and_blanks() -> None:
    encoded = CONTRACT.encode(
        {
            "revenue": pa.array([1.5, None, math.nan]),
            "active": pa.array([True, False, None]),
            "city": pa.array(["Bergen", "Paris", None]),
        }
    )
    assert encoded.values.tolist() == [[1.5, 1, 0, 1, 0], [7.5, 0, 0, 0, 1], [7.5, 1, 0, 0, 1]]
    assert encoded.blanks.tolist() == [[False, False, False], [True, False, False], [True, True, True]]
    assert encoded.values.dtype == np.float32
    assert CONTRACT.slices == (slice(0, 1), slice(1, 2), slice(2, 5))


def test_a_flagged_blank_has_a_slot_beside_its_median() -> None:
    encoded = FLAGGED.encode({"revenue": pa.array([1.5, math.nan]), "active": pa.array([None, False])})
    assert encoded.values.tolist() == [[1.5, 0, 1, 1], [7.5, 1, 0, 0]]
    assert encoded.blanks.tolist() == [[False, True], [True, False]]
    assert FLAGGED.slices == (slice(0, 2), slice(2, 4))


@pytest.mark.parametrize(
    "revenue",
    [
        pa.array([Decimal("2.50"), None]),
        pa.array(["2.5", None]),
        pa.chunked_array([[2.5], [None]], type=pa.float32()),
        np.array([2.5, np.nan]),
        np.array([Decimal("2.5"), None], dtype=object),
        pa.array([2.5, math.inf]),
        pa.array([2.5, 1e300]),
    ],
    ids=["decimal", "text", "chunks", "numpy", "objects", "infinity", "beyond float32"],
)
def test_numbers_are_read_in_whatever_form_they_come(revenue: Any) -> None:
    contract = FeatureContract(CONTRACT.inputs[:1])
    encoded = contract.encode({"revenue": revenue})
    assert encoded.values.tolist() == [[2.5], [7.5]]
    assert encoded.blanks.tolist() == [[False], [True]]


@pytest.mark.parametrize(
    "row",
    [
        {"revenue": Decimal("3.25"), "active": True, "city": "Oslo"},
        {"revenue": None, "active": None, "city": None},
        {"revenue": math.nan, "active": 0, "city": ""},
        {"revenue": 1e300, "active": False, "city": "Ålesund"},
        {"revenue": -4, "active": 1, "city": "Bergen"},
    ],
)
@pytest.mark.parametrize("contract", [CONTRACT, FLAGGED], ids=["plain", "flagged"])
def test_one_customer_is_encoded_like_a_column(row: dict[str, Any], contract: FeatureContract) -> None:
    single = contract.encode_row(row)
    column = contract.encode({name: np.array([value], dtype=object) for name, value in row.items()})
    assert single.values.tolist() == column.values.tolist()
    assert single.blanks.tolist() == column.blanks.tolist()


def test_text_in_place_of_a_number_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="'revenue' should be a number"):
        CONTRACT.encode({"revenue": pa.array(["much"]), "active": pa.array([True]), "city": pa.array(["Oslo"])})
    with pytest.raises(DataError, match="'revenue' should be a number, but is 'much'"):
        CONTRACT.encode_row({"revenue": "much", "active": True, "city": "Oslo"})


def test_a_missing_feature_is_a_count_mismatch() -> None:
    with pytest.raises(FeatureCountMismatch, match=r"3 features are required, but 1 were given\. Missing: active"):
        CONTRACT.encode({"revenue": pa.array([1.0])})
    with pytest.raises(FeatureCountMismatch, match="Missing: city"):
        CONTRACT.encode_row({"revenue": 1, "active": True})


def test_the_contract_survives_json() -> None:
    for contract in (CONTRACT, FLAGGED):
        assert FeatureContract.from_json(json.loads(json.dumps(contract.to_json()))) == contract


def test_a_contract_without_flags_for_blanks_is_read_as_it_was_written() -> None:
    written = [{"name": "n", "kind": "number", "median": 2.0, "categories": []}]
    contract = FeatureContract.from_json(written)
    assert contract.width == 1
    assert contract.encode({"n": pa.array([None, 5.0])}).values.tolist() == [[2.0], [5.0]]


_NUMBER = {"name": "a", "kind": "number", "median": 0, "categories": []}


@pytest.mark.parametrize("damaged", [None, [{}], [_NUMBER | {"kind": "date"}], [_NUMBER | {"flags_blanks": 2}], 7])
def test_a_damaged_contract_is_refused(damaged: Any) -> None:
    with pytest.raises(DataError, match="feature contract cannot be read"):
        FeatureContract.from_json(damaged)


def test_fitting_learns_medians_and_frequent_categories_of_all_tables() -> None:
    cities = ["Oslo"] * 600 + ["Bergen"] * 380 + ["Moss"] * 9 + [None] * 11
    first = pa.table({"n": pa.array([1.0, 3.0] * 500), "b": [True, True, False, None] * 250, "t": cities})
    second = pa.table({"n": pa.array([100] * 1_000), "b": [True] * 1_000, "t": ["Oslo"] * 1_000})
    number, boolean, text = fit_contract([first, second]).inputs
    assert (number.kind, number.median, number.flags_blanks) == ("number", (3 + 100) / 2, False)
    assert (boolean.kind, boolean.median, boolean.flags_blanks) == ("boolean", 1.0, True)
    assert (text.kind, text.categories) == ("text", ("Oslo", "Bergen", ""))  # Moss is rare, blank is not


@pytest.mark.parametrize(("blanks", "flags"), [(9, False), (10, True), (1_000, False)])
def test_blanks_get_a_slot_where_they_are_frequent_but_not_all(blanks: int, flags: bool) -> None:
    (number,) = fit_contract([pa.table({"n": pa.array([None] * blanks + [1.0] * (1_000 - blanks))})]).inputs
    assert number.flags_blanks == flags


def test_a_feature_that_is_text_here_and_a_number_there_is_refused() -> None:
    with pytest.raises(MappingError, match="'a' is a number and a text in different tables"):
        fit_contract([pa.table({"a": [1, 2]}), pa.table({"a": ["x", "y"]})])


def test_a_date_is_no_feature() -> None:
    with pytest.raises(MappingError, match=r"'born' is a column of type date32.*days since"):
        fit_contract([pa.table({"born": pa.array([0], type=pa.date32())})])
