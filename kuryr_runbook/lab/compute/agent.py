"""The agent: follows the APIs, and prints one line for each of its changes.

While an API does not answer, nothing is changed. A file shows others whether the agent is healthy.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from kuryr_runbook.lab.compute.applying import Hypervisor
from kuryr_runbook.lab.compute.machines import desired_machines
from kuryr_runbook.lab.compute.parts import Machines
from kuryr_runbook.lab.compute.proxies import directory
from kuryr_runbook.lab.compute.reader import ApiReader
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import LabError, UnreachableError

TICK_SECONDS = 0.2
"""How often to look for changes, which costs next to nothing."""
READ_SECONDS = 0.7
"""Least time from the start of one read to the next, so that reading does not slow down a flood of
changes. A change is seen within this plus the time of a read."""
VERIFY_SECONDS = 5.0
"""How often kernel and switch are checked when nothing has changed in the APIs."""
FRESH_SECONDS = 30.0
"""The agent is unhealthy when its last success is older than this."""


class Agent:
    """Reads, decides, applies."""

    def __init__(self, settings: LabSettings, virtual: Collection[str], say: Progress) -> None:
        self._say = say
        self._virtual = virtual
        self._status = status_file(settings)
        self._reader = ApiReader(settings)
        self._hypervisor = Hypervisor(settings, say)
        self._machines: Machines | None = None
        self._read_at = self._applied_at = float("-inf")
        self._reported: frozenset[str] = frozenset()
        self._unread = ""

    def run(self) -> None:
        """Follow the APIs until the process is ended."""
        self._say("the agent follows")
        while True:
            self.tick()
            time.sleep(TICK_SECONDS)

    def tick(self) -> None:
        """Read and apply, if due."""
        changed = self._read()
        since = time.monotonic() - self._applied_at
        verify_due = self._hypervisor.restless or since >= VERIFY_SECONDS
        if self._machines is not None and (changed or verify_due):
            problems = self._hypervisor.apply(self._machines)
            self._applied_at = time.monotonic()
            self._report((*self._machines.notes, *problems))
        if self._machines is not None and not self._unread:
            _write_status(self._status)

    def _read(self) -> bool:
        """Read the APIs. Returns whether something may have to change."""
        now = time.monotonic()
        if now - self._read_at < READ_SECONDS or not self._reader.is_due():
            return False
        self._read_at = now
        try:
            machines = desired_machines(self._reader.read(), self._virtual)
        except UnreachableError as error:
            if not self._unread:
                self._say(f"all stays as it is, the APIs cannot be read: {error}")
            self._unread = str(error)
            return False
        if self._unread:
            self._say("the APIs answer again")
            self._unread = ""
        changed = machines != self._machines
        self._machines = machines
        return changed

    def _report(self, sayings: Iterable[str]) -> None:
        """Report each problem once, and again only if it had disappeared in between."""
        now = frozenset(sayings)
        for saying in sorted(now - self._reported):
            self._say(saying)
        self._reported = now


def status_file(settings: LabSettings) -> Path:
    """File with the time of the agent's last success, in seconds of the machine's uptime."""
    return directory(settings) / "status.json"


def _write_status(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({"in_step_at": time.monotonic()}))
    os.replace(fresh, file)


def check(settings: LabSettings) -> None:
    """Raise LabError unless the agent was up to date with the APIs a moment ago."""
    file = status_file(settings)
    try:
        age = time.monotonic() - json.loads(file.read_text())["in_step_at"]
    except FileNotFoundError as error:
        raise LabError(
            "the compute agent has not been in step with Neutron and Octavia yet",
            remedy="see its log: `kuryr-runbook lab logs compute`",
        ) from error
    if not 0 <= age <= FRESH_SECONDS:
        raise LabError(
            f"the compute agent was last in step with Neutron and Octavia {age:.0f} s ago",
            remedy="see its log: `kuryr-runbook lab logs compute`",
        )
