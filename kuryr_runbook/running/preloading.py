"""What a kernel imports before it is needed, so that its phase's cells do not wait for it."""

from __future__ import annotations

import os
from importlib import import_module

from kuryr_runbook.clients.sdks import import_sdks

PARENT = "JPY_PARENT_PID"
"""jupyter_client's: the process for which a kernel works."""


def preload(phase: str) -> None:
    """Called in a kernel while it starts: import a phase by its name, and the SDKs."""
    import_module(f"kuryr_runbook.phases.{phase}")
    import_sdks()
    # The kernel's own watch over its parent begins later, and takes for the parent what is then.
    if os.environ.get(PARENT, str(os.getppid())) != str(os.getppid()):
        os._exit(1)
