"""Ctrl-C and SIGTERM alike: one KeyboardInterrupt, and then time to clean up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def one_interrupt() -> Iterator[None]:
    """Turn the first stopping signal into KeyboardInterrupt and ignore further ones.

    A second Ctrl-C would otherwise prevent writing what happened. What follows the first is
    bounded: the kernel gets a few seconds, then it is killed.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        for each in STOPPING:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def postponed() -> Iterator[None]:
    """Delay stopping signals for a moment, until something is complete.

    Child processes started meanwhile do not inherit this, as they would inherit ignored signals.
    """
    came: list[int] = []
    before = {each: signal.signal(each, lambda n, frame: came.append(n)) for each in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in came[:1]:
            signal.raise_signal(each)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let nothing interrupt something that is short and has to be completed, such as a record."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
