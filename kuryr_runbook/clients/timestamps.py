"""A time-stamping service (RFC 3161), which signs a digest together with the time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.exchanges import exchange
from kuryr_runbook.clients.files import read_bytes
from kuryr_runbook.clients.transport import web_session
from kuryr_runbook.model.errors import AccessError, UnreachableError, UsageError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CHECK = "check record.timestamp_url, and that the service runs"
INSTALL = "pip install 'kuryr-runbook[timestamp]'"


def refuse_missing() -> None:
    """Raise UsageError if the library for it is not installed."""
    _library()


def load_authorities(path: Path) -> list[Certificate]:
    """The certificates of the authorities to trust, from a PEM file. Raises UsageError."""
    from cryptography.x509 import load_pem_x509_certificates

    content = read_bytes(path, "record.timestamp_ca", remedy="name the PEM file of the CA")
    try:
        return load_pem_x509_certificates(content)
    except ValueError as error:
        raise UsageError(
            f"record.timestamp_ca: {path} contains no certificates: {error}",
            remedy="name the PEM file of the time-stamping service's CA",
        ) from error


def ask_timestamp(url: str, content: bytes) -> bytes:
    """The service's answer for this content; only its digest is sent.

    Raises UnreachableError, AccessError if the service refuses, UsageError if the library for it is
    not installed.
    """
    request = _library().TimestampRequestBuilder().data(content).build()
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        with exchange(f"time-stamping service {url}", bounds=exchanges.PROBE, remedy=CHECK):
            answer = web_session().post(url, data=request.as_bytes(), headers=headers)
    except (requests.exceptions.RequestException, ValueError) as error:
        raise UnreachableError(
            f"time-stamping service {url}: no answer: {type(error).__name__}", remedy=CHECK
        ) from error
    if not answer.ok:
        raise AccessError(
            f"time-stamping service {url}: it answers {answer.status_code}", remedy=CHECK
        )
    try:
        _library().decode_timestamp_response(answer.content)
    except ValueError as error:
        raise AccessError(
            f"time-stamping service {url}: its answer is not a time stamp", remedy=CHECK
        ) from error
    return answer.content


def stamped_time(answer: bytes, content: bytes, authorities: Sequence[Certificate]) -> datetime:
    """When the service saw this content, according to its answer.

    Raises AccessError if the answer is invalid, is about something else, or is not signed under
    these authorities; UsageError if the library for it is not installed.
    """
    library = _library()
    try:
        response = library.decode_timestamp_response(answer)
        builder = library.VerifierBuilder()
        for certificate in authorities:
            builder = builder.add_root_certificate(certificate)
        builder.build().verify_message(response, content)
        time: datetime = response.tst_info.gen_time
    except (ValueError, library.VerificationError) as error:
        raise AccessError(f"its time stamp is invalid: {error}") from error
    return time


def _library() -> Any:
    try:
        import rfc3161_client
    except ImportError as error:
        raise UsageError("rfc3161-client is not installed", remedy=INSTALL) from error
    return rfc3161_client
