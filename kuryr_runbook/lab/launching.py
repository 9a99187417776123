"""How a program is launched: its namespaces, its clean environment, and its script.

The supervisor runs a shell script for each program, which a person can read and run by hand. Its
commands use `exec`, so the pid that the supervisor watches is the program's own.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from kuryr_runbook.lab.programs import Program

NETNS_DIRECTORY = Path("/run/netns")
"""Directory of named network namespaces, by the convention of `ip netns`."""

INHERITED = ("HOME", "PATH", "TZ", "USER")
"""The only variables that programs inherit from the caller: no proxy, no CA bundle, no PIP_*."""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a program of the lab, in addition to `extra`."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", **(extra or {})}


def entering(program: Program) -> tuple[str, ...]:
    """A command prefix that runs a command in the program's namespaces."""
    if program.netns is None and program.mount_ns is None and program.uts_ns is None:
        return ()
    command = ["nsenter"]
    if program.netns is not None:
        command.append(f"--net={NETNS_DIRECTORY / program.netns}")
    if program.mount_ns is not None:
        command.append(f"--mount={program.mount_ns}")
        # The working directory has to be set anew, since the mount namespace has its own root.
        command.append(f"--wdns={program.directory or '/'}")
    if program.uts_ns is not None:
        command.append(f"--uts={program.uts_ns}")
    return (*command, "--")


def render_script(program: Program, identity: Path) -> str:
    """The script that becomes the program, once it has written its identity to a file."""
    lines = [
        "#!/bin/sh",
        f"# Runs {program.name}; written by `kuryr-runbook lab up`.",
        # See `identities`: pid, start time and boot together identify the process.
        f'echo "$$ $(cut -d" " -f22 /proc/$$/stat) $(cat /proc/sys/kernel/random/boot_id)"'
        f" > {shlex.quote(str(identity))} || exit 1",
    ]
    lines += [f"export {name}={shlex.quote(text)}" for name, text in program.environment.items()]
    if program.directory is not None and program.mount_ns is None:
        lines.append(f"cd {shlex.quote(str(program.directory))} || exit 1")
    lines.append(f"exec {shlex.join((*entering(program), *program.command))}")
    return "\n".join(lines) + "\n"
