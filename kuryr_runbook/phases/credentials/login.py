"""How the controller logs in to the cloud: as the runbook does, or by a credential of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.model.plan import Action, Step
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.planning.credentials import plan_credentials
from kuryr_runbook.snapshots.cloud.credentials import read_credentials
from kuryr_runbook.specs.kuryr_conf import CREDENTIAL_SECRET


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Login:
    """What kuryr.conf gets, and the steps to it; never shown."""

    auth: Mapping[str, str]
    """keystoneauth's options; id and secret are empty while the credential is yet to be made."""
    chosen: Step | None = None
    """Creates or keeps the application credential; None when there is none of ours."""
    retired: tuple[Step, ...] = ()
    """Delete what nobody needs once the controller is well."""

    @property
    def credential(self) -> str:
        """Name of the application credential; empty when it is not the runbook's."""
        return self.chosen.target.name if self.chosen else ""

    @property
    def is_new(self) -> bool:
        """Whether the application credential is yet to be made."""
        return self.chosen is not None and self.chosen.action is Action.CREATE


def plan_login(phase: Phase, *, rotate: bool) -> Login:
    """Read Keystone and cluster, and decide. Raises AccessError for what the user may not do."""
    snapshot = read_credentials(phase.site, IdentityClient(phase.cloud.session), phase.cluster)
    plan = plan_credentials(phase.site, snapshot, rotate=rotate)
    auth = phase.cloud.credentials().auth
    if plan.chosen is not None:
        kept = snapshot.used if plan.chosen.action is Action.KEEP else None
        auth = own_auth(auth, kept.id if kept else "", kept.secret if kept else "")
    return Login(auth=auth, chosen=plan.chosen, retired=plan.retired)


def own_auth(auth: Mapping[str, str], credential_id: str, secret: str) -> dict[str, str]:
    """Options of an application credential at the same Keystone."""
    return {
        "auth_url": auth.get("auth_url", ""),
        "application_credential_id": credential_id,
        CREDENTIAL_SECRET: secret,
    }
