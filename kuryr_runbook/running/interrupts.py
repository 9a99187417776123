"""Ctrl-C and SIGTERM alike: one KeyboardInterrupt, then time to put things down."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def one_interrupt() -> Iterator[None]:
    """Turn the first stopping signal into KeyboardInterrupt and ignore the ones after it.

    A second Ctrl-C would otherwise break the writing of what happened; what follows the first
    is bounded: the kernel gets seconds, then is killed.
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
    """Let stopping signals wait for moments, until something is whole.

    A child that is started meanwhile learns nothing of it, as it would of a signal that is ignored.
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
    """Let nothing stop what takes moments and has to be whole, such as the record of a run."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
