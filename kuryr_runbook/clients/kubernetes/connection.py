"""A connection to a cluster, by a kubeconfig."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kuryr_runbook.clients.secrets import learn
from kuryr_runbook.model.errors import UsageError


def connect(kubeconfig: Path | None, context: str | None) -> Any:
    """The SDK's client; nothing is sent yet.

    It sends nothing twice by itself: by default it would, thrice and without a word, and never a
    PATCH. Raises UsageError when the kubeconfig cannot be used.
    """
    from kubernetes import config
    from kubernetes.client import ApiClient, Configuration

    if kubeconfig is not None and not kubeconfig.exists():
        raise UsageError(
            f"kubernetes.kubeconfig: no file {kubeconfig}",
            remedy="name an existing kubeconfig; the lab's is written by `kuryr-runbook lab up`",
        )
    settings = Configuration()
    settings.retries = 0
    try:
        config.load_kube_config(
            config_file=str(kubeconfig) if kubeconfig else None,
            context=context,
            client_configuration=settings,
        )
    except config.ConfigException as error:
        raise UsageError(
            f"kubernetes.kubeconfig: {error}",
            remedy="check with `kubectl --kubeconfig FILE --context NAME get nodes`",
        ) from error
    # A plugin may have got the token just now.
    for value in (settings.password, *settings.api_key.values()):
        learn((value or "").removeprefix("Bearer "), "the login at Kubernetes")
    return ApiClient(settings)
