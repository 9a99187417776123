"""Kubernetes in the lab: one master, workers as namespaces, no kube-proxy and no network plugin.

The control plane runs in the master's network namespace; a worker is a network, a mount and a UTS
namespace with a containerd and a kubelet of its own. Nodes stay NotReady until Kuryr comes.
"""
