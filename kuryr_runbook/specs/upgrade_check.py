"""The short-lived pod in which the new release checks the state that the installed one left."""

from __future__ import annotations

from importlib import resources

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.controller import CONFIG_SECRET, CONTROLLER
from kuryr_runbook.specs.manifests import controller_placement, metadata, pod_template
from kuryr_runbook.specs.privilege import NONE, TMP, TMP_MOUNT, footprint

UPGRADE_CHECK = "kuryr-upgrade-check"
CONTAINER = "check"
CHECK_SECONDS = 300
"""How long it may take from its creation to its end, including the image's pull."""

GOOD, WARNING, FAILURE = 0, 1, 2
"""Exit statuses of `kuryr-k8s-status upgrade check`; with any other one it could not check."""

# Annotations in the format before Rocky are a failure, which update-annotations fixes: upstream
# says to run it and to check again.
ASK = """
ask() { python -c "$STATUS" upgrade "$1"; }
ask check
status=$?
if [ $status -eq 2 ]; then
    ask update-annotations && ask check
    status=$?
fi
exit $status
""".strip()


def upgrade_check(site: Site, image: str) -> Manifest:
    """The pod, with the installed controller's rights and configuration, and a node's network."""
    container = {
        "name": CONTAINER,
        "image": image,
        "command": ["sh", "-c", ASK],
        "env": [{"name": "STATUS", "value": _status_program()}],
        "resources": footprint(cpu="100m", memory="128Mi", limit="1Gi"),
        "securityContext": NONE.security_context,
        "volumeMounts": [
            {"name": "config", "mountPath": kuryr_conf.CONF_DIRECTORY, "readOnly": True},
            TMP_MOUNT,
        ],
    }
    volumes = [{"name": "config", "secret": {"secretName": CONFIG_SECRET}}, TMP]
    template = pod_template(site, UPGRADE_CHECK, "", NONE, [container], volumes)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **metadata(site, UPGRADE_CHECK),
            "labels": template["metadata"]["labels"],
        },
        "spec": template["spec"]
        | controller_placement(site)
        | {
            "serviceAccountName": CONTROLLER,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": CHECK_SECONDS,
        },
    }


def _status_program() -> str:
    return (resources.files("kuryr_runbook") / "share" / "upgrade" / "status.py").read_text()
