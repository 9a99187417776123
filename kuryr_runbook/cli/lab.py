"""`kuryr-runbook lab`: the embedded OpenStack and Kubernetes. Progress on stderr."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuryr_runbook.cli.conventions import Command, Group
from kuryr_runbook.cli.options import Output, answer, output_options
from kuryr_runbook.cli.watching import keep_looking, watch_options
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.display.verbosity import tell
from kuryr_runbook.lab.remembering import remembered
from kuryr_runbook.lab.settings import OPENSTACK_RELEASES, PROJECT, LabSettings, WorkerKind
from kuryr_runbook.model.errors import CheckError, ExitCode, UsageError

if TYPE_CHECKING:
    from kuryr_runbook.display.tables import View
    from kuryr_runbook.lab.lifecycle import Status

EXTRA = ("bcrypt", "cryptography", "psutil", "supervisor")
"""What the extra `lab` of this package installs."""
SYSTEM_PATH = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
FOLLOW_SECONDS = 0.2
MIB = 1 << 20
UP = "bring it up with `kuryr-runbook lab up`"


class LabCommand(Command):
    """A command of the lab, which needs what the extra `lab` installs; its help does not."""

    def invoke(self, ctx: click.Context) -> Any:
        """Refuse to run without the extra."""
        _prepare()
        return super().invoke(ctx)


class LabGroup(Group):
    """The group of these commands."""

    command_class = LabCommand


@click.group(cls=LabGroup, examples=["kuryr-runbook lab up", "kuryr-runbook lab status"])
def lab() -> None:
    """Manage the embedded OpenStack and Kubernetes on this machine."""


def _prepare() -> None:
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the lab needs the Python packages {', '.join(missing)}",
            remedy="pip install 'kuryr-runbook[lab]'",
        )
    # Debian's `su` and cron omit the directories of ip, nft and haproxy.
    os.environ["PATH"] = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM_PATH))


@lab.command(
    examples=[
        "kuryr-runbook lab up",
        "kuryr-runbook lab up --workers 3 --worker-kind uml --openstack 2026.1",
    ]
)
@click.option("--workers", type=click.IntRange(1, 5), help="Number of worker nodes [default: 2].")
@click.option(
    "--worker-kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in WorkerKind]),
    help="What workers are: namespaces of this machine; the same as chassis of OVN, which "
    "neutron-vif needs; or virtual machines with a kernel of their own, which nested-vlan needs. "
    "Once for all, or once for each [default: namespace].",
)
@click.option(
    "--max-address-pairs",
    "pairs",
    type=click.IntRange(1),
    help="Neutron's limit on the allowed address pairs of a port [default: 250].",
)
@click.option(
    "--openstack",
    type=click.Choice(OPENSTACK_RELEASES),
    help=f"Release of Keystone, Neutron and Octavia [default: {OPENSTACK_RELEASES[0]}].",
)
@click.option(
    "--octavia-ovn/--no-octavia-ovn",
    default=None,
    help="Whether Octavia also has the provider ovn [default: no].",
)
def up(
    workers: int | None,
    kinds: tuple[str, ...],
    pairs: int | None,
    openstack: str | None,
    octavia_ovn: bool | None,  # noqa: FBT001
) -> None:
    """Bring up the lab, or whatever part of it is missing.

    Options that are not given keep the values of an existing lab.
    """
    from kuryr_runbook.lab import lifecycle

    settings = _known()
    settings = replace(
        settings,
        workers=workers or settings.workers,
        worker_kinds=tuple(map(WorkerKind, kinds)) or settings.worker_kinds,
        max_allowed_address_pair=pairs or settings.max_allowed_address_pair,
        openstack=openstack or settings.openstack,
        octavia_ovn=settings.octavia_ovn if octavia_ovn is None else octavia_ovn,
    )
    say = lifecycle.Elapsed(tell)
    lifecycle.up(settings, say)
    say("the lab is up; `kuryr-runbook lab env` prints what to export")


@lab.command(
    exits={ExitCode.DONE: "everything is healthy", ExitCode.CHECK_FAILED: "something is not"},
    examples=["kuryr-runbook lab status", "kuryr-runbook lab status --watch -o json"],
)
@output_options
@watch_options
def status(*, output: Output, every: float | None) -> None:
    """Show every program: health, address, memory, uptime."""
    if every is not None:
        keep_looking(partial(_show_status, output, again=True), every)
    _show_status(output, again=False)


def _show_status(output: Output, *, again: bool) -> None:
    """Show it; raises CheckError if something is unhealthy, or there is no lab."""
    from kuryr_runbook.lab import lifecycle

    found = lifecycle.status(_known())
    if found is None:
        message, remedy = _no_lab()
        raise CheckError(message, remedy=remedy)
    answer(output, lambda: status_view(found), lambda: _as_data(found), again=again)
    if not found.well:
        raise CheckError(complaint(found), remedy="repair it with `kuryr-runbook lab up`")


@lab.command(examples=['eval "$(kuryr-runbook lab env)"'])
def env() -> None:
    """Print variables for OpenStack, Kubernetes and OVN clients."""
    from kuryr_runbook.lab import ovn

    settings = _required()
    variables = {
        "OS_CLIENT_CONFIG_FILE": settings.clouds_yaml,
        "OS_CLOUD": PROJECT,
        "KUBECONFIG": settings.kubeconfig,
        "REGISTRY_AUTH_FILE": settings.registry_auth,
        **ovn.environment(settings),
    }
    for name, value in variables.items():
        echo(f"export {name}={shlex.quote(str(value))}")


@lab.command(examples=["kuryr-runbook lab logs neutron-api", "kuryr-runbook lab logs etcd -f"])
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines, until Ctrl-C.")
def logs(name: str, follow: bool) -> None:  # noqa: FBT001
    """Print the log of a program of the lab."""
    settings = _required()
    known = sorted(file.stem for file in settings.logs.glob("*.log"))
    if name not in known:
        raise UsageError(
            f"the lab has no log of {name!r}", remedy=f"it has logs of: {', '.join(known)}"
        )
    _print_log(settings.logs / f"{name}.log", follow=follow)


@lab.command(examples=["kuryr-runbook lab down"])
def down() -> None:
    """Stop the lab's processes; `up` starts them again."""
    from kuryr_runbook.lab import lifecycle

    lifecycle.down(_required(), lifecycle.Elapsed(tell))


