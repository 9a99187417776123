"""The secrets of one run, and what they must not get into."""

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
    """What was known when the run began, and what its kernels have read or made since."""

    def __init__(self, known: KnownSecrets, channel: SecretChannel) -> None:
        self._known = known
        self._channel = channel

    @property
    def descriptor(self) -> int:
        """What a kernel inherits, to tell what it learns."""
        return self._channel.descriptor

    @property
    def known(self) -> KnownSecrets:
        """All that is known by now."""
        self._known.add(self._channel.received())
        return self._known

    def redacted(self, value: Any) -> Any:
        """The same JSON value without any secret in its texts."""
        return self.known.redacted_value(value)


@contextmanager
def secrets_of(site: Site) -> Iterator[RunSecrets]:
    """The secrets of a run for the site; forgotten at the end."""
    channel = SecretChannel()
    try:
        yield RunSecrets(KnownSecrets(read_secrets(site, os.environ)), channel)
    finally:
        channel.close()
