"""The secrets of one run, and removing them from texts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kuryr_runbook.clients.login_files import read_secrets
from kuryr_runbook.clients.secrets import SecretChannel
from kuryr_runbook.model.secrets import KnownSecrets
from kuryr_runbook.model.site import Site


class RunSecrets:
    """Secrets known when the run began, and those that its kernels have read or made since."""

    def __init__(self, known: KnownSecrets, channel: SecretChannel) -> None:
        self._known = known
        self._channel = channel

    @property
    def descriptor(self) -> int:
        """A kernel inherits this to report secrets that it reads or makes."""
        return self._channel.descriptor

    @property
    def known(self) -> KnownSecrets:
        """All secrets known by now."""
        self._known.add(self._channel.received())
        return self._known

    def redacted(self, value: Any) -> Any:
        """The same JSON value without secrets in its texts."""
        return self.known.redacted_value(value)


@contextmanager
def secrets_of(site: Site) -> Iterator[RunSecrets]:
    """The secrets of a run for the site; forgotten at the end."""
    channel = SecretChannel()
    try:
        yield RunSecrets(KnownSecrets(read_secrets(site, os.environ)), channel)
    finally:
        channel.close()
