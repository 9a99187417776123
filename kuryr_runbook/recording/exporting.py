"""One archive file of a site's runs, with the page over them and the key that verifies them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from kuryr_runbook.clients.writing import written
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.recording.index import INDEX, render_index
from kuryr_runbook.recording.records import Record
from kuryr_runbook.recording.statement import RECORD, files_of

KEYS = "keys"
"""Where the public keys are in the archive."""


def export_records(records: Sequence[Record], keys: Sequence[Path], target: Path) -> None:
    """Write the archive (tar, gzip). Raises UsageError, also when the file is there."""
    if not records:
        raise UsageError("there is no record to export", remedy="`kuryr-runbook records list`")
    name = records[0].site
    with written(target, new=True) as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for record in records:
            paths = [*files_of(record.directory).values(), record.directory / RECORD]
            for path in paths:
                below = path.relative_to(record.directory.parent)
                archive.add(path, f"{name}/{below}", recursive=False, filter=_nobodys)
        for key in keys:
            archive.add(key, f"{name}/{KEYS}/{key.name}", filter=_nobodys)
        page = render_index(records).encode()
        info = tarfile.TarInfo(f"{name}/{INDEX}")
        info.size, info.mode = len(page), 0o644
        archive.addfile(info, io.BytesIO(page))


def _nobodys(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without users of this machine, who mean nothing elsewhere."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info
