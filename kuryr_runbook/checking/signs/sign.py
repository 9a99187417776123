"""A sign: what a record of a log looks like that tells of a cause, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kuryr_runbook.checking.verdicts import (
    CONTROLLER_EFFECTS,
    DAEMON_EFFECTS,
    POD_EFFECTS,
    SERVICE_EFFECTS,
    phase,
)
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.snapshots.logs import LogRecord

SELF = frozenset({"controller-ready", "controller-restarts"})
WORK = CONTROLLER_EFFECTS | SELF
"""What follows when the controller cannot do anything."""
PODS = POD_EFFECTS | SELF
"""What follows when it gives pods no interface."""
LOAD_BALANCING = SERVICE_EFFECTS | SELF
EXTERNAL = frozenset({"external-address"})
DAEMON_WORK = DAEMON_EFFECTS | {"daemon-ready"}

_HARMLESS = re.compile(
    r"""(?ix) \bignor(?:ed|ing)\b | \bcan\ be\ ignored\b | Exception\ ignored\ in
        | \bretr(?:y|ies|ied)\b .{0,60} \bsucce\w+ | \bsucce\w+ .{0,60} \bretr(?:y|ies|ied)\b
        | \bsucceeded\ after\b | Retrying\ \(Retry\(total=[1-9]
        | because\ it\ is\ being\ terminated | Namespace\ already\ terminated
        | \bnon[ ]critical\b"""
)
"""Lines that say of themselves that nothing follows from them (kuryr-kubernetes, urllib3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A kind of line and what it means."""

    name: str
    """Stable, as docs/troubleshooting.md lists it."""
    patterns: tuple[re.Pattern[str], ...]
    """Each occurs somewhere in the record: its text, or what was raised."""
    means: str
    remedy: str
    explains: frozenset[str]
    mender: str
    """The phase whose plan mends it if it is not done; empty: none does."""
    is_answered: Callable[[Look], bool]
    """Whether a check tells it as it is now; the line may be older than that."""

    def fits(self, text: str) -> bool:
        """Whether a text has all that makes the sign."""
        return all(pattern.search(text) for pattern in self.patterns)


def _never(look: Look) -> bool:
    return False


def sign(
    name: str,
    patterns: str | tuple[str, ...],
    means: str,
    remedy: str,
    explains: frozenset[str],
    is_answered: Callable[[Look], bool] = _never,
) -> Sign:
    """A sign whose remedy is no phase, or more than one."""
    texts = (patterns,) if isinstance(patterns, str) else patterns
    return Sign(
        name=name,
        patterns=tuple(re.compile(it, re.IGNORECASE | re.MULTILINE) for it in texts),
        means=means,
        remedy=remedy,
        explains=explains,
        mender="",
        is_answered=is_answered,
    )


def mended(
    name: str,
    patterns: str | tuple[str, ...],
    means: str,
    mender: str,
    explains: frozenset[str],
    before: str = "",
) -> Sign:
    """A sign of something that a phase makes right, after what `before` says."""
    remedy = f"{before}; then {phase(mender)}" if before else phase(mender)
    made = sign(name, patterns, means, remedy, explains)
    return Sign(
        name=made.name,
        patterns=made.patterns,
        means=means,
        remedy=remedy,
        explains=explains,
        mender=mender,
        is_answered=made.is_answered,
    )


def sign_of(record: LogRecord, signs: Iterable[Sign]) -> Sign | None:
    """What a record means: the first sign that fits, as the more special stand first."""
    text = record.whole
    if _HARMLESS.search(text):
        return None
    return next((sign for sign in signs if sign.fits(text)), None)


def http(codes: str) -> str:
    """A pattern for statuses of HTTP, where they are that: no port, process, size or time.

    How keystoneauth, openstacksdk, neutronclient, requests and Kubernetes' answers write them.
    """
    code, alone = f"(?:{codes})", r"(?<![\w.:/-])"
    return "|".join(
        (
            rf"\(HTTP {code}\)",
            rf"\bHTTP(?:/[\d.]+)?\"?(?: status| error)?:? {code}\b(?![.:-]\d)",
            rf"{alone}{code}:? (?:Client|Server) Error\b",
            rf"\bstatus[ _]?code['\"]?\s*[:=]?\s*{code}\b",
            rf"['\"]code['\"]: ?{code}\b",
            rf"<Response \[{code}\]>",
            rf"{alone}{code}:? (?:Unauthorized|Forbidden|Service Unavailable|Bad Gateway"
            r"|Internal Server Error|Gateway Time-?out|Gone)\b",
        )
    )


def raised(names: str) -> str:
    """A pattern for exceptions of these names, as a traceback or a `repr` writes them."""
    return rf"(?<![\w/-])(?:{names})(?:Client|Exception|Error)?(?=[:(]|$)"
