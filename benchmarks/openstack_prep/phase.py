"""The work by the runbook's phase in a plain process: no notebook, no kernel.

python phase.py SITE. The last line of its output is JSON: how long the parts took.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any


class Imports:
    """Seconds spent in importing modules, at the top or where they are used first."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = False
        self._execute = SourceFileLoader.exec_module
        SourceFileLoader.exec_module = lambda *args: self._timed(*args)  # type: ignore[method-assign]

    def _timed(self, loader: SourceFileLoader, module: Any) -> None:
        if self._inside:
            return self._execute(loader, module)
        self._inside, start = True, time.monotonic()
        try:
            return self._execute(loader, module)
        finally:
            self._inside = False
            self.seconds += time.monotonic() - start


def main(site_file: str) -> None:
    imports, start = Imports(), time.monotonic()
    import yaml

    from kuryr_runbook.phases.openstack_prep import OpenStackPrep

    phase = OpenStackPrep(**yaml.safe_load(Path(site_file).read_text()))
    plan = phase.make_plan()
    planned = time.monotonic()
    phase.carry_out(plan)
    applied = time.monotonic()
    parts = {"imports": imports.seconds, "plan": planned - start, "apply": applied - planned}
    print(json.dumps(parts))


if __name__ == "__main__":
    main(sys.argv[1])
