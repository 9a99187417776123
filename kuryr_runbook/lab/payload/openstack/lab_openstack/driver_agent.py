"""Octavia's own driver agent, which the provider `ovn` reports to, on the lab's database."""

from __future__ import annotations

import logging

from octavia.cmd import driver_agent

from .sockets import lead_drivers_to_the_agent
from .sqlite import bear_concurrent_writers


def main() -> None:
    """Command line: that of octavia-driver-agent, whose processes are forked and do as it does."""
    logging.captureWarnings(capture=True)
    bear_concurrent_writers()
    lead_drivers_to_the_agent()
    driver_agent.main()


if __name__ == "__main__":
    main()
