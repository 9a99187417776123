"""The lab's data plane: OVN on Open vSwitch, as Debian packages them, in a namespace.

Packets are handled by ovs-vswitchd's userspace datapath, so no kernel module is needed. All files
and sockets are in the lab's state directory.
"""

from __future__ import annotations

from kuryr_runbook.lab.ovn.places import Places, environment
from kuryr_runbook.lab.ovn.programs import programs, up

__all__ = ["Places", "environment", "programs", "up"]
