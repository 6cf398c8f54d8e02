"""Examples of campaigns."""

from typing import Any

from loyalty_core.api.examples.example import CUSTOMER, NOW, Example

_SPRING = {"campaign_id": "spring-news"}
_MESSAGE = {"log": {"subject": "", "body": "Spring has come, {{ customer.full_name | default: 'dear customer' }}."}}
_GIVEN: dict[str, Any] = {
    "audience": {"segment": "vip"},
    "trigger": {"kind": "schedule", "days": ["mon"], "hour": 9},
    "variants": [{"name": "A", "share": 100, "messages": {"log": {"body": _MESSAGE["log"]["body"]}}}],
    "channels": {"use": ["log"]},
    "holdout": {"share": 10},
}
_DEFINITION = {
    "audience": {"segment": "vip", "include": [], "exclude": []},
    "trigger": {
        "kind": "schedule",
        "segment": None,
        "event_type": None,
        "days": ["mon"],
        "hour": 9,
        "minute": 0,
        "start_on": None,
        "end_on": None,
    },
    "offer": {"kind": "none", "offer_id": None, "policy": None},
    "variants": [{"name": "A", "share": 100.0, "offer_id": None, "messages": _MESSAGE}],
    "channels": {"use": ["log"], "prefer_column": True},
    "frequency": {"campaign": None},
    "quiet_hours": None,
    "re_entry": {"kind": "never", "days": 30},
    "holdout": {"share": 10.0},
    "budget": {"messages": None, "money": None, "cost_per_message": 0.0},
    "conversion": {"event_types": ["campaign.converted", "transaction.created"], "within_days": 14},
    "cancel_on_leave": True,
}
_DRAFT = {
    "id": "spring-news",
    "name": "Spring news",
    "state": "draft",
    "version": 1,
    "definition": _DEFINITION,
    "owner": "ann@example.com",
    "created_at": NOW,
    "updated_at": NOW,
    "updated_by": "ann@example.com",
    "submitted_by": None,
    "approved_by": None,
    "approved_version": None,
    "started_by": None,
    "started_at": None,
    "ended_at": None,
    "next_run_at": None,
    "is_simulated": False,
    "missing": [],
}
_SUBMITTED = {**_DRAFT, "state": "awaiting_approval", "submitted_by": "ann@example.com"}
_APPROVED = {**_DRAFT, "submitted_by": "ann@example.com", "approved_by": "bob@example.com", "approved_version": 1}
_RUNNING = {
    **_APPROVED,
    "state": "running",
    "started_by": "bob@example.com",
    "started_at": NOW,
    "next_run_at": "2026-11-30T09:00:00Z",
}
_PAUSED = {**_RUNNING, "state": "paused", "next_run_at": None}
_FIRST_VERSION = {
    "number": 1,
    "at": NOW,
    "actor": "ann@example.com",
    "changes": ["Created."],
    "name": "Spring news",
    "definition": _DEFINITION,
}
_WATERFALL = {
    "audience": 412,
    "steps": [
        {"reason": "excluded", "title": "In an excluded segment", "removed": 0, "remaining": 412},
        {"reason": "consent", "title": "No consent", "removed": 97, "remaining": 315},
        {"reason": "holdout", "title": "Holdout", "removed": 30, "remaining": 285},
    ],
    "to_send": 285,
    "delayed": 0,
    "delayed_until": None,
    "unreadable_zones": 0,
    "by_channel": {"log": 285},
    "by_variant": {"A": 285},
    "by_offer": {},
}
_RUN = {
    "id": 1,
    "campaign_id": "spring-news",
    "status": "waiting",
    "due_at": NOW,
    "started_at": NOW,
    "ended_at": None,
    "started_by": "ann@example.com",
    "version": 1,
    "counts": None,
    "error": None,
    "job_id": 7,
}
_TOTAL = {
    "entered": 285,
    "queued": 285,
    "sent": 285,
    "failed": 0,
    "delivered": 281,
    "opened": 120,
    "clicked": 44,
    "converted": 31,
    "bounced": 4,
    "unsubscribed": 1,
    "revenue": 1_240.5,
    "conversion_rate": 0.109,
    "revenue_per_contact": 4.35,
}
_HELD = {**dict.fromkeys(_TOTAL, 0), "entered": 30, "converted": 2, "conversion_rate": 0.067, "revenue_per_contact": 0}
_PERFORMANCE = {
    "campaign_id": "spring-news",
    "total_sent": 285,
    "delivered": 281,
    "opened": 120,
    "clicked": 44,
    "converted": 31,
    "total": _TOTAL,
    "holdout": _HELD,
    "by_variant": {"A": _TOTAL},
    "by_offer": {},
    "by_channel": {"log": _TOTAL},
    "suppressed": {"consent": 97},
    "effect": {
        "treated": 285,
        "held": 30,
        "verdict": "Too early to tell: the time to convert is over for 285 customers and 30 of the holdout; it takes "
        "100 of each.",
        "is_certain": False,
        "conversion": None,
        "revenue": None,
        "uplift": None,
        "cost": 0.0,
    },
    "days": [
        {
            "day": "2026-11-24",
            "entered": 285,
            "sent": 285,
            "delivered": 281,
            "opened": 80,
            "clicked": 21,
            "converted": 9,
        }
    ],
    "currency": "EUR",
}
_EXECUTION = {
    "id": "spring-news:run:1",
    "campaign": "spring-news",
    "status": "done",
    "started_at": NOW,
    "ended_at": NOW,
    "total_sent": 285,
    "delivered": 281,
    "opened": 120,
    "clicked": 44,
    "converted": 31,
}

