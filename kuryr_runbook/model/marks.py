"""How to recognize resources that are ours, or Kuryr's (from its constants.py and public_ip.py)."""

from __future__ import annotations

import re

OWNER_MARK = "kuryr-runbook site="
"""The start of the description of everything that the runbook creates in a cloud, for any site."""


KURYR_PORT_OWNER = "compute:kuryr"
"""`device_owner` of ports that Kuryr creates for a pod, whose uid is their `device_id`."""
SUBPORT_OWNER = "trunk:subport"
"""The owner that Neutron sets while the port is a subport, as with nested-vlan."""
POD_PORT_OWNERS = (KURYR_PORT_OWNER, SUBPORT_OWNER)
KURYRS_NAMESPACE = re.compile(
    r"ns/.+-(?:net|subnet)|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.+"
)
"""Names of the network and subnet of a namespace: up to Yoga its name, then its uid and name."""
POLICY_GROUP = "Kuryr-Kubernetes Network Policy "
"""The start of the description of a policy's security group; the policy follows."""
KURYRS_FLOATING_IP = "kuryr_lb"
"""The description that Kuryr gives floating IPs."""


def is_of_policy(description: str) -> bool:
    """Whether Kuryr made the security group for a network policy, of any cluster."""
    return description.startswith(POLICY_GROUP) and description.endswith(" SG")


def policy_of_group(description: str) -> str:
    """The policy that such a group is for: NAMESPACE/NAME."""
    return description.removeprefix(POLICY_GROUP).removesuffix(" SG")


def is_subnet_of(name: str, namespace: str) -> bool:
    """Whether Kuryr gives that name to the subnet of a namespace, in any release."""
    return name == f"ns/{namespace}-subnet" or name.endswith(f"/{namespace}")


def owner_mark(site_name: str, cluster_id: str) -> str:
    """The description of everything that the runbook creates in a cloud for a site.

    The name alone is not enough: another cluster's site file may be a copy. `cluster_id` is the uid
    of its namespace kube-system, which exists as long as the cluster.
    """
    return f"{OWNER_MARK}{site_name} cluster={cluster_id}"


def is_marked(description: object) -> bool:
    """Whether the description says that the runbook created it, for any site and cluster."""
    return str(description).startswith(OWNER_MARK)


def marked_site(description: object, cluster_id: str) -> str:
    """The site for which the runbook created it, for that cluster; empty: it did not."""
    name, of, cluster = str(description).removeprefix(OWNER_MARK).partition(" cluster=")
    return name if is_marked(description) and of and cluster_id and cluster == cluster_id else ""
