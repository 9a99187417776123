"""What a program said: its log taken apart into records, as oslo.log writes them.

The form is the same from Stein to 2024.1 (oslo.log, `logging_default_format_string` and
`logging_exception_prefix`): time, process, level, logger, `[context]`, text. The lines of a
traceback have the head of their record, time included, and no context.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kuryr_runbook.snapshots.scrubbing import scrubbed

KEPT = 40
"""How many records of a log are kept."""
LONGEST = 20_000
"""How much of a line is looked at: Kuryr logs whole objects."""
RAISED_LENGTH = 700
"""How much of a text is kept: an SDK's chain of causes names the true one last."""
KEPT_RAISED = 6
"""How many exceptions of a record are kept: the first of a chain is its root."""

_HEAD = re.compile(
    r"""(?x) ^ (?P<lead>[^\[\]{}"']{0,90}?) (?<![\w-])
        (?P<level>TRACE|DEBUG|INFO|NOTICE|AUDIT|WARN(?:ING)?|ERROR|CRITICAL|FATAL) \s+
        (?P<logger>[A-Za-z_][\w.-]*) (?!\S) \s?
        (?P<context>\[(?:-|[^\]]*\breq-[^\]]*)\](?:\s|$))? (?P<text>.*)"""
)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)?")
_STAMP = re.compile(rf"^{_TIME.pattern} ?")
"""A time and nothing more before a line of a traceback: another `logging_exception_prefix`."""
_COLOUR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
"""oslo.log ends each record that it writes to stderr with one, on a terminal or not."""
_PROCESS = re.compile(r"(?:^|\s)(\d+)\s*$")
_TRACEBACK = "Traceback (most recent call last):"
_CHAINED = ("During handling of the above", "The above exception was the direct cause")
_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt)\b")
"""How the last line of a traceback looks that was printed without a head."""
_TELLING = ("WARNING", "ERROR", "CRITICAL", "")
_LEVELS = {"WARN": "WARNING", "FATAL": "CRITICAL"}
_VARYING = re.compile(r"0x[\da-f]+|\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b|\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One thing that a program said. Its texts are scrubbed."""

    time: datetime | None
    """Taken as UTC where the line names no zone, as in an image without one; None: not told."""
    level: str
    """WARNING, ERROR or CRITICAL; empty for what was printed past the logging, at a crash."""
    logger: str
    text: str
    raised: tuple[str, ...] = ()
    """The exceptions of its traceback, each as `type: message`, the root first."""

    def __str__(self) -> str:
        when = f"{self.time:%Y-%m-%d %H:%M:%S}" if self.time else ""
        return " ".join(filter(None, (when, self.level, self.logger, self.said)))

    @property
    def said(self) -> str:
        """The text, and the last of what was raised."""
        last = [it for it in self.raised[-1:] if it not in self.text]
        return ": ".join(filter(None, (self.text, *last)))

    @property
    def whole(self) -> str:
        """Everything in it that may have a meaning, the exceptions as they were raised."""
        return "\n".join((self.text, *self.raised))


@dataclass(slots=True)
class _Growing:
    """A record whose lines are still being read."""

    time: datetime | None
    process: str
    level: str
    logger: str
    text: str
    raised: list[str] = field(default_factory=list)
    traces: bool = False
    """Whether its traceback has begun."""

    def extend(self, text: str) -> None:
        """Take one more line: places in the source are left out."""
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


def telling_records(lines: Iterable[str]) -> tuple[LogRecord, ...]:
    """The warnings, errors and crashes of a log, the last last.

    Of those that say the same, but for ids and numbers, the last alone is kept.
    """
    last: dict[tuple[str, str, str], LogRecord] = {}
    for growing in _records(lines):
        if growing.level in _TELLING:
            record = growing.done()
            key = (record.level, record.logger, _VARYING.sub("#", record.whole))
            last.pop(key, None)
            last[key] = record
    return tuple(last.values())[-KEPT:]


def _records(lines: Iterable[str]) -> list[_Growing]:
    """All records in the order of their beginnings. Processes may write in turns."""
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
    """Whether a line with a head is one more of the record that its process wrote last."""
    if head["context"] or (new.time, new.logger) != (known.time, known.logger):
        return False
    in_trace = new.text.startswith((" ", _TRACEBACK)) or known.traces
    return in_trace if new.time is None else True


def _crash(line: str, current: _Growing | None) -> _Growing | None:
    """What begins with a line that has no head: something was printed past the logging.

    None: it goes on with what was said before it.
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
    """The last time in a line's lead: before it may stand that of whoever passed the line on."""
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
