"""Errors on the terminal: one message of 80 columns and the error's exit code."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from kuryr_runbook.cli.errors import exit_on_error, wrapped
from kuryr_runbook.clients.secrets import learn
from kuryr_runbook.model import errors
from kuryr_runbook.model.errors import RunbookError

CODES = {
    errors.RunbookError: 1,
    errors.SiteError: 2,
    errors.UsageError: 2,
    errors.AccessError: 1,
    errors.CheckError: 4,
    errors.UnknownError: 5,
    errors.UnreachableError: 6,
}


@pytest.mark.parametrize(("kind", "code"), CODES.items(), ids=lambda value: str(value))
def test_an_error_becomes_its_message_and_code(
    kind: type[RunbookError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught, exit_on_error():
        raise kind("it is so", remedy="do that")
    assert caught.value.code == code
    assert capsys.readouterr().err == "error: it is so\n  -> do that\n"


def test_an_interrupt_exits_130(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, exit_on_error():
        raise KeyboardInterrupt
    assert caught.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_bug_is_one_message_and_a_file_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    secret = secrets.token_hex(12)
    learn(secret, "a test")
    with pytest.raises(SystemExit) as caught, exit_on_error():
        raise KeyError(f"{secret}\x1b[2J")
    assert caught.value.code == 1
    [path] = (tmp_path / "kuryr-runbook" / "errors").iterdir()
    reported, kept = capsys.readouterr().err, path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert "a bug in the runbook: KeyError" in reported
    assert path.name in reported
    assert "Traceback" not in reported
    assert "Traceback" in kept
    assert secret not in reported + kept
    assert "\x1b" not in reported


def test_a_bug_whose_traceback_cannot_be_saved_is_reported_nevertheless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(SystemExit), exit_on_error():
        raise KeyError("x")
    assert "could not be saved" in capsys.readouterr().err


def test_long_messages_are_wrapped_and_keep_their_shape() -> None:
    text = "error: two problems\n  " + "word " * 30 + "\n  -> " + "do " * 40 + "\n\nend"
    lines = wrapped(text).splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(wrapped(text).split()) == " ".join(text.split())
    assert lines[2].startswith("    word")
    assert lines[-2:] == ["", "end"]
    path = "/a-" + "b" * 100
    assert wrapped(path) == path
