"""The site file's names of resources: of those that exist, and of those to be created."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kuryr_runbook.model.marks import marked_site
from kuryr_runbook.model.site_network import NetworkSection, PodSubnet, ServiceSubnet
from kuryr_runbook.planning.draft_keys import DraftKey
from kuryr_runbook.snapshots.cloud.lookup import Named, of_name
from kuryr_runbook.snapshots.cloud.resources import Group, Network, Router, Subnet
from kuryr_runbook.snapshots.cloud.state import CloudState
from kuryr_runbook.snapshots.reading import known


def named(key: str, resource: Named, among: Iterable[Named], because: str) -> DraftKey:
    """A resource by its name, or by its id if the name is not unique."""
    if not resource.name:
        return DraftKey(key=key, value=resource.id, because=f"{because}; it has no name")
    if len(of_name(among, resource.name, resource.project_id)) > 1:
        because = f"{because}; several are named {resource.name}"
        return DraftKey(key=key, value=resource.id, because=because)
    return DraftKey(key=key, value=resource.name, because=because)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """The names of what the runbook creates for a site, in a cloud that may have others'."""

    site: str
    cluster_id: str
    """Empty: it is not known."""
    cloud: CloudState

    def name(self, key: str, because: str) -> DraftKey:
        """The usual name of a router or group; another one if it is taken."""
        usual = str(NetworkSection.model_fields[key.rpartition(".")[2]].default)
        name = usual if self._is_free(key, usual) else self._other(usual)
        because = f"{because}; one of this name will be created"
        return DraftKey(key=key, value=name, because=because)

    @property
    def pod_subnet(self) -> Subnet | None:
        """The pods' subnet, if phase 02 has already created it for this cluster."""
        found = of_name(known(self.cloud.subnets), PodSubnet().name, known(self.cloud.project_id))
        return next((it for it in found if marked_site(it.description, self.cluster_id)), None)

    def taken(self) -> Iterator[DraftKey]:
        """Other names for what phase 02 creates, where something else has the usual one."""
        usual = {
            "network.pod_subnet.name": PodSubnet().name,
            "network.service_subnet.network": ServiceSubnet().network,
            "network.service_subnet.name": ServiceSubnet().name,
            "network.pod_security_group": NetworkSection().pod_security_group,
        }
        for key, name in usual.items():
            if not self._is_free(key, name):
                because = f"{name} exists, and is not of this cluster"
                yield DraftKey(key=key, value=self._other(name), because=because)

    def _is_free(self, key: str, name: str) -> bool:
        """Whether nothing has that name, or only something that the runbook made for this one."""
        found = of_name(self._among(key), name, known(self.cloud.project_id))
        return all(marked_site(it.description, self.cluster_id) for it in found)

    def _among(self, key: str) -> Iterable[Network | Subnet | Router | Group]:
        match key.rpartition(".")[2]:
            case "router":
                return known(self.cloud.routers)
            case "network":
                return known(self.cloud.networks)
            case "name":
                return known(self.cloud.subnets)
        return known(self.cloud.groups)

    def _other(self, usual: str) -> str:
        return f"{self.site}-{usual.partition('-')[2]}"
