"""A rule in an address: short, whole again on the other side, and no harm from anything else."""

import base64
import json
import zlib
from typing import Any

import pytest

from loyalty_core.ui.segments.address import decode_rule, encode_rule

RULE = {
    "and": [
        {">=": [{"var": "total_revenue"}, 500.5]},
        {
            "!": {
                "or": [{"in": [{"var": "city"}, ["Ålesund", "東京", 'a"b\\c']]}, {"==": [{"var": "segment:vip"}, True]}]
            }
        },
    ]
}


def packed(content: bytes) -> str:
    """Any bytes in the way that a rule is written."""
    return base64.urlsafe_b64encode(zlib.compress(content)).decode().rstrip("=")


@pytest.mark.parametrize("rule", [RULE, {}, True, 0, "", [], {"==": [{"var": "age"}, None]}])
def test_a_rule_comes_back_as_it_was(rule: Any):
    assert json.dumps(decode_rule(encode_rule(rule))) == json.dumps(rule)


def test_a_rule_needs_no_escapes_in_an_address():
    word = encode_rule({"in": [{"var": "city"}, [f"?{number}>" for number in range(200)]]})
    assert word.replace("-", "").replace("_", "").isalnum()


def test_a_rule_is_shorter_than_its_json():
    rule = {"or": [{"==": [{"var": "preferred_category"}, f"Category {number}"]} for number in range(50)]}
    assert len(encode_rule(rule)) < len(json.dumps(rule)) / 4


@pytest.mark.parametrize(
    "word",
    ["", "hello!!world", "é", "=", "A", "AAAA", encode_rule(RULE)[:-6], encode_rule(RULE)[6:], "a" * 4_000],
)
def test_a_word_that_is_no_rule_is_none(word: str):
    assert decode_rule(word) is None


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"a": 1, "a": 2}', b"[" * 100_000, b"9" * 10_000])
def test_what_is_no_json_is_none(content: bytes):
    assert decode_rule(packed(content)) is None


def test_a_small_word_for_a_huge_text_is_refused():
    assert decode_rule(packed(b" " * 50_000_000 + b"1")) is None
