"""Kuryr's names in Kubernetes' API, all from constants.py of the releases."""

from __future__ import annotations

API_GROUP = "openstack.org"
"""API group of Kuryr's custom resources, and the prefix of its annotations."""
API_VERSION = f"{API_GROUP}/v1"
"""The `apiVersion` of Kuryr's custom resources."""
OWN_DOMAIN = f"kuryr.{API_GROUP}"
"""Part of the names of all its finalizers, and the prefix of its labels."""

VIF_ANNOTATION = f"{API_GROUP}/kuryr-vif"
BALANCER_SPEC_ANNOTATION = f"{API_GROUP}/kuryr-lbaas-spec"
BALANCER_STATE_ANNOTATION = f"{API_GROUP}/kuryr-lbaas-state"

NODE_LABEL = f"{OWN_DOMAIN}/nodeName"
"""The label by which a daemon finds the KuryrPorts of its node's pods."""

POD_FINALIZER = f"{OWN_DOMAIN}/pod-finalizer"
PORT_FINALIZER = f"{OWN_DOMAIN}/kuryrport-finalizer"
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod finds the token of its service account."""
