"""Changes to the allowed address pairs of a worker's port that do not overwrite each other.

Neutron replaces the whole list at each update. So a change is read, compute, write, and two that
interleave lose one of them: the pod whose pair is lost has an address that the anti-spoofing drops.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from neutronclient.common import exceptions as neutron_errors

Pair = dict[str, str]
Port = dict[str, Any]

ATTEMPTS = 10
"""How often a change is computed anew after another writer was faster."""
PRECONDITION_FAILED = 412
"""What Neutron answers to If-Match when the port is no longer of that revision."""

LOG = logging.getLogger(__name__)

_locks: dict[str, threading.Lock] = {}


def with_pairs(pairs: Collection[Pair], addresses: Collection[str], mac: str) -> list[Pair]:
    """The pairs with `addresses` at `mac`.

    A pair of one of the addresses with another MAC is dropped: Neutron has just given the address
    away, so that pair was left behind by a pod that is gone, and would count toward
    `max_allowed_address_pair`.
    """
    kept = [pair for pair in pairs if pair["ip_address"] not in addresses]
    return kept + [{"ip_address": address, "mac_address": mac} for address in sorted(addresses)]


def without_pairs(pairs: Collection[Pair], addresses: Collection[str], mac: str) -> list[Pair]:
    """The pairs without `addresses` at `mac`."""
    return [
        pair
        for pair in pairs
        if not (pair["ip_address"] in addresses and pair["mac_address"] == mac)
    ]


def change_pairs(
    neutron: Any, worker: str, read_port: Callable[[], Port], change: Callable[..., list[Pair]]
) -> None:
    """Apply `change` to the pairs of the port that `read_port` gives.

    Within this process one change at a time for each `worker` (its address); against other
    processes by the port's revision: Neutron refuses to update a port that was changed after it
    was read, and the change is computed again.
    """
    with _locks.setdefault(worker, threading.Lock()):
        for attempt in range(1, ATTEMPTS + 1):
            port = read_port()
            pairs = change(port["allowed_address_pairs"])
            if pairs == port["allowed_address_pairs"]:
                return
            try:
                neutron.update_port(
                    port["id"],
                    {"port": {"allowed_address_pairs": pairs}},
                    revision_number=port.get("revision_number"),
                )
                return
            except neutron_errors.NeutronClientException as error:
                if error.status_code != PRECONDITION_FAILED or attempt == ATTEMPTS:
                    raise
            LOG.info("Port %s of worker %s was changed by another", port["id"], worker)
            time.sleep(0.1 * attempt)
