"""Runs Octavia's driver agent, to which the provider `ovn` reports, on the lab's database."""

from __future__ import annotations

import logging

from octavia.cmd import driver_agent

from .sockets import lead_drivers_to_the_agent
from .sqlite import bear_concurrent_writers


def main() -> None:
    """Takes the arguments of octavia-driver-agent; its forked processes inherit the changes."""
    logging.captureWarnings(capture=True)
    bear_concurrent_writers()
    lead_drivers_to_the_agent()
    driver_agent.main()


if __name__ == "__main__":
    main()
