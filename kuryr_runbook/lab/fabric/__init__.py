"""The lab's data plane: plain Linux that does what Neutron's and Octavia's APIs say.

`wires` makes what is fixed: namespaces and the link to the host. The fabric agent (`agent`) makes
the rest: `reader` asks the APIs, `topology` is the pure function from their answers to what is
wanted, and `applying` makes the kernel follow, by way of `links`, `filtering`, `translating` and
`proxies`.
"""

from __future__ import annotations

from kuryr_runbook.lab.fabric.programs import programs
from kuryr_runbook.lab.fabric.proxies import MemberState, member_states
from kuryr_runbook.lab.fabric.wires import destroy_wires, ensure_wires

__all__ = ["MemberState", "destroy_wires", "ensure_wires", "member_states", "programs"]
