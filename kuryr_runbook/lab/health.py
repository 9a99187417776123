"""Runs health checks of programs, in the namespaces that they run in."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from kuryr_runbook.lab import launching
from kuryr_runbook.lab.programs import HttpHealth, Program

ANSWER_SECONDS = 5
"""How long a check may take."""
SAID_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a program is healthy, and what was seen."""

    well: bool
    seen: str


def ask(program: Program) -> Answer:
    """Run the health check once."""
    health = program.health
    command = curl(health) if isinstance(health, HttpHealth) else health.command
    try:
        done = subprocess.run(
            (*launching.entering(program), *command),
            env=launching.clean_environment(program.environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_SECONDS + 1,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(well=False, seen=f"no answer to `{command[0]}` within {ANSWER_SECONDS} s")
    except FileNotFoundError as error:
        return Answer(well=False, seen=f"{error.filename} is not on this machine")
    if isinstance(health, HttpHealth):
        return judge_http(health, done.stdout, done.stderr)
    if done.returncode == 0:
        return Answer(well=True, seen="ok")
    said = _short(done.stderr.strip() or done.stdout.strip())
    return Answer(well=False, seen=f"`{command[0]}` ended with status {done.returncode}: {said}")


def curl(health: HttpHealth) -> tuple[str, ...]:
    """The command that requests a URL, and only prints the status of the answer."""
    command = ["curl", "--silent", "--show-error", "--noproxy", "*"]
    command += ["--max-time", str(ANSWER_SECONDS), "--output", "/dev/null"]
    command += ["--write-out", "%{http_code}"]
    for option, file in (
        ("--cacert", health.ca),
        ("--cert", health.certificate),
        ("--key", health.key),
    ):
        if file is not None:
            command += [option, str(file)]
    return (*command, health.url)


def judge_http(health: HttpHealth, status: str, said: str) -> Answer:
    """What curl's output means; curl's status 000 means no answer at all."""
    if status.strip() in {str(known) for known in health.statuses}:
        return Answer(well=True, seen=f"HTTP {status.strip()}")
    seen = _short(said.strip()) or f"HTTP {status.strip() or 'nothing'}"
    return Answer(well=False, seen=f"{health.url}: {seen}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SAID_CHARACTERS else f"{line[:SAID_CHARACTERS]}..."
