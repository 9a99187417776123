"""What the commands for records share: places, keys, and the error for invalid records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.model.wording import counted

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

    from kuryr_runbook.model.errors import CheckError
    from kuryr_runbook.recording.records import Record
    from kuryr_runbook.recording.standing import Standing
    from kuryr_runbook.recording.verifying import Problem

directory_type = UserPath(file_okay=False, exists=True)
places_argument = click.argument(
    "places", nargs=-1, metavar="[DIRECTORY]...", type=UserPath(file_okay=False)
)
keys_option = click.option(
    "--public-key",
    "keys",
    multiple=True,
    type=UserPath(dir_okay=False),
    help="Key that may have signed the records; repeatable [default: your own].",
)


def standing(places: Sequence[Path]) -> Standing:
    """What is found in the places where runs are kept. Raises RecordError."""
    from kuryr_runbook.model.errors import RecordError
    from kuryr_runbook.recording.standing import standing_in

    try:
        return standing_in(places)
    except OSError as error:
        raise RecordError(f"{error.filename} cannot be read: {error.strerror}") from error


def problems_of(record: Record, keys: Sequence[Path]) -> list[Problem]:
    """What is wrong with a record on its own, verified with the keys in these files."""
    from kuryr_runbook.recording.verifying import record_problems

    return [*record_problems(record, public_keys(keys))]


def do_not_hold(problems: Sequence[Problem]) -> CheckError:
    """The error that lists the problems."""
    from kuryr_runbook.model.errors import CheckError

    return CheckError(
        "\n  ".join([f"{counted(len(problems), 'problem')} found:", *map(str, problems)]),
        remedy="compare with a copy, such as the site's archive; inform whoever is responsible "
        "for audits",
    )


def public_keys(given: Sequence[Path]) -> list[SSlibKey]:
    """The keys in these files, or else this user's. Raises UsageError."""
    from kuryr_runbook.recording.signing import load_public_keys

    return load_public_keys(key_files(given))


def key_files(given: Sequence[Path]) -> list[Path]:
    """The given files, or else this user's."""
    from kuryr_runbook.model.errors import UsageError
    from kuryr_runbook.recording.signing import key_path, public_path

    own = public_path(key_path(None))
    if not given and not own.exists():
        raise UsageError(
            "you have no key of your own to verify with",
            remedy="name the signer's public key: --public-key FILE",
        )
    return [*given] or [own]
