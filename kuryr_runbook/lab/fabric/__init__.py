"""The lab's data plane: plain Linux that does what Neutron's and Octavia's APIs say.

`wires` makes what is fixed: namespaces and the link to the host. The fabric agent (`agent`) makes
the rest from API state, through a pure function (`topology`), and applies the difference.
"""
