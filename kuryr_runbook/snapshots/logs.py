"""Parses a program's log into records, as oslo.log writes them.

The format is the same from Stein to 2024.1 (oslo.log, `logging_default_format_string` and
`logging_exception_prefix`): time, process, level, logger, `[context]`, text. The lines of a
traceback start like their record, including the time, but have no context.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kuryr_runbook.snapshots.scrubbing import scrubbed

KEPT = 40
"""Records of a log that are kept."""
LONGEST = 20_000
"""Characters of a line that are parsed: Kuryr logs whole objects."""
RAISED_LENGTH = 700
"""Characters of a text that are kept: an SDK's chain of causes names the real one last."""
KEPT_RAISED = 6
"""Exceptions of a record that are kept: the first of a chain is its root."""

_HEAD = re.compile(
    r"""(?x) ^ (?P<lead>[^\[\]{}"']{0,90}?) (?<![\w-])
        (?P<level>TRACE|DEBUG|INFO|NOTICE|AUDIT|WARN(?:ING)?|ERROR|CRITICAL|FATAL) \s+
        (?P<logger>[A-Za-z_][\w.-]*) (?!\S) \s?
        (?P<context>\[(?:-|[^\]]*\breq-[^\]]*)\](?:\s|$))? (?P<text>.*)"""
)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)?")
_STAMP = re.compile(rf"^{_TIME.pattern} ?")
"""Only a time before a line of a traceback: another `logging_exception_prefix`."""
_COLOUR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
"""oslo.log ends each record on stderr with it, on a terminal or not."""
_PROCESS = re.compile(r"(?:^|\s)(\d+)\s*$")
_TRACEBACK = "Traceback (most recent call last):"
_CHAINED = ("During handling of the above", "The above exception was the direct cause")
_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt)\b")
"""The last line of a traceback that was printed without a head."""
_NOTABLE = ("WARNING", "ERROR", "CRITICAL", "")
_LEVELS = {"WARN": "WARNING", "FATAL": "CRITICAL"}
_VARYING = re.compile(r"0x[\da-f]+|\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b|\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """A record in a program's log. Its texts are scrubbed."""

    time: datetime | None
    """UTC if the line has no time zone, as in an image without one; None: not known."""
    level: str
    """WARNING, ERROR or CRITICAL; empty for output outside of the logging, at a crash."""
    logger: str
    text: str
    raised: tuple[str, ...] = ()
    """The exceptions of its traceback, each as `type: message`, the root first."""

    def __str__(self) -> str:
        when = f"{self.time:%Y-%m-%d %H:%M:%S}" if self.time else ""
        return " ".join(filter(None, (when, self.level, self.logger, self.said)))

    @property
    def said(self) -> str:
        """The text, and the last exception."""
        last = [it for it in self.raised[-1:] if it not in self.text]
        return ": ".join(filter(None, (self.text, *last)))

    @property
    def whole(self) -> str:
        """Everything in it that may be meaningful, with the exceptions in order."""
        return "\n".join((self.text, *self.raised))


@dataclass(slots=True)
class _Growing:
    """A record that is still being read."""

    time: datetime | None
    process: str
    level: str
    logger: str
    text: str
    raised: list[str] = field(default_factory=list)
    traces: bool = False
    """Whether its traceback has started."""

    def extend(self, text: str) -> None:
        """Add another line; lines of source code are left out."""
        if text.startswith(_TRACEBACK):
            self.traces = True
        elif not text.strip() or text[:1].isspace() or text.startswith(_CHAINED):
            return
        elif self.traces:
            self.raised.append(text)
        else:
            self.text = f"{self.text} {text}"

    def done(self) -> LogRecord:
        """The record, scrubbed."""
        return LogRecord(
            time=self.time,
            level=self.level,
            logger=self.logger,
            text=scrubbed(self.text.strip(), RAISED_LENGTH),
            raised=tuple(scrubbed(it, RAISED_LENGTH) for it in _both_ends(self.raised)),
        )


def notable_records(lines: Iterable[str]) -> tuple[LogRecord, ...]:
    """The warnings, errors and crashes in a log, in order.

    Of those that only differ in ids and numbers, the last is kept.
    """
    last: dict[tuple[str, str, str], LogRecord] = {}
    for growing in _records(lines):
        if growing.level in _NOTABLE:
            record = growing.done()
            key = (record.level, record.logger, _VARYING.sub("#", record.whole))
            last.pop(key, None)
            last[key] = record
    return tuple(last.values())[-KEPT:]


def _records(lines: Iterable[str]) -> list[_Growing]:
    """All records in the order of their first lines. Lines of several processes may alternate."""
    found: list[_Growing] = []
    by_process: dict[str, _Growing] = {}
    current: _Growing | None = None
    for line in (_COLOUR.sub("", it[:LONGEST]) for it in lines):
        head = _HEAD.match(line)
        new = _crash(line, current) if head is None else _headed(head)
        if head is not None and new is not None:
            known = by_process.get(new.process)
            if known is not None and _goes_on(head, new, known):
                known.extend(new.text)
                current = known
                continue
            by_process[new.process] = new
        if new is not None:
            found.append(new)
            current = new
        elif current is not None:
            current.extend(_STAMP.sub("", line))
    return found


def _headed(head: re.Match[str]) -> _Growing:
    process = _PROCESS.search(head["lead"])
    return _Growing(
        time=_time(head["lead"]),
        process=process[1] if process else "",
        level=_LEVELS.get(head["level"], head["level"]),
        logger=head["logger"],
        text=head["text"],
    )


def _goes_on(head: re.Match[str], new: _Growing, known: _Growing) -> bool:
    """Whether a line with a head continues the last record of its process."""
    if head["context"] or (new.time, new.logger) != (known.time, known.logger):
        return False
    in_trace = new.text.startswith((" ", _TRACEBACK)) or known.traces
    return in_trace if new.time is None else True


def _crash(line: str, current: _Growing | None) -> _Growing | None:
    """The record that starts with a line without a head: output outside of the logging.

    None: the line continues the previous record.
    """
    line = _STAMP.sub("", line)
    begins = line.startswith(_TRACEBACK)
    raised = bool(_RAISED.match(line)) and not (current and current.traces)
    if not (begins or raised or current is None):
        return None
    new = _Growing(time=current.time if current else None, process="", level="", logger="", text="")
    new.traces = raised
    new.extend(line)
    return new


def _time(lead: str) -> datetime | None:
    """The last time in a line's lead: whatever forwarded the line may have added one before it."""
    found = [*_TIME.finditer(lead)]
    if not found:
        return None
    day, clock, fraction, zone = found[-1].groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    try:
        time = datetime.fromisoformat(f"{day}T{clock}.{fraction or '0':0<6}{zone}")
    except ValueError:
        return None
    return time.astimezone(UTC)


def _both_ends(raised: list[str]) -> list[str]:
    if len(raised) <= KEPT_RAISED:
        return raised
    half = KEPT_RAISED // 2
    return [*raised[:half], *raised[-half:]]
