"""The programs of the data plane, and the initial configuration of Open vSwitch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kuryr_runbook.lab.network.kernel import run
from kuryr_runbook.lab.ovn.places import SCHEMAS, environment, places
from kuryr_runbook.lab.programs import CommandHealth, Lab, Program
from kuryr_runbook.lab.settings import (
    CHASSIS,
    EXTERNAL_BRIDGE,
    EXTERNAL_PORT,
    HYPERVISOR_NS,
    INTEGRATION_BRIDGE,
    PHYSICAL_NETWORK,
    LabSettings,
)

DATABASES, SWITCH, NORTHD, CONTROLLER = "ovsdb", "ovs-vswitchd", "ovn-northd", "ovn-controller"
SECONDS = 20
"""How long a command may take; normally it takes a fraction of a second."""
_LOGGING = ("-vsyslog:off", "-vconsole:info", "-vfile:off")
"""Everything goes to the supervisor's log, nothing to the machine's."""


def up(lab: Lab) -> None:
    """Bring the data plane up: databases, switch, bridges, and the chassis that Neutron binds to.

    Needs HYPERVISOR_NS with EXTERNAL_PORT. Raises LabError when a part does not come up.
    """
    lab.say("OVN: databases, Open vSwitch, northd, controller")
    _make_databases(lab.settings)
    databases, switch, *rest = programs(lab.settings)
    lab.processes.start(databases)
    _configure(lab.settings)
    lab.processes.start(switch)
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
        _program(settings, SWITCH, "ovs-vswitchd", (where.remote,)),
        _program(settings, NORTHD, "ovn-northd", remotes),
        # The name of its socket contains its pid, which is in its pid file.
        _program(settings, CONTROLLER, "ovn-controller", (where.remote,)),
    )


def _program(settings: LabSettings, name: str, command: str, arguments: tuple[str, ...]) -> Program:
    run_directory = places(settings).run
    pid_file = run_directory / f"{command}.pid"
    own_socket = () if name == CONTROLLER else (f"--unixctl={run_directory / command}.ctl",)
    return Program(
        name=name,
        command=(command, *own_socket, f"--pidfile={pid_file}", *_LOGGING, *arguments),
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
        "system-id": CHASSIS,
        # Neutron binds a port to the chassis whose host name is the port's `binding:host_id`.
        "hostname": CHASSIS,
        "ovn-remote": places(settings).remote,
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": "127.0.0.1",
        "ovn-bridge-datapath-type": "netdev",
        "ovn-bridge-mappings": f"{PHYSICAL_NETWORK}:{EXTERNAL_BRIDGE}",
        "ovn-monitor-all": "true",
        "ovn-cms-options": "enable-chassis-as-gw",
    }
    vsctl(settings, "--no-wait", "init", "--", "set", "open", ".", *_external_ids(options))


def _external_ids(options: Mapping[str, str]) -> Iterator[str]:
    yield from (f'external_ids:{key}="{value}"' for key, value in options.items())


def _make_bridges(settings: LabSettings) -> None:
    for bridge, mode in ((INTEGRATION_BRIDGE, "secure"), (EXTERNAL_BRIDGE, "standalone")):
        vsctl(
            settings,
            *("--may-exist", "add-br", bridge, "--"),
            *("set", "bridge", bridge, "datapath_type=netdev", f"fail_mode={mode}"),
        )
    vsctl(settings, "--may-exist", "add-port", EXTERNAL_BRIDGE, EXTERNAL_PORT)


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
