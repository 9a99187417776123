"""How long the fabric agent leaves the APIs alone."""

from __future__ import annotations

import pytest

from kuryr_runbook.lab.fabric.agent import REST_SECONDS, REST_SHARE, rest_after


def test_most_of_the_servers_time_is_for_others() -> None:
    assert rest_after(0.2) == pytest.approx(0.2 * REST_SHARE)


def test_a_read_that_took_next_to_nothing_is_not_repeated_at_once() -> None:
    assert rest_after(0.0) == REST_SECONDS[0]


def test_after_a_slow_read_the_data_plane_still_follows_soon() -> None:
    assert rest_after(10.0) == REST_SECONDS[1]
