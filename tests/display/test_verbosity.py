"""How much is said: quiet, normal, verbose; and that no secret is said."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from kuryr_runbook.clients.secrets import learn
from kuryr_runbook.display import verbosity
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.display.verbosity import (
    VARIABLE,
    Verbosity,
    inherit_verbosity,
    inherited,
    progress_apart,
    set_verbosity,
    show_requests,
    tell,
    without_secrets,
)

LOG = logging.getLogger("kuryr_runbook.clients.transport")


@pytest.fixture(autouse=True)
def _normal_again() -> Iterator[None]:
    yield
    set_verbosity(Verbosity.NORMAL)


@pytest.mark.parametrize(
    ("chosen", "shown"), [("quiet", ""), ("normal", "one\ntwo\n"), ("verbose", "one\ntwo\n")]
)
def test_progress_is_on_stderr_or_nowhere(
    chosen: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_verbosity(Verbosity(chosen))
    tell("one")
    with progress_apart():
        echo("two")
    echo("result")
    assert capsys.readouterr() == ("result\n", shown)


@pytest.mark.parametrize("chosen", [*Verbosity])
def test_requests_are_shown_only_if_wanted(
    chosen: Verbosity, capsys: pytest.CaptureFixture[str]
) -> None:
    set_verbosity(chosen)
    LOG.info("GET https://cloud.example/v2.0/ports: 200")
    expected = "GET https://cloud.example/v2.0/ports: 200\n" if chosen == "verbose" else ""
    assert capsys.readouterr().err == expected


def test_requests_go_where_the_progress_goes(capsys: pytest.CaptureFixture[str]) -> None:
    set_verbosity(Verbosity.VERBOSE)
    seen: list[str] = []
    show_requests(seen.append)
    LOG.info("one")
    assert (seen, capsys.readouterr().err) == (["one"], "")


def test_programs_are_shown_whoever_starts_them(capsys: pytest.CaptureFixture[str]) -> None:
    set_verbosity(Verbosity.VERBOSE)
    subprocess.run([sys.executable, "-c", "pass", *"abcdefg"], check=True)
    [line] = capsys.readouterr().err.splitlines()
    assert line == f"program: {sys.executable} -c pass a b c d e ..."
    set_verbosity(Verbosity.NORMAL)
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    assert capsys.readouterr().err == ""


def test_what_is_shown_has_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    learn("correct-horse-battery", "the test")
    set_verbosity(Verbosity.VERBOSE)
    LOG.info("GET https://correct-horse-battery.example/: 200")
    assert "correct-horse" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "keystone --bootstrap-password x --y z",
            "--bootstrap-password [redacted] --y z",
        ),
        ("login --token=abc def", "login --token=[redacted] def"),
        ("password x", "password x"),
        ("a --secret", "a --secret"),
    ],
)
def test_values_of_secret_options_are_left_out(line: str, shown: str) -> None:
    assert " ".join(without_secrets(line.split())).endswith(shown)


@pytest.mark.parametrize("chosen", [*Verbosity])
def test_a_process_that_was_started_decides_the_same(
    chosen: Verbosity, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_verbosity(chosen)
    environment = inherited()
    set_verbosity(Verbosity.NORMAL)
    monkeypatch.setenv(VARIABLE, environment[VARIABLE])
    inherit_verbosity()
    assert verbosity._chosen is chosen
    monkeypatch.setenv(VARIABLE, "loud")
    inherit_verbosity()
    assert verbosity._chosen is Verbosity.NORMAL
