"""Collects everything that goes into the record of a run, and makes it when the run has ended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kuryr_runbook.clients.provenance import (
    cloud_identity,
    cluster_identity,
    packages,
    runbook_version,
    who,
)
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.model.secrets import KnownSecrets
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import site_digest
from kuryr_runbook.recording.archives import (
    RETRY,
    newest_link,
    refuse_unusable,
    upload_record,
    write_archive_index,
)
from kuryr_runbook.recording.making import make_record
from kuryr_runbook.recording.records import Record
from kuryr_runbook.recording.statement import phase_facts
from kuryr_runbook.recording.witness import refuse_unusable_witness, stamp
from kuryr_runbook.running.account import RunAccount
from kuryr_runbook.running.notebooks import displayed_data

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner


@dataclass(frozen=True, slots=True)
class Invocation:
    """What was called."""

    path: str
    """The program and the names of its commands."""
    arguments: tuple[str, ...] = ()
    """The options and arguments that were given."""


class Recorder:
    """Makes the record of one run, with a key that was loaded before the run began."""

    def __init__(self, site: Site, command: Invocation, signer: CryptoSigner) -> None:
        self._site = site
        self._command = command
        self._signer = signer
        self._surroundings: dict[str, Any] = {}

    def refuse_unusable(self) -> None:
        """Raise UsageError if the record could not be time-stamped, or copied to the archive."""
        refuse_unusable_witness(self._site)
        if self._site.record.archive:
            refuse_unusable(self._site.record.archive, self._site.name)

    def look_around(self) -> None:
        """Note who runs this with which packages. It takes 0.5 s: call it while waiting."""
        self._surroundings = {
            "by": who(),
            "runbook": runbook_version(),
            "packages": packages(),
        }

    def record(self, directory: Path, account: RunAccount, secrets: KnownSecrets) -> Record:
        """Record the run, however it ended. Raises RecordError."""
        facts = self._surroundings | run_facts(directory, account, self._site)
        facts["run"] |= {
            "command": self._command.path,
            "arguments": [*self._command.arguments],
            "cwd": str(Path.cwd()),
        }
        archive = self._site.record.archive
        elsewhere = newest_link(archive, self._site.name) if archive else None
        return make_record(directory, facts, self._signer, secrets, elsewhere)

    def copy(self, record: Record) -> None:
        """Have the record time-stamped and copied to the archive, if the site says so.

        Raises RecordError and UsageError.
        """
        archive = self._site.record.archive
        try:
            stamp(record, self._site)
            if archive:
                upload_record(record, archive)
                list_in_archive(record.site, archive)
        except KeyboardInterrupt as error:
            raise RecordError(f"copying to {archive} was interrupted", remedy=RETRY) from error


def list_in_archive(site_name: str, archive: str) -> None:
    """Write the archive's index page; say so if that fails, since the records are complete."""
    try:
        write_archive_index(archive, site_name)
    except RecordError as error:
        echo(f"warning: {error}", err=True)


def run_facts(directory: Path, account: RunAccount, site: Site) -> dict[str, Any]:
    """What a record says about a run, except for what `Recorder.look_around` found."""
    return {
        "run": {
            "directory": directory.name,
            "status": str(account.status),
            "started": account.started,
            "ended": account.ended,
            "dry_run": account.dry_run,
        },
        "site": {
            "name": site.name,
            "digest": {"sha256": site_digest(site)},
            "parameters": site.model_dump(mode="json"),
        },
        "timestamp": site.record.timestamp_url,
        "cloud": cloud_identity(site, os.environ),
        "cluster": cluster_identity(site, os.environ),
        "phases": [phase_document(directory, asdict(phase)) for phase in account.phases],
    }


def phase_document(directory: Path, account: Mapping[str, Any]) -> dict[str, Any]:
    """The account of a phase, with the data for machines that its cells displayed."""
    return {**account, **phase_facts(displayed_data(directory / account["notebook"]))}
