"""A snapshot of preflight for checks: besides cluster and cloud, what both permit."""

from __future__ import annotations

from kuryr_runbook.checking.verdicts import CouldNotLook, readable
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.clients.openstack.probes import Login, Refusal
from kuryr_runbook.snapshots.cloud.permissions import NeutronLook, OctaviaLook
from kuryr_runbook.snapshots.cluster.permissions import ClusterPermissions
from kuryr_runbook.snapshots.preflight import PreflightSnapshot
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.daemon import DAEMON

FORBIDDEN = 403


class PreflightLook(Look):
    """A snapshot of preflight for checks. Everything raises CouldNotLook if it was not read."""

    is_ahead = True

    def __init__(self, snapshot: PreflightSnapshot) -> None:
        super().__init__(snapshot)
        self.seen = snapshot

    @property
    def login(self) -> Login:
        """The user in the cloud."""
        return readable(self.seen.permissions.login)

    @property
    def roles(self) -> str:
        """Which roles the user has, in words."""
        login = self.login
        held = ", ".join(login.roles) or "no role"
        return f"user {login.user} has in project {login.project}: {held}"

    @property
    def neutron(self) -> NeutronLook:
        """Neutron, if it answered."""
        look = self.seen.permissions.neutron
        if isinstance(look, Unreadable):
            raise CouldNotLook("Neutron does not answer", "see the checks of Keystone and Neutron")
        return look

    @property
    def octavia(self) -> OctaviaLook:
        """Octavia, if it answered."""
        look = self.seen.permissions.octavia
        if isinstance(look, Unreadable):
            raise CouldNotLook("Octavia does not answer", "see the checks of Keystone and Octavia")
        return look

    @property
    def octavia_version(self) -> tuple[int, int]:
        """The highest version of Octavia's API; (0, 0) if it shows none."""
        return max(self.octavia.versions, default=(0, 0))

    @property
    def rights(self) -> ClusterPermissions:
        """What the user may do in the cluster."""
        rights = self.seen.rights
        if isinstance(rights, Unreadable):
            readable(self.cluster.nodes)
        return readable(rights)

    @property
    def kuryr_is_installed(self) -> bool:
        """Whether Kuryr's daemon exists already: this is a second run."""
        daemon = ("DaemonSet", self.site.kubernetes.namespace, DAEMON)
        return any((it.kind, it.namespace, it.name) == daemon for it in self.deployed)


def permitted(refusal: Refusal) -> bool:
    """Whether Neutron's policy permitted a probe's port.

    Raises CouldNotLook if the request failed before the policy, or in an unknown way.
    """
    if refusal.type == "SubnetNotFound":
        return True
    if refusal.status == FORBIDDEN:
        return False
    if refusal.type == "OverQuota":
        raise CouldNotLook("the quota of ports is used up", "raise it, then run preflight again")
    raise CouldNotLook(f"Neutron answered {refusal.status} to an impossible port: {refusal.said}")
