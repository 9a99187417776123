"""What may go wrong with a release, with a remedy and the source."""

from __future__ import annotations

from kuryr_runbook.model.releases.parts import Hazard

OUR_DRIVER = "the runbook's driver nested-macvlan-locked is used instead"

OUR_NEUTRON_DRIVER = "the runbook's driver neutron-vif-as-is is used instead"

LOST_PAIRS = Hazard(
    text="upstream's nested-macvlan reads a worker's port outside its lock: of two pods that start "
    "at once, one may lose its allowed address pair, and with it all traffic",
    way_out=OUR_DRIVER,
    source="controller/drivers/nested_macvlan_vif.py of 1.0.1; seen with two workers",
)

CHANGED_DATAPATH = Hazard(
    text="with upstream's neutron-vif, os-vif sets the node's bridge to the kernel's datapath for "
    "each pod that it plugs: a bridge with the datapath in userspace is made anew, and nothing on "
    "it has a network until the node's agent puts that back, which ovn-controller does at once",
    way_out=OUR_NEUTRON_DRIVER,
    source="vif_plug_ovs/ovs.py of os-vif 4.3.1, _plug_vif_generic; os_vif_util.py of 1.0.1 and "
    "10.0.0, neutron_to_osvif_vif_ovs",
)

FEW_ATTEMPTS = Hazard(
    text="upstream's nested-macvlan gives up if three others change a worker's port before it "
    "can, and leaves the pod's port behind: most of many pods that start at once fail at first",
    way_out=OUR_DRIVER,
    source="controller/drivers/nested_macvlan_vif.py of 1.1.2; tried with 20 pods at once",
)

UNKNOWN_REVISION = Hazard(
    text="upstream's nested-macvlan loses address pairs with the openstacksdk of 2024.1, which "
    "ignores the if_match by which the driver changes a port only if nobody else did",
    way_out=OUR_DRIVER,
    source="controller/drivers/nested_macvlan_vif.py of 2.1.0 and 3.1.0; the former tried "
    "with 20 pods at once",
)

OLD_EVENTLET = Hazard(
    text="with upstream's constraints no TLS connection works on Python 3.7 or later: eventlet "
    "before 0.26.0 does not support that Python's SSLContext",
    way_out="use eventlet 0.26.0 or later, as in the runbook's modern constraints, or Python 3.6",
    source="eventlet NEWS 0.26.0, issue 526; tried with 3.6 and 3.7",
)

ADDRESS_PAIRS = Hazard(
    text="nested-macvlan uses one allowed address pair of a worker's port for each pod; beyond "
    "Neutron's limit, 10 by default, the controller restarts endlessly and each attempt leaves a "
    "port behind",
    way_out="raise max_allowed_address_pair in neutron.conf to the pods of a worker, or more",
    source="neutron, conf/common.py; seen with 1.0.1: 35 ports for 22 pods",
)

OCTAVIA_DISCOVERY = Hazard(
    text="the controller exits at its start with a TypeError if it cannot discover the version "
    "of Octavia's API",
    way_out="check that the catalogue's load-balancer endpoint answers GET / with its versions",
    source="controller/drivers/lbaasv2.py of 1.0.1",
)

PYTHON_PLUGIN = Hazard(
    text="its own CNI plugin is in Python and needs kuryr.conf on each node, and its daemon "
    "listens on 127.0.0.1:50036, which no Go plugin uses",
    way_out="the runbook uses Train's Go plugin and sets [cni_daemon] bind_address to "
    "127.0.0.1:5036; a plugin that is already on the nodes has to be a Go plugin too",
    source="cni/main.py and config.py of 1.0.1, kuryr_cni/main.go of 1.1.2; tried",
)

LEAKED_PORTS = Hazard(
    text="ports, load balancers and floating IPs of objects that are deleted while the controller "
    "is down stay for good",
    way_out="delete workloads while the controller runs; teardown looks for leftovers",
    source="there are no finalizers before 3.0.0; seen with 1.0.1",
)

