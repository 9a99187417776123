"""Which application credential Kuryr logs in with, and which of ours are no longer needed.

Keystone shows an application credential's secret only when it is created. So one that is ours but
not in the cluster's Secret is useless: a run was interrupted in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.plan import Action, Step, Target, field_changes
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.credentials import CredentialSnapshot
from kuryr_runbook.specs.credentials import CredentialSpec, credential_spec, is_owned

APPLICATION_CREDENTIAL = "application_credential"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialPlan:
    """The steps for Kuryr's login, before and after the controller starts to use it."""

    chosen: Step | None
    """Create or keep; None if Kuryr uses the runbook's login."""
    retired: tuple[Step, ...]
    """Deletions, after the controller is healthy with another one."""


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
    return plan


def plan_credential_removal(site: Site, snapshot: CredentialSnapshot) -> tuple[Step, ...]:
    """Delete all of ours. Raises AccessError if the runbook's own login does not permit that."""
    retired = _retired(site, snapshot, "the runbook made it")
    _refuse_restricted(CredentialPlan(chosen=None, retired=retired), snapshot)
    return retired


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
            because="Kuryr uses it, with the wanted roles",
        )
        unused = "Kuryr does not use it"
        return CredentialPlan(chosen=chosen, retired=_retired(site, snapshot, unused, but=used.id))
    _refuse_missing_roles(spec, snapshot)
    name = _next_name(spec, snapshot)
    chosen = Step(
        action=Action.CREATE,
        target=Target(APPLICATION_CREDENTIAL, name),
        because=f"{because}; its secret goes directly into Secret kuryr-config",
        body=spec.body(name),
        changes=field_changes(spec.body(name)),
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
    if not used.accepted:
        return f"Keystone refuses {found.name} with the secret in the cluster"
    return f"{found.name} has to be replaced" if rotate else None


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
            "set kuryr.credential_roles; docs/credentials.md says which Kuryr needs",
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
