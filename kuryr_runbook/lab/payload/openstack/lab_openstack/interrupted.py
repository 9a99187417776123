"""Cleans up after a killed Octavia: its queue was in memory, so nobody will finish the work."""

from __future__ import annotations

import sqlalchemy
from octavia.common import constants
from octavia.db import api, base_models
from oslo_log import log

LOG = log.getLogger(__name__)


def fail_interrupted_work() -> None:
    """Set everything PENDING to ERROR, so that it can be deleted or failed over.

    A PENDING load balancer is immutable: otherwise it could not even be deleted.
    """
    with api.session().begin() as session:
        for table in base_models.BASE.metadata.sorted_tables:
            if "provisioning_status" not in table.columns:
                continue
            status = table.columns["provisioning_status"]
            found = session.execute(
                sqlalchemy.update(table)
                .where(status.startswith("PENDING_"))
                .values(provisioning_status=constants.ERROR)
            )
            if found.rowcount:
                LOG.warning("%d of %s were interrupted: ERROR", found.rowcount, table.name)
