"""Phase 03 with a credential for Kuryr alone, on the lab."""

from __future__ import annotations

from typing import Any

from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.model.marks import is_marked
from kuryr_runbook.model.objects import Resource
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.base import Phase

OWN = {"credentials": "application_credential"}


def sections(site: Site, **changes: dict[str, Any]) -> dict[str, Any]:
    """The site as in a file, with these keys of its sections changed."""
    found: dict[str, Any] = site.model_dump(mode="json", exclude_none=True)
    return found | {name: found[name] | values for name, values in changes.items()}


def carry_out(phase: Phase) -> list[str]:
    """Plan, apply and check; gives what the plan would have changed."""
    plan = phase.make_plan()
    phase.carry_out(plan)
    phase.check()
    return [f"{step.action} {step.target.kind}" for step in plan.changes]


def ours(site: Site, identity: IdentityClient) -> list[Resource]:
    """The application credentials that the runbook made."""
    made = [it for it in identity.application_credentials() if is_marked(it["description"])]
    assert all(item["name"].startswith(f"kuryr-{site.name}-") for item in made)
    return made
