"""What a run's kernel does first, while the previous phase is still running."""

from __future__ import annotations

import os
from importlib import import_module

from kuryr_runbook.clients.sdks import import_sdks
from kuryr_runbook.display.frontend import PARENT
from kuryr_runbook.display.verbosity import inherit_verbosity


def begin(phase: str) -> None:
    """Import what the phase's cells will use; exit if the run has ended meanwhile.

    ipykernel starts to watch its parent later, whichever process that is by then.
    """
    inherit_verbosity()
    import_module(f"kuryr_runbook.phases.{phase}")
    import_sdks()
    if os.environ.get(PARENT) != str(os.getppid()):
        os._exit(1)
