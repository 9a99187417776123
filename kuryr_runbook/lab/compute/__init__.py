"""What Nova and the amphora's image are in a cloud: ports plugged into machines, load balancers.

The agent (`agent`) follows the APIs: `reader` asks them, `machines` is the pure function from their
answers to what is wanted, and `applying` makes it so, by way of `links` and `proxies`. Everything
between the ports is OVN's.
"""

from __future__ import annotations

from kuryr_runbook.lab.compute.programs import programs
from kuryr_runbook.lab.compute.proxies import MemberState, member_states

__all__ = ["MemberState", "member_states", "programs"]
