"""What a machine has outside of any lab, in a form that compares."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import psutil

from kuryr_runbook.lab.kubernetes import cgroups
from kuryr_runbook.lab.settings import PREFIX, LabSettings

SYSCTLS = (
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.conf.all.arp_ignore",
    "kernel.panic",
    "kernel.panic_on_oops",
    "vm.overcommit_memory",
)
PLACES = (
    "/run",
    "/run/netns",
    "/etc/cni",
    "/opt/cni",
    "/var/lib",
    "/var/lib/cni",
    "/var/log",
    "/var/log/pods",
    "/var/log/containers",
)
"""Directories in which a node of Kubernetes, or a data plane, would leave something."""

World = dict[str, list[str]]


def read(settings: LabSettings) -> World:
    """All of it, each aspect as sorted lines."""
    links = json.loads(_said("ip", "-json", "-details", "link"))
    roots = cgroups.hierarchies()
    return {
        "links": sorted(f"{x['ifname']} {x['flags']} {x.get('ifalias')}" for x in links),
        "addresses": _lines("ip", "-oneline", "-4", "address"),
        "routes": _lines("ip", "route", "show", "table", "all"),
        "IPv6 routes": _lines("ip", "-6", "route", "show", "table", "all"),
        "rules": _lines("ip", "rule"),
        "nft": _lines("nft", "list", "ruleset"),
        "iptables": [x for x in _lines("iptables-save") if x.startswith("-A")],
        "mounts": sorted(
            x.split()[4] for x in Path("/proc/self/mountinfo").read_text().split("\n")[:-1]
        ),
        "cgroups": sorted(str(x) for root in roots for x in root.glob(f"**/{PREFIX}*")),
        "controllers": [
            f"{root} {(root / 'cgroup.subtree_control').read_text()}"
            for root in roots
            if (root / "cgroup.subtree_control").exists()
        ],
        "sysctls": [f"{x} {Path('/proc/sys', *x.split('.')).read_text()}" for x in SYSCTLS],
        "processes": sorted(_processes(settings)),
        **{place: _entries(Path(place)) for place in PLACES},
    }


def changes(before: World, after: World) -> list[str]:
    """What differs, in words."""
    told = []
    for aspect, lines in before.items():
        was, is_ = Counter(lines), Counter(after[aspect])
        told += [f"{aspect}: gone: {line}" for line in (was - is_).elements()]
        told += [f"{aspect}: new: {line}" for line in (is_ - was).elements()]
    return told


def _processes(settings: LabSettings) -> list[str]:
    """Those that bear a trace of the lab: its files, or its namespaces, in their command line."""
    traces = (str(settings.state), str(settings.cache), f"/run/netns/{PREFIX}", "kuryr_runbook.lab")
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if process.pid != os.getpid() and any(trace in line for trace in traces):
            found.append(line)
    return found


def _entries(place: Path) -> list[str]:
    return sorted(os.listdir(place)) if place.is_dir() else ["(not there)"]


def _lines(*command: str) -> list[str]:
    return sorted(_said(*command).splitlines())


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
