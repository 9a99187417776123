"""A worker as a chassis of OVN: an Open vSwitch and an ovn-controller in the worker's namespaces.

Their files are where Debian's services have them, so the node's `ovs-vsctl`, and Kuryr's daemon,
find the switch without being told. They are in memory, and last as long as the worker's namespaces
do, and with them its pods' interfaces.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kuryr_runbook.lab.kubernetes.nodes import Node
from kuryr_runbook.lab.network.kernel import ip, ip_batch, ip_json, run
from kuryr_runbook.lab.network.wires import remove_underlay_link
from kuryr_runbook.lab.ovn import switch
from kuryr_runbook.lab.ovn.places import SCHEMAS
from kuryr_runbook.lab.ovn.programs import (
    LOGGING,
    SECONDS,
    bridge,
    chassis_options,
    initial,
    leave_underlay,
    underlay_end,
)
from kuryr_runbook.lab.programs import CommandHealth, Lab, Program
from kuryr_runbook.lab.settings import (
    INTEGRATION_BRIDGE,
    UNDERLAY_BRIDGE,
    UNDERLAY_LINK,
    LabSettings,
    node_namespace,
    underlay_address,
)

SWITCH_RUN = Path("/run/openvswitch")
CONTROLLER_RUN = Path("/run/ovn")
DATABASE = SWITCH_RUN / "conf.db"
SOCKET = f"unix:{SWITCH_RUN / 'db.sock'}"

_MAKE_DATABASE = f"""\
mkdir -p {SWITCH_RUN} {CONTROLLER_RUN}
test -e {DATABASE} && exit
ovsdb-tool create {DATABASE}.new {SCHEMAS["switch"]}
mv {DATABASE}.new {DATABASE}
"""


def up(lab: Lab, worker: Node) -> None:
    """Make the worker a chassis. Needs its namespaces, and its link to the underlay."""
    databases, vswitchd, *rest = programs(lab.settings, worker)
    run(*worker.entering, "sh", "-ec", _MAKE_DATABASE)
    lab.processes.start(databases)
    address = underlay_address(worker.name)
    vsctl(worker, *initial(chassis_options(lab.settings, worker.name, address)))
    lab.processes.start(vswitchd)
    vsctl(worker, *bridge(INTEGRATION_BRIDGE, secure=True))
    vsctl(worker, *bridge(UNDERLAY_BRIDGE))
    vsctl(worker, "--may-exist", "add-port", UNDERLAY_BRIDGE, UNDERLAY_LINK)
    ip_batch(underlay_end(address), node_namespace(worker.name))
    for program in rest:
        lab.processes.start(program)


def programs(settings: LabSettings, worker: Node) -> tuple[Program, ...]:
    """The worker's own programs, in the order of their dependencies."""
    checksums = (sys.executable, "-m", "kuryr_runbook.lab.ovn.checksums")
    return (
        _switch_program(
            worker, "ovsdb-server", "ovsdb-server", f"--remote=p{SOCKET}", str(DATABASE)
        ),
        _switch_program(worker, "ovs-vswitchd", str(switch.command(settings)), SOCKET),
        _program(
            worker,
            "ovn-controller",
            ("ovn-controller", f"--pidfile={CONTROLLER_RUN}/ovn-controller.pid", *LOGGING, SOCKET),
            _CONNECTED,
        ),
        _program(worker, "checksums", checksums, (*checksums, "--check")),
    )


_CONNECTED = (
    *("sh", "-c"),
    f"said=$(ovn-appctl --timeout={SECONDS} -t ovn-controller connection-status) && "
    '[ "$said" = connected ]',
)


def vsctl(worker: Node, *arguments: str) -> str:
    """The output of `ovs-vsctl`, run in the worker. Raises CommandError."""
    command = ("ovs-vsctl", f"--timeout={SECONDS}", "-vsyslog:off", *arguments)
    return run(*worker.entering, *command)


def stop(lab: Lab, worker: Node) -> None:
    """Stop the worker's programs, if it has any."""
    for program in reversed(programs(lab.settings, worker)):
        lab.processes.stop(program.name)


def remove(lab: Lab, worker: Node) -> None:
    """Make the worker no chassis any more; pods on its switch lose their network."""
    stop(lab, worker)
    namespace = node_namespace(worker.name)
    # Devices of bridges outlive a switch that is only stopped.
    for device in ip_json("link", "show", "type", "tun", namespace=namespace):
        ip("link", "delete", device["ifname"], namespace=namespace)
    run(*worker.entering, "rm", "-rf", str(SWITCH_RUN), str(CONTROLLER_RUN))
    leave_underlay(lab.settings, worker.name)
    remove_underlay_link(worker.name, lab.say)


def _switch_program(worker: Node, name: str, command: str, *arguments: str) -> Program:
    control = SWITCH_RUN / f"{name}.ctl"
    files = (f"--unixctl={control}", f"--pidfile={SWITCH_RUN / name}.pid")
    asking = ("ovs-appctl", f"--target={control}", f"--timeout={SECONDS}", "version")
    return _program(worker, name, (command, *files, *LOGGING, *arguments), asking)


def _program(worker: Node, name: str, command: tuple[str, ...], asking: tuple[str, ...]) -> Program:
    return Program(
        name=f"{name}-{worker.name}",
        command=command,
        health=CommandHealth(command=asking),
        netns=node_namespace(worker.name),
        mount_ns=worker.mount_ns,
        uts_ns=worker.uts_ns,
    )
