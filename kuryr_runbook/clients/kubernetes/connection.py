"""A connection to a cluster, by a kubeconfig."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kuryr_runbook.clients.files import read_yaml, user_path
from kuryr_runbook.clients.kubernetes.kubeconfig import load_login
from kuryr_runbook.clients.patience import Notify
from kuryr_runbook.clients.secrets import learn, refuse_unsendable
from kuryr_runbook.clients.transport import bind
from kuryr_runbook.clients.writing import memory_path
from kuryr_runbook.model.documents import mapping
from kuryr_runbook.model.errors import RunbookError, UsageError

WHAT = "kubernetes.kubeconfig"
CHECK = (
    "check with `kubectl --kubeconfig FILE --context NAME get nodes`; the lab's is written by "
    "`kuryr-runbook lab up`"
)


def connect(
    kubeconfig: Path | None, context: str | None, notify: Notify = lambda line: None
) -> Any:
    """The SDK's client; sends nothing yet.

    It does not repeat requests: by default it would, silently and three times, but never a PATCH.
    Keys and certificates that the kubeconfig or its plugin contains as data are not written to
    disk. Raises UsageError if the kubeconfig cannot be used.
    """
    from kubernetes import config
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.config import kube_config

    _refuse_broken(kubeconfig)
    # The SDK would leave them in a temporary file when the process is killed.
    kube_config._create_temp_file_with_content = _in_memory
    settings = Configuration()
    settings.retries = 0
    try:
        load_login(kubeconfig, context, settings, notify)
        # It makes the connections' pool, and refuses a proxy that it does not know.
        api = ApiClient(settings)
    except config.ConfigException as error:
        raise UsageError(
            f"kubernetes.kubeconfig: {error}",
            remedy=CHECK,
        ) from error
    except RunbookError:
        raise
    except Exception as error:  # The SDK does not validate values, and may raise anything.
        raise UsageError(
            f"kubernetes.kubeconfig: the client cannot use a value in it ({type(error).__name__})",
            remedy=CHECK,
        ) from error
    # A plugin may just have fetched the token.
    for value in (settings.password, *settings.api_key.values()):
        learn((value or "").removeprefix("Bearer "), "the login at Kubernetes")
        refuse_unsendable(value, "kubernetes.kubeconfig: the token or password of its user")
    bind(api.rest_client.pool_manager)
    return api


def context_names(kubeconfig: Path | None) -> list[str]:
    """The contexts that `kubernetes.context` may name; sends nothing. Raises UsageError."""
    contexts = [item for content in _contents(kubeconfig) for item in content.get("contexts") or []]
    return sorted({str(item["name"]) for item in contexts if item.get("name")})


def server_of(kubeconfig: Path | None, context: str | None) -> str:
    """Address of the API server that a context, or else the current one, leads to; sends nothing.

    Equal for the same server however it is written. Empty if the kubeconfig does not say. Raises
    UsageError.
    """
    contents = list(_contents(kubeconfig))
    current = (content["current-context"] for content in contents if "current-context" in content)
    chosen = _entry(contents, "context", context or next(current, None))
    server = _entry(contents, "cluster", chosen.get("cluster")).get("server")
    return _normal(str(server)) if server else ""


def _entry(contents: Iterable[Mapping[str, Any]], kind: str, name: Any) -> Mapping[str, Any]:
    """The first entry of that name, as kubectl merges files; empty if there is none."""
    for content in contents:
        for item in content.get(f"{kind}s") or []:
            if item.get("name") == name and isinstance(item.get(kind), dict):
                found: Mapping[str, Any] = item[kind]
                return found
    return {}


def _normal(server: str) -> str:
    parts = urlsplit(server if "://" in server else f"https://{server}")
    try:
        port = parts.port or {"http": 80}.get(parts.scheme, 443)
    except ValueError:  # The client will say so.
        return server
    return f"{parts.scheme}://{parts.hostname}:{port}{parts.path.rstrip('/')}"


def _refuse_broken(kubeconfig: Path | None) -> None:
    """Refuse an unsuitable file before the SDK reads it: it would wait for a pipe, for example."""
    for _ in _contents(kubeconfig):
        pass


def _contents(kubeconfig: Path | None) -> Iterator[Mapping[str, Any]]:
    """The given file, or those where kubectl would look, as far as they exist."""
    named = filter(None, os.environ.get("KUBECONFIG", "").split(os.pathsep))
    others = [user_path(name, "KUBECONFIG") for name in named] or [Path.home() / ".kube/config"]
    for path in [kubeconfig] if kubeconfig else [path for path in others if path.exists()]:
        content = mapping(read_yaml(path, WHAT, remedy=CHECK), f"{WHAT} {path}", remedy=CHECK)
        for kind in ("clusters", "users", "contexts"):
            items = content.get(kind) or []
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise UsageError(f"{WHAT} {path}: {kind} is not a list of entries", remedy=CHECK)
        yield content


def _in_memory(content: bytes | str, *_: object, **__: object) -> str:
    """Replaces the function with which kubernetes.config creates temporary files."""
    return memory_path(content)
