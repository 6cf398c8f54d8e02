"""The definition of a campaign as JSON, and what is refused."""

from typing import Any

import pytest

from loyalty_core.campaigns import BadCampaign, Budget, Definition
from tests.campaigns.programme import definition

WHOLE = {
    "audience": {"segment": "vip", "include": ["new"], "exclude": ["staff"]},
    "trigger": {
        "kind": "schedule",
        "segment": None,
        "event_type": None,
        "days": ["mon", "fri"],
        "hour": 9,
        "minute": 30,
        "start_on": "2026-03-01",
        "end_on": None,
    },
    "offer": {"kind": "best", "offer_id": None, "policy": "margin"},
    "variants": [
        {"name": "A", "share": 50.0, "offer_id": None, "messages": {"log": {"subject": "", "body": "Hi"}}},
        {"name": "B", "share": 50.0, "offer_id": 3, "messages": {}},
    ],
    "channels": {"use": ["email", "log"], "prefer_column": True},
    "frequency": {"campaign": {"messages": 1, "days": 7}},
    "quiet_hours": {"from": "21:00:00", "until": "08:00:00"},
    "re_entry": {"kind": "after_days", "days": 30},
    "holdout": {"share": 10.0},
    "budget": {"messages": 100, "money": 50.0, "cost_per_message": 0.25},
    "conversion": {"event_types": ["transaction.created"], "within_days": 14},
    "cancel_on_leave": False,
}


def test_a_definition_comes_back_from_json_as_it_was():
    read = Definition.from_json(WHOLE)
    assert read.to_json() == WHOLE
    assert Definition.from_json(read.to_json()) == read
    assert read.segments == ("vip", "new", "staff")
    assert Definition.from_json({}) == Definition()


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"frequency": {"campaign": {"messages": 0, "days": 7}}}, "0 would block everyone; leave it empty for no cap"),
        ({"budget": {"messages": 0}}, "0 would block everyone"),
        ({"budget": {"money": 10}}, "needs the cost of a message"),
        ({"holdout": {"share": 100}}, "holdout.share"),
        ({"holdout": {"share": float("nan")}}, "holdout.share"),
        ({"quiet_hours": {"from": "21:00", "until": "21:00"}}, "begin and end at the same time"),
        ({"channels": {"use": ["log", "log"]}}, "named twice"),
        ({"variants": []}, "from 1 to 10 variants"),
        ({"variants": [{"name": "a"}, {"name": "A"}]}, "same name"),
        ({"trigger": {"kind": "schedule", "start_on": "2026-02-02", "end_on": "2026-02-01"}}, "before its first day"),
        ({"trigger": {"hour": 24}}, "trigger.hour"),
        ({"surprise": 1}, "There is no such field"),
        ([], "cannot be used"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place_or_reason(part: Any, words: str):
    with pytest.raises(BadCampaign) as refused:
        Definition.from_json(part)
    assert words in str(refused.value)


def test_a_budget_in_money_is_a_number_of_messages():
    assert Budget().most_messages is None
    assert Budget(money=0.3, cost_per_message=0.1).most_messages == 3
    assert Budget(messages=2, money=0.3, cost_per_message=0.1).most_messages == 2


def test_what_is_missing_is_listed():
    uneven = [{"name": "A", "share": 60, "messages": {"email": {"body": "Hi"}}}]
    missing = definition(variants=uneven, channels={"use": ["email"]}, offer={"kind": "fixed"}).missing()
    assert missing == [
        "Choose the offer.",
        "The shares of the variants have to add up to 100%.",
        "Write the subject of the e-mail of variant A.",
    ]
