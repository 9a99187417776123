"""The lock of a site: taking it on this machine and in the cluster, and keeping it."""
