"""Asks the cloud and the cluster that a form names what they have, for at most a few seconds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from kuryr_runbook.clients.kubernetes.connection import context_names
from kuryr_runbook.clients.kubernetes.probes import ProbingCluster
from kuryr_runbook.clients.openstack.cloud_config import ENVIRONMENT, cloud_names
from kuryr_runbook.clients.openstack.probes import ProbingCloud
from kuryr_runbook.display.site_form import Offered
from kuryr_runbook.model.site_form import Texts
from kuryr_runbook.phases.site.draft import named_file
from kuryr_runbook.planning.site_offers import Offers, plain, site_offers
from kuryr_runbook.snapshots.inventory import Inventory, read_inventory
from kuryr_runbook.snapshots.reading import Unreadable, attempted, within

SECONDS = 15.0
"""How long a person waits for Neutron, Octavia or Kubernetes; all are asked at the same time."""


def ask(texts: Texts, then: Callable[[Offered], None]) -> None:
    """Ask in a thread of its own; `then` is called between two cells, in the kernel's thread."""
    loop = asyncio.get_running_loop()

    def asking() -> None:
        found = offered(texts)
        loop.call_soon_threadsafe(then, found)

    threading.Thread(target=asking, daemon=True).start()


def offered(texts: Texts) -> Offered:
    """What the cloud and the cluster of these texts have, and what could not be asked."""
    cloud, context = texts.get("openstack.cloud", ""), texts.get("kubernetes.context", "")

    def clouds_yaml() -> Path | None:
        return named_file(texts, "openstack.clouds_yaml")

    def kubeconfig() -> Path | None:
        return named_file(texts, "kubernetes.kubeconfig")

    @cache
    def login() -> ProbingCloud:
        return ProbingCloud(cloud or ENVIRONMENT, clouds_yaml())

    @cache
    def cluster() -> ProbingCluster:
        return ProbingCluster(kubeconfig(), context or None)

    found = read_inventory(login, cluster, within(SECONDS))
    local = {
        "openstack.cloud": attempted(lambda: plain(cloud_names(clouds_yaml()))),
        "kubernetes.context": attempted(lambda: plain(context_names(kubeconfig()))),
    }
    known: Offers = {key: it for key, it in local.items() if not isinstance(it, Unreadable)}
    return Offered(offers={**known, **site_offers(found)}, told="\n".join(_told(found)))


def _told(found: Inventory) -> Iterator[str]:
    """One line for each that was asked."""
    asked = {
        "Keystone and Neutron": found.cloud,
        "Octavia": found.balancers,
        "Kubernetes": found.version,
    }
    answered = [name for name, it in asked.items() if not isinstance(it, Unreadable)]
    if answered:
        yield f"✓ Choose from what is there, according to {', '.join(answered)}."
    reasons: dict[str, list[str]] = {}
    for name, it in asked.items():
        if isinstance(it, Unreadable):
            reasons.setdefault(it.reason, []).append(name)
    for reason, names in reasons.items():
        yield f"✗ {', '.join(names)}: {reason}. Type names or ids there."
