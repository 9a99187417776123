"""Everything that diagnosis reads, once: cluster and cloud at one time, and saved in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kuryr_runbook.clients.files import MIB, read_json
from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.state import CloudState, DiagnosisCloud, read_cloud_state
from kuryr_runbook.snapshots.cluster.programs import Places
from kuryr_runbook.snapshots.cluster.state import ClusterState, read_cluster_state
from kuryr_runbook.snapshots.reading import Unreadable

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = "kuryr-runbook snapshot for diagnosis"
VERSION = 7
"""Version of the file format; files of other versions are refused."""
MOST = 512 * MIB
"""With thousands of nodes, a snapshot has some 100 MiB."""
MAKE_ONE = "make one with `kuryr-runbook diagnose --site FILE --save-snapshot FILE`"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisSnapshot:
    """Cluster and cloud of a site at one time. It contains no secrets."""

    taken_at: datetime
    site: Site
    cluster: ClusterState
    cloud: CloudState


def read_diagnosis(
    site: Site,
    cluster: KubernetesReader | Unreadable,
    cloud: DiagnosisCloud | Unreadable,
    places: Places | None = None,
) -> DiagnosisSnapshot:
    """Read both at the same time; if one does not answer, the other is read nevertheless.

    `places`: where somebody else put Kuryr's programs.
    """
    taken_at = datetime.now(UTC)
    with ThreadPoolExecutor(1) as pool:
        resources = pool.submit(read_cloud_state, site, cloud)
        objects = read_cluster_state(site, cluster, places)
        return DiagnosisSnapshot(
            taken_at=taken_at, site=site, cluster=objects, cloud=resources.result()
        )


def save_snapshot(snapshot: DiagnosisSnapshot, path: Path) -> None:
    """Write it to a file that only its owner can read. Raises UsageError if that fails.

    Names and addresses of a cluster are private, though not secret.
    """
    document = {"format": FORMAT, "version": VERSION, "snapshot": _plain(snapshot)}
    write_file(path, json.dumps(document))


def load_snapshot(path: Path) -> DiagnosisSnapshot:
    """A saved snapshot. Raises UsageError if it is not one."""
    from pydantic import ValidationError

    document = read_json(path, "the snapshot", remedy=MAKE_ONE, most=MOST)
    head = document if isinstance(document, Mapping) else {}
    if head.get("format") != FORMAT:
        raise UsageError(f"{path} is not a snapshot for diagnosis", remedy=MAKE_ONE)
    if head.get("version") != VERSION:
        raise UsageError(
            f"the snapshot {path} has format version {head.get('version')}, but this runbook "
            f"reads {VERSION}",
            remedy="read it with the runbook that wrote it, or make a new one",
        )
    try:
        return _form().validate_python(head.get("snapshot"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"the snapshot {path} is damaged: {where}: {first['msg']}", remedy=MAKE_ONE
        ) from error


def _plain(snapshot: DiagnosisSnapshot) -> Any:
    return _form().dump_python(snapshot, mode="json")


@cache
def _form() -> TypeAdapter[DiagnosisSnapshot]:
    from pydantic import TypeAdapter

    return TypeAdapter(DiagnosisSnapshot)
