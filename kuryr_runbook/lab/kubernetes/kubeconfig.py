"""Kubeconfig files: self-contained for people, with references for the lab's own programs."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from kuryr_runbook.lab.pki import Issued


def embedding(server: str, ca: Path, client: Issued) -> str:
    """A kubeconfig that can be copied elsewhere: it contains the certificates and the key."""
    return _render(
        {"server": server, "certificate-authority-data": _base64(ca)},
        {
            "client-certificate-data": _base64(client.cert),
            "client-key-data": _base64(client.key),
        },
    )


def referring(server: str, ca: Path, client: Issued) -> str:
    """A kubeconfig that names the files of the certificates and the key."""
    return _render(
        {"server": server, "certificate-authority": str(ca)},
        {"client-certificate": str(client.cert), "client-key": str(client.key)},
    )


def _render(cluster: Mapping[str, str], user: Mapping[str, str]) -> str:
    # JSON is also YAML, and every Kubernetes client can read it.
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": cluster}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        "users": [{"name": "lab", "user": user}],
    }
    return json.dumps(document, indent=2) + "\n"


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
