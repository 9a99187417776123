"""The lab's network below OpenStack: namespaces, the host's link, the lab's internet.

`kernel` runs iproute2, and other commands inside a namespace.
"""
