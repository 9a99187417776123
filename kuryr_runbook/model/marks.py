"""By what resources are known to be ours, or Kuryr's (its constants.py and public_ip.py)."""

from __future__ import annotations

OWNER_MARK = "kuryr-runbook site="
"""How the description of all begins that the runbook makes in a cloud: for whichever site."""


KURYR_PORT_OWNER = "compute:kuryr"
"""`device_owner` of ports that Kuryr makes for one pod, whose uid is their `device_id`."""
SUBPORT_OWNER = "trunk:subport"
"""What Neutron makes of that owner while the port is a subport, as nested-vlan has it."""
POD_PORT_OWNERS = (KURYR_PORT_OWNER, SUBPORT_OWNER)
KURYRS_FLOATING_IP = "kuryr_lb"
"""The description that Kuryr gives floating IPs."""


def owner_mark(site_name: str, cluster_id: str) -> str:
    """The description of what the runbook makes in a cloud for a site.

    The name alone would not do: another cluster's site file may be a copy. `cluster_id` is the uid
    of its namespace kube-system, which lives as long as the cluster.
    """
    return f"{OWNER_MARK}{site_name} cluster={cluster_id}"


def is_marked(description: object) -> bool:
    """Whether the description says that the runbook made it, for whichever site and cluster."""
    return str(description).startswith(OWNER_MARK)
