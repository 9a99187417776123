"""Progress of long steps: one line at a time."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Print one line at once: into the cell's output, and from there to a headless run's terminal.

    Looks `sys.stdout` up each time, since the kernel replaces it.
    """
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
