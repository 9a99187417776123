"""How a program is launched: its namespaces, its clean environment, and the script that says so.

The supervisor runs a shell script for each program, which a person can read and run by hand. Each
command in it is an `exec`, so the pid that the supervisor watches is the program's own.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from kuryr_runbook.lab.programs import Program

NETNS_DIRECTORY = Path("/run/netns")
"""Where named network namespaces are, by the convention of `ip netns`."""

INHERITED = ("HOME", "PATH", "TZ", "USER")
"""All that the lab's programs get of the caller's environment: no proxy, no CA bundle, no PIP_*."""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program of the lab has for environment, beside `extra`."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", **(extra or {})}


def entering(program: Program) -> tuple[str, ...]:
    """A command's beginning: what follows runs in the program's namespaces."""
    if program.netns is None and program.mount_ns is None and program.uts_ns is None:
        return ()
    command = ["nsenter"]
    if program.netns is not None:
        command.append(f"--net={NETNS_DIRECTORY / program.netns}")
    if program.mount_ns is not None:
        command.append(f"--mount={program.mount_ns}")
        # Another mount namespace has its own root, and the working directory goes with it.
        command.append(f"--wdns={program.directory or '/'}")
    if program.uts_ns is not None:
        command.append(f"--uts={program.uts_ns}")
    return (*command, "--")


def render_script(program: Program, identity: Path) -> str:
    """The script that becomes the program, once it has written its identity to a file."""
    lines = [
        "#!/bin/sh",
        f"# Runs {program.name}; written by `kuryr-runbook lab up`.",
        # See `identities`: by pid, start time and boot, nothing else is taken for this process.
        f'echo "$$ $(cut -d" " -f22 /proc/$$/stat) $(cat /proc/sys/kernel/random/boot_id)"'
        f" > {shlex.quote(str(identity))} || exit 1",
    ]
    lines += [f"export {name}={shlex.quote(text)}" for name, text in program.environment.items()]
    if program.directory is not None and program.mount_ns is None:
        lines.append(f"cd {shlex.quote(str(program.directory))} || exit 1")
    lines.append(f"exec {shlex.join((*entering(program), *program.command))}")
    return "\n".join(lines) + "\n"
