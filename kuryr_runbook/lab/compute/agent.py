"""The agent: follows the APIs, and says in one line each what it changed.

While an API does not answer all stays as it is. A file tells others how the agent does.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
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
"""How often to look whether something changed, which costs next to nothing."""
READ_SECONDS = 0.7
"""Between the beginnings of two reads; while changes pour in, reading has to leave room for them.
A change is seen within this and the time that a read takes."""
VERIFY_SECONDS = 5.0
"""How often kernel and switch are compared when no API said anything new."""
FRESH_SECONDS = 30.0
"""The agent is not well when its last success is older."""


class Agent:
    """Reads, decides, applies."""

    def __init__(self, settings: LabSettings, say: Progress) -> None:
        self._say = say
        self._status = status_file(settings)
        self._reader = ApiReader(settings)
        self._hypervisor = Hypervisor(settings, say)
        self._machines: Machines | None = None
        self._read_at = self._applied_at = float("-inf")
        self._told: frozenset[str] = frozenset()
        self._unread = ""

    def run(self) -> None:
        """Follow until the process is ended."""
        self._say("the agent follows")
        while True:
            self.tick()
            time.sleep(TICK_SECONDS)

    def tick(self) -> None:
        """Read and apply as far as either is due."""
        changed = self._read()
        since = time.monotonic() - self._applied_at
        verify_due = self._hypervisor.restless or since >= VERIFY_SECONDS
        if self._machines is not None and (changed or verify_due):
            problems = self._hypervisor.apply(self._machines)
            self._applied_at = time.monotonic()
            self._tell((*self._machines.notes, *problems))
        if self._machines is not None and not self._unread:
            _write_status(self._status)

    def _read(self) -> bool:
        """Whether something has to change."""
        now = time.monotonic()
        if now - self._read_at < READ_SECONDS or not self._reader.is_due():
            return False
        self._read_at = now
        try:
            machines = desired_machines(self._reader.read())
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

    def _tell(self, sayings: Iterable[str]) -> None:
        """Say what is wrong once, and again only when it was right in between."""
        now = frozenset(sayings)
        for saying in sorted(now - self._told):
            self._say(saying)
        self._told = now


def status_file(settings: LabSettings) -> Path:
    """Holds the moment of the agent's last success, in seconds of the machine's uptime."""
    return directory(settings) / "status.json"


def _write_status(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({"in_step_at": time.monotonic()}))
    os.replace(fresh, file)


def check(settings: LabSettings) -> None:
    """Raise LabError unless the agent was in step with the APIs a moment ago."""
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
