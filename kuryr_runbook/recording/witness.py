"""A witness for records: a service that signs each one's digest together with the time.

So nobody can replace a record later by one with other content or another time, not even the owner
of the key; and the service knows about records that somebody removes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kuryr_runbook.clients.files import decoded
from kuryr_runbook.clients.timestamps import (
    ask_timestamp,
    load_authorities,
    refuse_missing,
    stamped_time,
)
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.documents import from_base64, parse_json
from kuryr_runbook.model.errors import AccessError, FileError, RecordError, RunbookError
from kuryr_runbook.model.site import RecordSection, Site
from kuryr_runbook.recording.contents import NotPlainError, read_plain
from kuryr_runbook.recording.records import Record
from kuryr_runbook.recording.statement import RECORD, TIMESTAMP
from kuryr_runbook.recording.verifying import Problem

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

AGAIN = "the run's own record is complete; try: kuryr-runbook records timestamp --site FILE"


def refuse_unusable_witness(site: Site) -> None:
    """Raise UsageError when the site's time-stamping service cannot be used or verified."""
    if site.record.timestamp_url is not None:
        refuse_missing()
        if site.record.timestamp_ca is not None:
            load_authorities(site.record.timestamp_ca)


def is_stamped(record: Record) -> bool:
    """Whether it has a time stamp, valid or not."""
    return (record.directory / TIMESTAMP).exists()


def stamp(record: Record, site: Site) -> None:
    """Have a record time-stamped by the site's service, if it names one. Raises RecordError."""
    url = site.record.timestamp_url
    if url is None:
        return
    try:
        content = read_plain(record.directory, RECORD)
        answer = ask_timestamp(url, content)
        if site.record.timestamp_ca:
            stamped_time(answer, content, load_authorities(site.record.timestamp_ca))
    except (RunbookError, NotPlainError) as error:
        message = error.message if isinstance(error, RunbookError) else str(error)
        raise RecordError(
            f"{record.directory.name} has no time stamp: {message}", remedy=AGAIN
        ) from error
    content = _document(url, answer)
    write_file(record.directory / TIMESTAMP, content, failure=RecordError)


def witnessed(records: Sequence[Record], given: Path | None) -> tuple[list[Problem], list[Record]]:
    """Problems with the records' time stamps, and the records whose time stamps cannot be verified.

    `given` is the file with the services' CA certificates; None means the file that each record's
    site names. Raises UsageError when it cannot be used.
    """
    problems: list[Problem] = []
    unknown: list[Record] = []
    times: dict[str, tuple[datetime, Record]] = {}
    for record in records:
        if not record.is_witnessed:
            continue
        authorities = _authorities(record, given)
        if authorities is None:
            unknown.append(record)
            continue
        try:
            time = _time_of(record, authorities)
        except AccessError as error:
            problems.append(Problem(str(record.directory / TIMESTAMP), error.message))
            continue
        before = times.get(record.site)
        if before and time < before[0]:
            what = (
                f"its time stamp is older than that of {before[1].directory.name}, its predecessor"
            )
            problems.append(Problem(str(record.directory), what))
        times[record.site] = time, record
    return problems, unknown


def _time_of(record: Record, authorities: Sequence[Certificate]) -> datetime:
    """When the service signed the record's digest. Raises AccessError."""
    try:
        content = read_plain(record.directory, RECORD)
        written = read_plain(record.directory, TIMESTAMP)
        document = parse_json(decoded(written, TIMESTAMP), TIMESTAMP)
        service, answer = document["service"], from_base64(document["answer"])
    except NotPlainError as error:
        raise AccessError(error.what) from error
    except (FileError, ValueError, LookupError, TypeError) as error:
        raise AccessError(f"is not a time stamp: {type(error).__name__}") from error
    if answer is None or written != _document(service, answer):
        raise AccessError("was changed: it is not in the form that the runbook writes")
    return stamped_time(answer, content, authorities)


def _document(service: str, answer: bytes) -> bytes:
    document = {"service": service, "answer": base64.b64encode(answer).decode()}
    return f"{json.dumps(document, indent=2)}\n".encode()


def _authorities(record: Record, given: Path | None) -> list[Certificate] | None:
    if given is not None:
        return load_authorities(given)
    try:
        section = RecordSection.model_validate(record.predicate["site"]["parameters"].get("record"))
    except ValueError:
        return None
    path = section.timestamp_ca
    return load_authorities(path) if path is not None and path.exists() else None
