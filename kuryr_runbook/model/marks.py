"""By what Kuryr's resources are known in Neutron (kuryr-kubernetes: constants.py, public_ip.py)."""

KURYR_PORT_OWNER = "compute:kuryr"
"""`device_owner` of ports that Kuryr makes for one pod, whose uid is their `device_id`."""
SUBPORT_OWNER = "trunk:subport"
"""What Neutron makes of that owner while the port is a subport, as nested-vlan has it."""
POD_PORT_OWNERS = (KURYR_PORT_OWNER, SUBPORT_OWNER)
KURYRS_FLOATING_IP = "kuryr_lb"
"""The description that Kuryr gives floating IPs."""
