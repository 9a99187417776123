"""Where a phase reads: its connections, which phases that are planned at the same time share."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.probes import AskingCloud
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.site import Site

T = TypeVar("T")


class Sources:
    """A site's connections, each made when it is first needed. Safe for use by several threads."""

    def __init__(self, site: Site, *, unchanging: bool = False) -> None:
        """`unchanging`: nothing changes as long as they are used, so each thing is read once."""
        self._site = site
        self._unchanging = unchanging
        self._made: dict[str, Any] = {}
        self._locks: dict[str, Lock] = {}
        self._lock = Lock()

    @property
    def cloud(self) -> AskingCloud:
        """The connection to the cloud."""
        where = self._site.openstack
        return self._once("cloud", lambda: AskingCloud(where.cloud, where.clouds_yaml, say))

    @property
    def cluster(self) -> KubernetesClient:
        """The connection to the cluster."""
        where = self._site.kubernetes
        return self._once("cluster", lambda: KubernetesClient(where.kubeconfig, where.context, say))

    def read(self, what: str, read: Callable[[], T]) -> T:
        """What `read` returns, or has returned before if nothing changes."""
        return self._once(f"read {what}", read) if self._unchanging else read()

    def _once(self, what: str, make: Callable[[], T]) -> T:
        with self._lock:
            lock = self._locks.setdefault(what, Lock())
        # One thread makes it, and only those that need the same thing wait for it.
        with lock:
            if what not in self._made:
                self._made[what] = make()
            made: T = self._made[what]
            return made
