"""The programs of the data plane, and the initial configuration of Open vSwitch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

from kuryr_runbook.lab.network.kernel import ip_batch, run
from kuryr_runbook.lab.ovn import switch
from kuryr_runbook.lab.ovn.places import SCHEMAS, environment, places
from kuryr_runbook.lab.programs import CommandHealth, Lab, Program
from kuryr_runbook.lab.settings import (
    CHASSIS,
    EXTERNAL_BRIDGE,
    EXTERNAL_PORT,
    HYPERVISOR_NS,
    INTEGRATION_BRIDGE,
    PHYSICAL_NETWORK,
    UNDERLAY_ADDRESS,
    UNDERLAY_BRIDGE,
    UNDERLAY_CIDR,
    LabSettings,
    underlay_port,
)

DATABASES, SWITCH, NORTHD, CONTROLLER = "ovsdb", "ovs-vswitchd", "ovn-northd", "ovn-controller"
SECONDS = 20
"""How long a command may take; normally it takes a fraction of a second."""
LOOPBACK = IPv4Address("127.0.0.1")
LOGGING = ("-vsyslog:off", "-vconsole:info", "-vfile:off")
"""Everything goes to the supervisor's log, nothing to the machine's."""


def up(lab: Lab) -> None:
    """Bring the data plane up: databases, switch, bridges, and the chassis that Neutron binds to.

    Needs HYPERVISOR_NS with EXTERNAL_PORT. Raises LabError when a part does not come up.
    """
    lab.say("OVN: databases, Open vSwitch, northd, controller")
    switch.fetch(lab.settings, lab.say)
    _make_databases(lab.settings)
    databases, vswitchd, *rest = programs(lab.settings)
    lab.processes.start(databases)
    _configure(lab.settings)
    lab.processes.start(vswitchd)
    _make_bridges(lab.settings)
    for program in rest:
        lab.processes.start(program)


def programs(settings: LabSettings) -> tuple[Program, ...]:
    """The four programs, in the order of their dependencies."""
    where = places(settings)
    files = [str(where.database(name)) for name in SCHEMAS]
    remotes = (f"--ovnnb-db={where.remote}", f"--ovnsb-db={where.remote}")
    return (
        _program(settings, DATABASES, "ovsdb-server", (f"--remote=p{where.remote}", *files)),
        _program(
            settings,
            SWITCH,
            "ovs-vswitchd",
            (where.remote,),
            program=str(switch.command(settings)),
        ),
        _program(settings, NORTHD, "ovn-northd", remotes),
        # The name of its socket contains its pid, which is in its pid file.
        _program(settings, CONTROLLER, "ovn-controller", (where.remote,)),
    )


def _program(
    settings: LabSettings,
    name: str,
    command: str,
    arguments: tuple[str, ...],
    *,
    program: str = "",
) -> Program:
    run_directory = places(settings).run
    pid_file = run_directory / f"{command}.pid"
    own_socket = () if name == CONTROLLER else (f"--unixctl={run_directory / command}.ctl",)
    return Program(
        name=name,
        command=(program or command, *own_socket, f"--pidfile={pid_file}", *LOGGING, *arguments),
        health=CommandHealth(command=_asking(settings, name, command)),
        netns=HYPERVISOR_NS,
        environment=environment(settings),
        directory=places(settings).root,
        address=places(settings).remote if name == DATABASES else "",
    )


def _asking(settings: LabSettings, name: str, command: str) -> tuple[str, ...]:
    """A command that succeeds if the program answers, and the controller has its database."""
    if name != CONTROLLER:
        target = places(settings).run / f"{command}.ctl"
        return ("ovs-appctl", f"--target={target}", f"--timeout={SECONDS}", "version")
    asked = f"ovn-appctl --timeout={SECONDS} -t ovn-controller connection-status"
    return ("sh", "-c", f'said=$({asked}) && [ "$said" = connected ]')


def _make_databases(settings: LabSettings) -> None:
    where = places(settings)
    where.run.mkdir(parents=True, exist_ok=True)
    where.root.chmod(0o700)
    for name, schema in SCHEMAS.items():
        database = where.database(name)
        if not database.exists():
            fresh = database.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            run("ovsdb-tool", "create", str(fresh), str(schema))
            fresh.rename(database)


def _configure(settings: LabSettings) -> None:
    """Set which chassis this is before ovn-controller starts."""
    options = {
        **chassis_options(
            settings, CHASSIS, UNDERLAY_ADDRESS if settings.chassis_names else LOOPBACK
        ),
        "ovn-bridge-mappings": f"{PHYSICAL_NETWORK}:{EXTERNAL_BRIDGE}",
        "ovn-cms-options": "enable-chassis-as-gw",
    }
    vsctl(settings, *initial(options))


def chassis_options(settings: LabSettings, name: str, address: IPv4Address) -> dict[str, str]:
    """What ovn-controller reads in Open vSwitch, for a chassis with its end of tunnels there."""
    return {
        "system-id": name,
        # Neutron binds a port to the chassis whose host name is the port's `binding:host_id`.
        "hostname": name,
        "ovn-remote": places(settings).remote,
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": str(address),
        "ovn-bridge-datapath-type": "netdev",
        "ovn-monitor-all": "true",
    }


def initial(options: Mapping[str, str]) -> Iterator[str]:
    """Arguments of `ovs-vsctl` that set them before ovs-vswitchd runs."""
    yield from ("--no-wait", "init", "--", "set", "open", ".")
    yield from (f'external_ids:{key}="{value}"' for key, value in options.items())


def bridge(name: str, *, secure: bool = False) -> Iterator[str]:
    """Arguments of `ovs-vsctl` that make a bridge of the userspace datapath.

    A secure one drops what no flow is for; any other learns addresses like a plain switch.
    """
    mode = "secure" if secure else "standalone"
    yield from ("--may-exist", "add-br", name, "--")
    yield from ("set", "bridge", name, "datapath_type=netdev", f"fail_mode={mode}")


def _make_bridges(settings: LabSettings) -> None:
    vsctl(settings, *bridge(INTEGRATION_BRIDGE, secure=True))
    vsctl(settings, *bridge(EXTERNAL_BRIDGE))
    vsctl(settings, "--may-exist", "add-port", EXTERNAL_BRIDGE, EXTERNAL_PORT)
    _make_underlay(settings)


def _make_underlay(settings: LabSettings) -> None:
    """Connect the chassis. In userspace, tunnels end at an address of a bridge's own device."""
    if not settings.chassis_names:
        vsctl(settings, "--if-exists", "del-br", UNDERLAY_BRIDGE)
        return
    vsctl(settings, *bridge(UNDERLAY_BRIDGE))
    for worker in settings.chassis_names:
        vsctl(settings, "--may-exist", "add-port", UNDERLAY_BRIDGE, underlay_port(worker))
    ip_batch(underlay_end(UNDERLAY_ADDRESS), HYPERVISOR_NS)


