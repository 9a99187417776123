"""Writes Neutron's heartbeats for OVN's hash ring in a thread that may wait for the database.

Neutron writes them in the thread that talks to OVN's databases. SQLite has one writer at a time: if
that is a request that is waiting for OVN, thread and request would wait for each other.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from neutron.db import ovn_hash_ring_db
from oslo_log import log

LOG = log.getLogger(__name__)


def write_heartbeats_aside() -> None:
    """Write this process's heartbeats that way."""
    touch = ovn_hash_ring_db.touch_node
    writer = ThreadPoolExecutor(1, thread_name_prefix="heartbeats")

    def touch_later(context: Any, node_uuid: str) -> None:
        writer.submit(touch, context, node_uuid).add_done_callback(_log_failure)

    ovn_hash_ring_db.touch_node = touch_later


def _log_failure(done: Future[Any]) -> None:
    if error := done.exception():
        LOG.warning("no heartbeat in OVN's hash ring: %s", error)
