"""Offer policies: create, read, change and delete."""

from typing import Any

from fastapi import APIRouter, Response

from loyalty_core.access import Action, current_viewer
from loyalty_core.analytics.offers import Policy, SavedPolicy, bind_policy
from loyalty_core.api.access import allowed
from loyalty_core.api.conditional import Conditional
from loyalty_core.api.policies.bodies import (
    PoliciesAnswer,
    PolicyAnswer,
    PolicyBody,
    PolicyId,
    PolicyPatch,
    PolicyUpdate,
    PolicyVersionsAnswer,
    policy_answer,
)
from loyalty_core.api.work_limits import change_slot
from loyalty_core.services import Services, get_services

router = APIRouter()

_edit = allowed(Action.EDIT_POLICIES)


@router.get("/", response_model=PoliciesAnswer)
def list_policies() -> dict[str, Any]:
    """Every policy, by name."""
    return {"policies": [policy_answer(one) for one in get_services().policies.list()]}


@router.post("/", status_code=201, response_model=PolicyAnswer, dependencies=[_edit, change_slot])
def create_policy(body: PolicyBody) -> dict[str, Any]:
    """Save a new policy; 409 if the name is taken."""
    return policy_answer(_saved(get_services(), body.name, body.policy, None))


@router.get("/{policy_id}/", response_model=PolicyAnswer)
def read_policy(policy_id: PolicyId, conditions: Conditional) -> Response:
    """One policy with its terms."""
    return conditions.answer(policy_answer(get_services().policies.get(policy_id)))


@router.put("/{policy_id}/", response_model=PolicyAnswer, dependencies=[_edit, change_slot])
def update_policy(policy_id: PolicyId, body: PolicyUpdate, conditions: Conditional) -> dict[str, Any]:
    """Save the next version; 409 if someone else has saved one after `version`."""
    services = get_services()
    policy = services.policies.get(policy_id)
    conditions.require_unchanged(policy_answer(policy))
    return conditions.mark(policy_answer(_saved(services, policy.name, body.policy, body.version)))


@router.patch("/{policy_id}/", response_model=PolicyAnswer, dependencies=[_edit, change_slot])
def change_policy(policy_id: PolicyId, body: PolicyPatch, conditions: Conditional) -> dict[str, Any]:
    """Change the given terms only; with `version`, 409 if someone else has saved one after it."""
    services = get_services()
    before = services.policies.get(policy_id)
    conditions.require_unchanged(policy_answer(before))
    changed = body.applied_to(before.policy.offers)
    return conditions.mark(policy_answer(_saved(services, before.name, changed, body.version or before.version)))


@router.delete("/{policy_id}/", status_code=204, dependencies=[_edit])
def delete_policy(policy_id: PolicyId, conditions: Conditional) -> Response:
    """Delete the policy and its versions."""
    policies = get_services().policies
    conditions.require_unchanged(policy_answer(policies.get(policy_id)))
    policies.delete(policy_id, actor=current_viewer().id)
    return Response(status_code=204)


@router.get("/{policy_id}/versions/", response_model=PolicyVersionsAnswer)
def read_policy_versions(policy_id: PolicyId) -> dict[str, Any]:
    """All versions, newest first."""
    return {"versions": [policy_answer(one) for one in get_services().policies.versions(policy_id)]}


def _saved(services: Services, name: str, policy: Policy, expected_version: int | None) -> SavedPolicy:
    """The policy as it was saved, once its rules are known to be usable."""
    bind_policy(policy, services.segmentation)
    return services.policies.save(name, policy, actor=current_viewer().id, expected_version=expected_version)
