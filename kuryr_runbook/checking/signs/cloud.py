"""Signs of Neutron and Octavia: requests that they refuse, and resources that are missing.

Names of errors: neutron-lib `exceptions/`, neutron `services/trunk/exceptions.py`, Octavia
`common/exceptions.py`; the rest is logged by kuryr-kubernetes' drivers.
"""

from __future__ import annotations

from kuryr_runbook.checking.signs.sign import (
    EXTERNAL,
    LOAD_BALANCING,
    PODS,
    WORK,
    Sign,
    http,
    sign,
)
from kuryr_runbook.checking.verdicts import phase
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.snapshots.reading import Unreadable


def _quotas_are_known(look: Look) -> bool:
    quotas = (look.cloud.quotas, look.cloud.balancer_quotas)
    return not any(isinstance(found, Unreadable) for found in quotas)


QUOTAS: tuple[Sign, ...] = (
    sign(
        "quota-balancers",
        r"Quota has been met",
        "one of Octavia's quotas is used up",
        "openstack loadbalancer quota show PROJECT; have it raised",
        LOAD_BALANCING,
        _quotas_are_known,
    ),
    sign(
        "quota",
        r"quota exceeded|\bOverQuota",
        "a quota of the project is used up",
        "openstack quota show --usage PROJECT; have it raised",
        WORK,
        _quotas_are_known,
    ),
)

NODE_PORTS: tuple[Sign, ...] = (
    sign(
        "pairs-full",
        r"allowed address pairs? exceeds|AllowedAddressPairExhausted",
        "a worker's port accepts no more allowed address pairs",
        "have max_allowed_address_pair in neutron.conf raised to the pods of a worker, or more",
        PODS | {"address-pair", "port-orphaned"},
    ),
    sign(
        "pairs-refused",
        r"InvalidVirtualMACAddress|Virtual MAC address .{0,200}VRRP",
        "Neutron refuses address pairs with a pod's MAC, as ML2/OVN does from 2026.1 (28.0.1) on: "
        "nested-macvlan cannot work on this cloud",
        "set kuryr.vif_driver to nested-vlan, or to neutron-vif if nodes are bare metal, and "
        "install Kuryr again",
        PODS | {"address-pair"},
    ),
    sign(
        "pairs-off",
        r"AddressPairAndPortSecurityRequired|Port Security must be enabled",
        "a worker's port has port security off, and so accepts no address pairs",
        "openstack port set --enable-port-security --security-group GROUP PORT",
        PODS,
    ),
    sign(
        "pair-there",
        r"AllowedAddressAlreadyPresent|already present in the 'allowed_address_pair",
        "a worker's port has the pair of a pod that is gone, and the address is used again",
        "kuryr-runbook diagnose --site FILE --fix removes stale pairs",
        PODS,
    ),
    sign(
        "node-port-unknown",
        r"port for vm port with fixed ips.*not found|Parent vm port with fixed ips.*not found",
        "the controller finds no Neutron port with a node's address in the node subnet",
        "network.node_subnet has to be the nodes' subnet, and the kubelets have to register their "
        "address in it (--node-ip)",
        PODS,
    ),
    sign(
        "no-trunk",
        r"missing trunk details|trunk parent|port is not a trunk|K8sNodeTrunkPortFailure",
        "a worker's port is not the parent of a trunk",
        "openstack network trunk create --parent-port PORT NAME",
        PODS,
    ),
    sign(
        "vlan-ids-used-up",
        r"no vlan ids available|not enough vlan ids available",
        "the VLAN ids of a worker's trunk are used up",
        "openstack network trunk show TRUNK: remove subports that belong to no pod",
        PODS,
    ),
    sign(
        "vlan-conflict",
        r"VLAN ?ID %?\S* ?conflict|VLAN Id conflict|vlan ?ids? already in use|due to VLAN ID"
        r"|\bDuplicateSubPort\b|segmentation ID .{0,40}already in use",
        "a VLAN id of a worker's trunk is used twice: something else adds subports to it",
        "openstack network trunk show TRUNK: only one Kuryr may add subports to it; then kubectl "
        "-n kube-system rollout restart deployment/kuryr-controller",
        PODS,
    ),
    sign(
        "port-on-trunk",
        r"currently a (?:subport|parent port) (?:for|of) trunk|\bPortInUseAs\w+"
        r"|already in use by (?:a|another) trunk",
        "a port that the controller deletes or plugs is still on a trunk",
        "openstack network trunk unset --subport PORT TRUNK, with the names in the line",
        PODS | {"port-orphaned"},
    ),
    sign(
        "trunk-gone",
        r"\bTrunkNotFound\b|Trunk \S+ could not be found|\bSubPortNotFound\b"
        r"|SubPort .{0,80}not found|trunk .{0,60}(?:does not exist|not found)",
        "a trunk that the controller uses, or a subport of it, is gone",
        "openstack network trunk list; create the worker's trunk again, and delete the pods of "
        "that node, whose successors get new subports",
        PODS | {"subport"},
    ),
)

