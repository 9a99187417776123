"""The KuryrPort of a pod that an earlier release plugged, from the pod's annotation.

It is the same as Kuryr Victoria's for a pod that is about to start (3.1.0, controller/handlers/
vif.py, `_move_annotations_to_crd`). Kuryr skips running pods, whose ports would be orphaned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kuryr_runbook.model.documents import parse_json
from kuryr_runbook.model.errors import FileError
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases.names import (
    API_VERSION,
    NODE_LABEL,
    PORT_FINALIZER,
    VIF_ANNOTATION,
)

FIELDS = "versioned_object.data"
DEFAULT_INTERFACE = "eth0"


def kuryr_port(pod: Mapping[str, Any]) -> Manifest:
    """The KuryrPort. Raises ValueError if Kuryr since Rocky did not write the annotation."""
    metadata, node = pod["metadata"], pod["spec"]["nodeName"]
    return {
        "apiVersion": API_VERSION,
        "kind": "KuryrPort",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "finalizers": [PORT_FINALIZER],
            "labels": {NODE_LABEL: node},
        },
        "spec": {"podUid": metadata["uid"], "podNodeName": node},
        "status": {"vifs": _vifs(metadata["annotations"][VIF_ANNOTATION])},
    }


def _vifs(text: str) -> Manifest:
    try:
        state = parse_json(text, "it")[FIELDS]
        first, more = state["default_vif"], state.get("additional_vifs") or {}
        vifs = {DEFAULT_INTERFACE: first, **more}
        for vif in vifs.values():
            vif[FIELDS]["id"]
    except (FileError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its annotation {VIF_ANNOTATION} is not a PodState: {error!r}") from error
    return {name: {"default": name == DEFAULT_INTERFACE, "vif": vif} for name, vif in vifs.items()}
