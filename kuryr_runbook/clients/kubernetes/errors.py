"""Translates the Kubernetes client's errors into ours, and knows which of them may be retried."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.clients.answers import LONGEST_REASON, MALFORMED, SEE_WHAT_ANSWERS
from kuryr_runbook.clients.patience import retry_after
from kuryr_runbook.model.errors import (
    AccessError,
    ApplyError,
    DriftError,
    RunbookError,
    UnreachableError,
    UsageError,
)

CHANGED_MEANWHILE = 409
"""The status for a change that was not computed from the latest version."""
SERVER = "the API server"
UNREACHABLE = (
    "check `server` in the kubeconfig and the network; the lab: `kuryr-runbook lab status`"
)
FORGOTTEN = 410
"""The status for a watch from a version that the API server no longer has."""


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field that another manager owns with another value."""

    manager: str
    field: str

    def __str__(self) -> str:
        return f"{self.field} ({self.manager})"


class ConflictError(DriftError):
    """Server-side apply was refused: other managers own fields."""

    def __init__(self, message: str, conflicts: tuple[FieldConflict, ...], remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.conflicts = conflicts


def status_of(error: RunbookError) -> int | None:
    """The HTTP status of the API server's response; None: it did not answer."""
    status: int | None = getattr(error.__cause__, "status", None)
    return status


def requested_pause(error: RunbookError) -> float:
    """Seconds that the API server wants us to wait; 0: it did not say."""
    headers = getattr(error.__cause__, "headers", None) or {}
    return retry_after(headers.get("Retry-After"))


@contextmanager
def translated_errors(doing: str) -> Iterator[None]:
    """Chain the client's errors into ours."""
    from kubernetes.client.exceptions import ApiException
    from kubernetes.dynamic.exceptions import (
        DynamicApiError,
        ResourceNotFoundError,
    )
    from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
    from websocket import WebSocketBadStatusException, WebSocketException

    try:
        yield
    except (DynamicApiError, ApiException) as error:
        raise _refusal(doing, error) from error
    except ResourceNotFoundError as error:
        raise ApplyError(f"{doing}: the cluster does not know that kind: {error}") from error
    except WebSocketBadStatusException as error:
        refused: Any = ApiException(status=error.status_code, reason=f"{error}"[:LONGEST_REASON])
        refused.body = error.resp_body
        raise _refusal(doing, refused) from refused
    except (HTTPError, WebSocketException, OSError) as error:
        cause = error.reason if isinstance(error, MaxRetryError) else error
        if isinstance(cause, SSLError):
            raise AccessError(
                f"{doing}: the API server's certificate is not trusted: {cause}",
                remedy="check certificate-authority of the cluster in the kubeconfig",
            ) from error
        raise UnreachableError(
            f"{doing}: the API server does not answer: {f'{cause}'[:LONGEST_REASON]}",
            remedy=UNREACHABLE,
        ) from error
    except MALFORMED as error:
        if isinstance(error, ValueError) and "header value" in str(error):
            # A token just printed by a plugin. Chaining the error would show it.
            raise UsageError(
                f"{doing}: the login of the kubeconfig's user cannot be sent",
                remedy="check whether the kubeconfig's plugin prints a token with a line break",
            ) from None
        # The SDK parses some responses itself.
        reason = f"{type(error).__name__}: {error}"[:LONGEST_REASON]
        raise UnreachableError(
            f"{doing}: the response is not from this API: {reason}", remedy=SEE_WHAT_ANSWERS
        ) from error


def _refusal(doing: str, error: Any) -> RunbookError:
    words = error_text(error.body or error.reason)
    message = f"{doing}: the API server answered {error.status}: {words}"
    match error.status:
        case int(status) if status < 400:
            return UnreachableError(f"{message}; this API has no such response", remedy=UNREACHABLE)
        case 401:
            return AccessError(message, remedy="the kubeconfig's credentials are not accepted")
        case 403:
            return AccessError(message, remedy="the kubeconfig's user needs cluster-admin")
        case 409 if conflicts := _conflicts(error.body):
            return ConflictError(
                message,
                conflicts,
                remedy="remove the other manager's change (kubectl get -o yaml "
                "--show-managed-fields shows it), or take the fields with --force-conflicts",
            )
        case 409:
            return DriftError(message, remedy="plan again")
    return ApplyError(message)


def error_text(body: Any) -> str:
    """The API server's error message, at most 500 characters of it."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    try:
        return str(json.loads(text).get("message", text))[:500]
    except MALFORMED:
        return text[:300]


_HELD_BY = re.compile(r'conflict with "([^"]*)"')


def _conflicts(body: Any) -> tuple[FieldConflict, ...]:
    """The fields over which server-side apply was refused (FieldManagerConflict causes)."""
    try:
        return tuple(
            FieldConflict(held.group(1) if held else "unknown", str(cause.get("field", "")))
            for cause in json.loads(body)["details"]["causes"]
            if cause.get("reason") == "FieldManagerConflict"
            for held in [_HELD_BY.search(cause.get("message", ""))]
        )
    except MALFORMED:
        return ()
