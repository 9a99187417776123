"""What later phases need from phase 02, read from cloud and cluster each time.

Nothing is passed on in files: a phase that is run by itself finds the same ids as in a whole run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.clients.openstack.api import OpenStackReader
from kuryr_runbook.model.errors import EarlierPhaseError, UsageError
from kuryr_runbook.model.plan import Plan
from kuryr_runbook.model.site import Site
from kuryr_runbook.planning.configuration import api_root_of, ids_of
from kuryr_runbook.planning.left_behind import with_left_behind
from kuryr_runbook.planning.openstack import plan_openstack, spec_of
from kuryr_runbook.snapshots.cloud.ownership import Ownership
from kuryr_runbook.snapshots.cloud.state import CloudState, read_cloud
from kuryr_runbook.snapshots.cluster.state import ClusterState, read_cluster
from kuryr_runbook.snapshots.reading import known
from kuryr_runbook.specs.kuryr_conf import KuryrIds


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Cluster and cloud as phase 02 left them."""

    cluster: ClusterState
    cloud: CloudState
    plan: Plan
    """Phase 02's plan: it only keeps, if the phase is done."""

    def ids(self, site: Site, *, ahead: bool = False) -> KuryrIds:
        """The ids that Kuryr works with.

        Raises EarlierPhaseError when phase 02 is not done; if planning `ahead` of it, the ids of
        what it will create are values known later.
        """
        left = [f"{step.action} {step.target}: {step.because}" for step in self.plan.changes]
        if left and not ahead:
            raise EarlierPhaseError(
                "\n  ".join(["OpenStack is not prepared:", *left]),
                remedy="run phase openstack_prep first",
            )
        return ids_of(site, known(self.cloud.project_id), self.plan.steps)

    def api_root(self, site: Site) -> str:
        """The API server's address for Kuryr's pods, which must not depend on Kuryr."""
        return api_root_of(site, self.cluster)


def read_prepared(
    site: Site, cloud: OpenStackReader, cluster: Callable[[], KubernetesReader]
) -> Prepared:
    """Read both and plan phase 02. Raises DriftError when something does not fit.

    `cluster` connects, which takes as long as the cloud's first answers.
    """

    def read() -> CloudState:
        _refuse_another_project(site, cloud)
        return read_cloud(cloud, cloud.project_id, pools_of=(site.network.api_load_balancer,))

    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(read)
        nodes = read_cluster(cluster())
        snapshot = reading.result()
    plan = plan_openstack(spec_of(site, nodes), snapshot)
    ownership = Ownership(site, known(nodes.cluster_id), snapshot)
    plan = with_left_behind(plan, ownership)
    return Prepared(cluster=nodes, cloud=snapshot, plan=plan)


def ownership_of(
    site: Site, cluster_id: str, cloud: CloudState, reader: OpenStackReader
) -> Ownership:
    """Who owns what in the cloud, also of its ports.

    Neutron may not know trunks, so they are only read if Kuryr has subports.
    """
    ownership = Ownership(site, cluster_id, cloud)
    if not ownership.has_subports:
        return ownership
    trunks = read_cloud(reader, known(cloud.project_id), kinds=("trunk",)).trunks
    return Ownership(site, cluster_id, replace(cloud, trunks=trunks))


def _refuse_another_project(site: Site, cloud: OpenStackReader) -> None:
    """Resources created without naming a project belong to the credentials' project."""
    wanted = site.openstack.k8s_project_id
    if wanted is not None and wanted.replace("-", "") != cloud.project_id:
        raise UsageError(
            f"openstack.k8s_project_id has to be the credentials' project, {cloud.project_id}, but "
            f"is {wanted}",
            remedy="name an entry of clouds.yaml in openstack.cloud that logs in to that project",
        )


ID_NAMES: Mapping[str, str] = {
    "k8s_project_id": "project of all resources",
    "external_network_id": "network of the floating IPs of load balancers",
    "node_subnet_id": "subnet to which the nodes are attached",
    "kuryr_pod_subnet_id": "subnet of the pods' addresses",
    "kuryr_service_subnet_id": "subnet of the services' addresses",
    "pod_security_group_id": "group that Kuryr puts on every pod's port",
}
"""The names of the original's variables, with their meaning."""
