"""A kubeconfig's login, with a deadline even if a program or a provider takes part in it.

The SDK would wait for either forever, and continue without a login if the program failed.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.answers import mapping_of, parsing, part_of
from kuryr_runbook.clients.commands import Surroundings, run_command
from kuryr_runbook.clients.exchanges import call_with_timeout, exchange
from kuryr_runbook.clients.patience import Notify
from kuryr_runbook.clients.secrets import learn
from kuryr_runbook.model.errors import AccessError, DeadlineError

CREDENTIAL = "ExecCredential"
CHECK_PLUGIN = "run it by hand: it may wait for a person, or for a server that does not answer"


def load_login(kubeconfig: Path | None, context: str | None, settings: Any, notify: Notify) -> None:
    """Fill the SDK's settings from a kubeconfig, or from where kubectl would find one.

    Raises the SDK's ConfigException, AccessError if the login program of the kubeconfig fails,
    UnreachableError if it does not end.
    """
    from kubernetes.config import ConfigException
    from kubernetes.config.kube_config import (
        KUBE_CONFIG_DEFAULT_LOCATION,
        KubeConfigLoader,
        KubeConfigMerger,
    )

    place = str(kubeconfig or KUBE_CONFIG_DEFAULT_LOCATION)
    merged = KubeConfigMerger(place)
    if merged.config is None:
        raise ConfigException(f"there is no file {place}")
    loader = KubeConfigLoader(
        config_dict=merged.config,
        active_context=context,
        config_base_path=None,
        config_persister=merged.save_changes,
    )
    plugin = _plugin_of(merged.config, loader.current_context, notify)
    if plugin is not None:
        plugin.log_in()
    with exchange(
        "the kubeconfig's login", bounds=exchanges.LOGIN, remedy=CHECK_PLUGIN, notify=notify
    ) as asked:
        try:
            # An `auth-provider` may contact a server, over connections that are not ours.
            call_with_timeout(lambda: loader.load_and_set(settings), asked.left(asked.bounds.whole))
        except TimeoutError as error:
            raise asked.failed("its auth-provider does not answer") from error
    if plugin is not None:
        settings.refresh_api_key_hook = plugin.refresh


def _plugin_of(config: Any, context: Mapping[str, Any], notify: Notify) -> Plugin | None:
    """The login program of the context's user, if any."""
    name = context["context"].get("user")
    found: Any = config["users"].get_with_name(name, safe=True) if name else None
    if found is None:
        return None
    user = found.safe_get("user")
    if not isinstance(user, dict) or not isinstance(user.get("exec"), dict):
        return None
    folder = Path(found.path).parent if found.path else Path.cwd()
    return Plugin(user, user.pop("exec"), folder, notify)


@dataclass
class Plugin:
    """A program that prints a login, as specified by client.authentication.k8s.io."""

    user: dict[str, Any]
    """The user's part of the kubeconfig; the login is added to it, in memory only."""
    settings: Mapping[str, Any]
    """The kubeconfig's settings for the program."""
    folder: Path
    """The kubeconfig's directory: relative paths start there."""
    notify: Notify
    expires: datetime | None = None

    def __post_init__(self) -> None:
        self._lock = Lock()

    def log_in(self) -> None:
        """Run it, and add the login that it prints to the user."""
        status = self._status()
        with parsing(f"{self}: what it prints"):
            if token := status.get("token"):
                learn(token, f"what {self} printed")
                self.user["token"] = str(token)
            for there, here in (("Certificate", "certificate"), ("Key", "key")):
                if data := status.get(f"client{there}Data"):
                    learn(data if here == "key" else None, f"what {self} printed")
                    encoded = base64.b64encode(str(data).encode()).decode()
                    self.user[f"client-{here}-data"] = encoded
            if (until := status.get("expirationTimestamp")) is not None:
                self.expires = datetime.fromisoformat(str(until)).astimezone(UTC)
        if not token and "client-key-data" not in self.user:
            raise AccessError(f"{self}: it prints neither a token nor a certificate with its key")

    def refresh(self, configuration: Any) -> None:
        """Log in again if the token has expired; the SDK calls this before each request."""
        with self._lock:
            if self.expires is None or datetime.now(UTC) < self.expires:
                return
            self.log_in()
            for name in configuration.api_key:
                configuration.api_key[name] = f"Bearer {self.user.get('token', '')}"

    def _status(self) -> Mapping[str, Any]:
        version = str(self.settings.get("apiVersion", ""))
        command = [str(self.settings.get("command", "")), *self._arguments()]
        asked = {"apiVersion": version, "kind": CREDENTIAL, "spec": {"interactive": False}}
        given = {str(item.get("name")): str(item.get("value")) for item in self._environment()}
        environment = {**os.environ, **given, "KUBERNETES_EXEC_INFO": json.dumps(asked)}
        with (
            exchange(
                str(self), bounds=exchanges.LOGIN, remedy=CHECK_PLUGIN, notify=self.notify
            ) as opened,
            tempfile.TemporaryFile() as errors,
        ):
            surroundings = Surroundings(
                environment=environment, errors=errors.fileno(), folder=self.folder
            )
            try:
                done = run_command(
                    command,
                    say=lambda line: None,
                    deadline=opened.left(opened.bounds.whole),
                    surroundings=surroundings,
                )
            except DeadlineError as error:
                raise opened.failed(f"not done after {opened.spent:.0f} s") from error
            errors.seek(0)
            said = errors.read(1000).decode(errors="replace").strip()
        if done.status != 0:
            raise AccessError(
                f"{self}: exit status {done.status}: {said or 'no message'}",
                remedy="run it by hand, or log in to the service that it uses",
            )
        answer = mapping_of(f"{self}: what it prints", done.output)
        return part_of(f"{self}: what it prints", answer, "status", dict)

    def _arguments(self) -> list[str]:
        return [str(item) for item in self.settings.get("args") or ()]

    def _environment(self) -> list[Mapping[str, Any]]:
        return [item for item in self.settings.get("env") or () if isinstance(item, dict)]

    def __str__(self) -> str:
        return f"{self.settings.get('command')}, the login program of the kubeconfig's user"
