"""Changes to the allowed address pairs of a worker's port that do not overwrite each other.

Neutron replaces the whole list at each update. So a change is read, compute, write, and two that
interleave lose one of them: the pod whose pair is lost has an address that the anti-spoofing drops.
"""

import logging
import threading
import time
from typing import Any, Callable, Collection, Dict, List

from kuryr_runbook_vif.ports import Changed

Pair = Dict[str, str]

ATTEMPTS = 10
"""How often a change is computed anew after another writer was faster."""

LOG = logging.getLogger(__name__)

_locks: Dict[str, threading.Lock] = {}


def with_pairs(pairs: Collection[Pair], addresses: Collection[str], mac: str) -> List[Pair]:
    """The pairs with `addresses` at `mac`.

    A pair of one of the addresses with another MAC is dropped: Neutron has just given the address
    away, so that pair was left behind by a pod that is gone, and would count toward
    `max_allowed_address_pair`.
    """
    kept = [pair for pair in pairs if pair["ip_address"] not in addresses]
    return kept + [{"ip_address": address, "mac_address": mac} for address in sorted(addresses)]


def without_pairs(pairs: Collection[Pair], addresses: Collection[str], mac: str) -> List[Pair]:
    """The pairs without `addresses` at `mac`."""
    return [
        pair
        for pair in pairs
        if not (pair["ip_address"] in addresses and pair["mac_address"] == mac)
    ]


def change_pairs(ports: Any, worker: str, change: Callable[[Any], List[Pair]]) -> None:
    """Apply `change` to the pairs of the port of the worker with that address.

    Within this process one change at a time for each worker; against other processes by the port's
    revision: Neutron refuses to update a port that was changed after it was read, and the change is
    computed again.
    """
    with _locks.setdefault(worker, threading.Lock()):
        for attempt in range(1, ATTEMPTS + 1):
            port = ports.worker(worker)
            before = port["allowed_address_pairs"] or []
            pairs = change(before)
            if pairs == before:
                return
            try:
                ports.set_pairs(port, pairs)
                return
            except Changed as changed:
                if attempt == ATTEMPTS:
                    raise (changed.__cause__ or changed) from None
            LOG.info("Port %s of worker %s was changed by another", port["id"], worker)
            time.sleep(0.1 * attempt)
