"""Kernels that a server forks, in jupyter_client's terms."""

from __future__ import annotations

import os
import signal
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from kuryr_runbook.running.forking import DEATH_SECONDS, Forked, Process


class ForkedKernel(KernelProvisionerBase):
    """One that has been asked for already."""

    def __init__(self, forked: Forked, **traits: Any) -> None:
        super().__init__(**traits)
        self._forked: Forked | None = forked

    async def pre_launch(self, **told: Any) -> dict[str, Any]:
        """There is no command to prepare."""
        return {"cmd": [], **told}

    async def launch_kernel(self, cmd: list[str], **told: Any) -> KernelConnectionInfo:
        """Where it is to be found; nothing is waited for."""
        manager: Any = self.parent
        self.connection_info = manager.get_connection_info()
        return self.connection_info

    @property
    def has_process(self) -> bool:
        """Whether it is not forgotten."""
        return self._forked is not None

    async def poll(self) -> int | None:
        """None while it works; then 0, as with what it ended only its parent knows."""
        process = self._process()
        return None if process is not None and process.is_alive() else 0

    async def wait(self) -> int:
        """Wait until it has ended."""
        if process := self._process():
            process.ends_within(DEATH_SECONDS)
        return 0

    async def send_signal(self, signum: int) -> None:
        """To the kernel, and all that it started."""
        if process := self._process():
            process.send_signal(signum)

    async def kill(self, *, restart: bool = False) -> None:  # type: ignore[override]
        """Kill it, and wait for that."""
        if self._forked is not None and not self._forked.is_answered:
            # Where nobody waited for it, nobody does now: the server ends it when it ends.
            self._forked = None
        await self.send_signal(signal.SIGKILL)
        await self.wait()

    async def terminate(self, *, restart: bool = False) -> None:  # type: ignore[override]
        """Ask it to end."""
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, *, restart: bool = False) -> None:  # type: ignore[override]
        """Forget it."""
        if process := self._process():
            os.close(process.descriptor)
        self._forked = None

    def _process(self) -> Process | None:
        return None if self._forked is None else self._forked.answered()
