"""Requests to an API server, with their errors as ours, repeated where that may help."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from kuryr_runbook.clients.kubernetes.connection import connect
from kuryr_runbook.clients.kubernetes.errors import ours, pause_asked, status_of
from kuryr_runbook.clients.patience import TRANSIENT, Notify, TransientError, patiently
from kuryr_runbook.model.errors import RunbookError, UnreachableError

T = TypeVar("T")

REQUEST_SECONDS = 40
"""How long one answer may take."""
NO_FILE = f"{os.devnull}/none"
"""Where discovery can keep nothing: by default it reads and writes a file in the directory for
temporary ones, whose name others know."""
PATIENCE_SECONDS = 120.0
"""How long an answer that may change is asked for."""


class KubernetesSession:
    """A login at a cluster. Safe to be used by several threads."""

    def __init__(self, kubeconfig: Path | None, context: str | None, notify: Notify) -> None:
        """Nothing is sent yet. Raises UsageError when the kubeconfig cannot be used."""
        self.api = connect(kubeconfig, context)
        """The SDK's client."""
        self._notify = notify
        self._answered = False
        self._dynamic: Any = None
        self._discovery = Lock()

    @property
    def version(self) -> str:
        """Version of the API server, such as v1.20.2."""
        from kubernetes.client import VersionApi

        def ask() -> str:
            return str(VersionApi(self.api).get_code(_request_timeout=REQUEST_SECONDS).git_version)

        return self.ask("GET /version", ask)

    def resource(self, api_version: str, kind: str) -> Any:
        """The dynamic client's way to the objects of a kind; what kinds there are is asked once."""
        from kubernetes.dynamic import DynamicClient

        # Discovery is no work for two threads at once.
        with self._discovery:
            if self._dynamic is None:
                self._dynamic = DynamicClient(self.api, cache_file=NO_FILE)
            # Without a prefix, v1 would be looked for in every group there is, one by one.
            prefix = "apis" if "/" in api_version else "api"
            return self._dynamic.resources.get(prefix=prefix, api_version=api_version, kind=kind)

    def ask(self, doing: str, ask: Callable[[], T], statuses: Set[int] = TRANSIENT) -> T:
        """What `ask` gives, asked again where the answer may change. Raises errors of ours."""

        def attempt() -> T:
            with self.passing(doing, statuses):
                found = ask()
            self._answered = True
            return found

        return patiently(attempt, seconds=PATIENCE_SECONDS, notify=self._notify)

    @contextmanager
    def passing(self, doing: str, statuses: Set[int] = TRANSIENT) -> Iterator[None]:
        """Chain the client's errors into ours, and into TransientError where they may pass.

        So may answers with one of these statuses, and a lost connection.
        """
        try:
            with ours(doing):
                yield
        except RunbookError as error:
            if self._is_lost(error) or status_of(error) in statuses:
                raise TransientError(error, pause_asked(error)) from error
            raise

    def _is_lost(self, error: RunbookError) -> bool:
        # An address that has never answered is wrong rather than busy.
        return isinstance(error, UnreachableError) and self._answered
