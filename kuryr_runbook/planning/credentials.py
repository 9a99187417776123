"""Which application credential Kuryr logs in with, and which of ours are no longer needed.

Keystone shows an application credential's secret only when it is created. So one that is ours but
not in the cluster's Secret is useless: a run was interrupted in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from kuryr_runbook.model.bodies import AccessRuleRemoval
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.plan import Action, Step, Target, field_changes
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.credentials import ApplicationCredential, CredentialSnapshot
from kuryr_runbook.specs.access_rules import AccessRule, known_rules
from kuryr_runbook.specs.credentials import CredentialSpec, credential_spec, is_owned

APPLICATION_CREDENTIAL = "application_credential"
UNUSED_RULES = Target("access_rules", "unused")
"""Rules of the form that the runbook makes, which no application credential uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialPlan:
    """The steps for Kuryr's login, before and after the controller starts to use it."""

    chosen: Step | None
    """Create or keep; None if Kuryr uses the runbook's login."""
    retired: tuple[Step, ...]
    """Deletions, after the controller is healthy with another one: of credentials, then of access
    rules that no other one uses."""


def plan_credentials(
    site: Site, snapshot: CredentialSnapshot, *, rotate: bool = False
) -> CredentialPlan:
    """Keep the one that Kuryr uses, or create one, and delete all others of ours.

    Raises AccessError if the runbook's own login does not permit that.
    """
    spec = credential_spec(site, snapshot.cluster_id)
    if spec is None:
        unused = "Kuryr logs in with the site's own credentials"
        plan = CredentialPlan(chosen=None, retired=_retired(site, snapshot, unused))
    else:
        plan = _plan_own(site, spec, snapshot, rotate=rotate)
    _refuse_restricted(plan, snapshot)
    wanted = spec.access_rules if spec else ()
    return replace(plan, retired=_with_rules(plan.retired, snapshot, wanted))


def plan_credential_removal(site: Site, snapshot: CredentialSnapshot) -> tuple[Step, ...]:
    """Delete all of ours, and their access rules.

    Raises AccessError if the runbook's own login does not permit that.
    """
    retired = _retired(site, snapshot, "the runbook made it")
    _refuse_restricted(CredentialPlan(chosen=None, retired=retired), snapshot)
    return _with_rules(retired, snapshot, ())


def _plan_own(
    site: Site, spec: CredentialSpec, snapshot: CredentialSnapshot, *, rotate: bool
) -> CredentialPlan:
    because = _why_another(site, spec, snapshot, rotate=rotate)
    if because is None and snapshot.used is not None:
        used = next(item for item in snapshot.credentials if item.id == snapshot.used.id)
        chosen = Step(
            action=Action.KEEP,
            target=Target(APPLICATION_CREDENTIAL, used.name),
            id=used.id,
            because="Kuryr uses it, with the wanted roles"
            + (" and access rules" if spec.access_rules else ""),
        )
        unused = "Kuryr does not use it"
        return CredentialPlan(chosen=chosen, retired=_retired(site, snapshot, unused, but=used.id))
    _refuse_missing_roles(spec, snapshot)
    _refuse_without_rules(spec, snapshot)
    name = _next_name(spec, snapshot)
    chosen = Step(
        action=Action.CREATE,
        target=Target(APPLICATION_CREDENTIAL, name),
        because=f"{because}; its secret goes directly into Secret kuryr-config",
        body=spec.body(name),
        changes=field_changes(spec.shown(name)),
    )
    return CredentialPlan(chosen=chosen, retired=_retired(site, snapshot, f"{name} replaces it"))


def _why_another(
    site: Site, spec: CredentialSpec, snapshot: CredentialSnapshot, *, rotate: bool
) -> str | None:
    """Why the one that Kuryr uses is not suitable; None if it is."""
    used = snapshot.used
    if used is None:
        return "Kuryr has none yet"
    found = next((item for item in snapshot.of_project() if item.id == used.id), None)
    if found is None:
        return "the one that Kuryr uses is gone, or belongs to another user"
    if not is_owned(site, snapshot.cluster_id, found.description):
        return f"the one that Kuryr uses, {found.name}, is not the runbook's"
    if found.description != spec.description:
        return f"{found.name} was created with other roles"
    if found.access_rules != frozenset(spec.access_rules):
        return _of_rules(site, found, spec)
    if not used.accepted:
        return f"Keystone refuses {found.name} with the secret in the cluster"
    return f"{found.name} has to be replaced" if rotate else None


