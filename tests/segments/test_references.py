import pytest

from loyalty_core.segments.references import field_of, references


def test_the_field_of_a_segment():
    assert field_of("high-churn-risk") == "segment:high-churn-risk"


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (None, ()),
        ({}, ()),
        ("segment:vip", ()),
        (["segment:vip"], ()),
        ({"var": "segment:vip"}, ("vip",)),
        ({"var": ["segment:vip", False]}, ("vip",)),
        ({"var": "points"}, ()),
        ({"var": 3}, ()),
        ({"==": [{"var": "city"}, "segment:vip"]}, ()),
        ({"missing": "segment:vip"}, ("vip",)),
        ({"missing": ["segment:vip", "city", "segment:new"]}, ("vip", "new")),
        ({"missing": [["segment:vip"]]}, ("vip",)),
        ({"missing_some": [1, ["segment:vip", "city"]]}, ("vip",)),
        ({"!": {"var": "segment:vip"}}, ("vip",)),
        ({"if": [{"var": "segment:a"}, {"and": [{"var": "segment:b"}, {"var": "segment:a"}]}]}, ("a", "b")),
        ({"or": [{"==": [{"var": "segment:z"}, True]}, {"==": [{"var": "segment:a"}, False]}]}, ("z", "a")),
        ({"var": "segment:with:colon"}, ("with:colon",)),
        ({"and": ({"var": "segment:vip"},)}, ("vip",)),
    ],
)
def test_references_finds_each_segment_that_a_rule_reads(rule: object, found: tuple[str, ...]):
    assert references(rule) == found


def test_a_rule_may_be_nested_deeper_than_pythons_stack():
    rule: object = {"var": "segment:vip"}
    for _ in range(200_000):
        rule = {"!": [rule]}
    assert references(rule) == ("vip",)
    while isinstance(rule, dict):  # freed one by one, since Python would otherwise recurse
        rule = rule["!"][0] if "!" in rule else None
