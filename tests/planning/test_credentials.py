"""Which application credential is kept, made or deleted, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from worlds.memory_cluster import CLUSTER_ID
from worlds.memory_keystone import PROJECT, MemoryKeystone
from worlds.sites import lab_site_with

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.plan import Action
from kuryr_runbook.model.site import Site
from kuryr_runbook.planning.credentials import (
    CredentialPlan,
    plan_credential_removal,
    plan_credentials,
)
from kuryr_runbook.snapshots.cloud.answered import Answer
from kuryr_runbook.snapshots.cloud.credentials import (
    CredentialSnapshot,
    UsedCredential,
    credential_of,
)
from kuryr_runbook.specs.credentials import credential_spec

OWN = {"credentials": "application_credential"}
MARK = owner_mark("lab", CLUSTER_ID)
ADMIN = f"{MARK} roles=admin"


def site(**kuryr: Any) -> Site:
    return lab_site_with(kuryr=kuryr)


def snapshot(
    keystone: MemoryKeystone, used: str = "", *, accepted: bool = True, deployed: str = ""
) -> CredentialSnapshot:
    return CredentialSnapshot(
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        cluster_id=CLUSTER_ID,
        token=keystone.token(),
        credentials=tuple(
            credential_of(Answer("application credential", item))
            for item in keystone.application_credentials()
        ),
        used=UsedCredential(id=used, secret="word", accepted=accepted) if used else None,
        deployed=deployed,
    )


def told(plan: CredentialPlan) -> list[str]:
    steps = [step for step in (plan.chosen, *plan.retired) if step is not None]
    return [f"{step.action} {step.target.name}: {step.because}" for step in steps]


def test_the_first_is_made_with_the_roles_that_the_driver_needs_and_no_others() -> None:
    plan = plan_credentials(site(**OWN), snapshot(MemoryKeystone()))
    assert plan.chosen is not None
    assert plan.chosen.body == {
        "name": "kuryr-lab-1",
        "description": ADMIN,
        "roles": [{"name": "admin"}],
        "unrestricted": False,
    }
    assert plan.retired == ()


def test_a_driver_that_binds_no_host_needs_no_admin() -> None:
    spec = credential_spec(site(vif_driver="nested-vlan", **OWN), CLUSTER_ID)
    assert spec is not None
    assert spec.roles == ("load-balancer_member", "member")


def test_the_one_in_use_is_kept() -> None:
    keystone = MemoryKeystone()
    used = keystone.add(name="kuryr-lab-7", description=ADMIN)
    plan = plan_credentials(site(**OWN), snapshot(keystone, used["id"]))
    assert told(plan) == ["keep kuryr-lab-7: Kuryr uses it, with the wanted roles"]


def test_what_a_run_left_that_was_cut_off_goes_and_what_others_made_stays() -> None:
    keystone = MemoryKeystone()
    used = keystone.add(name="kuryr-lab-1", description=ADMIN)
    keystone.add(name="kuryr-lab-2", description=ADMIN)
    keystone.add(name="kuryr-lab-3", description="somebody else's")
    keystone.add(name="kuryr-lab-4", description=None)
    keystone.add(name="kuryr-lab-5", description=ADMIN, project_id="another")
    for name, mark in (("lab2", CLUSTER_ID), ("lab", "of-another-cluster")):
        description = f"{owner_mark(name, mark)} roles=admin"
        keystone.add(name=f"kuryr-{name}-{mark}", description=description)
    plan = plan_credentials(site(**OWN), snapshot(keystone, used["id"]))
    assert [step.target.name for step in plan.retired] == ["kuryr-lab-2"]
    everything = plan_credential_removal(site(**OWN), snapshot(keystone))
    assert [step.target.name for step in everything] == ["kuryr-lab-1", "kuryr-lab-2"]


def test_a_name_is_never_used_twice_while_anybody_may_remember_it() -> None:
    keystone = MemoryKeystone()
    keystone.add(name="kuryr-lab-5", project_id="another")
    keystone.add(name="kuryr-lab-x")

    def name(deployed: str) -> str:
        chosen = plan_credentials(site(**OWN), snapshot(keystone, deployed=deployed)).chosen
        return chosen.target.name if chosen else ""

    assert name("") == "kuryr-lab-6"
    assert name("kuryr-lab-11") == "kuryr-lab-12"


@pytest.mark.parametrize(
    ("fields", "accepted", "because"),
    [
        ({"description": f"{MARK} roles=member"}, True, "created with other roles"),
        ({"description": ADMIN}, False, "Keystone refuses kuryr-lab-1 with the secret"),
        ({"description": "an operator's"}, True, "is not the runbook's"),
        ({"description": ADMIN, "project_id": "another"}, True, "or belongs to another user"),
    ],
)
def test_one_that_will_not_do_is_replaced(
    fields: dict[str, Any], accepted: bool, because: str
) -> None:
    keystone = MemoryKeystone()
    used = keystone.add(name="kuryr-lab-1", **fields)
    plan = plan_credentials(site(**OWN), snapshot(keystone, used["id"], accepted=accepted))
    assert plan.chosen is not None
    assert plan.chosen.action is Action.CREATE
    assert because in plan.chosen.because
    ours = fields["description"].startswith("kuryr-runbook") and "project_id" not in fields
    assert [step.id for step in plan.retired] == ([used["id"]] if ours else [])


def test_rotation_replaces_a_good_one_and_says_why() -> None:
    keystone = MemoryKeystone()
    used = keystone.add(name="kuryr-lab-1", description=ADMIN)
    plan = plan_credentials(site(**OWN), snapshot(keystone, used["id"]), rotate=True)
    assert told(plan) == [
        "create kuryr-lab-2: kuryr-lab-1 has to be replaced; its secret goes directly into Secret "
        "kuryr-config",
        "delete kuryr-lab-1: kuryr-lab-2 replaces it",
    ]


def test_the_sites_own_credentials_need_none_and_ours_go() -> None:
    keystone = MemoryKeystone()
    keystone.add(name="kuryr-lab-1", description=ADMIN)
    plan = plan_credentials(site(), snapshot(keystone), rotate=True)
    assert told(plan) == [
        "delete kuryr-lab-1: Kuryr logs in with the site's own credentials",
    ]


def test_roles_that_the_user_lacks_are_refused_by_name() -> None:
    keystone = MemoryKeystone(roles=("member", "reader"))
    with pytest.raises(
        AccessError, match="does not have admin \\(only member, reader\\)"
    ) as caught:
        plan_credentials(site(**OWN), snapshot(keystone))
    assert "credential_roles" in str(caught.value.remedy)


def test_a_restricted_application_credential_cannot_make_or_delete_one() -> None:
    keystone = MemoryKeystone()
    keystone.restricted = True
    with pytest.raises(AccessError, match="create application_credential kuryr-lab-1"):
        plan_credentials(site(**OWN), snapshot(keystone))
    used = keystone.add(name="kuryr-lab-1", description=ADMIN)
    with pytest.raises(AccessError, match="delete application_credential kuryr-lab-1"):
        plan_credential_removal(site(**OWN), snapshot(keystone))
    kept = plan_credentials(site(**OWN), snapshot(keystone, used["id"]))
    assert kept.chosen is not None
    assert kept.chosen.action is Action.KEEP


def test_nothing_that_can_be_shown_holds_a_secret() -> None:
    keystone = MemoryKeystone()
    used = keystone.add(name="kuryr-lab-1", description=ADMIN, project_id=PROJECT)
    seen = snapshot(keystone, used["id"])
    assert seen.used is not None
    assert seen.used.secret == "word"
    shown = repr(seen) + repr(plan_credentials(site(**OWN), seen))
    assert "word" not in shown.replace("password", "")
