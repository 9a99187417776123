"""Kubernetes in the lab: one master, workers as namespaces, no kube-proxy and no network plugin.

The control plane runs in the master's network namespace. A worker is a network, a mount and a UTS
namespace with its own containerd and kubelet. Nodes stay NotReady until Kuryr is installed.
"""
