"""The embedded lab: a real OpenStack and Kubernetes with a data plane on one Linux machine.

Everything lives in network namespaces of its own and in one state directory; `destroy` leaves
nothing behind.
"""
