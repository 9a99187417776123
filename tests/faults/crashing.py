"""Runs of one phase on the lab that are killed, or meet faults: see faulty_run.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from support.repository import REPOSITORY

PATHS = os.pathsep.join(map(str, (REPOSITORY / "tests", REPOSITORY)))
SECONDS = 420
MOST_KILLS = 100
KILLED = -signal.SIGKILL


def started(
    phase: str, environment: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    """The phase in a process of its own; options are those of faulty_run.py."""
    return subprocess.Popen(
        [
            sys.executable,
            REPOSITORY / "tests" / "faults" / "faulty_run.py",
            phase,
            json.dumps(options),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": PATHS, **(environment or {})},
    )


def run(phase: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The same to its end, whichever that is."""
    with started(phase, **options) as process:
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def finished(phase: str, **options: Any) -> int:
    """Run it to its end; gives the number of calls that changed something."""
    done = run(phase, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return int(done.stdout.splitlines()[-1])


def killed_until_done(phase: str) -> int:
    """Kill it at each first call that changes something; gives how often that was."""
    for kills in range(MOST_KILLS):
        done = run(phase, fault="kill", at=1)
        if done.returncode != KILLED:
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
            return kills
    raise AssertionError(f"{phase} does not come to an end: {done.stdout[-2000:]}")
