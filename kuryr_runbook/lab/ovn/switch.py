"""The switch itself, ovs-vswitchd, from a release of Debian in which it does not abort.

Open vSwitch kept an entry of its own for the translated direction of a connection until 3.1. If an
answer comes when the connection has just been forgotten, two of these entries can lead to each
other, and the next packet trips an assertion (`conn_update_state`): the switch aborts, and all that
is connected through it loses its connections. From 3.2 on there is one entry for both directions.
Debian 12 has 3.1. So the daemon alone, with the C library that it needs, is Debian 13's; it works
with Debian 12's databases and commands.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from kuryr_runbook.lab import debian
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import LabSettings

CODENAME = "trixie"
PACKAGES = (
    "libbpf1",
    "libc6",
    "libcap-ng0",
    "libelf1t64",
    "libevent-2.1-7t64",
    "libnuma1",
    "libssl3t64",
    "libunbound8",
    "libxdp1",
    "libzstd1",
    "openvswitch-switch",
    "zlib1g",
)
"""Open vSwitch's daemon, and the packages of all libraries that it loads."""

_WRAPPER = """\
#!/bin/sh
exec {loader} --library-path {libraries} --argv0 ovs-vswitchd {program} "$@"
"""
"""The program with its own libraries, which no other program of the machine may get."""


def command(settings: LabSettings) -> Path:
    """The program, once it is fetched."""
    return _home(settings) / "ovs-vswitchd"


def fetch(settings: LabSettings, say: Progress) -> None:
    """Unpack the program into the cache. Raises LabError if that fails."""
    home = _home(settings)
    home.mkdir(parents=True, exist_ok=True)
    debian.unpack(PACKAGES, home, say, CODENAME)
    [libc] = home.glob("usr/lib/*/libc.so.6")
    [loader] = libc.parent.glob("ld-linux*.so.*")
    paths = {
        "loader": loader,
        "libraries": libc.parent,
        "program": home / "usr/lib/openvswitch-switch/ovs-vswitchd",
    }
    quoted = {name: shlex.quote(str(path)) for name, path in paths.items()}
    wrapper = command(settings)
    wrapper.write_text(_WRAPPER.format(**quoted))
    wrapper.chmod(0o755)


def _home(settings: LabSettings) -> Path:
    return settings.cache / f"openvswitch-{CODENAME}"
