"""By what resources are known to be ours, or Kuryr's (its constants.py and public_ip.py)."""

OWNER_MARK = "kuryr-runbook site="
"""How the description of all begins that the runbook makes in a cloud; the site's name follows."""

KURYR_PORT_OWNER = "compute:kuryr"
"""`device_owner` of ports that Kuryr makes for one pod, whose uid is their `device_id`."""
SUBPORT_OWNER = "trunk:subport"
"""What Neutron makes of that owner while the port is a subport, as nested-vlan has it."""
POD_PORT_OWNERS = (KURYR_PORT_OWNER, SUBPORT_OWNER)
KURYRS_FLOATING_IP = "kuryr_lb"
"""The description that Kuryr gives floating IPs."""
