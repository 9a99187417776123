"""Where Octavia's provider drivers find its driver agent.

octavia-lib looks below /var/run unless it is told otherwise, and no provider tells it: so a machine
could have one cloud.
"""

from __future__ import annotations

from typing import Any

from octavia_lib.api.drivers.driver_lib import DriverLibrary
from oslo_config import cfg


def lead_drivers_to_the_agent() -> None:
    """Have drivers that this process makes from now on use the sockets of the configuration."""
    begin = DriverLibrary.__init__

    def begin_there(library: Any, **options: Any) -> None:
        agent = cfg.CONF.driver_agent
        places = (agent.status_socket_path, agent.stats_socket_path, agent.get_socket_path)
        begin(library, *places, **options)

    DriverLibrary.__init__ = begin_there
