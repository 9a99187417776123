"""Which application credential is kept, made or deleted, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from worlds.memory_cluster import CLUSTER_ID
from worlds.memory_keystone import PROJECT, MemoryKeystone
from worlds.sites import lab_site_with

from kuryr_runbook.model.bodies import AccessRuleRemoval, plain
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.plan import Action, Step
from kuryr_runbook.model.site import Site
from kuryr_runbook.planning.credentials import (
    UNUSED_RULES,
    CredentialPlan,
    plan_credential_removal,
    plan_credentials,
)
from kuryr_runbook.snapshots.cloud.answered import Answer
from kuryr_runbook.snapshots.cloud.credentials import (
    CredentialSnapshot,
    UsedCredential,
    credential_of,
    stored_rules,
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
        rules=stored_rules(keystone.access_rules()),
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


RULED = OWN | {"credential_access_rules": True}


def made(keystone: MemoryKeystone, **kuryr: Any) -> dict[str, Any]:
    """A credential as the plan for such a site makes it."""
    chosen = plan_credentials(site(**kuryr), snapshot(keystone)).chosen
    assert chosen is not None
    return keystone.add(**plain(chosen.body))


def test_access_rules_are_part_of_the_credential_and_shown_one_a_line() -> None:
    chosen = plan_credentials(site(**RULED), snapshot(MemoryKeystone())).chosen
    assert chosen is not None
    rules = plain(chosen.body)["access_rules"]
    assert {"service": "network", "method": "POST", "path": "/**/ports"} in rules
    [shown] = [change.after for change in chosen.changes if change.field == "access_rules"]
    assert len(shown.splitlines()) == len(rules)
    assert "network: POST /**/ports" in shown.splitlines()


def test_one_with_the_wanted_access_rules_is_kept() -> None:
    keystone = MemoryKeystone()
    used = made(keystone, **RULED)
    plan = plan_credentials(site(**RULED), snapshot(keystone, used["id"]))
    assert told(plan) == ["keep kuryr-lab-1: Kuryr uses it, with the wanted roles and access rules"]


@pytest.mark.parametrize(
    ("before", "after", "because"),
    [
        (OWN, RULED, "kuryr-lab-1 has no access rules"),
        (RULED, OWN, "kuryr-lab-1 has access rules, and kuryr.credential_access_rules is false"),
        (
            RULED,
            RULED | {"release": "2024.1"},
            "kuryr-lab-1 has other access rules than Kuryr 2024.1 with nested-macvlan needs",
        ),
    ],
)
def test_a_change_of_the_rules_is_a_new_credential(
    before: dict[str, Any], after: dict[str, Any], because: str
) -> None:
    keystone = MemoryKeystone()
    used = made(keystone, **before)
    plan = plan_credentials(site(**after), snapshot(keystone, used["id"]))
    assert because in told(plan)[0]
    assert told(plan)[1] == "delete kuryr-lab-1: kuryr-lab-2 replaces it"


def test_rotation_makes_the_rules_again_and_deletes_none() -> None:
    keystone = MemoryKeystone()
    used = made(keystone, **RULED)
    plan = plan_credentials(site(**RULED), snapshot(keystone, used["id"]), rotate=True)
    assert plan.chosen is not None
    rules = [{k: v for k, v in rule.items() if k != "id"} for rule in used["access_rules"]]
    assert plain(plan.chosen.body)["access_rules"] == rules
    assert [str(step.target) for step in plan.retired] == ["application_credential kuryr-lab-1"]


def unused(plan: CredentialPlan | tuple[Step, ...]) -> set[str]:
    """The ids of the access rules that are to be deleted, after all credentials."""
    retired = plan if isinstance(plan, tuple) else plan.retired
    if not retired or retired[-1].target != UNUSED_RULES:
        return set()
    *credentials, sweep = retired
    assert sweep.after == {step.target for step in credentials}
    assert isinstance(sweep.body, AccessRuleRemoval)
    return set(sweep.body.rules)


def test_rules_that_nothing_uses_any_more_are_deleted_and_those_of_others_stay() -> None:
    keystone = MemoryKeystone()
    used = made(keystone, **RULED)
    shared = {"service": "network", "method": "GET", "path": "/**/ports"}
    foreign = {"service": "compute", "method": "GET", "path": "/**/servers"}
    keystone.add(name="an operator's", access_rules=[shared, foreign])
    ids = {tuple(it[k] for k in shared): it["id"] for it in used["access_rules"]}
    seen = snapshot(keystone, used["id"])
    expected = set(ids.values()) - {ids[tuple(shared.values())]}
    assert unused(plan_credentials(site(**OWN), seen)) == expected
    assert unused(plan_credentials(site(), seen)) == expected
    assert unused(plan_credential_removal(site(), seen)) == expected
    newer = plan_credentials(site(**RULED, release="2024.1"), seen)
    assert unused(newer) == {
        id_
        for (_, _, path), id_ in ids.items()
        if "/security-groups" in path or path == "/**/networks/*/tags"
    }
    assert unused(plan_credentials(site(**RULED), seen)) == set()


def test_a_keystone_without_access_rules_is_refused() -> None:
    keystone = MemoryKeystone()
    keystone.rules = None
    with pytest.raises(AccessError, match="older than Train"):
        plan_credentials(site(**RULED), snapshot(keystone))
    assert plan_credentials(site(**OWN), snapshot(keystone)).chosen is not None


def test_nothing_that_can_be_shown_holds_a_secret() -> None:
    keystone = MemoryKeystone()
    used = keystone.add(name="kuryr-lab-1", description=ADMIN, project_id=PROJECT)
    seen = snapshot(keystone, used["id"])
    assert seen.used is not None
    assert seen.used.secret == "word"
    shown = repr(seen) + repr(plan_credentials(site(**OWN), seen))
    assert "word" not in shown.replace("password", "")