@lab.command(examples=["kuryr-runbook lab destroy"])
def destroy() -> None:
    """Remove the lab; what was downloaded or built stays cached."""
    from kuryr_runbook.lab import lifecycle

    lifecycle.destroy(LabSettings(), lifecycle.Elapsed(tell))


def _known() -> LabSettings:
    """The parameters of the existing lab, or else a new lab's defaults."""
    found = remembered(LabSettings())
    return found.settings if found else LabSettings()


def _required() -> LabSettings:
    found = remembered(LabSettings())
    if found is None:
        message, remedy = _no_lab()
        raise UsageError(message, remedy=remedy)
    return found.settings


def _no_lab() -> tuple[str, str]:
    """Why there is no lab, and the way out."""
    from kuryr_runbook.lab import ownership

    owner, here = ownership.owner(), LabSettings().state
    if owner is None:
        return "there is no lab on this machine", UP
    if owner == here:
        return (
            f"this machine's lab has lost its state directory {here}",
            "remove what is left of it: `kuryr-runbook lab destroy`",
        )
    return (
        f"this machine's lab has its state in {owner}, not in {here}",
        f"set XDG_STATE_HOME={owner.parent.parent} for this command",
    )


def _as_data(found: Status) -> dict[str, Any]:
    return {
        "well": found.well,
        "complete": found.complete,
        "memory": found.memory,
        "programs": [
            {
                "name": state.program.name,
                "state": state.state,
                "well": state.well,
                "seen": state.seen,
                "pid": state.pid,
                "memory": state.memory,
                "uptime": state.uptime,
                "address": state.program.address,
            }
            for state in found.programs
        ],
    }


def status_view(found: Status) -> View:
    """The programs, and what they take."""
    from kuryr_runbook.display.tables import table

    rows = [
        (
            state.program.name,
            "healthy" if state.well else state.state.lower() if not state.pid else "unhealthy",
            f"{state.memory / MIB:.0f}",
            _duration(state.uptime),
            state.program.address,
        )
        for state in found.programs
    ]
    note = (
        f"{found.memory / MIB:.0f} MiB in all, {found.other_memory / MIB:.0f} of them used by "
        "pods, load balancers and the supervisor"
    )
    return table("Lab", ("program", "health", "MiB", "uptime", "address"), rows, note)


def complaint(found: Status) -> str:
    """What is unhealthy, and what was seen of it."""
    unwell = [f"{s.program.name}: {s.seen}" for s in found.programs if not s.well]
    if not found.complete:
        unwell.append("`lab up` did not finish")
    return "\n  ".join(["the lab is not healthy:", *unwell])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _print_log(file: Path, *, follow: bool) -> None:
    with file.open(errors="replace") as stream:
        while True:
            if line := stream.readline():
                echo(line.removesuffix("\n"))
            elif follow:
                time.sleep(FOLLOW_SECONDS)
            else:
                return
