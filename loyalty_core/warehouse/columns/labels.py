"""How columns are named and grouped for people."""

import re

# The fields that every loyalty programme has, by group; every other column is listed under OTHER_GROUP.
GROUPS: dict[str, frozenset[str]] = {
    "Financial": frozenset({"total_revenue", "lifetime_value", "avg_transaction_value", "points_balance"}),
    "Activity": frozenset({"transaction_count", "last_purchase_days_ago", "last_login_days_ago"}),
    "Profile": frozenset(
        {"customer_tier", "segment", "city", "region", "country", "age", "gender"},
    ),
    "Risk & Engagement": frozenset({"churn_score", "campaign_engagement_rate", "email_verified", "phone_verified"}),
}
OTHER_GROUP = "DWH Columns"
GROUP_ORDER = (*GROUPS, OTHER_GROUP)

_ACRONYMS = {word: word.upper() for word in ("id", "ltv", "nbo", "rfm", "sms", "tv", "url", "vip")}
_ABBREVIATIONS = {"avg": "average", "num": "count of", "pct": "percent", "qty": "quantity"}
_MONEY_WORDS = frozenset(
    {"revenue", "value", "amount", "charges", "spend", "spent", "price", "cost", "margin", "sales"}
)
_OTHER_THAN_MONEY = frozenset({"count", "growth", "hike", "percent", "segment", "tier"})
# "Hour spend" is time, whatever is spent.
_TIME_WORDS = frozenset({"hour", "hours", "minute", "minutes", "second", "seconds", "time"})
_PERIODS = frozenset({"week", "weeks", "month", "months", "quarter", "quarters"})
_WINDOW = re.compile(r"\b\d+ (days|weeks|months|quarters|years)\b")
_WORD_BREAK = re.compile(r"[\s_\-]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def group_of(column: str) -> str:
    """The group under which a column is shown."""
    return next((group for group, names in GROUPS.items() if column.lower() in names), OTHER_GROUP)


def label_of(column: str) -> str:
    """A column's name as words: `avg_order` → "Average order", `last_login_days_ago` → "Days since last login"."""
    words = [word.lower() for word in _WORD_BREAK.split(column) if word]
    if words[:1] == ["last"] and words[-2:] == ["days", "ago"]:
        words = ["days", "since", *words[:-2]]
    spelled = " ".join(_ACRONYMS.get(word, _ABBREVIATIONS.get(word, word)) for word in words)
    return spelled[:1].upper() + spelled[1:] if spelled else column


def unit_of(column: str) -> str:
    """What a number column holds, judged by its name; "" when that is unknown.

    "id", "money", "days", "years", "time" for hours or months, or "share". Orders within 30 days are no days.
    """
    words = set(_WINDOW.sub("", label_of(column).lower()).split())
    if words & {"id", "number"}:
        return "id"
    if words & _TIME_WORDS:
        return "time"
    if words & _MONEY_WORDS and not words & _OTHER_THAN_MONEY:
        return "money"
    if "days" in words:
        return "days"
    if words & {"age", "years"}:
        return "years"
    if words & _PERIODS:
        return "time"
    if words & {"rate", "share", "probability", "ratio", "score"} or words >= {"churn", "within"}:
        return "share"
    return ""