EXAMPLES = {
    "try_campaign": Example(_WATERFALL, {"definition": _GIVEN}),
    "create_campaign": Example(_DRAFT, {"name": "Spring news", "definition": _GIVEN}),
    "list_campaigns": Example({"campaigns": [_DRAFT]}, parameters={"state": "draft"}),
    "read_campaign": Example(_DRAFT, parameters=_SPRING),
    "update_campaign": Example(
        {**_DRAFT, "version": 2},
        {"name": "Spring news", "definition": {**_GIVEN, "holdout": {}}, "version": 1},
        _SPRING,
    ),
    "change_campaign": Example({**_DRAFT, "version": 3}, {"definition": {"holdout": {"share": 10}}}, _SPRING),
    "read_campaign_versions": Example({"versions": [_FIRST_VERSION]}, parameters=_SPRING),
    "restore_campaign": Example({**_DRAFT, "version": 4}, {"version": 1}, _SPRING),
    "read_waterfall": Example(_WATERFALL, parameters=_SPRING),
    "dry_run_campaign": Example(
        '"customer_id","gets_a_message","outcome","variant","offer_id","channel","due_at"\n'
        f'"{CUSTOMER}",true,"Gets a message","A",,"log","2026-11-24T08:00+00:00"\n',
        parameters=_SPRING,
    ),
    "submit_campaign": Example(_SUBMITTED, parameters=_SPRING),
    "approve_campaign": Example(_APPROVED, {"version": 1}, {"campaign_id": "win-back"}),
    "reject_campaign": Example(_DRAFT, {"reason": "The text has a mistake."}, {"campaign_id": "thank-you"}),
    "start_campaign": Example(_RUNNING, parameters=_SPRING),
    "run_campaign": Example(_RUN, parameters=_SPRING),
    "read_runs": Example({"runs": [_RUN]}, parameters=_SPRING),
    "read_performance": Example(_PERFORMANCE, parameters=_SPRING),
    "export_treatments": Example(
        '"customer_id","treated_at","treated","channel","offer_id","outcome","spend"\n'
        f'"{CUSTOMER}",2026-10-20 08:00:00Z,true,"email",3,true,49.9\n',
        parameters=_SPRING,
    ),
    "list_executions": Example([_EXECUTION], parameters={"campaign": "spring-news"}),
    "pause_campaign": Example(_PAUSED, parameters=_SPRING),
    "resume_campaign": Example(_RUNNING, parameters=_SPRING),
    "activate_campaign": Example(_RUNNING, parameters={"campaign_id": "win-back"}),
    "end_campaign": Example({**_RUNNING, "state": "ended", "ended_at": NOW, "next_run_at": None}, parameters=_SPRING),
    "delete_campaign": Example(parameters={"campaign_id": "thank-you"}),
}
