"""Debian packages and sources, downloaded with apt and unpacked into a directory, not installed.

apt runs with its own configuration: the machine's Debian mirrors with source packages enabled, and
a temporary directory for lists and downloads. The machine's proxy settings apply, but not its
third-party sources.
"""

from __future__ import annotations

import email
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.model.errors import LabError

APT_SOURCES = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Debian's own archive keys; only what they have signed is used."""

_ONE_LINE = re.compile(r"deb\s+(?:\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)")
_APT_SECONDS = 900


@dataclass(frozen=True, slots=True, order=True)
class Suite:
    """A suite of Debian on a mirror."""

    uri: str
    name: str


def unpack(packages: Sequence[str], into: Path, say: Progress, codename: str = "") -> None:
    """Unpack binary packages into `into`, without their dependencies.

    They are of the machine's own release of Debian, or of the one with that codename. Packages that
    are already there are left alone. Only one caller at a time may use a directory. Raises
    LabError when apt cannot fetch them.
    """
    done = into / ".packages"
    held = done.read_text().split() if done.exists() else []
    wanted = [package for package in packages if package not in held]
    if not wanted:
        return
    say(f"Fetching from Debian{codename and f' ({codename})'}: {' '.join(wanted)}")
    with _apt(into, codename) as (environment, downloads):
        _run(("apt-get", "--quiet", "download", *wanted), environment, downloads)
        for file in sorted(downloads.glob("*.deb")):
            _run(("dpkg-deb", "--extract", str(file), str(into)), environment, downloads)
    done.write_text("".join(f"{package}\n" for package in sorted({*held, *wanted})))


def source(package: str, into: Path, say: Progress) -> Path:
    """Unpack a source package with Debian's patches applied, and return its directory.

    It is fetched again each time, so nothing of an interrupted build is left in it. Raises LabError
    when apt cannot fetch it.
    """
    say(f"Fetching from Debian: the source of {package}")
    tree = into / package
    shutil.rmtree(tree, ignore_errors=True)
    with _apt(into) as (environment, downloads):
        _run(("apt-get", "--quiet", "--download-only", "source", package), environment, downloads)
        description = next(downloads.glob("*.dsc"))
        command = ("dpkg-source", "--no-check", "--extract", str(description), str(tree))
        _run(command, environment, downloads)
    return tree


def suites(codename: str, directory: Path = APT_SOURCES) -> tuple[Suite, ...]:
    """Debian's main suites of a release in apt's sources, which have two formats."""
    files = [directory / "sources.list", *sorted((directory / "sources.list.d").glob("*"))]
    ours = {codename, f"{codename}-updates", f"{codename}-security"}
    found: set[Suite] = set()
    for file in files:
        if not file.is_file():
            continue
        parse = _deb822 if file.suffix == ".sources" else _one_line
        found.update(suite for suite in parse(file.read_text()) if suite.name in ours)
    return tuple(sorted(found))


def of_release(wanted: str, codename: str, found: Iterable[Suite]) -> tuple[Suite, ...]:
    """The suites of another release: a mirror has those of all that are supported."""
    return tuple(Suite(suite.uri, wanted + suite.name.removeprefix(codename)) for suite in found)


def render_sources(found: Iterable[Suite]) -> str:
    """apt's `sources.list` with the suites' binary and source packages."""
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    return "".join(
        f"{kind} {signed}{suite.uri} {suite.name} main\n"
        for suite in found
        for kind in ("deb", "deb-src")
    )


def _one_line(text: str) -> Iterator[Suite]:
    for line in text.splitlines():
        match = _ONE_LINE.match(line.partition("#")[0].strip())
        if match and "main" in match["components"].split():
            yield Suite(match["uri"], match["suite"])


def _deb822(text: str) -> Iterator[Suite]:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = email.message_from_string(paragraph.strip())
        if fields.get("Enabled", "yes").strip().lower() in ("no", "false"):
            continue
        types, components = (fields.get(name, "").split() for name in ("Types", "Components"))
        if "deb" in types and "main" in components:
            for uri in fields.get("URIs", "").split():
                for name in fields.get("Suites", "").split():
                    yield Suite(uri, name)


@contextmanager
def _apt(into: Path, wanted: str = "") -> Iterator[tuple[Mapping[str, str], Path]]:
    """An environment for apt with fresh package lists, and a directory for downloads.

    Another release than the machine's is looked for on the same mirrors.
    """
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    found = suites(codename)
    if not found:
        raise LabError(
            f"apt has no source of Debian's main archive: expected a suite named {codename!r}, "
            f"{codename}-updates or {codename}-security in {APT_SOURCES}, saw none",
            remedy="add Debian's mirror to /etc/apt/sources.list and run `apt-get update`",
        )
    work = into / ".apt"
    shutil.rmtree(work, ignore_errors=True)
    for name in ("lists/partial", "cache/archives/partial", "downloads"):
        (work / name).mkdir(parents=True)
    if wanted:
        found = of_release(wanted, codename, found)
    (work / "sources.list").write_text(render_sources(found))
    (work / "apt.conf").write_text(_render_configuration(work))
    environment = {**os.environ, "APT_CONFIG": str(work / "apt.conf"), "LC_ALL": "C"}
    try:
        _run(("apt-get", "--quiet", "update"), environment, work)
        yield environment, work / "downloads"
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _render_configuration(work: Path) -> str:
    # The user _apt cannot read a cache in root's home, so apt downloads as root.
    options = {
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": work / "lists",
        "Dir::Cache": work / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Acquire::http::Timeout": "30",
        "APT::Update::Error-Mode": "any",
    }
    return "".join(f'{name} "{value}";\n' for name, value in options.items())


def _run(command: Sequence[str], environment: Mapping[str, str], directory: Path) -> None:
    try:
        subprocess.run(
            command,
            env=environment,
            cwd=directory,
            check=True,
            timeout=_APT_SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError as error:
        raise LabError(
            f"{command[0]} is not on this machine; the lab fetches parts of itself from Debian",
            remedy="use Debian 12 and `apt-get install dpkg-dev`",
        ) from error
    except subprocess.CalledProcessError as error:
        tail = "\n  ".join(str(error.stdout).strip().splitlines()[-5:])
        raise LabError(
            f"`{' '.join(command)}` failed with status {error.returncode}; it said last:\n  {tail}",
            remedy="see that `apt-get update` works on this machine, then try again",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"`{' '.join(command)}` was not done after {_APT_SECONDS} s",
            remedy="see that the machine reaches its Debian mirror, then try again",
        ) from error