NETWORKS: tuple[Sign, ...] = (
    sign(
        "external-addresses-used-up",
        r"ExternalIpAddressExhausted|No more IP addresses .{0,200}(?:floating|public)"
        r"|(?:floating|public).{0,300}No more IP addresses",
        "the external network has no addresses left",
        "openstack floating ip list: release those that nobody uses, or have the network extended",
        EXTERNAL,
    ),
    sign(
        "no-addresses-left",
        r"\bIpAddressGenerationFailure|No more IP addresses|No free IP",
        "a subnet has no addresses left",
        "release ports that nobody uses (kuryr-runbook diagnose --site FILE --fix), or widen the "
        "allocation pools of the subnet: openstack subnet set --allocation-pool ...",
        WORK,
    ),
    sign(
        "subnet-of-no-service",
        r"found 0 subnets for service|InvalidIpForSubnet|not a valid IP for the specified subnet",
        "a ClusterIP does not lie in the service subnet",
        "kubernetes.service_cidr has to be the API server's --service-cluster-ip-range, and to be "
        f"in network.service_subnet.cidr; then {phase('openstack_prep')}",
        LOAD_BALANCING,
    ),
    sign(
        "address-in-use",
        r"IpAddressAlreadyAllocated|already allocated|IP address .{0,60} in use",
        "something else has the address of a Service",
        f"openstack port list --fixed-ip ip-address=ADDRESS; the allocation pool of the service "
        f"subnet must only contain its upper half: {phase('openstack_prep')}",
        LOAD_BALANCING,
    ),
    sign(
        "not-an-id",
        r"is not a valid UUID|badly formed hexadecimal UUID",
        "kuryr.conf has a name where Kuryr needs an id",
        f"{phase('controller')}: it writes ids",
        WORK,
    ),
    sign(
        "resource-gone",
        r"\b(?:Network|Subnet|SecurityGroup|Router|SubnetPool)NotFound\b|Subnet does not exists"
        r"|Subnet \S+ CIDR not found|Service subnet \S+ not found|CIDRs of subnets .{0,80}not found"
        r"|Security group \S+ does not exist|(?:Network|Subnet|Router) \S+ could not be found",
        "a network, subnet, router or security group that kuryr.conf names is gone",
        f"{phase('openstack_prep')}, then {phase('controller')}",
        WORK,
    ),
    sign(
        "port-not-bound",
        r"Binding failed error for ports|\bbinding_failed\b|\bPortBindingFailed\b",
        "Neutron cannot bind a port on its host",
        "openstack network agent list: check that the L2 agent, or OVN's controller, of that host "
        "is alive, and has the name in binding:host_id",
        PODS,
    ),
    sign(
        "port-stays-down",
        r"is stuck in \S+ status .{0,120}Neutron|Subport \S+ is in DOWN status"
        r"|Port \S+ is stuck in",
        "Neutron does not bring a pod's port up",
        "openstack network agent list: check that the L2 agent, or OVN's controller, of the "
        "worker's hypervisor is alive, and its log",
        PODS,
    ),
)

FLOATING: tuple[Sign, ...] = (
    sign(
        "external-network-unset",
        r"Missing value for external_svc_net",
        "kuryr.conf names no external network, so Services get no floating IP",
        f"set network.external_network, then {phase('controller')}",
        EXTERNAL,
    ),
    sign(
        "external-network-unrouted",
        r"External network \S+ is not reachable|ExternalGatewayForFloatingIPNotFound",
        "the router of the Services has no gateway in the external network of the floating IPs",
        phase("openstack_prep"),
        EXTERNAL,
    ),
    sign(
        "floating-ip-taken",
        r"Failed to assign FIP|probably already bound|Floating IP=\S* ?not available"
        r"|\bFloatingIPPortAlreadyAssociated\b|IP=\S+ is not available",
        "the floating IP that a Service asks for is in use, or not the project's",
        "openstack floating ip list --floating-ip-address ADDRESS",
        EXTERNAL,
    ),
    sign(
        "no-floating-ip",
        r"failed to allocate public ip|Failed to create floating IP",
        "no floating IP could be created",
        "check the quota of floating IPs and network.external_network",
        EXTERNAL,
    ),
)

BALANCERS: tuple[Sign, ...] = (
    sign(
        "provider-not-enabled",
        r"Provider '?[\w -]+'? (?:is not enabled|was not found|is not available)"
        r"|\bProviderNot(?:Enabled|Found)|Request provider\(.{0,60}!= Response provider",
        "Octavia does not offer the provider that the site names",
        "openstack loadbalancer provider list; set kuryr.octavia_provider to one of them, or have "
        f"it enabled; then {phase('controller')}",
        LOAD_BALANCING,
    ),
    sign(
        "protocol-unsupported",
        r"provider does not support \S+ protocol|probably because protocol \S+ is not supported"
        r"|ProviderUnsupportedOption|Unsupported(?:Operation|Option)Error",
        "Octavia's provider cannot do what a Service asks for",
        "use another protocol or port in the Service, or another provider",
        LOAD_BALANCING,
    ),
    sign(
        "listener-port-taken",
        r"Skipping listener creation for .{0,200}already exists with port",
        "two ports of a Service only differ in protocol, and this Octavia accepts one of them",
        "give them different ports, or use an Octavia with API 2.13",
        LOAD_BALANCING,
    ),
    sign(
        "balancer-stuck",
        r"Loadbalancer \S+ is stuck in",
        "Octavia does not finish a load balancer",
        "openstack loadbalancer show ID; check Octavia's worker log, then openstack loadbalancer "
        "failover ID",
        LOAD_BALANCING,
    ),
    sign(
        "octavia-refuses-value",
        (http("400|409"), r"load.?balanc|octavia|lbaas", r"Validation|Invalid|not a valid option"),
        "Octavia refuses a value that Kuryr sends",
        "see the line; Kuryr's and Octavia's releases may not fit together",
        LOAD_BALANCING,
    ),
)

CLOUD: tuple[Sign, ...] = (*QUOTAS, *NODE_PORTS, *NETWORKS, *FLOATING, *BALANCERS)
"""The more specific before the more general."""
