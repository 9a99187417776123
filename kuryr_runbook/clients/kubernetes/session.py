"""Requests to an API server, with errors translated into ours, repeated where that may help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.answers import mapping_of, part_of
from kuryr_runbook.clients.exchanges import Bounds, Exchange, exchange
from kuryr_runbook.clients.kubernetes.connection import connect
from kuryr_runbook.clients.kubernetes.discovery import Discovery
from kuryr_runbook.clients.kubernetes.errors import (
    SERVER,
    UNREACHABLE,
    requested_pause,
    status_of,
    translated_errors,
)
from kuryr_runbook.clients.patience import TRANSIENT, Notify, TransientError, patiently
from kuryr_runbook.model.errors import RunbookError, UnreachableError

T = TypeVar("T")

PATIENCE_SECONDS = 120.0
"""How long a request is repeated while its failure may pass."""


class KubernetesSession:
    """A login to a cluster. Safe for use by several threads."""

    def __init__(self, kubeconfig: Path | None, context: str | None, notify: Notify) -> None:
        """Sends nothing yet. Raises UsageError if the kubeconfig cannot be used.

        UnreachableError if its login program does not end.
        """
        self.api = connect(kubeconfig, context, notify)
        """The SDK's client; to be used within an exchange only."""
        self._notify = notify
        self._answered = False
        self._discovery = Discovery(self.api)

    @property
    def version(self) -> str:
        """Version of the API server, such as v1.20.2."""
        doing = "GET /version"
        answer = self.read(doing, lambda: self._discovery.raw("/version"))
        return part_of(doing, answer, "gitVersion", str)

    def raw(self, path: str) -> Any:
        """The response to a GET of a path, for `read`."""
        return self._discovery.raw(path)

    def resource(self, api_version: str, kind: str) -> Any:
        """The dynamic client's access to the objects of a kind; the kinds are read once."""
        return self._discovery.resource(api_version, kind)

    def text(self, path: str, query: Mapping[str, object]) -> str:
        """The response to a GET of a text; to be used within an exchange only."""
        return self._discovery.text(path, query)

    def ask(self, doing: str, ask: Callable[[], T], statuses: Set[int] = TRANSIENT) -> T:
        """What `ask` returns, called again while its failure may pass. Raises our errors."""

        def attempt() -> T:
            with self.transient_errors(doing, statuses), self.exchange(doing):
                found = ask()
            self._answered = True
            return found

        return patiently(attempt, seconds=PATIENCE_SECONDS, notify=self._notify)

    def read(
        self, doing: str, ask: Callable[[], Any], statuses: Set[int] = TRANSIENT
    ) -> dict[str, Any] | None:
        """The object in the response, requested as by `ask`; None if that returns None."""

        def whole() -> bytes | None:
            answer = ask()
            return None if answer is None else bytes(answer.data)

        content = self.ask(doing, whole, statuses)
        return None if content is None else mapping_of(doing, content)

    def exchange(
        self, doing: str, bounds: Bounds | None = None
    ) -> AbstractContextManager[Exchange]:
        """One exchange with the API server; `doing` says for what."""
        return exchange(
            f"{doing}: {SERVER}",
            bounds=bounds or exchanges.API,
            remedy=UNREACHABLE,
            notify=self._notify,
        )

    @contextmanager
    def transient_errors(self, doing: str, statuses: Set[int] = TRANSIENT) -> Iterator[None]:
        """Chain the client's errors into ours, and into TransientError if they may pass.

        A lost connection may, and so may responses with one of these statuses.
        """
        try:
            with translated_errors(doing):
                yield
        except RunbookError as error:
            if self._is_lost(error) or status_of(error) in statuses:
                raise TransientError(error, requested_pause(error)) from error
            raise

    def _is_lost(self, error: RunbookError) -> bool:
        # An address that has never answered is probably wrong, not busy.
        return isinstance(error, UnreachableError) and self._answered
