"""A log becomes records: with time, process, level, logger, text, and what was raised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.snapshots.logs import KEPT, notable_records

LOGGER = "kuryr_kubernetes.handlers.logging"
AT = datetime(2026, 11, 29, 10, 0, 0, 403000, tzinfo=UTC)


def head(time: datetime = AT, process: int = 1, level: str = "ERROR", logger: str = LOGGER) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03} {process} {level} {logger}"


def traced(*raised: str, process: int = 1) -> list[str]:
    lines = ["Traceback (most recent call last):", '  File "x.py", line 403, in y', *raised, ""]
    return [f"{head(process=process)} {line}" for line in lines]


def test_a_record_has_its_parts() -> None:
    (record,) = notable_records([f"{head()} [-] [neutron_defaults]x is not set"])
    assert (record.time, record.level, record.logger) == (AT, "ERROR", LOGGER)
    assert record.text == "[neutron_defaults]x is not set"
    assert str(record) == f"2026-11-29 10:00:00 ERROR {LOGGER} [neutron_defaults]x is not set"


def test_a_traceback_belongs_to_its_record() -> None:
    lines = [
        f"{head()} [-] Failed to handle event {{'spec': 1}}: later",
        *traced(
            "OSError: [Errno 111] Connection refused",
            "During handling of the above exception, another exception occurred:",
            "KeyError: 'status'",
        ),
        f"{head(level='INFO')} [-] Started",
    ]
    (record,) = notable_records(lines)
    assert record.raised == ("OSError: [Errno 111] Connection refused", "KeyError: 'status'")
    assert record.said == "Failed to handle event {...}: later: KeyError: 'status'"


def test_colours_are_no_part_of_what_was_said() -> None:
    """As oslo.log 5.5 writes them, seen: after the last line, be it of a traceback or not."""
    lines = [
        f"{head()} [-] no\x1b[00m",
        f"{head(AT + timedelta(seconds=1))} [-] Failed: KeyError: 'ens9'",
        f"{head(AT + timedelta(seconds=1))} Traceback (most recent call last):",
        f"{head(AT + timedelta(seconds=1))} KeyError: 'ens9'",
        f"{head(AT + timedelta(seconds=1))} \x1b[00m",
        f"\x1b[01;31m{head(AT + timedelta(seconds=2))} [\x1b[01;36m-\x1b[01;31m] loud\x1b[00m",
    ]
    assert [it.said for it in notable_records(lines)] == ["no", "Failed: KeyError: 'ens9'", "loud"]


def test_processes_that_write_in_turns_are_kept_apart() -> None:
    one, two = (
        [f"{head(process=n)} [-] no {'ab'[n]}", *traced(f"KeyError: '{'ab'[n]}'", process=n)]
        for n in (0, 1)
    )
    woven = [line for pair in zip(one, two, strict=True) for line in pair]
    assert [it.raised for it in notable_records(woven)] == [("KeyError: 'a'",), ("KeyError: 'b'",)]


def test_a_crash_past_the_logging_is_a_record_of_its_own() -> None:
    lines = [
        f"{head(level='INFO')} [-] Starting",
        "Traceback (most recent call last):",
        '  File "x.py", line 3, in y',
        "RuntimeError: Unable to find ca cert_file  : /x",
    ]
    (record,) = notable_records(lines)
    assert (record.level, record.time) == ("", AT)
    assert record.said == "RuntimeError: Unable to find ca cert_file  : /x"


def test_a_traceback_may_have_a_time_and_no_more_before_its_lines() -> None:
    stamp = "2026-11-29 10:00:00.403"
    lines = [
        f"{head()} [-] no",
        f"{stamp} Traceback (most recent call last):",
        f"{stamp} KeyError: 'x'",
    ]
    assert [it.said for it in notable_records(lines)] == ["no", "KeyError: 'x'"]


def test_what_was_printed_before_anything_was_logged_is_reported() -> None:
    (record,) = notable_records(["exec user process caused: exec format error"])
    assert "exec format error" in record.text


def test_whoever_passes_a_line_on_may_have_put_a_time_before_it() -> None:
    (record,) = notable_records([f"2026-11-29T09:59:59.123456789Z stderr F {head()} [-] no"])
    assert (record.time, record.text) == (AT, "no")


def test_of_those_that_say_the_same_the_last_is_kept() -> None:
    lines = [f"{head(AT + timedelta(seconds=n))} [-] port {n} failed" for n in range(9)]
    other = f"{head(AT - timedelta(hours=1))} [-] the true cause"
    found = notable_records([other, *lines])
    assert [it.text for it in found] == ["the true cause", "port 8 failed"]


def test_what_says_nothing_is_left_out_and_a_long_log_is_cut() -> None:
    quiet = [f"{head(level=level)} [-] x" for level in ("DEBUG", "INFO")]
    loud = [f"{head(logger='a' + 'b' * n)} [-] x" for n in range(KEPT + 5)]
    assert notable_records(quiet) == ()
    assert len(notable_records(loud)) == KEPT


@given(st.lists(st.text(max_size=200) | st.sampled_from([head(), *traced("KeyError: 'x'")])))
def test_any_log_can_be_read(lines: list[str]) -> None:
    assert len(notable_records(lines)) <= KEPT
