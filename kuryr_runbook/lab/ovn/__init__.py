"""The lab's data plane: OVN on Open vSwitch, as Debian packages them, in a namespace.

The packets are the business of ovs-vswitchd's userspace datapath, so the machine's kernel needs no
module for it. All files and sockets lie in the lab's state directory.
"""

from __future__ import annotations

from kuryr_runbook.lab.ovn.places import Places, environment
from kuryr_runbook.lab.ovn.programs import programs, up

__all__ = ["Places", "environment", "programs", "up"]
