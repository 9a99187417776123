"""Commands for the kernel's network: ip, sysctl, and anything inside a namespace.

Named network namespaces are iproute2's, below /run/netns.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kuryr_runbook.model.errors import LabError

NAMESPACES = Path("/run/netns")
COMMAND_SECONDS = 30.0
"""No command here normally takes a second; one that takes this long hangs."""


class CommandError(LabError):
    """A command failed; `said` is what it printed on stderr."""

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"`{command}` failed: {said}")
        self.said = said


def run(*command: str, namespace: str | None = None, stdin: str | None = None) -> str:
    """Run a command, inside a network namespace if one is named, and return its output.

    Raises CommandError when it fails, LabError when it is not installed or hangs.
    """
    entering = ("nsenter", f"--net={NAMESPACES / namespace}") if namespace else ()
    line = " ".join((*entering, *command))
    try:
        done = subprocess.run(
            (*entering, *command),
            check=False,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            input=stdin or "",
        )
    except FileNotFoundError as error:
        raise LabError(
            f"{error.filename} is not on this machine",
            remedy="`make setup` installs the Debian packages that the lab needs",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"`{line}` did not end within {COMMAND_SECONDS:.0f} s") from error
    if done.returncode:
        raise CommandError(line, done.stderr.strip() or f"status {done.returncode}")
    return done.stdout


def ip(*arguments: str, namespace: str | None = None) -> str:
    """Run iproute2's `ip` with these arguments, on a namespace or on the host."""
    return run("ip", *_within(namespace), *arguments)


def ip_json(*arguments: str, namespace: str | None = None) -> list[dict[str, Any]]:
    """The output of `ip`, as data."""
    shown = run("ip", "-json", *_within(namespace), *arguments)
    return json.loads(shown) if shown.strip() else []


def ip_batch(lines: Iterable[str], namespace: str | None = None) -> None:
    """Run several `ip` commands in one process; the first failure ends it (CommandError)."""
    text = "".join(f"{line}\n" for line in lines)
    if text:
        run("ip", *_within(namespace), "-batch", "-", stdin=text)


def finish_checksums(namespace: str, device: str) -> None:
    """Have checksums computed before a frame leaves through the device.

    Frames that stay on their machine get none, which a userspace switch cannot know.
    """
    run("ethtool", "--offload", device, "tx", "off", namespace=namespace)


def sysctl(namespace: str, values: Mapping[str, int]) -> None:
    """Set the namespace's own kernel parameters, by dotted names."""
    run(
        "sysctl",
        "--quiet",
        "--write",
        *(f"{key}={value}" for key, value in values.items()),
        namespace=namespace,
    )


def _within(namespace: str | None) -> tuple[str, ...]:
    return ("-netns", namespace) if namespace else ()
