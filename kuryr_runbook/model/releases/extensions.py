"""What the controller does only if a site asks for it, from Wallaby on."""

from __future__ import annotations

from dataclasses import replace

from kuryr_runbook.model.releases import permissions, requests
from kuryr_runbook.model.releases.parts import Extension

NAMESPACE_SUBNETS = Extension(
    handlers=("namespace", "kuryrnetwork"),
    controller_rules=permissions.NAMESPACES,
    cloud_requests=requests.NAMESPACES,
)

ANNOTATED_SUBNETS = replace(NAMESPACE_SUBNETS, controller_rules=permissions.ANNOTATED_NAMESPACES)
"""From Yoga on (controller/handlers/vif.py, on_present)."""

NETWORK_POLICIES = Extension(
    handlers=("policy", "pod_label", "kuryrnetworkpolicy"),
    controller_rules=permissions.POLICIES,
    cloud_requests=requests.OWN_GROUPS,
)
