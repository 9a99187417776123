"""A connection to a cluster, by a kubeconfig."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kuryr_runbook.clients.kubernetes.kubeconfig import load_login
from kuryr_runbook.clients.memory_files import memory_path
from kuryr_runbook.clients.patience import Notify
from kuryr_runbook.clients.secrets import learn, refuse_unsendable
from kuryr_runbook.clients.transport import bind
from kuryr_runbook.model.errors import UsageError


def connect(
    kubeconfig: Path | None, context: str | None, notify: Notify = lambda line: None
) -> Any:
    """The SDK's client; nothing is sent yet.

    It sends nothing twice by itself: by default it would, thrice and without a word, and never a
    PATCH. Keys and certificates that the kubeconfig or a plugin of it brings as data go into no
    file of the disk. Raises UsageError when the kubeconfig cannot be used.
    """
    from kubernetes import config
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.config import kube_config

    if kubeconfig is not None and not kubeconfig.exists():
        raise UsageError(
            f"kubernetes.kubeconfig: no file {kubeconfig}",
            remedy="name an existing kubeconfig; the lab's is written by `kuryr-runbook lab up`",
        )
    # Its own way leaves them in a temporary file when the process is killed.
    kube_config._create_temp_file_with_content = _in_memory
    settings = Configuration()
    settings.retries = 0
    try:
        load_login(kubeconfig, context, settings, notify)
    except config.ConfigException as error:
        raise UsageError(
            f"kubernetes.kubeconfig: {error}",
            remedy="check with `kubectl --kubeconfig FILE --context NAME get nodes`",
        ) from error
    # A plugin may have got the token just now.
    for value in (settings.password, *settings.api_key.values()):
        learn((value or "").removeprefix("Bearer "), "the login at Kubernetes")
        refuse_unsendable(value, "kubernetes.kubeconfig: the token or password of its user")
    api = ApiClient(settings)
    bind(api.rest_client.pool_manager)
    return api


def _in_memory(content: bytes | str, *_: object, **__: object) -> str:
    """What kubernetes.config calls to have a file of that content."""
    return memory_path(content)
