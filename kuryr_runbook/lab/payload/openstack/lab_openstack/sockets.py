"""Makes Octavia's provider drivers use the configured sockets of its driver agent.

octavia-lib looks below /var/run by default, and providers do not change that, so that a machine
could only have one cloud.
"""

from __future__ import annotations

from typing import Any

from octavia_lib.api.drivers.driver_lib import DriverLibrary
from oslo_config import cfg


def lead_drivers_to_the_agent() -> None:
    """Make drivers that are created in this process from now on use the configured sockets."""
    begin = DriverLibrary.__init__

    def begin_there(library: Any, **options: Any) -> None:
        agent = cfg.CONF.driver_agent
        places = (agent.status_socket_path, agent.stats_socket_path, agent.get_socket_path)
        begin(library, *places, **options)

    DriverLibrary.__init__ = begin_there