def underlay_end(address: IPv4Address) -> tuple[str, str]:
    """`ip` commands that give the underlay's bridge its address."""
    return (
        f"address replace {address}/{UNDERLAY_CIDR.prefixlen} dev {UNDERLAY_BRIDGE}",
        f"link set {UNDERLAY_BRIDGE} up",
    )


def leave_underlay(settings: LabSettings, worker: str) -> None:
    """Forget a worker that is no chassis any more; its ovn-controller must have ended."""
    vsctl(settings, "--if-exists", "del-port", underlay_port(worker))
    sbctl(settings, "--if-exists", "chassis-del", worker)


def vsctl(settings: LabSettings, *arguments: str) -> str:
    """The output of `ovs-vsctl`, run in the data plane's namespace. Raises CommandError."""
    return run(
        "ovs-vsctl",
        f"--db={places(settings).remote}",
        f"--timeout={SECONDS}",
        "-vsyslog:off",
        *arguments,
        namespace=HYPERVISOR_NS,
    )


def sbctl(settings: LabSettings, *arguments: str) -> str:
    """The output of `ovn-sbctl` for OVN's southbound database. Raises CommandError."""
    return run(
        "ovn-sbctl",
        f"--db={places(settings).remote}",
        f"--timeout={SECONDS}",
        "-vsyslog:off",
        *arguments,
    )
