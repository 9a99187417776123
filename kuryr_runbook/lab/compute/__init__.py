"""Does the work of Nova and of the amphorae: plugs ports into machines, runs load balancers.

The agent (`agent`) follows the APIs: `reader` reads them, `machines` computes from that what is
wanted, and `applying` does it, using `links` and `proxies`. Everything between the ports is up to
OVN.
"""

from __future__ import annotations

from kuryr_runbook.lab.compute.programs import programs
from kuryr_runbook.lab.compute.proxies import MemberState, member_states

__all__ = ["MemberState", "member_states", "programs"]