TOKEN = Hazard(
    text="the service account's token is read once, at start; from Kubernetes 1.21 on tokens "
    "expire, and after some months the API answers 401",
    way_out="restart controller and daemon: kubectl rollout restart",
    source="k8s_client.py of every release",
)

FOREIGN_BALANCERS = Hazard(
    text="at its start the controller deletes every load balancer that it can see and that has no "
    "service's address, even those of other projects and people",
    way_out="set kuryr.resource_tags: it then only considers load balancers with these tags",
    source="controller/handlers/lbaas.py of 2.0.0 and 2.1.0, _cleanup_leftover_lbaas",
)

QUOTA_DETAILS = Hazard(
    text="the controller is ready only if Neutron has the API extension quota_details",
    way_out="check `openstack extension list --network`",
    source="controller/managers/health.py from 2.0.0 on",
)

BINDING_FAILED = Hazard(
    text="upstream's nested-macvlan deletes the port of each pod again: Neutron cannot bind a "
    "port to the name of an instance, which does not matter to this driver, but 3.0.0 began to "
    "check it",
    way_out=OUR_DRIVER,
    source="controller/drivers/nested_macvlan_vif.py and neutron_vif.py of 3.0.0, "
    "_check_port_binding",
)

PARENT_CONSTRUCTOR = Hazard(
    text="upstream's nested-macvlan cannot create a port, since its constructor does not call its "
    "parent's, which sets nodes_subnets_driver; otherwise it would delete each port again, since "
    "Neutron cannot bind it",
    way_out=OUR_DRIVER,
    source="controller/drivers/nested_macvlan_vif.py and nested_vif.py of 4.0.0 to 10.0.0; seen "
    "with 10.0.0",
)

STALE_HANDLERS = Hazard(
    text="the default of [kubernetes] enabled_handlers names handlers that no longer exist: the "
    "controller exits at once",
    way_out="the runbook names the handlers",
    source="config.py and entry points of 3.1.0",
)

RUNNING_PODS = Hazard(
    text="of the pods that an earlier release plugged, it takes over those that are about to "
    "start; it does not know the running ones, and when they are deleted their ports stay",
    way_out="phase controller creates the KuryrPorts of running pods",
    source="controller/handlers/vif.py of 3.0.0 and 3.1.0: on_present skips what is not Pending, "
    "before _move_annotations_to_crd",
)

FINALIZERS = Hazard(
    text="pods, services and Kuryr's own resources hang in Terminating while no controller runs",
    way_out="let the controller run until all are gone; without it, remove the finalizers",
    source="constants.py from 3.0.0 on",
)

TAGGED_NODES = Hazard(
    text="with kuryr.resource_tags a node's port is found only if it has these tags",
    way_out="openstack port set --tag TAG PORT, for the port of every node",
    source="controller/drivers/nested_vif.py from 4.0.0 on, _get_parent_port_by_host_ip",
)

UNEQUAL_MTU = Hazard(
    text="a nested pod is plugged only if its network has exactly the MTU of its node's",
    way_out="give both networks the same MTU; the nodes' DHCP must hand it out",
    source="cni/binding/nested.py of 2.0.0 to 4.0.1, bug 1863212",
)

SMALLER_MTU = Hazard(
    text="a nested pod is not plugged if its network has a larger MTU than its node's",
    way_out="give the pods' network the MTU of the nodes' network or less",
    source="cni/binding/nested.py from 5.0.0 on, bug 1863212",
)

PYTZ = Hazard(
    text="it imports pytz but does not require it",
    way_out="install pytz as well if Kuryr is installed without upstream's constraints",
    source="k8s_client.py of 6.0.1 to 9.0.0; seen",
)

ALWAYS = (ADDRESS_PAIRS, CHANGED_DATAPATH, TOKEN)
"""Hazards of every release."""

OF_CUSTOM_RESOURCES = (FINALIZERS, QUOTA_DETAILS, *ALWAYS)
"""Hazards of every release that keeps its state in custom resources."""
