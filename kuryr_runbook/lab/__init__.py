"""The embedded lab: a real OpenStack and Kubernetes with a data plane on one Linux machine.

Everything is in its own network namespaces and in one state directory; `destroy` leaves nothing
behind.
"""
