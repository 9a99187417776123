"""`python -m kuryr_runbook.lab.compute --state DIR`: the compute agent, or its health."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from kuryr_runbook.lab.compute.agent import Agent, check
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import LabError


def main() -> int:
    """Run the agent until it is ended, or check once whether it is healthy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the lab's state directory")
    parser.add_argument("--virtual", nargs="*", default=(), help="nodes that are virtual machines")
    parser.add_argument("--check", action="store_true", help="fail unless the agent is in step")
    arguments = parser.parse_args()
    settings = LabSettings(state=arguments.state)
    if not arguments.check:
        Agent(settings, arguments.virtual, _say).run()
    try:
        check(settings)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _say(message: str) -> None:
    moment = time.time()
    clock = time.strftime("%H:%M:%S", time.localtime(moment))
    sys.stdout.write(f"{clock}.{int(moment % 1 * 1000):03d} {message}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