def _of_rules(site: Site, found: ApplicationCredential, spec: CredentialSpec) -> str:
    """How the access rules of the one that Kuryr uses differ from the wanted ones."""
    if not spec.access_rules:
        return f"{found.name} has access rules, and kuryr.credential_access_rules is false"
    if not found.access_rules:
        return f"{found.name} has no access rules"
    kuryr = f"Kuryr {site.kuryr.release} with {site.kuryr.vif_driver}"
    return f"{found.name} has other access rules than {kuryr} needs"


def _with_rules(
    retired: tuple[Step, ...], snapshot: CredentialSnapshot, wanted: Iterable[AccessRule]
) -> tuple[Step, ...]:
    """These deletions, and that of the access rules that nothing uses after them.

    Keystone keeps a user's rules, which credentials share, and does not delete one that is in use.
    """
    gone = {step.id for step in retired}
    left = [item for item in snapshot.credentials if item.id not in gone]
    used = {*wanted}.union(*(item.access_rules for item in left))
    unused = [it.id for it in snapshot.rules or () if it.rule in known_rules() - used]
    if not unused:
        return retired
    sweep = Step(
        action=Action.DELETE,
        target=UNUSED_RULES,
        because=f"no application credential uses these {len(unused)} of Kuryr's access rules",
        body=AccessRuleRemoval(rules=tuple(unused)),
        after=frozenset(step.target for step in retired),
    )
    return (*retired, sweep)


def _retired(
    site: Site, snapshot: CredentialSnapshot, because: str, *, but: str = ""
) -> tuple[Step, ...]:
    return tuple(
        Step(
            action=Action.DELETE,
            target=Target(APPLICATION_CREDENTIAL, item.name),
            id=item.id,
            because=because,
        )
        for item in snapshot.of_project()
        if is_owned(site, snapshot.cluster_id, item.description) and item.id != but
    )


def _next_name(spec: CredentialSpec, snapshot: CredentialSnapshot) -> str:
    """A number higher than any in use.

    The deployed one counts although it may be gone: the controller is restarted if the name differs
    from the one that it was started with.
    """
    names = [snapshot.deployed, *(item.name for item in snapshot.credentials)]
    return f"{spec.stem}{max((0, *_numbers(spec, names))) + 1}"


def _numbers(spec: CredentialSpec, names: list[str]) -> Iterator[int]:
    for name in names:
        if match := re.fullmatch(rf"{re.escape(spec.stem)}([0-9]+)", name):
            yield int(match[1])


def _refuse_missing_roles(spec: CredentialSpec, snapshot: CredentialSnapshot) -> None:
    missing = [role for role in spec.roles if role not in snapshot.token.roles]
    if missing:
        held = ", ".join(sorted(snapshot.token.roles))
        raise AccessError(
            f"an application credential with {', '.join(spec.roles)} cannot be created: the user "
            f"does not have {', '.join(missing)} (only {held})",
            remedy="an application credential has at most the roles of its user: grant them, or "
            "set kuryr.credential_roles; `kuryr-runbook docs credentials` says which Kuryr "
            "needs",
        )


def _refuse_without_rules(spec: CredentialSpec, snapshot: CredentialSnapshot) -> None:
    if spec.access_rules and snapshot.rules is None:
        raise AccessError(
            "Keystone does not know access rules of application credentials: it is older than "
            "Train, or its API than 3.13",
            remedy="leave out kuryr.credential_access_rules, or upgrade Keystone",
        )


def _refuse_restricted(plan: CredentialPlan, snapshot: CredentialSnapshot) -> None:
    steps = [step for step in (plan.chosen, *plan.retired) if step is not None]
    left = [f"{step.action} {step.target}" for step in steps if step.action is not Action.KEEP]
    if left and snapshot.token.restricted:
        raise AccessError(
            "\n  ".join(
                [
                    "openstack.cloud is itself an application credential, and a restricted one "
                    "cannot manage others; to do:",
                    *left,
                ]
            ),
            remedy="set openstack.cloud to an entry with the user's password; with "
            "kuryr.credentials: site Kuryr uses the application credential of openstack.cloud "
            "itself",
        )
