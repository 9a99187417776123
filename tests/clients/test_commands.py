from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from support.awaiting import await_end

from kuryr_runbook.clients import commands
from kuryr_runbook.clients.commands import Surroundings, run_command
from kuryr_runbook.model.errors import ApplyError, DeadlineError, UsageError


def test_output_is_shown_line_by_line_and_kept(tmp_path: Path) -> None:
    shown: list[str] = []
    log = tmp_path / "log"
    log.write_text("before\n")
    script = "echo one; echo two >&2; exit 3"
    result = run_command(("sh", "-c", script), say=shown.append, deadline=30, log=log)
    assert (result.status, shown) == (3, ["one", "two"])
    assert log.read_text() == "before\none\ntwo\n"
    assert result.output == "one\ntwo\n"


def test_line_is_shown_before_the_command_ends() -> None:
    """The command goes on only when its first line has been shown."""
    seen = []

    def say(line: str) -> None:
        seen.append(line)
        if line.startswith("/"):
            Path(line).unlink()

    script = 'f=$(mktemp); echo "$f"; while [ -e "$f" ]; do sleep 0.05; done; echo done'
    result = run_command(("sh", "-c", script), say=say, deadline=30)
    assert result.status == 0
    assert seen[-1] == "done"


def test_input_larger_than_a_pipe_is_fed_while_output_is_read() -> None:
    text = "x" * 999 + "\n"
    result = run_command(("cat",), say=lambda line: None, deadline=30, stdin=text * 1000)
    assert result.output == text * 1000


def test_command_that_reads_no_input_is_fine() -> None:
    result = run_command(("true",), say=lambda line: None, deadline=30, stdin="x" * 1_000_000)
    assert result.status == 0


def test_command_past_its_deadline_is_ended_with_its_children() -> None:
    said: list[str] = []
    script = "sleep 600 & echo $!; echo last words; wait"
    with pytest.raises(DeadlineError, match="last words"):
        run_command(("sh", "-c", script), say=said.append, deadline=1)
    await_end(int(said[0]))


def test_interrupted_command_is_ended() -> None:
    said: list[str] = []

    def interrupt(line: str) -> None:
        said.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_command(("sh", "-c", "echo $$; sleep 600"), say=interrupt, deadline=30)
    await_end(int(said[0]))


def test_missing_command_is_named() -> None:
    with pytest.raises(UsageError, match="no-such-engine"):
        run_command(("no-such-engine",), say=lambda line: None, deadline=1)


def test_environment_is_replaced() -> None:
    command = (sys.executable, "-c", "import os; print(os.environ.get('HOME'), os.environ['A'])")
    surroundings = Surroundings(environment={"A": "1"})
    result = run_command(command, say=lambda line: None, deadline=30, surroundings=surroundings)
    assert result.output == "None 1\n"


def test_what_a_command_leaves_behind_holds_nobody_up() -> None:
    script = "setsid sleep 600 & echo $!; disown"
    done = run_command(["bash", "-c", script], say=lambda line: None, deadline=30)
    os.kill(int(done.output), signal.SIGKILL)
    assert done.status == 0


def test_what_left_the_commands_group_is_not_waited_for_either() -> None:
    script = "setsid sleep 600 & echo $!; wait"
    with pytest.raises(DeadlineError, match="not done") as caught:
        run_command(["bash", "-c", script], say=lambda line: None, deadline=0.5)
    os.kill(int(str(caught.value.message).split()[-1]), signal.SIGKILL)


def test_one_that_closes_its_output_and_goes_on_is_ended() -> None:
    with pytest.raises(DeadlineError):
        run_command(["bash", "-c", "exec >&- 2>&-; sleep 600"], say=lambda line: None, deadline=0.5)


def test_one_that_prints_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "MOST_OUTPUT", 1 << 20)
    with pytest.raises(ApplyError, match="printed more than 1 MiB"):
        run_command(["cat", "/dev/zero"], say=lambda line: None, deadline=30)
    with pytest.raises(ApplyError, match="printed more than 1 MiB"):
        run_command(["yes"], say=lambda line: None, deadline=30)


def test_what_cannot_be_run_is_reported() -> None:
    with pytest.raises(UsageError, match="null byte"):
        run_command(["true", "\0"], say=lambda line: None, deadline=5)
