"""Each sign is known in the lines that the releases print, and in nothing that only looks so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from checking.signs.log_lines import BOTH, CONTROLLER, DAEMON, HARMLESS
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.checking.questions.logs import CONTROLLER_SIGNS, DAEMON_SIGNS
from kuryr_runbook.checking.signs.sign import Sign, sign_of
from kuryr_runbook.snapshots.logs import notable_records

SIGNS = {"controller": CONTROLLER_SIGNS, "daemon": DAEMON_SIGNS}
LINES = {"controller": {**BOTH, **CONTROLLER}, "daemon": {**BOTH, **DAEMON}}
LOGGER = "kuryr_kubernetes.handlers.logging"
HEAD = "2026-11-29 10:00:00.403 401 ERROR"


def said(text: str) -> str:
    """As the text of a record."""
    return f"{HEAD} {LOGGER} [-] {text}"


def raised(text: str) -> str:
    """As the exception of one, with its traceback."""
    trace = ("Traceback (most recent call last):", '  File "x.py", line 403, in y', text, "")
    return "\n".join(
        [said("Failed to handle event {'a': 'b'}"), *(f"{HEAD} {LOGGER} {it}" for it in trace)]
    )


def crashed(text: str) -> str:
    """Printed past the logging, as at a start that fails."""
    return f'Traceback (most recent call last):\n  File "x.py", line 401, in y\n{text}'


def meant(log: str, signs: tuple[Sign, ...]) -> list[str]:
    found = (sign_of(record, signs) for record in notable_records(log.splitlines()))
    return [sign.name for sign in found if sign is not None]


CASES = [
    (program, name, line)
    for program, lines in LINES.items()
    for name, told in lines.items()
    for line in told
]


@pytest.mark.parametrize("printed", [said, raised, crashed])
@pytest.mark.parametrize(("program", "name", "line"), CASES)
def test_a_line_means_its_sign(program: str, name: str, line: str, printed: object) -> None:
    assert callable(printed)
    assert meant(printed(line), SIGNS[program]) == [name]


@pytest.mark.parametrize("program", SIGNS)
def test_every_sign_has_a_line_that_a_release_prints(program: str) -> None:
    names = [sign.name for sign in SIGNS[program]]
    assert sorted(names) == sorted(LINES[program])
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("printed", [said, raised])
@pytest.mark.parametrize("program", SIGNS)
@pytest.mark.parametrize("line", HARMLESS)
def test_what_only_looks_alike_means_nothing(line: str, program: str, printed: object) -> None:
    assert callable(printed)
    assert meant(printed(line), SIGNS[program]) == []


CODES = st.sampled_from(["401", "403", "404", "409", "500", "502", "503", "504"])


@given(
    data=st.data(),
    code=CODES,
    program=st.sampled_from([*SIGNS]),
    id_=st.uuids(),
    time=st.datetimes(),
)
def test_numbers_that_are_no_statuses_are_none(
    data: st.DataObject, code: str, program: str, id_: object, time: object
) -> None:
    place = data.draw(
        st.sampled_from(
            [
                f"{time:%Y-%m-%d %H:%M:%S}.{code} {code} ERROR {LOGGER} [-] KeyError: 'x'",
                said(f"pod web-{code} on node{code} of {id_}"),
                said(f"port {code}, {code} bytes, {code} ms, at 10.{code[:2]}.0.{code[1:]}:{code}"),
                said(f"{code[:3]}{id_} {id_}{code} pid={code} resourceVersion={code}"),
                f"2026-11-29 10:00:00.{code} {code} ERROR {LOGGER} [req-{id_} {code}] no",
            ]
        )
    )
    assert meant(place, SIGNS[program]) == []


DOCS = Path(__file__).parents[3] / "docs" / "troubleshooting.md"


def test_the_docs_list_each_sign() -> None:
    text = (
        DOCS.read_text().partition("## What lines of the logs are known")[2].partition("\n## ")[0]
    )
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row.split("|")[1])}
    assert told == {sign.name for signs in SIGNS.values() for sign in signs}
