"""The keys of a drafted site file: found out, chosen by the runbook, or left blank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kuryr_runbook.model.blanks import blank

HOW: Mapping[str, str] = {
    "openstack.cloud": "the entry in clouds.yaml of the cluster's project (init --cloud), or "
    "`envvars` for the OS_* variables",
    "kubernetes.service_cidr": "--service-cluster-ip-range in the arguments of the API server",
    "network.external_network": "`openstack network list --external`",
    "network.router": "the router of the nodes' subnet: `openstack router list`",
    "network.node_subnet": "the subnet of the nodes' addresses: `openstack subnet list`",
    "network.node_security_group": "`openstack port show -c security_group_ids PORT` for a node's "
    "port",
    "network.pod_subnet.cidr": "a range that is in no subnet of the cloud, with an address for "
    "each pod: `openstack subnet list`",
    "network.namespace_subnets.cidr": "a range with all prefixes of the subnet pool: `openstack "
    "subnet pool show`",
    "network.pod_security_group": "the group that Kuryr is to set on every pod's port",
    "network.service_subnet.cidr": "twice kubernetes.service_cidr, which is its lower half",
    "kuryr.release": "`kuryr-runbook releases` shows what goes with what",
    "kuryr.vif_driver": "nested-macvlan, nested-vlan or neutron-vif: `kuryr-runbook docs network`",
    "kuryr.link_iface": "`ip -br address` on a node: the interface with the node's address",
    "kuryr.octavia_provider": "`openstack loadbalancer provider list`",
    "image.registry_auth": "the file with your login at the registry, in the form of docker's "
    "config.json",
    "image.repository": "a registry that every node pulls from, and a repository in it: "
    "REGISTRY/PATH, without a tag",
}
"""How to look up each key that may stay blank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftKey:
    """A key's value and the reason for it; without a value, the reason why it is not known."""

    key: str
    """Path in the site file, with dots."""
    value: str | int | tuple[str, ...] | None
    """None: it stays blank."""
    because: str

    @property
    def written(self) -> str | int | list[str]:
        """What the site file gets: the value, or a blank that says how to look it up."""
        if self.value is None:
            return blank(f"{HOW[self.key]} ({self.because})")
        return list(self.value) if isinstance(self.value, tuple) else self.value

    @property
    def shown(self) -> str:
        """The value in words; empty: there is none."""
        value = "" if self.value is None else self.value
        if isinstance(value, bool):
            return str(value).lower()
        return ", ".join(value) if isinstance(value, tuple) else str(value)


def unknown(key: str, because: str) -> DraftKey:
    """A key that stays blank."""
    return DraftKey(key=key, value=None, because=because)
