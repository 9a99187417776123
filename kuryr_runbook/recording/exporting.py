"""Exports records: a site's runs in one archive file, to be read offline."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kuryr_runbook.clients.files import read_bytes
from kuryr_runbook.clients.writing import written
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.recording.pages.index import render_index
from kuryr_runbook.recording.records import Record, whole_run
from kuryr_runbook.recording.standing import INDEX, KEYS


def export_records(records: Sequence[Record], keys: Sequence[Path], target: Path) -> None:
    """Write the archive (tar, gzip) of what the records state, and of nothing else.

    Raises UsageError, also when the target is there; RecordError when a file is not as recorded.
    """
    if not records:
        raise UsageError("there is no record to export", remedy="`kuryr-runbook records list`")
    twice = [it for it, count in Counter(it.directory.name for it in records).items() if count > 1]
    if twice:
        raise UsageError(
            f"several of these runs are named {twice[0]}",
            remedy="export them one by one: name their directories",
        )
    name = records[0].site
    with written(target, new=True) as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for record in records:
            for below, content in whole_run(record):
                _add(archive, f"{name}/{record.directory.name}/{below}", content)
        for key in keys:
            _add(archive, f"{name}/{KEYS}/{key.name}", read_bytes(key, "key"))
        _add(archive, f"{name}/{INDEX}", render_index(records).encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """A plain file without users of this machine, who mean nothing elsewhere."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    archive.addfile(info, io.BytesIO(content))
