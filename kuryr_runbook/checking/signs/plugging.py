"""Signs of a daemon that cannot create a pod's interface: kernel, parent interface, namespaces.

pyroute2 raises `NetlinkError: (code, text)`, with the codes of errno(3), and KeyError for an
interface that it does not know.
"""

from __future__ import annotations

from kuryr_runbook.checking.signs.sign import DAEMON_WORK, Sign, phase_sign, sign


def _netlink(code: int, words: str) -> str:
    return rf"NetlinkError: \(?{code}\b|NetlinkError.{{0,20}}{words}|RTNETLINK answers: {words}"


PLUGGING: tuple[Sign, ...] = (
    sign(
        "mtu-too-large",
        r"MTU of interface",
        "the pods' network has a larger MTU than the nodes' network",
        "openstack network set --mtu MTU NETWORK, to that of the nodes' network or less",
        DAEMON_WORK,
    ),
    sign(
        "interface-left-over",
        rf"{_netlink(17, 'File exists')}|due to VLAN ID|VLAN id \(.{{0,30}}\) conflict"
        r"|duplicated VLAN id|interface \S+ already exists",
        "the interface of a pod that is gone was left on the node, and has the name or the VLAN id "
        "of a new one",
        "kubectl -n kube-system delete pod of the daemon on that node, which cleans up when it "
        "starts; if the interface stays, `ip -d link` on the node and in its network namespaces "
        "finds it, and `ip link delete NAME` deletes it",
        DAEMON_WORK,
    ),
    sign(
        "kernel-lacks-driver",
        rf"{_netlink(95, 'Operation not supported')}|{_netlink(93, 'Protocol not supported')}",
        "the node's kernel does not support the kind of interface: macvlan, or 8021q for VLANs",
        "modprobe macvlan, for nested-vlan modprobe 8021q, on the node; add it to "
        "/etc/modules-load.d so that it is loaded at each boot",
        DAEMON_WORK,
    ),
    sign(
        "parent-busy",
        _netlink(16, "Device or resource busy"),
        "the nodes' interface is part of a bridge or a bond, and accepts no macvlan",
        "set kuryr.link_iface to the bridge or the bond itself, then kuryr-runbook run --site FILE "
        "--only daemon",
        DAEMON_WORK,
    ),
    phase_sign(
        "no-privilege",
        rf"{_netlink(1, 'Operation not permitted')}|NET_ADMIN capability not present"
        r"|setns.{0,60}not permitted|\[Errno 1\] Operation not permitted",
        "the daemon may not change interfaces: it lacks a privilege",
        "daemon",
        DAEMON_WORK,
    ),
    phase_sign(
        "link-iface",
        rf"{_netlink(19, 'No such device')}"
        r"|KeyError: '?\"?(?:[a-z][a-z_.-]*\d[\w.-]*|br-\w+)'?\"?\s*$"
        r"|Cannot find bridge interface for nested driver|No such device",
        "the daemon does not find the nodes' interface",
        "daemon",
        DAEMON_WORK,
        "set kuryr.link_iface to the name that `ip link` shows on a worker",
    ),
    sign(
        "bridge-missing",
        r"ovs_bridge=\S* integration interface does not exist|bridge \S+ does not exist",
        "the node has no Open vSwitch bridge of the name in kuryr.conf",
        "ovs-vsctl list-br on the node; neutron-vif needs Neutron's agent on each node",
        DAEMON_WORK,
    ),
    sign(
        "interface-refused",
        _netlink(22, "Invalid argument"),
        "the kernel refuses an interface's values: its VLAN id, its MTU or its address",
        "check the line, and dmesg on that node",
        DAEMON_WORK,
    ),
    sign(
        "netlink-stuck",
        rf"{_netlink(105, 'No buffer space available')}|IPDB not in working order"
        r"|\bCommitException\b|pyroute2\S*\.TimeoutError",
        "the daemon's connection to the kernel is stuck",
        "kubectl -n kube-system delete pod of the daemon on that node",
        DAEMON_WORK,
    ),
    phase_sign(
        "namespace-unseen",
        r"No such file or directory.{0,20}(?:/host_proc|/proc|/(?:var/)?run/(?:docker/)?netns)"
        r"|Invalid argument.{0,20}netns|netns .{0,60}not found",
        "the daemon cannot reach a pod's network namespace",
        "daemon",
        DAEMON_WORK,
        "kubernetes' container runtime may have changed: the daemon mounts what it needs",
    ),
    sign(
        "pod-state-missing",
        r"KeyError: '?\"?(?:status|spec|vifs)\b",
        "an object of Kuryr's own kinds has lost its status: somebody edited or restored it",
        "kubectl get kuryrports -A -o json: delete those without a status, Kuryr makes them again",
        DAEMON_WORK,
    ),
)
