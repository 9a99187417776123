"""What follows when one of Kuryr's programs does not do its work, by the names of checks."""

from __future__ import annotations

POD_EFFECTS = frozenset({"pod-unhandled", "pod-interface-inactive"})
SERVICE_EFFECTS = frozenset(
    {"balancer-missing", "listener-missing", "members-differ", "external-address"}
)
CONTROLLER_EFFECTS = POD_EFFECTS | SERVICE_EFFECTS | {"stuck-finalizers"}
"""When the controller does not."""
DAEMON_EFFECTS = frozenset({"node-ready", "pod-plugged"})
"""When a daemon does not, on its node."""
