"""Who runs what, and against what: the facts in a record that no phase reads."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import socket
from collections.abc import Mapping
from importlib.metadata import distribution, distributions
from pathlib import Path
from typing import Any

import kuryr_runbook
from kuryr_runbook.clients.commands import run_command
from kuryr_runbook.clients.login_files import (
    cloud_files,
    decoded,
    kubeconfigs,
    mapping,
    mappings,
    read_mapping,
)
from kuryr_runbook.model.documents import parse_json
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.site import Site

PACKAGE = "kuryr-runbook"
GIT_SECONDS = 10.0
AUTH_NAMES = ("auth_url", "username", "user_id", "project_name", "project_id")
"""The parts of a login that say who and where, and are not secret."""


def who() -> dict[str, str]:
    """The user and the machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # In a container a user may have no name.
        user = str(os.getuid())
    return {"user": user, "host": socket.gethostname()}


def runbook_version() -> dict[str, str]:
    """Version, and the commit if known: of a checkout, or of an installation by pip from git."""
    found = distribution(PACKAGE)
    commit = _installed_commit(found.read_text("direct_url.json")) or _checkout_commit()
    return {"version": found.version} | ({"commit": commit} if commit else {})


def packages() -> dict[str, str]:
    """Name to version of Python and of all installed packages."""
    metadata = (item.metadata for item in distributions())
    found = {str(item["Name"]): str(item["Version"]) for item in metadata}
    return {"python": platform.python_version(), **dict(sorted(found.items()))}


def _installed_commit(direct_url: str | None) -> str:
    origin = parse_json(direct_url or "{}", "direct_url.json of this package")
    return str(origin.get("vcs_info", {}).get("commit_id", ""))


def _checkout_commit() -> str:
    """The commit of the checkout with this package; with `-dirty` if there are changes."""
    root = Path(kuryr_runbook.__file__).parents[1]
    if _git(root, "rev-parse", "--show-toplevel") != str(root):
        return ""
    commit = _git(root, "rev-parse", "HEAD")
    changed = commit and _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}-dirty" if changed else commit


def _git(root: Path, *arguments: str) -> str:
    try:
        done = run_command(
            ["git", "-C", str(root), *arguments], say=lambda line: None, deadline=GIT_SECONDS
        )
    except RunbookError:
        return ""
    return done.output.strip() if done.status == 0 else ""


def cloud_identity(site: Site, environment: Mapping[str, str]) -> dict[str, str]:
    """Which cloud, and which user, according to the login."""
    name = site.openstack.cloud
    found = {"cloud": name}
    if name == "envvars":
        values = {key: environment.get(f"OS_{key.upper()}") for key in (*AUTH_NAMES, "region_name")}
    else:
        contents = map(read_mapping, cloud_files(site, environment))
        entries = (mapping(content.get("clouds")) for content in contents)
        entry = mapping(next((clouds[name] for clouds in entries if name in clouds), None))
        auth = mapping(entry.get("auth"))
        values = {key: auth.get(key) for key in AUTH_NAMES}
        values["region_name"] = entry.get("region_name")
    return found | {key: str(value) for key, value in values.items() if value}


def cluster_identity(site: Site, environment: Mapping[str, str]) -> dict[str, str]:
    """Which cluster: its address and the digest of its CA."""
    for content in map(read_mapping, kubeconfigs(site, environment)):
        context = site.kubernetes.context or content.get("current-context", "")
        chosen = _entry(content, "context", context)
        cluster = _entry(content, "cluster", chosen.get("cluster", ""))
        if cluster:
            names = {"context": context, "server": str(cluster.get("server", ""))}
            ca = decoded(cluster.get("certificate-authority-data", ""))
            return names | ({"ca_sha256": hashlib.sha256(ca).hexdigest()} if ca else {})
    return {}


def _entry(content: Mapping[str, Any], kind: str, name: str) -> dict[str, Any]:
    entries = mappings(content.get(f"{kind}s"))
    return next((mapping(item.get(kind)) for item in entries if item.get("name") == name), {})
